#include "env/store/run/run_digest.h"

namespace veer {

namespace {

constexpr std::size_t flush_bytes = 1 << 16;

template <class T>
std::span<const T> row_of(const std::vector<T>& column, std::size_t row, std::int32_t width) {
  return std::span(column).subspan(row * static_cast<std::size_t>(width), static_cast<std::size_t>(width));
}

}  // namespace

template <class T>
void RunDigest::put(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  rows_.insert(rows_.end(), bytes.begin(), bytes.end());
}

void RunDigest::flush_row() {
  if (rows_.size() < flush_bytes) return;
  hash_.update(rows_);
  rows_.clear();
}

void RunDigest::add_steps(std::int32_t policy, const Trajectories& paths) {
  for (std::size_t s = 0; s < paths.episode.size(); ++s) {
    put(policy);
    put(paths.episode[s]);
    put(paths.step[s]);
    put(paths.user[s]);
    put(paths.target[s]);
    put(row_of(paths.items, s, paths.slots));
    put(row_of(paths.feedback, s, paths.slots));
    put(row_of(paths.probability, s, paths.slots));
    put(paths.log_prob[s]);
    put(row_of(paths.action_reals, s, paths.reals));
    for (const JudgeScores& judge : paths.judges) {
      put(judge.acceptance[s]);
      put(judge.interest[s]);
      put(judge.rank[s]);
      if (!judge.acceptance_deviation.empty()) {
        put(judge.acceptance_deviation[s]);
        put(judge.interest_deviation[s]);
      }
    }
    flush_row();
  }
  hash_.update(rows_);
  rows_.clear();
}

void RunDigest::add_episodes(std::int32_t policy, const Trajectories& paths) {
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    put(policy);
    put(paths.episode_id[e]);
    put(paths.length[e]);
    put(paths.episode_user[e]);
    put(paths.episode_target[e]);
    put(row_of(paths.history, e, paths.history_width));
    put(paths.history_size[e]);
    put(static_cast<std::uint8_t>(paths.end[e]));
    put(paths.episode_return[e]);
    for (const JudgeScores& judge : paths.judges) {
      put(judge.start_interest[e]);
      put(judge.start_rank[e]);
    }
    flush_row();
  }
  hash_.update(rows_);
  rows_.clear();
}

std::string compute_digest(const std::filesystem::path& directory, const RunHeader& header,
                           std::span<const SegmentEntry> segments) {
  RunDigest digest;
  Trajectories paths;
  std::int32_t policy_before = -1;
  for (const SegmentEntry& entry : segments) {
    Trajectories next = read_segment(directory, entry, header.judges);
    if (policy_before == entry.policy) check_widths(directory, entry, paths, next);
    paths = std::move(next);
    policy_before = entry.policy;
    digest.add_steps(entry.policy, paths);
  }
  for (const SegmentEntry& entry : segments) {
    digest.add_episodes(entry.policy,
                        read_segment(directory, entry, header.judges, SegmentPart::episodes_only));
  }
  return digest.finish();
}

}  // namespace veer
