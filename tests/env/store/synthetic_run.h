// Runs made of nothing but random numbers: every value a function of (policy, episode, step), as in a real
// run.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "env/recorder.h"

namespace veer::test {

inline RunHeader synthetic_header(std::int64_t episodes, std::int64_t segment_episodes) {
  RunHeader header;
  header.configuration = "[scenario]\nname = \"guidance\"\nhorizon = 10\n";
  header.scenario = "guidance-v1";
  header.dataset_fingerprint = std::string(64, 'a');
  header.seed = 0xfedcba9876543210ULL;
  header.policies = {"random", "beam(width=4)"};
  header.judges = {"sasrec", "models/gru4rec.model.h5"};
  header.episodes = episodes;
  header.segment_episodes = segment_episodes;
  return header;
}

/// splitmix64 of its arguments: good enough to make every column different.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::uint64_t z = a * 0x9e3779b97f4a7c15ULL + b * 0xbf58476d1ce4e5b9ULL + c * 0x94d049bb133111ebULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

inline Trajectories synthetic_paths(const Segment& segment, const RunHeader& header) {
  Trajectories paths;
  paths.slots = 2;
  paths.reals = 1;
  paths.history_width = 3;
  for (const std::string& judge : header.judges) paths.judges.push_back({judge, {}, {}, {}, {}, {}});
  const auto policy = static_cast<std::uint64_t>(segment.policy);
  const auto number = [](std::uint64_t bits) { return static_cast<std::int32_t>(bits % 3'000) + 1; };
  const auto share = [](std::uint64_t bits) { return static_cast<float>(bits % 10'000) / 10'000.0F; };
  for (EpisodeId id = segment.first; id < segment.last; ++id) {
    const auto length = static_cast<std::int32_t>(mix(policy, id, 1) % 11);  // 0: the user left at once
    const auto user = static_cast<UserId>(mix(policy, id, 2) % 500);
    const ItemId target = number(mix(policy, id, 3));
    paths.episode_id.push_back(id);
    paths.first_step.push_back(paths.steps());
    paths.length.push_back(length);
    paths.episode_user.push_back(user);
    paths.episode_target.push_back(target);
    for (std::uint64_t k = 0; k < 3; ++k) paths.history.push_back(number(mix(policy, id, 4 + k)));
    paths.history_size.push_back(3);
    paths.end.push_back(length == 10 ? EndReason::horizon : EndReason::user_left);
    paths.episode_return.push_back(share(mix(policy, id, 8)));
    for (std::uint64_t j = 0; j < paths.judges.size(); ++j) {
      paths.judges[j].start_interest.push_back(-share(mix(policy, id, 10 + j)));
      paths.judges[j].start_rank.push_back(number(mix(policy, id, 20 + j)));
    }
    for (std::int32_t step = 0; step < length; ++step) {
      const std::uint64_t key = id * 16 + static_cast<std::uint64_t>(step) + (policy << 48);
      paths.episode.push_back(id);
      paths.step.push_back(static_cast<std::uint32_t>(step));
      paths.user.push_back(user);
      paths.target.push_back(target);
      for (std::uint64_t slot = 0; slot < 2; ++slot) {
        paths.items.push_back(number(mix(key, slot, 30)));
        paths.feedback.push_back(static_cast<std::uint8_t>(mix(key, slot, 31) % 2));
        paths.probability.push_back(share(mix(key, slot, 32)));
      }
      paths.log_prob.push_back(-share(mix(key, 0, 33)));
      paths.action_reals.push_back(share(mix(key, 0, 34)));
      for (std::uint64_t j = 0; j < paths.judges.size(); ++j) {
        paths.judges[j].acceptance.push_back(share(mix(key, j, 40)));
        paths.judges[j].interest.push_back(-share(mix(key, j, 41)));
        paths.judges[j].rank.push_back(number(mix(key, j, 42)));
      }
    }
  }
  return paths;
}

/// Records what is missing and closes the run.
inline void record_all(const std::filesystem::path& directory, const RunHeader& header) {
  Recorder recorder(directory, header);
  for (const Segment& segment : recorder.missing())
    recorder.append(segment, synthetic_paths(segment, header));
  recorder.finish();
}

/// A directory of its own below the system's temporary one, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "veer-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace veer::test
