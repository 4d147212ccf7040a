// Some recorded paths, step by step with titles, for the explorer of a report: of a few episodes spread
// evenly over the run what every policy did. Paths are kept as columns of text, in blocks that a page parses
// when somebody looks at them: a hundred thousand paths are some tens of megabytes. Thread-safety: one
// thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/loop/trajectories.h"

namespace veer::tools {

class PathSample {
 public:
  static constexpr std::size_t block_episodes = 250;

  /// At most `most` episodes; `judges`: the first so many of the trajectories'. `data` must outlive the
  /// sample.
  PathSample(const Dataset& data, std::vector<std::string> judges, std::int64_t most)
      : data_(data), judges_(std::move(judges)), most_(most) {}

  /// REQUIRES: the same episodes as before. Throws DataError for items outside the catalogue.
  void add(const std::string& policy, const Trajectories& paths);

  std::int64_t shown() const noexcept { return static_cast<std::int64_t>(places_.size()); }
  std::int64_t episodes() const noexcept { return episodes_; }
  std::size_t policies() const noexcept { return policies_.size(); }

  /// Keys "judges", "policies", "slots", "block" (episodes per block), "ends" (names), "titles" (by item) and
  /// "episodes": columns "id", "person" (the source's id) and "target" (0: none).
  nlohmann::ordered_json json() const;

  /// JSON documents, one per block of episodes: "history" (per episode, newest last, at most ten) and
  /// "policies". Of each policy one value per episode: "length" (steps), "end" (index of a name), "return";
  /// one per step and slot: "items", "answers", "probability" (null where it is always 1); and "judges": per
  /// step "acceptance", "interest", "rank", per episode "start_interest", "start_rank". Probabilities and
  /// interest are in units of 1/10,000, null where not defined. Holds numbers only, and so nothing that would
  /// have to be escaped in a page.
  std::vector<std::string> blocks() const;

  /// The first path: keys "id", "person", "target", "policy", "end", and "steps": [step, item, answer,
  /// probability, then per judge probability, interest, rank]. REQUIRES: shown() > 0, a policy.
  const nlohmann::ordered_json& example() const noexcept { return example_; }
  const std::string& title(ItemId item) const { return data_.catalogue.titles[at(item)]; }

 private:
  void choose(const Trajectories& paths);
  void mention(ItemId item);
  std::string columns_of(const Trajectories& paths, std::size_t first, std::size_t last);
  void keep_example(const std::string& policy, const Trajectories& paths);

  const Dataset& data_;
  std::vector<std::string> judges_;
  std::int64_t most_;
  std::int64_t episodes_ = 0;
  std::int32_t slots_ = 1;
  std::vector<std::size_t> places_;  ///< of the chosen episodes
  std::vector<std::string> policies_;
  std::vector<bool> mentioned_;  ///< by item
  nlohmann::ordered_json index_ = {{"id", nlohmann::ordered_json::array()},
                                   {"person", nlohmann::ordered_json::array()},
                                   {"target", nlohmann::ordered_json::array()}};
  nlohmann::ordered_json example_;
  struct Block {
    std::string history;
    std::vector<std::string> policies;
  };
  std::vector<Block> blocks_;
};

}  // namespace veer::tools
