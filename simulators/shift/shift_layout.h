// What the parameters of a taste that shifts are: names, bounds, which mechanism each belongs to, and how the
// free numbers a fit moves become the rates the dynamics use. shift_dynamics.h has the mathematics.
//
// Thread-safety: value types. Torch-free.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/named_arrays.h"

namespace veer::shift {

/// What can be switched on, in the order in which a fit tries it. A mechanism that is off has no effect at
/// all.
enum class Mechanism : std::uint8_t {
  calibration,  ///< scale of the starting taste, weight of popularity: no movement, the fair static baseline
  exposure,     ///< items shown lately score less
  drift,        ///< random movement
  average,      ///< acceptance moves taste towards the item: one rate, target a multiple of the item's vector
  acceptance,   ///< the same with a learned linear target, and a rate that depends on taste and item
  forgetting,   ///< taste returns to the long-term taste
  boredom,      ///< items with attributes shown lately score less
  reactance,    ///< taste turns away from a refused item
};
inline constexpr std::size_t mechanism_count = 8;
inline constexpr std::array<std::string_view, mechanism_count> mechanism_names = {
    "calibration", "exposure", "drift", "average", "acceptance", "forgetting", "boredom", "reactance"};

/// A set of mechanisms.
class Mechanisms {
 public:
  constexpr Mechanisms() = default;
  constexpr Mechanisms(std::initializer_list<Mechanism> list) {
    for (const Mechanism m : list) *this = with(m);
  }
  static constexpr Mechanisms all() {
    Mechanisms set;
    set.bits_ = (1U << mechanism_count) - 1U;
    return set;
  }
  constexpr bool has(Mechanism m) const noexcept { return ((bits_ >> static_cast<unsigned>(m)) & 1U) != 0; }
  constexpr Mechanisms with(Mechanism m) const noexcept {
    Mechanisms set = *this;
    set.bits_ |= 1U << static_cast<unsigned>(m);
    return set;
  }
  constexpr Mechanisms without(Mechanism m) const noexcept {
    Mechanisms set = *this;
    set.bits_ &= ~(1U << static_cast<unsigned>(m));
    return set;
  }
  /// Taste moves with what is accepted.
  constexpr bool moves() const noexcept { return has(Mechanism::average) || has(Mechanism::acceptance); }
  friend constexpr bool operator==(Mechanisms, Mechanisms) = default;

  /// "calibration,drift"; "none" for none.
  std::string text() const;
  /// Throws ConfigError for a name that is no mechanism.
  static Mechanisms from_text(std::string_view text);

 private:
  std::uint32_t bits_ = 0;
};

/// How a free number becomes a rate.
enum class Bounds : std::uint8_t {
  free,      ///< itself
  positive,  ///< e^x: more than 0
  rate,      ///< ln(1 + e^x): more than 0, nearly linear where large
  share,     ///< 1 / (1 + e^-x): 0..1
  weight,    ///< 10 tanh(x / 10): -10..10
};

inline constexpr std::size_t network_inputs = 3;
inline constexpr std::size_t network_units = 8;

/// The parameters in the order in which they lie behind one another.
enum class Parameter : std::uint8_t {
  start_scale,        ///< starting taste over read-out of the history
  popularity,         ///< weight of ln(popularity)
  exposure,           ///< score lost per recent showing
  drift,              ///< standard deviation of an average item's score per square root of a step
  acceptance_rate,    ///< log-odds of the share of the way towards an accepted item
  acceptance_gain,    ///< length of the target over the length of the item's vector, in units
  acceptance_matrix,  ///< [d, d], in units, added to gain times the identity
  acceptance_offset,  ///< [d], in units
  network_input,      ///< [units, inputs]
  network_bias,       ///< [units]
  network_output,     ///< [units], added to the log-odds of acceptance_rate
  forgetting,         ///< rate per step at which taste returns
  boredom_weight,     ///< score lost by an item all of whose attributes bore fully
  boredom_growth,     ///< share of what is left to full boredom that one showing adds
  boredom_recovery,   ///< rate per step
  reactance,          ///< share of the liking along a refused item that is lost
};
inline constexpr std::size_t parameter_count = 16;

struct ParameterInfo {
  std::string_view name;
  Mechanism mechanism;
  Bounds bounds = Bounds::free;
  float start = 0.0F;   ///< value (not free number) a fit starts from
  bool matrix = false;  ///< not one number: learned with the smaller step of weights
};
const ParameterInfo& info(Parameter parameter) noexcept;

/// Constants taken from the base network and the logs at the start of a fit, so that free numbers are of
/// order 1.
struct Units {
  float taste = 1.0F;        ///< root mean square length of the starting tastes
  float item = 1.0F;         ///< the same of the item vectors
  float item_spread = 1.0F;  ///< root mean square length of item vectors around their mean
};

/// The rates of one step in the units of the dynamics; what is switched off is 0.
struct Rates {
  float start_scale = 1.0F;
  float popularity = 0.0F;
  float exposure = 0.0F;
  float drift = 0.0F;
  bool moves = false;    ///< acceptance moves taste
  bool network = false;  ///< its rate depends on taste and item
  float acceptance_rate = 0.0F;
  float forgetting = 0.0F;
  float boredom_weight = 0.0F;
  float boredom_growth = 0.0F;
  float boredom_recovery = 0.0F;
  float reactance = 0.0F;
  Units units;
  std::array<float, network_units * network_inputs> network_input{};
  std::array<float, network_units> network_bias{};
  std::array<float, network_units> network_output{};
};

/// All free numbers of one model, with the set of mechanisms that are on.
class Parameters {
 public:
  /// The values a fit starts from; the network's weights are drawn from Philox (Stream::initialise).
  Parameters(std::int32_t width, const Units& units, std::uint64_t seed);

  std::int32_t width() const noexcept { return width_; }
  const Units& units() const noexcept { return units_; }
  std::span<float> free() noexcept { return free_; }
  std::span<const float> free() const noexcept { return free_; }
  std::size_t offset(Parameter p) const noexcept { return offset_[static_cast<std::size_t>(p)]; }
  std::size_t size(Parameter p) const noexcept;
  std::size_t size() const noexcept { return free_.size(); }
  std::span<const float> of(Parameter p) const noexcept {
    return std::span<const float>(free_).subspan(offset(p), size(p));
  }

  Mechanisms on() const noexcept { return on_; }
  void set_on(Mechanisms on) noexcept { on_ = on; }

  /// The value of a single number with its mechanism's bounds applied, whether it is on or not.
  float value(Parameter p) const noexcept;
  /// REQUIRES: within the bounds.
  void set_value(Parameter p, float value) noexcept;
  Rates rates() const noexcept;
  /// The target map [d, d], row-major: an accepted item with vector v draws taste towards map v + offset.
  std::vector<float> target_map() const;
  std::vector<float> target_offset() const;

  /// Whether a parameter is moved by a fit of the mechanisms that are on.
  bool learned(Parameter p) const noexcept;
  /// Turns derivatives with respect to values (laid out like free()) into ones with respect to the free
  /// numbers, in place; those of parameters that are not learned become 0.
  void chain(std::span<float> gradient) const noexcept;

  /// "shift/<name>" arrays of free numbers, and back. Throws FormatError when a size does not fit.
  void save(NamedArrays& arrays) const;
  void load(const NamedArrays& arrays);

 private:
  std::int32_t width_;
  Units units_;
  Mechanisms on_;
  std::array<std::size_t, parameter_count> offset_{};
  std::vector<float> free_;
};

}  // namespace veer::shift
