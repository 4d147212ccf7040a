// What a population did after the cut, in numbers that can be compared with what another one did.
//
// Thread-safety: immutable after construction; comparisons are pure functions. Torch-free.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"
#include "simulators/long_run/roll.h"

namespace veer::long_run {

/// What is compared, person by person as a sample (KS), or all takings together (JS).
enum class Measure : std::uint8_t {
  popularity,       ///< JS of the shares of 20 classes of items, from rarely to often taken, of equal weight
  items,            ///< JS of the shares of single items
  attributes,       ///< JS of the shares of attributes; an item's weight is spread over its attributes
  transitions,      ///< JS of the shares of pairs (attribute of an item, attribute of the next one)
  diversity,        ///< KS of distinct attributes in a window, mean over the windows after the cut
  autocorrelation,  ///< KS of the similarity of a person's windows `lag` windows apart, mean over lags
  profiles,         ///< MMD of the attribute shares of a person's takings
  repeats,          ///< KS of the share of a person's takings that were repeats
};
inline constexpr std::size_t measure_count = 8;

struct MeasureInfo {
  std::string_view name;      ///< "taste autocorrelation"
  std::string_view key;       ///< "taste_autocorrelation", for machines
  std::string_view distance;  ///< "JS", "KS" or "MMD"
};
const MeasureInfo& info(Measure measure) noexcept;
constexpr std::size_t index(Measure measure) noexcept { return static_cast<std::size_t>(measure); }

/// The classes in which takings are counted; the same for every population of one comparison.
class ItemClasses {
 public:
  static constexpr std::int32_t popularity_classes = 20;
  static constexpr std::int32_t most_attributes = 254;  ///< the rest, by frequency, share one class

  /// `weight` [N + 1]: how often each item was taken by those who set the standard of popularity.
  ItemClasses(const Catalogue& catalogue, std::span<const double> weight);

  std::int32_t items() const noexcept { return static_cast<std::int32_t>(popularity_.size()) - 1; }
  /// Classes of attributes; 0 when no item has any. The last but one holds rare attributes, the last items
  /// without one.
  std::int32_t attributes() const noexcept { return attributes_; }
  /// Ascending and distinct, at least one where attributes() > 0.
  std::span<const std::int32_t> attributes_of(ItemId item) const noexcept {
    const auto first = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(item)]);
    const auto last = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(item) + 1]);
    return std::span(classes_).subspan(first, last - first);
  }
  std::int32_t popularity_of(ItemId item) const noexcept {
    return popularity_[static_cast<std::size_t>(item)];
  }
  /// [attributes()] shares of attributes among all takings: where similarity of taste is measured from.
  std::span<const float> average() const noexcept { return average_; }

 private:
  std::int32_t attributes_ = 0;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int32_t> classes_;
  std::vector<std::int32_t> popularity_;
  std::vector<float> average_;
};

/// The continuations of one population as columns, one row per start.
class Behaviour {
 public:
  /// `window` items make a window; those after the cut are numbered from 1, window 0 is the end of the
  /// history. Items that do not fill a window count everywhere but in windows. REQUIRES: as many rows of
  /// `taken` as starts, 1 <= window <= taken.steps; `classes` outlives this.
  Behaviour(const ItemClasses& classes, const Interactions& log, const std::vector<Start>& starts,
            const Continuations& taken, std::int32_t window);

  const ItemClasses& classes() const noexcept { return classes_; }
  std::int32_t windows() const noexcept { return windows_; }  ///< after the cut
  std::int32_t lags() const noexcept { return lags_; }        ///< 1..lags()
  std::span<const ItemId> taken(std::int32_t person) const noexcept;
  ItemId last_before(std::int32_t person) const noexcept { return last_[static_cast<std::size_t>(person)]; }
  /// Distinct attributes in window w of those after the cut (1-based).
  double distinct(std::int32_t person, std::int32_t window) const noexcept;
  /// Mean cosine, over windows `lag` apart, of attribute shares from which the average was taken; NaN where
  /// none has a direction.
  double similarity(std::int32_t person, std::int32_t lag) const noexcept;
  View<const float> profiles() const noexcept;  ///< [people, attributes()]
  double repeats(std::int32_t person) const noexcept { return repeats_[static_cast<std::size_t>(person)]; }

 private:
  const ItemClasses& classes_;
  std::int32_t steps_;
  std::int32_t windows_;
  std::int32_t lags_;
  std::vector<ItemId> taken_;
  std::vector<ItemId> last_;
  std::vector<float> distinct_;
  std::vector<float> similarity_;
  std::vector<float> profiles_;
  std::vector<float> repeats_;
};

/// One number per measure; those of measures not asked for are 0. Profiles: the square of the MMD, unbiased,
/// over at most 400 people a side (the first ones listed).
using Distances = std::array<double, measure_count>;

/// Distances between some people of one population and some of another. REQUIRES: both built with the same
/// classes and window; lists not empty, at least two people each.
Distances compare(const Behaviour& a, std::span<const std::int32_t> people_a, const Behaviour& b,
                  std::span<const std::int32_t> people_b, const std::vector<Measure>& measures,
                  double bandwidth);

/// Means over these people: what tables and charts show beside the distances.
double mean_distinct(const Behaviour& behaviour, std::int32_t window);
double mean_similarity(const Behaviour& behaviour, std::int32_t lag);

}  // namespace veer::long_run
