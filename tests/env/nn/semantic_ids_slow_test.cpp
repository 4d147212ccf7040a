// The files published with ProRL, where they are present: every tuple comes back, and the use of the
// codebooks is what was counted by other means. Looks for them in VEER_DATA_DIR, else in ../shared/data
// beside the source tree.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "env/nn/semantic_ids/collision_report.h"
#include "env/nn/semantic_ids/prefix_trie.h"
#include "env/nn/semantic_ids/published_ids.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::nn;

namespace {

/// The text of a packed file; empty, with a message, where it is not there.
std::string unpacked(const std::string& name) {
  const char* named = std::getenv("VEER_DATA_DIR");
  const std::filesystem::path folder =
      named ? std::filesystem::path(named)
            : std::filesystem::path(VEER_SOURCE_DIR) / ".." / "shared" / "data";
  const std::filesystem::path file = folder / "prorl" / name / "qwen3-embedding-8b-pca.sem_ids.xz";
  if (!std::filesystem::exists(file)) {
    MESSAGE("skipped: no " << file.string());
    return "";
  }
  std::FILE* pipe = ::popen(("xz -dc '" + file.string() + "'").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 1 << 16> buffer{};
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), got);
  }
  CHECK(::pclose(pipe) == 0);
  return text;
}

struct Expected {
  std::string name;
  std::int32_t items;
  std::array<std::int32_t, 4> prefixes;
  std::array<double, 4> bits;
  std::array<std::int32_t, 4> most;
};

}  // namespace

TEST_CASE("published semantic ids: every item back, codebook use as counted") {
  const std::vector<Expected> sets{
      {"ml-1m", 3883, {86, 3381, 3877, 3883}, {6.35, 5.30, 0.27, 0.00}, {86, 73, 4, 2}},
      {"Steam", 5237, {9, 1671, 5169, 5237}, {3.14, 7.23, 1.96, 0.03}, {9, 200, 14, 3}},
      {"Books", 5227, {1, 256, 4848, 5227}, {0.0, 7.85, 4.35, 0.15}, {1, 256, 39, 4}}};
  for (const Expected& expected : sets) {
    CAPTURE(expected.name);
    const std::string text = unpacked(expected.name);
    if (text.empty()) continue;
    const PublishedIds published = parse_published_ids(text, expected.name);
    Catalogue catalogue;
    catalogue.ids = {""};
    catalogue.ids.insert(catalogue.ids.end(), published.items.begin(), published.items.end());
    const MappedIds mapped = map_published_ids(published, catalogue);
    CHECK(mapped.without.empty());
    CHECK(mapped.unknown.empty());
    CHECK(mapped.ids.layout().vocabulary() == 1027);
    CHECK(mapped.ids.with_id() == expected.items);
    const PrefixTrie trie(mapped.ids);
    for (ItemId item = 1; item <= mapped.ids.items(); ++item) {
      REQUIRE(mapped.ids.item(mapped.ids.tokens(item)) == item);
      std::int32_t node = PrefixTrie::root;
      for (const std::int32_t token : mapped.ids.tokens(item))
        REQUIRE((node = trie.find_child(node, token)) > 0);
      REQUIRE(trie.item(node) == item);
      if (expected.name == "ml-1m" && catalogue.ids[at(item)] == "1") {
        const auto tokens = mapped.ids.tokens(item);
        CHECK(std::vector<std::int32_t>(tokens.begin(), tokens.end()) ==
              std::vector<std::int32_t>{83, 452, 760, 770});
      }
    }
    const CollisionReport report = collision_report(mapped.ids);
    for (std::size_t digit = 0; digit < 4; ++digit) {
      CAPTURE(digit);
      CHECK(report.digits[digit].prefixes == expected.prefixes[digit]);
      CHECK(std::abs(report.digits[digit].entropy - expected.bits[digit]) <= 0.005 + 1e-9);
      CHECK(report.digits[digit].most_children == expected.most[digit]);
    }
    CHECK(report.largest_collision == expected.most[3]);
  }
}
