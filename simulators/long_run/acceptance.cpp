#include "simulators/long_run/acceptance.h"

#include <algorithm>
#include <set>

#include "env/path_scoring.h"
#include "env/random.h"

namespace veer::long_run {
namespace {

constexpr std::int64_t longest_read = 10'000;

}  // namespace

Calibration calibration_after_cut(const UserModel& model, const Interactions& log,
                                  const std::vector<Start>& starts, std::int32_t steps, std::uint64_t seed) {
  std::vector<NextItemCase> cases;
  for (const Start& start : starts) {
    const std::set<std::int32_t> offsets = {0, steps / 2, steps - 1};
    for (const std::int32_t offset : offsets) {
      cases.push_back({start.user, static_cast<std::int32_t>(start.cut) + offset});
    }
  }
  std::int64_t width = 1;
  for (const NextItemCase& each : cases) width = std::max<std::int64_t>(width, each.position);
  width = std::min<std::int64_t>(width, model.spec().positions > 0 ? model.spec().positions : longest_read);

  const auto prompts = static_cast<std::int32_t>(cases.size());
  std::vector<ItemId> histories(cases.size() * at(width), no_item);
  std::vector<std::int32_t> sizes;
  std::vector<UserId> users;
  std::vector<std::int32_t> prompt;
  std::vector<ItemId> shown;
  for (std::int32_t i = 0; i < prompts; ++i) {
    const NextItemCase& which = cases[at(i)];
    const std::span<const ItemId> all = log.of(which.user);
    const auto kept = std::min<std::int64_t>(which.position, width);
    std::ranges::copy(all.subspan(at(which.position - kept), at(kept)),
                      histories.begin() + static_cast<std::ptrdiff_t>(at(i) * at(width)));
    sizes.push_back(static_cast<std::int32_t>(kept));
    users.push_back(which.user);
    shown.push_back(all[at(which.position)]);
    prompt.push_back(i);
    const StepKey key{seed, static_cast<EpisodeId>(which.user), static_cast<std::uint32_t>(which.position)};
    const ItemId other = unseen_item(all, model.spec().items, key);
    if (other == no_item) continue;
    shown.push_back(other);
    prompt.push_back(i);
  }
  const auto paths = static_cast<std::int32_t>(shown.size());
  const std::vector<ItemId> targets(cases.size(), no_item);
  const std::vector<std::int32_t> lengths(shown.size(), 1);
  std::vector<float> probability(shown.size(), 0.0F);
  PathQuery query;
  query.seed = seed;
  query.history = View<const ItemId>(histories.data(), prompts, static_cast<std::int32_t>(width));
  query.history_size = sizes;
  query.user = users;
  query.target = targets;
  query.prompt = prompt;
  query.items = View<const ItemId>(shown.data(), paths, 1);
  query.length = lengths;
  PathScores scores;
  scores.acceptance = View<float>(probability.data(), paths, 1);
  score_paths_parallel(model, query, scores);

  std::vector<double> yes;
  std::vector<double> no;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const bool first = i == 0 || prompt[i] != prompt[i - 1];
    (first ? yes : no).push_back(double{probability[i]});
  }
  return calibration_of(yes, no);
}

}  // namespace veer::long_run
