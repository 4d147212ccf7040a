// Reading what a run directory holds, from memory: run.toml, manifest.toml, segments.tsv and segments. The
// first byte chooses which, and whether the rest is the file itself or a recipe for one.
#include <string>
#include <vector>

#include "env/error.h"
#include "env/store/run/run_digest.h"
#include "env/store/run/run_manifest.h"
#include "env/store/run/segment_file.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;
using fuzz::Input;

const Segment segment{1, 4, 8};

void read_header(Input& input) {
  const RunHeader header = parse_header(input.rest_as_text(), "run.toml");
  const std::string text = header_text(header);
  fuzz::require(header_text(parse_header(text, "again")) == text);
}

void write_header(Input& input) {
  RunHeader header;
  header.scenario = input.text(40);
  header.dataset_fingerprint = input.text(70);
  header.seed = input.number<std::uint64_t>();
  for (auto count = input.choice(4); count > 0; --count) header.policies.push_back(input.text(20));
  for (auto count = input.choice(4); count > 0; --count) header.judges.push_back(input.text(20));
  header.episodes = input.number<std::int64_t>();
  header.segment_episodes = input.number<std::int64_t>();
  header.configuration = input.rest_as_text();
  check_header(header);
  const RunHeader back = parse_header(header_text(header), "run.toml");
  fuzz::require(back.scenario == header.scenario && back.dataset_fingerprint == header.dataset_fingerprint &&
                back.seed == header.seed && back.policies == header.policies &&
                back.judges == header.judges && back.episodes == header.episodes &&
                back.segment_episodes == header.segment_episodes &&
                back.configuration == header.configuration);
}

void read_manifest(Input& input) {
  const RunManifest manifest = parse_manifest(input.rest_as_text(), "manifest.toml");
  fuzz::require(manifest.digest.empty() == manifest.list_sha256.empty());
  const std::string text = manifest_text(manifest);
  fuzz::require(manifest_text(parse_manifest(text, "again")) == text);
}

void read_list(Input& input) {
  const RunHeader header = test::synthetic_header(25, 10);
  const std::string_view list = input.rest_as_text();
  const std::string salvaged = segment_list_text(salvage_segment_list(list, header));
  fuzz::require(segment_list_text(parse_segment_list(salvaged, header, "again")) == salvaged);
  const std::vector<SegmentEntry> entries = parse_segment_list(list, header, "segments.tsv");
  fuzz::require(entries.size() <= 6);
  fuzz::require(segment_list_text(entries) == salvaged);
}

void use(const Trajectories& paths) {
  RunDigest digest;
  digest.add_steps(1, paths);
  digest.add_episodes(1, paths);
  fuzz::require(digest.finish().size() == 64);
}

void read_segment_bytes(Input& input) {
  const RunHeader header = test::synthetic_header(25, 4);
  const auto bytes = input.rest();
  use(parse_segment(bytes, segment, header.judges, "segment"));
}

/// Resizes a column, or changes one of its values.
template <class T>
void damage(Input& input, std::vector<T>& column) {
  const auto place = input.number<std::uint8_t>();
  if (input.choice(3) == 0) {
    column.resize(place);
  } else if (!column.empty()) {
    column[place % column.size()] = static_cast<T>(input.number<T>());
  }
}

void damage_something(Input& input, Trajectories& paths) {
  switch (input.choice(20)) {
    case 0:
      return damage(input, paths.episode);
    case 1:
      return damage(input, paths.step);
    case 2:
      return damage(input, paths.user);
    case 3:
      return damage(input, paths.target);
    case 4:
      return damage(input, paths.items);
    case 5:
      return damage(input, paths.feedback);
    case 6:
      return damage(input, paths.probability);
    case 7:
      return damage(input, paths.log_prob);
    case 8:
      return damage(input, paths.action_reals);
    case 9:
      return damage(input, paths.episode_id);
    case 10:
      return damage(input, paths.length);
    case 11:
      return damage(input, paths.episode_user);
    case 12:
      return damage(input, paths.episode_target);
    case 13:
      return damage(input, paths.history);
    case 14:
      return damage(input, paths.history_size);
    case 15:
      return damage(input, paths.episode_return);
    case 16:
      return damage(input, paths.judges[0].rank);
    case 17:
      return damage(input, paths.judges[1].start_interest);
    case 18:
      if (!paths.end.empty()) paths.end[0] = static_cast<EndReason>(input.number<std::uint8_t>());
      return;
    default:
      paths.slots = input.number<std::int8_t>();
      paths.reals = input.number<std::int8_t>();
      paths.history_width = input.number<std::int8_t>();
  }
}

void build_segment(Input& input) {
  const RunHeader header = test::synthetic_header(25, 4);
  Trajectories paths = test::synthetic_paths(segment, header);
  while (!input.empty()) damage_something(input, paths);
  const bool good = !find_flaw(paths, segment, header.judges);
  const std::vector<std::byte> bytes =
      segment_bytes(paths, segment);  // throws when the columns have no shape
  try {
    const Trajectories back = parse_segment(bytes, segment, header.judges, "segment");
    // first_step is computed, so a segment wrong only there is read back right.
    fuzz::require(!find_flaw(back, segment, header.judges));
    use(back);
  } catch (const Error&) {
    fuzz::require(!good);
    throw;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  try {
    switch (input.choice(6)) {
      case 0:
        read_header(input);
        break;
      case 1:
        write_header(input);
        break;
      case 2:
        read_manifest(input);
        break;
      case 3:
        read_segment_bytes(input);
        break;
      case 4:
        build_segment(input);
        break;
      default:
        read_list(input);
    }
  } catch (const Error&) {
  }
  return 0;
}
