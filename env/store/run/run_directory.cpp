#include "env/store/run/run_directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "env/error.h"
#include "env/store/run/run_digest.h"
#include "env/store/run/run_manifest.h"
#include "env/store/run/segment_file.h"

namespace veer {

struct RunReader::Impl {
  explicit Impl(const std::filesystem::path& where) : directory(where), files(read_run_files(where)) {
    summary.header = files.header;
    summary.digest = files.manifest.digest;
    summary.complete = !summary.digest.empty();
    for (const SegmentEntry& entry : files.segments) {
      summary.episodes += static_cast<std::int64_t>(entry.last - entry.first);
      summary.steps += entry.steps;
    }
  }

  std::filesystem::path directory;
  RunFiles files;
  RunSummary summary;
};

RunReader::RunReader(const std::filesystem::path& directory)
    : impl_(std::make_unique<const Impl>(directory)) {}
RunReader::~RunReader() = default;

const RunSummary& RunReader::summary() const noexcept { return impl_->summary; }

Trajectories RunReader::read(std::int32_t policy) const {
  const RunFiles& files = impl_->files;
  const auto policies = static_cast<std::int32_t>(files.header.policies.size());
  if (policy < 0 || policy >= policies) {
    throw ConfigError(Where{impl_->directory, 0, "policy"},
                      Problem{std::to_string(policy), fmt::format("a number in 0..{}", policies - 1), ""});
  }
  Trajectories all;
  bool first = true;
  for (const SegmentEntry& entry : files.segments) {  // ascending by (policy, first)
    if (entry.policy != policy) continue;
    Trajectories paths = read_segment(impl_->directory, entry, files.header.judges);
    if (first) {
      all = std::move(paths);
    } else {
      check_widths(impl_->directory, entry, all, paths);
      all.append(paths);
    }
    first = false;
  }
  all.seed = files.header.seed;  // keys the noise of judges that look at these paths again
  return all;
}

RunSummary read_run_summary(const std::filesystem::path& directory) { return RunReader(directory).summary(); }

Trajectories read_run(const std::filesystem::path& directory, std::int32_t policy) {
  return RunReader(directory).read(policy);
}

std::string verify_run(const std::filesystem::path& directory) {
  const RunFiles files = read_run_files(directory);
  const std::string digest = compute_digest(directory, files.header, files.segments);
  if (files.manifest.digest.empty()) {
    throw VerificationError(
        Where{manifest_path(directory), 0, "digest"},
        Problem{fmt::format("no digest, and {} of {} segments", files.segments.size(),
                            number_of_segments(files.header)),
                "a complete run", "record with the same options and directory again to complete it"});
  }
  if (digest != files.manifest.digest) {
    throw VerificationError(
        Where{manifest_path(directory), 0, "digest"},
        Problem{files.manifest.digest, digest + ", recomputed from the segments",
                std::string("manifest and segments do not belong together; ") + mending_hint});
  }
  return digest;
}

}  // namespace veer
