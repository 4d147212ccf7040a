#include "env/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run/run_digest.h"
#include "env/store/run/run_opening.h"
#include "env/store/run/segment_file.h"

namespace veer {

namespace {

/// What may wait for the writer, one segment at least: more than what is played at once, so that the next
/// steps are played while files reach the disk.
constexpr std::size_t queue_bytes = 64U << 20U;

/// Episode tables that are kept for the digest, at most: more are read once more in the end.
constexpr std::size_t digest_bytes = 64U << 20U;

using SegmentKey = std::pair<std::int32_t, EpisodeId>;

SegmentKey key_of(const Segment& segment) { return {segment.policy, segment.first}; }

/// The episodes without their steps.
Trajectories tables_of(const Trajectories& paths) {
  Trajectories out;
  out.slots = paths.slots;
  out.reals = paths.reals;
  out.history_width = paths.history_width;
  out.episode_id = paths.episode_id;
  out.length = paths.length;
  out.episode_user = paths.episode_user;
  out.episode_target = paths.episode_target;
  out.history = paths.history;
  out.history_size = paths.history_size;
  out.end = paths.end;
  out.episode_return = paths.episode_return;
  for (const JudgeScores& judge : paths.judges) {
    JudgeScores& start = out.judges.emplace_back();
    start.judge = judge.judge;
    start.start_interest = judge.start_interest;
    start.start_rank = judge.start_rank;
  }
  return out;
}

/// The digest of a run that is written in its order from the beginning, step by step, so that nothing has to
/// be read once more. Any other run gives up: its digest is computed from its files.
class DigestInOrder {
 public:
  DigestInOrder(const RunHeader& header, bool from_the_beginning) : follows_(from_the_beginning) {
    for (const Segment& segment : planned_segments(header)) order_.push_back(key_of(segment));
    std::ranges::sort(order_);
  }

  void add(const Segment& segment, const Trajectories& paths) {
    if (!follows_) return;
    const bool next = tables_.size() < order_.size() && order_[tables_.size()] == key_of(segment);
    const bool alike = tables_.empty() || order_[tables_.size() - 1].first != segment.policy ||
                       (tables_.back().slots == paths.slots && tables_.back().reals == paths.reals &&
                        tables_.back().history_width == paths.history_width);
    if (!next || !alike || kept_ > digest_bytes) {
      follows_ = false;
      tables_ = {};
      return;
    }
    digest_.add_steps(segment.policy, paths);
    kept_ += tables_.emplace_back(tables_of(paths)).bytes();
  }

  /// Empty when the run was not written so.
  std::string finish() {
    if (!follows_ || tables_.size() != order_.size()) return {};
    for (std::size_t s = 0; s < tables_.size(); ++s) digest_.add_episodes(order_[s].first, tables_[s]);
    return digest_.finish();
  }

 private:
  std::vector<SegmentKey> order_;
  std::vector<Trajectories> tables_;
  std::size_t kept_ = 0;
  RunDigest digest_;
  bool follows_;
};

}  // namespace

struct Recorder::Impl {
  Impl(const std::filesystem::path& where, const RunHeader& what, RunLength length)
      : directory(where),
        header(what),
        run(open_run(where, what, length)),
        digest(header, run.segments.empty()) {
    for (const Segment& segment : planned_segments(header)) missing.emplace(key_of(segment), segment);
    for (const SegmentEntry& entry : run.segments) missing.erase({entry.policy, entry.first});
    expected = missing;
    writer = std::thread([this] { write_all(); });
  }

  ~Impl() { close(false); }

  /// Lets the writer empty the queue and end; with `complete`, also compute the digest when nothing is
  /// missing.
  void close(bool complete) {
    {
      const std::lock_guard lock(mutex);
      closing = true;
      completing = completing || complete;
    }
    changed.notify_all();
    if (writer.joinable()) writer.join();
  }

  void append(const Segment& segment, Trajectories trajectories) {
    std::unique_lock lock(mutex);
    if (closing) throw DataError("a segment was handed to a recorder that has finished");
    if (error) std::rethrow_exception(error);
    const auto planned = expected.find(key_of(segment));
    if (planned == expected.end() || planned->second.last != segment.last) {
      throw DataError(
          Where{directory, 0, "segment"},
          Problem{fmt::format("policy {}, episodes {} to {}", segment.policy, segment.first, segment.last),
                  "a segment that is missing and was not handed over before", ""});
    }
    if (const auto flaw = find_flaw(trajectories, segment, header.judges)) {
      throw DataError(Where{segment_name(segment.policy, segment.first), 0, flaw->field}, flaw->problem);
    }
    const std::size_t bytes = trajectories.bytes();
    changed.wait(lock, [&] { return queue.empty() || queued + bytes <= queue_bytes || error; });
    if (error) std::rethrow_exception(error);
    expected.erase(planned);
    queued += bytes;
    queue.emplace_back(segment, std::move(trajectories));
    lock.unlock();
    changed.notify_all();
  }

