// Tables of worlds of slates of arbitrary content: item vectors and logged slates of RL4RS, profiles of
// MovieLens people. What is read keeps its rules, what is refused is refused by file.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "env/data/importers/slate_tables.h"
#include "env/error.h"
#include "simulators/response/rl4rs_log.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

void check_items(std::string_view text) {
  const ItemFeatures items = read_rl4rs_items("table", text);
  fuzz::require(items.width > 0 && items.items() > 0);
  fuzz::require(items.values.size() == at(items.width) * at(items.items() + 1));
  for (const float value : items.of(no_item)) fuzz::require(value == 0.0F);
  for (const float value : items.values) fuzz::require(std::abs(value) <= 1e6F);
}

void check_profiles(std::string_view text) {
  static const std::array<std::string, 2> ids{"1", "ann"};
  const std::vector<float> profiles = read_movielens_profiles("table", text, ids);
  fuzz::require(profiles.size() == ids.size() * at(movielens_profile_width));
  for (std::size_t u = 0; u < ids.size(); ++u) {
    const float* row = profiles.data() + u * at(movielens_profile_width);
    // One age, one gender, one occupation.
    for (const auto& [from, to] : {std::pair{0, 7}, {7, 9}, {9, movielens_profile_width}}) {
      fuzz::require(std::count(row + from, row + to, 1.0F) == 1);
      fuzz::require(std::count(row + from, row + to, 0.0F) == to - from - 1);
    }
  }
}

void check_log(std::string_view text) {
  constexpr std::int32_t items = 20;
  const SlateData data = read_rl4rs_log("table", text, items);
  const SlatePeople& people = data.people;
  const auto count = static_cast<std::size_t>(people.size());
  fuzz::require(count > 0 && people.starts.size() == count && people.parts.size() == count);
  fuzz::require(people.profiles.size() == count * at(people.profile_width));
  fuzz::require(people.offsets.front() == 0 && people.offsets.back() == std::ssize(people.liked));
  fuzz::require(std::is_sorted(people.offsets.begin(), people.offsets.end()));
  for (const float value : people.profiles) fuzz::require(std::isfinite(value) && value >= 0.0F);
  for (const ItemId item : people.liked) fuzz::require(item >= 1 && item <= items);
  fuzz::require(data.log.size() == std::ssize(people.starts));
  fuzz::require(data.log.clicks.size() == data.log.items.size());
  for (const ItemId item : data.log.items) fuzz::require(item >= 1 && item <= items);
  for (const std::uint8_t click : data.log.clicks) fuzz::require(click <= 1);
  for (const SlateStart& start : people.starts) {
    fuzz::require(people.history(start, 5).size() <= 5);
  }
}

}  // namespace

/// The first byte says which table.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0:
        check_items(text);
        break;
      case 1:
        check_profiles(text);
        break;
      default:
        check_log(text);
    }
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("table"));
  }
  return 0;
}
