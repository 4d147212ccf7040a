// Which stretches of logs went better: labels that logs bring along.
#include <algorithm>
#include <string>

#include "env/error.h"
#include "env/random.h"
#include "rewards/fitted/preferences.h"

namespace veer {
namespace {

struct Stretch {
  LogPiece piece;
  std::int64_t outcome = 0;
};

void check_outcome(const OutcomeOptions& options) {
  const auto check = [](const char* field, std::int64_t value) {
    if (value >= 1) return;
    throw ConfigError({{}, 0, std::string("reward: ") + field}, {std::to_string(value), "1 or more", ""});
  };
  check("length", options.length);
  check("within", options.within);
  check("pairs", options.pairs);
}

std::vector<Stretch> by_visits(const Dataset& data, std::span<const LogPiece> pieces, std::int64_t within) {
  const Interactions& log = data.interactions;
  if (log.times.empty()) {
    throw DataError({{}, 0, "times of " + data.name},
                    {"none", "times, to count visits that follow", "let purchases tell what went well"});
  }
  const std::int64_t newest = *std::ranges::max_element(log.times);
  std::vector<Stretch> out;
  for (const LogPiece& piece : pieces) {
    const auto begin = log.times.begin() + log.offsets[at(piece.user)];
    const auto past = log.times.begin() + log.offsets[at(piece.user) + 1];
    const auto next = begin + piece.first + piece.length;
    const std::int64_t until = *(next - 1) + within;
    if (until <= newest) out.push_back({piece, std::upper_bound(next, past, until) - next});
  }
  return out;
}

std::vector<Stretch> by_purchases(const Dataset& data, std::span<const LogPiece> pieces,
                                  const std::string& purchase) {
  const Interactions& log = data.interactions;
  const auto named = std::ranges::find(log.behaviour_names, purchase);
  if (named == log.behaviour_names.end()) {
    std::string known;
    for (const std::string& name : log.behaviour_names) known += (known.empty() ? "" : ", ") + name;
    throw DataError({{}, 0, "behaviours of " + data.name},
                    {known.empty() ? "one kind of interaction only" : known, "'" + purchase + "' among them",
                     "import with --behaviour-column or --purchase-rating, or name another with --purchase"});
  }
  const auto kind = static_cast<std::uint8_t>(named - log.behaviour_names.begin());
  std::vector<Stretch> out;
  for (const LogPiece& piece : pieces) {
    const auto first = log.behaviours.begin() + log.offsets[at(piece.user)] + piece.first;
    out.push_back({piece, std::count(first, first + piece.length, kind)});
  }
  return out;
}

}  // namespace

std::vector<PreferencePair> pairs_by_outcome(const Dataset& data, std::span<const UserId> people,
                                             const OutcomeOptions& options) {
  check_outcome(options);
  const std::vector<LogPiece> pieces = pieces_of(data.interactions, people, options.length, true);
  const std::vector<Stretch> stretches = options.outcome == Outcome::visits
                                             ? by_visits(data, pieces, options.within)
                                             : by_purchases(data, pieces, options.purchase);
  const auto differs = [&](const Stretch& each) { return each.outcome != stretches.front().outcome; };
  if (std::ranges::none_of(stretches, differs)) {
    throw DataError({{}, 0, "reward: stretches of " + data.name},
                    {std::to_string(stretches.size()) + " of " + std::to_string(options.length) +
                         " events, none of which went better than another",
                     "some that differ", "try another length, or another outcome"});
  }
  std::vector<PreferencePair> out;
  // A second chance for every draw whose outcomes are equal, up to a hundred times as many.
  constexpr std::int64_t chances = 100;
  for (std::int64_t draw = 0; std::ssize(out) < options.pairs && draw < chances * options.pairs; ++draw) {
    const StepKey key{options.seed, static_cast<EpisodeId>(draw), 0};
    const auto pick = [&](std::uint32_t lane) {
      return stretches[uniform_below(static_cast<std::uint32_t>(stretches.size()), key, Stream::generate,
                                     lane)];
    };
    const Stretch first = pick(0), second = pick(1);
    if (first.outcome == second.outcome) continue;
    out.push_back({first.piece, second.piece, first.outcome > second.outcome ? 1.0F : 0.0F});
  }
  return out;
}

}  // namespace veer
