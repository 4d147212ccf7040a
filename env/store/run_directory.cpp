#include "env/store/run_directory.h"

#include <fmt/format.h>

#include "env/error.h"
#include "env/store/run_digest.h"
#include "env/store/run_manifest.h"
#include "env/store/segment_file.h"

namespace veer {

RunSummary read_run_summary(const std::filesystem::path& directory) {
  RunFiles files = read_run_files(directory);
  RunSummary summary;
  summary.header = std::move(files.header);
  summary.digest = std::move(files.manifest.digest);
  summary.complete = !summary.digest.empty();
  for (const SegmentEntry& entry : files.manifest.segments) {
    summary.episodes += static_cast<std::int64_t>(entry.last - entry.first);
    summary.steps += entry.steps;
  }
  return summary;
}

Trajectories read_run(const std::filesystem::path& directory, std::int32_t policy) {
  const RunFiles files = read_run_files(directory);
  const auto policies = static_cast<std::int32_t>(files.header.policies.size());
  if (policy < 0 || policy >= policies) {
    throw ConfigError(Where{directory, 0, "policy"},
                      Problem{std::to_string(policy), fmt::format("a number in 0..{}", policies - 1), ""});
  }
  Trajectories all;
  bool first = true;
  for (const SegmentEntry& entry : files.manifest.segments) {
    if (entry.policy != policy) continue;
    Trajectories paths = read_segment(directory, entry, files.header.judges);
    if (!first) check_widths(directory, entry, all, paths);
    if (first) {
      all = std::move(paths);
    } else {
      all.append(paths);
    }
    first = false;
  }
  return all;
}

std::string verify_run(const std::filesystem::path& directory) {
  const RunFiles files = read_run_files(directory);
  const std::string digest = compute_digest(directory, files.header, files.manifest.segments);
  if (files.manifest.digest.empty()) {
    const std::size_t planned = planned_segments(files.header).size();
    throw VerificationError(
        Where{manifest_path(directory), 0, "digest"},
        Problem{fmt::format("no digest, and {} of {} segments", files.manifest.segments.size(), planned),
                "a complete run", "record with the same options and directory again to complete it"});
  }
  if (digest != files.manifest.digest) {
    throw VerificationError(Where{manifest_path(directory), 0, "digest"},
                            Problem{files.manifest.digest, digest + ", recomputed from the segments",
                                    "manifest and segments do not belong together"});
  }
  return digest;
}

}  // namespace veer
