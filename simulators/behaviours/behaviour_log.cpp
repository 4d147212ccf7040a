#include "simulators/behaviours/behaviour_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "env/error.h"
#include "simulators/behaviours/behaviour_model.h"

namespace veer {
namespace {

[[noreturn]] void reject_behaviour_log(const char* field, const std::string& found,
                                       const std::string& expected, const std::string& hint = {}) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("slates of behaviours: ") + field},
                    {found, expected, hint});
}

std::uint8_t answer_of_rating(float rating) noexcept {
  std::uint8_t answer = 0;
  if (rating >= 3.0F) answer = static_cast<std::uint8_t>(answer | bit_of(Behaviour::click));
  if (rating >= 4.0F) answer = static_cast<std::uint8_t>(answer | bit_of(Behaviour::like));
  if (rating >= 5.0F) answer = static_cast<std::uint8_t>(answer | bit_of(Behaviour::complete));
  return answer;
}

}  // namespace

std::uint8_t answer_of_kind(std::string_view kind) {
  if (kind == "none") return 0;
  std::uint8_t answer = 0;
  std::string_view rest = kind;
  while (true) {
    const std::size_t plus = rest.find('+');
    const std::string_view word = rest.substr(0, plus);
    const auto found = std::ranges::find(behaviour_names, word);
    if (found == behaviour_names.end()) {
      std::string names;
      for (const std::string_view name : behaviour_names)
        names += (names.empty() ? "" : ", ") + std::string(name);
      reject_behaviour_log("kind of interaction", "'" + std::string(kind) + "'",
                           "'none', or names joined with '+': " + names,
                           "veer import kuairand writes such kinds");
    }
    answer =
        static_cast<std::uint8_t>(answer | bit_of(static_cast<Behaviour>(found - behaviour_names.begin())));
    if (plus == std::string_view::npos) return answer;
    rest.remove_prefix(plus + 1);
  }
}

SlateData slates_of_behaviours(const Dataset& data, std::vector<float> profiles, std::int32_t profile_width,
                               std::int32_t slots) {
  const Interactions& log = data.interactions;
  if (slots < 1) reject_behaviour_log("slots", std::to_string(slots), "1 or more");
  if (profile_width < 1 || profiles.size() != at(log.users()) * at(profile_width)) {
    reject_behaviour_log(
        "profiles", std::to_string(profiles.size()) + " values",
        std::to_string(profile_width) + " for each of " + std::to_string(log.users()) + " people");
  }
  const bool kinds = !log.behaviours.empty();
  if (!kinds && log.ratings.empty()) {
    reject_behaviour_log("data set", "neither kinds of interaction nor ratings", "one of them");
  }
  std::vector<std::uint8_t> answers;
  for (const std::string& name : log.behaviour_names) answers.push_back(kinds ? answer_of_kind(name) : 0);
  SlateData out;
  SlatePeople& people = out.people;
  people.profile_width = profile_width;
  people.profiles = std::move(profiles);
  people.parts = data.parts;
  people.offsets = {0};
  out.log.slots = slots;
  for (UserId user = 0; user < log.users(); ++user) {
    const std::int64_t first = log.offsets[at(user)], count = log.offsets[at(user) + 1] - first;
    const std::int64_t whole = count - count % slots;
    for (std::int64_t i = 0; i < whole; ++i) {
      // Nothing of a slate stands in the history it was shown after: its first item comes before any click.
      if (i % slots == 0) {
        people.starts.push_back(
            {user, static_cast<std::int32_t>(std::ssize(people.liked) - people.offsets.back())});
      }
      const std::size_t entry = at(first + i);
      const std::uint8_t answer =
          kinds ? answers[log.behaviours[entry]] : answer_of_rating(log.ratings[entry]);
      out.log.items.push_back(log.items[entry]);
      out.log.answers.push_back(answer);
      out.log.clicks.push_back(did(answer, Behaviour::click) ? 1 : 0);
      if (!did(answer, Behaviour::click)) continue;
      people.liked.push_back(log.items[entry]);
      people.done.push_back(answer);
    }
    people.offsets.push_back(std::ssize(people.liked));
  }
  if (out.log.size() == 0) {
    reject_behaviour_log("data set", "nobody with " + std::to_string(slots) + " interactions",
                         "at least one slate", "take fewer slots");
  }
  out.fingerprint = data.fingerprint;
  return out;
}

std::vector<Behaviour> behaviours_in(const SlateLog& log) {
  std::uint8_t all = bit_of(Behaviour::click);
  for (const std::uint8_t answer : log.answers) all = static_cast<std::uint8_t>(all | answer);
  std::vector<Behaviour> out;
  for (const Behaviour b : BehaviourSizes{}.behaviours) {
    if (did(all, b)) out.push_back(b);
  }
  if (did(all, Behaviour::gift)) out.push_back(Behaviour::gift);
  return out;
}

ItemFeatures attribute_features(const Dataset& data) {
  const auto attributes = static_cast<std::int32_t>(data.catalogue.attribute_names.size());
  const std::int32_t items = data.catalogue.size(), width = std::max(attributes, 1);
  ItemFeatures features{width, std::vector<float>(at(items + 1) * at(width), 0.0F)};
  for (ItemId i = 1; i <= items; ++i) {
    float* row = features.values.data() + at(i) * at(width);
    if (attributes == 0) row[0] = 1.0F;
    for (const std::int32_t a : data.catalogue.attributes_of(i)) row[a] = 1.0F;
  }
  return features;
}

}  // namespace veer
