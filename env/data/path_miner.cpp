#include "env/data/path_miner.h"

#include <fmt/format.h>

#include <algorithm>

#include "env/error.h"

namespace veer {
namespace {

/// Attributes that count: one flag per attribute of the catalogue.
std::vector<std::uint8_t> counted_attributes(const Catalogue& catalogue,
                                             const std::vector<std::string>& excluded) {
  const auto& names = catalogue.attribute_names;
  std::vector<std::uint8_t> counted(names.size(), 1);
  for (const std::string& name : excluded) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      std::string some;
      for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
        some += (i == 0 ? "" : ", ") + names[i];
      throw ConfigError(Where{{}, 0, "excluded attribute"},
                        Problem{fmt::format("\"{}\"", name), "an attribute of the data set: " + some, ""});
    }
    counted[static_cast<std::size_t>(found - names.begin())] = 0;
  }
  return counted;
}

/// Whether two ascending lists have a counted value in common.
bool shares_attribute(std::span<const std::int32_t> a, std::span<const std::int32_t> b,
                      const std::vector<std::uint8_t>& counted) noexcept {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i] < b[j]) {
      ++i;
    } else if (b[j] < a[i]) {
      ++j;
    } else if (counted[static_cast<std::size_t>(a[i])] != 0) {
      return true;
    } else {
      ++i;
      ++j;
    }
  }
  return false;
}

void check(const MinerOptions& options) {
  if (options.history >= 0 && options.min_length >= 1 && options.max_length >= options.min_length) return;
  throw ConfigError(Where{{}, 0, "path miner"},
                    Problem{fmt::format("history {}, lengths {} to {}", options.history, options.min_length,
                                        options.max_length),
                            "history of 0 or more, and 1 <= shortest <= longest", ""});
}

}  // namespace

std::vector<MinedPath> mine_paths(const Dataset& dataset, const MinerOptions& options) {
  check(options);
  const auto counted = counted_attributes(dataset.catalogue, options.excluded_attributes);
  std::vector<MinedPath> paths;
  for (UserId user = 0; user < dataset.interactions.users(); ++user) {
    const std::span<const ItemId> items = dataset.interactions.of(user);
    const std::int64_t offset = dataset.interactions.offsets[static_cast<std::size_t>(user)];
    std::size_t begin = 0;
    while (begin < items.size()) {
      std::size_t end = begin + 1;
      while (end < items.size() && shares_attribute(dataset.catalogue.attributes_of(items[end - 1]),
                                                    dataset.catalogue.attributes_of(items[end]), counted)) {
        ++end;
      }
      const std::size_t length = end - begin;
      if (begin >= static_cast<std::size_t>(options.history) &&
          length >= static_cast<std::size_t>(options.min_length) &&
          length <= static_cast<std::size_t>(options.max_length)) {
        paths.push_back({user, offset + static_cast<std::int64_t>(begin), static_cast<std::int32_t>(length)});
      }
      begin = end;
    }
  }
  return paths;
}

PathExample example_of(const Dataset& dataset, const MinedPath& path, const MinerOptions& options) noexcept {
  const std::span<const ItemId> items(dataset.interactions.items);
  const auto first = static_cast<std::size_t>(path.first);
  const auto history = static_cast<std::size_t>(options.history);
  const auto length = static_cast<std::size_t>(path.length);
  return {items.subspan(first - history, history), items.subspan(first, length - 1),
          items[first + length - 1], path.user};
}

}  // namespace veer
