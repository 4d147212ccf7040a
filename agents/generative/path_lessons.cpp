#include "agents/generative/path_lessons.h"

#include <limits>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

[[noreturn]] void refuse(const std::string& name, EpisodeId episode, std::string found, std::string expected,
                         std::string hint) {
  throw DataError(Where{name, 0, "episode " + std::to_string(episode)},
                  Problem{std::move(found), std::move(expected), std::move(hint)});
}

bool held_out(UserId user, std::uint64_t seed) {
  const StepKey key{seed, at(user), std::numeric_limits<std::uint32_t>::max()};
  return uniform_below(10, key, Stream::split, 0) == 0;
}

}  // namespace

PathLessons::PathLessons(const Trajectories& played, const Dataset& data, std::int32_t most_history,
                         const std::string& name) {
  // Spans into a growing vector would not last: it is as large as it gets from the start.
  items_.reserve(at(played.episodes()) * at(most_history) + at(played.steps()));
  for (std::int64_t e = 0; e < played.episodes(); ++e) {
    const UserId user = played.episode_user[at(e)];
    const std::int32_t known = played.history_size[at(e)];
    const EpisodeId id = played.episode_id[at(e)];
    if (user >= 0 && data.parts[at(user)] != Part::train_plan) {
      refuse(name, id, "a person whom policies must not learn from", "people of train_plan",
             "play the lessons with --part train_plan");
    }
    if (known < most_history) {
      refuse(name, id, "a history of " + std::to_string(known) + " items", std::to_string(most_history),
             "play the lessons with a longer --history, or train with a smaller --prompt-history");
    }
    const ItemId target = played.episode_target[at(e)];
    const std::size_t first_step = at(played.first_step[at(e)]);
    const std::size_t begin = items_.size();
    const ItemId* history = played.history.data() + at(e) * at(played.history_width);
    items_.insert(items_.end(), history + at(known - most_history), history + at(known));
    const std::size_t path = items_.size();
    for (std::size_t s = first_step; s < first_step + at(played.length[at(e)]); ++s) {
      if ((played.feedback[s] & feedback::accepted) != 0) items_.push_back(played.items[s]);
    }
    if (target == no_item || items_.size() == path) {
      items_.resize(begin);
      continue;
    }
    const std::span<const ItemId> all(items_);
    PathExample example;
    example.history = all.subspan(begin, at(most_history));
    example.path = all.subspan(path);
    example.target = target;
    example.user = user;
    (held_out(user, played.seed) ? validation_ : training_).push_back(example);
  }
  if (training_.empty() || validation_.empty()) {
    throw DataError(
        Where{name, 0, training_.empty() ? "training paths" : "validation paths"},
        Problem{"none", "at least one", "play more episodes: every tenth person is kept for validation"});
  }
}

}  // namespace veer