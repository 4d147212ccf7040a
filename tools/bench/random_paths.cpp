#include "tools/bench/random_paths.h"

#include "env/random.h"

namespace veer::bench {

RandomPaths::RandomPaths(const RandomPathsShape& shape, std::uint64_t seed) : shape_(shape) {
  const auto draw = [&](std::uint64_t row, std::int32_t lane) {
    return static_cast<ItemId>(1 + uniform_below(static_cast<std::uint32_t>(shape.items), {seed, row, 0},
                                                 Stream::generate, static_cast<std::uint32_t>(lane)));
  };
  for (std::int32_t u = 0; u < shape.users; ++u) {
    const auto row = static_cast<std::uint64_t>(u);
    for (std::int32_t t = 0; t < shape.history; ++t) history_.push_back(draw(row, t));
    size_.push_back(shape.history);
    user_.push_back(u);
    target_.push_back(draw(row, shape.history));
  }
  for (std::int32_t p = 0; p < paths(); ++p) {
    const std::uint64_t row = (std::uint64_t{1} << 32) + static_cast<std::uint64_t>(p);
    for (std::int32_t k = 0; k < shape.length; ++k) items_.push_back(draw(row, k));
    prompt.push_back(p / shape.each);
    length_.push_back(shape.length);
  }
  const auto cells = static_cast<std::size_t>(paths()) * static_cast<std::size_t>(shape.length);
  acceptance.resize(cells);
  interest.resize(cells);
  rank.resize(cells);
  start_interest.resize(user_.size());
  start_rank.resize(user_.size());
}

PathQuery RandomPaths::query() const {
  return {.history = {history_.data(), shape_.users, shape_.history},
          .history_size = size_,
          .user = user_,
          .target = target_,
          .episode = {},
          .prompt = prompt,
          .items = {items_.data(), paths(), shape_.length},
          .accepted = {},
          .length = length_};
}

PathScores RandomPaths::scores() {
  return {{acceptance.data(), paths(), shape_.length},
          {interest.data(), paths(), shape_.length},
          {rank.data(), paths(), shape_.length},
          start_interest,
          start_rank};
}

}  // namespace veer::bench
