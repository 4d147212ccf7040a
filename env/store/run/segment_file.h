// One segment of a run: the trajectories of one policy over consecutive episodes, as the bytes of a sealed
// HDF5 file. Format: RUN_FORMAT.md. Thread-safety: free functions.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/loop/trajectories.h"
#include "env/recorder.h"
#include "env/store/run/segment_list.h"

namespace veer {

/// Something that trajectories of a segment must not have.
struct Flaw {
  std::string field;
  Problem problem;
};

/// The first thing wrong with `paths` as the trajectories of `segment`: sizes of columns, order of episodes
/// and steps, history sizes, end reasons, judges other than `judges` in this order.
std::optional<Flaw> find_flaw(const Trajectories& paths, const Segment& segment,
                              const std::vector<std::string>& judges);

/// REQUIRES: no flaw.
std::vector<std::byte> segment_bytes(const Trajectories& paths, const Segment& segment);

/// What to read. Digests need the episode table again after all steps.
enum class SegmentPart { everything, episodes_only };

/// Throws FormatError or VerificationError. With episodes_only the columns of the steps stay empty and
/// unchecked.
Trajectories parse_segment(std::span<const std::byte> bytes, const Segment& segment,
                           const std::vector<std::string>& judges, const std::string& name,
                           SegmentPart part = SegmentPart::everything);

/// Reads a segment file and checks it against its entry in the list. Throws IoError, FormatError,
/// VerificationError.
Trajectories read_segment(const std::filesystem::path& directory, const SegmentEntry& entry,
                          const std::vector<std::string>& judges, SegmentPart part = SegmentPart::everything);

/// All segments of a policy have columns of the same widths, and judges that are ensembles in all or in none
/// of them. Throws FormatError naming the file of `entry`.
void check_widths(const std::filesystem::path& directory, const SegmentEntry& entry,
                  const Trajectories& before, const Trajectories& paths);

}  // namespace veer
