// A data set in memory: what can be recommended, who did what when, and where it came from.
// Value types; immutable once built, then safe to share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/types.h"

namespace veer {

/// Items 1..size(); index 0 of every array is the padding item and holds nothing.
struct Catalogue {
  std::vector<std::string> ids;                 ///< [N+1] the source's own ids
  std::vector<std::string> titles;              ///< [N+1] UTF-8; the id where the source has no title
  std::vector<std::string> attribute_names;     ///< [A] in order of first appearance
  std::vector<std::int64_t> attribute_offsets;  ///< [N+2]
  std::vector<std::int32_t> attributes;  ///< attribute indices of item i: offsets[i]..offsets[i+1], ascending
  std::vector<std::int64_t> popularity;  ///< [N+1] interactions with the item in this data set

  std::int32_t size() const noexcept { return static_cast<std::int32_t>(ids.size()) - 1; }
  std::span<const std::int32_t> attributes_of(ItemId item) const noexcept {
    const auto first = static_cast<std::size_t>(attribute_offsets[static_cast<std::size_t>(item)]);
    const auto last = static_cast<std::size_t>(attribute_offsets[static_cast<std::size_t>(item) + 1]);
    return std::span(attributes).subspan(first, last - first);
  }
};

/// Everyone's interactions, user by user, each user's in time order (ties keep the order of the source).
struct Interactions {
  std::vector<std::string> user_ids;  ///< [U] the source's own ids
  std::vector<std::int64_t> offsets;  ///< [U+1]
  std::vector<ItemId> items;
  std::vector<std::int64_t> times;       ///< Unix seconds; empty: the source gives only the order
  std::vector<float> ratings;            ///< empty: none
  std::vector<std::uint8_t> behaviours;  ///< indices into behaviour_names; empty: all are of one kind
  std::vector<std::string>
      behaviour_names;  ///< "click", "purchase": distinct, at most 255; empty without kinds

  std::int32_t users() const noexcept { return static_cast<std::int32_t>(offsets.size()) - 1; }
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(items.size()); }
  std::span<const ItemId> of(UserId user) const noexcept {
    const auto first = static_cast<std::size_t>(offsets[static_cast<std::size_t>(user)]);
    const auto last = static_cast<std::size_t>(offsets[static_cast<std::size_t>(user) + 1]);
    return std::span(items).subspan(first, last - first);
  }
};

/// Which people a component may see. Split by user 8:1:1; train people are halved again, so that a policy's
/// planning model and the judges never learn from the same person.
enum class Part : std::uint8_t {
  train_plan = 0,   ///< models that policies plan with, and learned policies
  train_judge = 1,  ///< judges
  validation = 2,
  test = 3,  ///< episodes start from these
};

struct Provenance {
  std::string source;     ///< importer name, "movielens"
  std::string origin;     ///< file names read, comma separated, without directories
  std::string filters;    ///< "k-core=5 min-rating=0 ..."
  std::string generator;  ///< for synthetic data: the parameters; empty otherwise
};

struct Dataset {
  std::string name;
  Catalogue catalogue;
  Interactions interactions;
  std::vector<Part> parts;  ///< [U]
  std::uint64_t split_seed = 0;
  Provenance provenance;
  std::string fingerprint;  ///< 64 hex digits; see env/data/fingerprint.h

  std::vector<UserId> users_of(Part part) const;
};

}  // namespace veer
