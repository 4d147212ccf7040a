// People who are shown slates, and logs of what they were shown: flat arrays, built once, read by all.
//
// Who is where in their life is a start: a person, and how many of the items they liked lie behind them.
// A million people with 42 numbers of profile and 50 liked items take 0.4 GB. Value types; immutable once
// built, then safe to share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/types.h"

namespace veer {

/// A place where an episode may begin: after the first `liked` items of that person's list.
struct SlateStart {
  UserId user = 0;
  std::int32_t liked = 0;
};

struct SlatePeople {
  std::int32_t profile_width = 0;
  std::vector<float> profiles;        ///< [U * profile_width]
  std::vector<std::int64_t> offsets;  ///< [U + 1] into `liked`
  std::vector<ItemId> liked;          ///< every person's accepted items, oldest first
  std::vector<std::uint8_t> done{};   ///< [liked] what was done with each, as answers; empty: clicks alone
  std::vector<Part> parts;            ///< [U]; empty: all are Part::test
  std::vector<SlateStart> starts;     ///< by ascending user

  std::int32_t size() const noexcept { return static_cast<std::int32_t>(offsets.size()) - 1; }
  std::span<const float> profile(UserId user) const noexcept {
    return std::span(profiles).subspan(at(user) * at(profile_width), at(profile_width));
  }
  /// The last `capacity` of the items liked before this start, oldest first.
  std::span<const ItemId> history(const SlateStart& start, std::int32_t capacity) const noexcept;
  /// What was done with the items of a history, found again in that person's list: `out`, as long as
  /// `history`. Items of a history that is no stretch of the list were clicked, as far as is known.
  void done_with(UserId user, std::span<const ItemId> history, std::span<std::uint8_t> out) const noexcept;
  Part part(UserId user) const noexcept { return parts.empty() ? Part::test : parts[at(user)]; }
  std::size_t bytes() const noexcept;
};

/// Slates that were shown, in the order of `people.starts`: slate s was shown at start s.
struct SlateLog {
  std::int32_t slots = 0;
  std::vector<ItemId> items;         ///< [S * slots]
  std::vector<std::uint8_t> clicks;  ///< [S * slots], 0 or 1
  /// [S * slots] all that was done with an item, as answers (env/behaviours.h); empty: clicks alone.
  std::vector<std::uint8_t> answers{};

  std::int64_t size() const noexcept {
    return slots == 0 ? 0 : static_cast<std::int64_t>(items.size()) / slots;
  }
};

/// A world's material: who, what, and what is known about them.
struct SlateData {
  SlatePeople people;
  SlateLog log;
  std::string fingerprint;  ///< of the data set it was cut from, or of the generator's parameters
};

}  // namespace veer