  // ---- on the writer's thread

  void write_all() {
    try {
      for (;;) {
        std::pair<Segment, Trajectories> job;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return !queue.empty() || closing; });
          if (queue.empty()) break;
          job = std::move(queue.front());
          queue.pop_front();
          queued -= job.second.bytes();
        }
        changed.notify_all();
        write(job.first, job.second);
      }
      finish_manifest();
    } catch (const std::exception& failure) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      queue.clear();
      queued = 0;
      run.log->write("error", {{"message", failure.what()}});
    }
    changed.notify_all();
  }

  void write(const Segment& segment, const Trajectories& paths) {
    const double begin = run.log->elapsed_seconds();
    const std::vector<std::byte> bytes = segment_bytes(paths, segment);
    write_file_atomically(segments_path(directory) / segment_name(segment.policy, segment.first), bytes);
    SegmentEntry entry{segment.policy, segment.first, segment.last, paths.steps(), sha256_of(bytes)};

    append_durably(list_path(directory), segment_line(entry));
    run.segments.push_back(std::move(entry));
    {
      const std::lock_guard lock(mutex);
      missing.erase(key_of(segment));
    }
    digest.add(segment, paths);
    steps_written += paths.steps();
    const double end = run.log->elapsed_seconds();
    run.log->write("segment",
                   {{"policy", segment.policy},
                    {"first", segment.first},
                    {"last", segment.last},
                    {"steps", paths.steps()},
                    {"bytes", bytes.size()},
                    {"write_seconds", end - begin},
                    {"steps_per_second", static_cast<double>(steps_written) / std::max(end, 1e-9)}});
  }

  void finish_manifest() {
    std::size_t left = 0;
    bool wanted = false;
    {
      const std::lock_guard lock(mutex);
      left = missing.size();
      wanted = completing;
    }
    if (left == 0 && wanted && run.manifest.digest.empty()) {
      std::ranges::sort(run.segments, {}, [](const SegmentEntry& entry) {
        return SegmentKey{entry.policy, entry.first};
      });
      const std::string list = segment_list_text(run.segments);
      RunManifest closed = run.manifest;
      closed.digest = digest.finish();
      if (closed.digest.empty()) closed.digest = compute_digest(directory, header, run.segments);
      closed.list_sha256 = sha256_of(list);
      write_file_atomically(list_path(directory), list);
      write_file_atomically(manifest_path(directory), manifest_text(closed));
      run.manifest = std::move(closed);
    }
    if (left == 0 && wanted) {
      run.log->write("finish", {{"digest", run.manifest.digest}});
    } else {
      run.log->write("stop", {{"segments_missing", left}});
    }
  }

  const std::filesystem::path directory;
  const RunHeader header;
  OpenedRun run;                   ///< the writer's once it runs
  DigestInOrder digest;            ///< the same
  std::int64_t steps_written = 0;  ///< the same

  std::mutex mutex;  ///< guards what follows
  std::condition_variable changed;
  std::map<SegmentKey, Segment> missing;   ///< not on disk
  std::map<SegmentKey, Segment> expected;  ///< neither on disk nor handed over
  std::deque<std::pair<Segment, Trajectories>> queue;
  std::size_t queued = 0;  ///< bytes of the queue
  std::exception_ptr error;
  bool closing = false;
  bool completing = false;

  std::thread writer;
};

Recorder::Recorder(const std::filesystem::path& directory, const RunHeader& header, RunLength length)
    : impl_(std::make_unique<Impl>(directory, header, length)) {}

Recorder::~Recorder() = default;

std::vector<Segment> Recorder::missing() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<Segment> segments;
  for (const auto& [key, segment] : impl_->missing) segments.push_back(segment);
  return segments;
}

void Recorder::append(const Segment& segment, Trajectories trajectories) {
  impl_->append(segment, std::move(trajectories));
}

void Recorder::finish() {
  impl_->close(true);
  if (impl_->error) std::rethrow_exception(impl_->error);
}

}  // namespace veer
