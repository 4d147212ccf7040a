#include "simulators/shift/shift_layout.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"
#include "env/random.h"

namespace veer::shift {
namespace {

constexpr std::array<ParameterInfo, parameter_count> table = {{
    {"start.scale", Mechanism::calibration, Bounds::positive, 1.0F},
    {"popularity.weight", Mechanism::calibration, Bounds::weight, 0.0F},
    {"exposure.weight", Mechanism::exposure, Bounds::weight, 0.5F},
    {"drift.deviation", Mechanism::drift, Bounds::rate, 0.1F},
    {"acceptance.rate", Mechanism::acceptance, Bounds::free, -2.2F},
    {"acceptance.gain", Mechanism::acceptance, Bounds::positive, 1.0F},
    {"acceptance.matrix", Mechanism::acceptance, Bounds::free, 0.0F, true},
    {"acceptance.offset", Mechanism::acceptance, Bounds::free, 0.0F, true},
    {"acceptance.network.input", Mechanism::acceptance, Bounds::free, 0.0F, true},
    {"acceptance.network.bias", Mechanism::acceptance, Bounds::free, 0.0F, true},
    {"acceptance.network.output", Mechanism::acceptance, Bounds::free, 0.0F, true},
    {"forgetting.rate", Mechanism::forgetting, Bounds::rate, 0.03F},
    {"boredom.weight", Mechanism::boredom, Bounds::rate, 0.2F},
    {"boredom.growth", Mechanism::boredom, Bounds::share, 0.3F},
    {"boredom.recovery", Mechanism::boredom, Bounds::rate, 0.2F},
    {"reactance.share", Mechanism::reactance, Bounds::share, 0.1F},
}};

constexpr float reach = 10.0F;  // of Bounds::weight

float bounded(Bounds bounds, float x) noexcept {
  switch (bounds) {
    case Bounds::free:
      return x;
    case Bounds::positive:
      return std::exp(x);
    case Bounds::rate:
      return x > 20.0F ? x : std::log1p(std::exp(x));
    case Bounds::share:
      return 1.0F / (1.0F + std::exp(-x));
    case Bounds::weight:
      return reach * std::tanh(x / reach);
  }
  return x;
}

float slope(Bounds bounds, float x) noexcept {
  switch (bounds) {
    case Bounds::free:
      return 1.0F;
    case Bounds::positive:
      return std::exp(x);
    case Bounds::rate:
      return 1.0F / (1.0F + std::exp(-x));
    case Bounds::share: {
      const float s = 1.0F / (1.0F + std::exp(-x));
      return s * (1.0F - s);
    }
    case Bounds::weight: {
      const float t = std::tanh(x / reach);
      return 1.0F - t * t;
    }
  }
  return 1.0F;
}

float unbounded(Bounds bounds, float value) noexcept {
  switch (bounds) {
    case Bounds::free:
      return value;
    case Bounds::positive:
      return std::log(value);
    case Bounds::rate:
      return value > 20.0F ? value : std::log(std::expm1(value));
    case Bounds::share:
      return std::log(value / (1.0F - value));
    case Bounds::weight:
      return reach * std::atanh(value / reach);
  }
  return value;
}

Parameter parameter(std::size_t index) { return static_cast<Parameter>(index); }

std::size_t size_of(Parameter p, std::size_t width) noexcept {
  switch (p) {
    case Parameter::acceptance_matrix:
      return width * width;
    case Parameter::acceptance_offset:
      return width;
    case Parameter::network_input:
      return network_units * network_inputs;
    case Parameter::network_bias:
    case Parameter::network_output:
      return network_units;
    default:
      return 1;
  }
}

}  // namespace

const ParameterInfo& info(Parameter p) noexcept { return table[static_cast<std::size_t>(p)]; }

std::string Mechanisms::text() const {
  std::string out;
  for (std::size_t m = 0; m < mechanism_count; ++m) {
    if (!has(static_cast<Mechanism>(m))) continue;
    out += (out.empty() ? "" : ",") + std::string(mechanism_names[m]);
  }
  return out.empty() ? "none" : out;
}

Mechanisms Mechanisms::from_text(std::string_view text) {
  Mechanisms set;
  if (text == "none") return set;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto found = std::ranges::find(mechanism_names, name);
    if (found == mechanism_names.end()) {
      std::string known;
      for (const std::string_view word : mechanism_names) {
        known += (known.empty() ? "" : ", ") + std::string(word);
      }
      throw ConfigError(Where{{}, 0, "mechanisms"}, Problem{"'" + std::string(name) + "'", "some of " + known,
                                                            "separate them by commas"});
    }
    set = set.with(static_cast<Mechanism>(found - mechanism_names.begin()));
  }
  return set;
}

Parameters::Parameters(std::int32_t width, const Units& units, std::uint64_t seed)
    : width_(width), units_(units) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < parameter_count; ++i) {
    offset_[i] = total;
    total += size_of(parameter(i), static_cast<std::size_t>(width));
  }
  free_.assign(total, 0.0F);
  for (std::size_t i = 0; i < parameter_count; ++i) {
    if (!table[i].matrix) set_value(parameter(i), table[i].start);
  }
  // Small random inputs and zero outputs: the rate starts as one number for everybody.
  const std::size_t first = offset(Parameter::network_input);
  for (std::size_t i = 0; i < size(Parameter::network_input); ++i) {
    free_[first + i] = 0.5F * normal({seed, 0, 0}, Stream::initialise, static_cast<std::uint32_t>(i));
  }
}

std::size_t Parameters::size(Parameter p) const noexcept {
  return size_of(p, static_cast<std::size_t>(width_));
}

float Parameters::value(Parameter p) const noexcept { return bounded(info(p).bounds, free_[offset(p)]); }

void Parameters::set_value(Parameter p, float value) noexcept {
  free_[offset(p)] = unbounded(info(p).bounds, value);
}

Rates Parameters::rates() const noexcept {
  Rates r;
  r.units = units_;
  if (on_.has(Mechanism::calibration)) {
    r.start_scale = value(Parameter::start_scale);
    r.popularity = value(Parameter::popularity);
  }
  if (on_.has(Mechanism::exposure)) r.exposure = value(Parameter::exposure);
  if (on_.has(Mechanism::drift)) r.drift = value(Parameter::drift);
  r.moves = on_.moves();
  r.network = on_.has(Mechanism::acceptance);
  r.acceptance_rate = value(Parameter::acceptance_rate);
  std::ranges::copy(of(Parameter::network_input), r.network_input.begin());
  std::ranges::copy(of(Parameter::network_bias), r.network_bias.begin());
  std::ranges::copy(of(Parameter::network_output), r.network_output.begin());
  if (on_.has(Mechanism::forgetting)) r.forgetting = value(Parameter::forgetting);
  if (on_.has(Mechanism::boredom)) {
    r.boredom_weight = value(Parameter::boredom_weight);
    r.boredom_growth = value(Parameter::boredom_growth);
    r.boredom_recovery = value(Parameter::boredom_recovery);
  }
  if (on_.has(Mechanism::reactance)) r.reactance = value(Parameter::reactance);
  return r;
}

std::vector<float> Parameters::target_map() const {
  const auto d = static_cast<std::size_t>(width_);
  const float unit = units_.taste / units_.item;
  std::vector<float> map(d * d, 0.0F);
  if (on_.has(Mechanism::acceptance)) {
    const auto matrix = of(Parameter::acceptance_matrix);
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = unit * matrix[i];
  }
  const float gain = unit * value(Parameter::acceptance_gain);
  for (std::size_t i = 0; i < d; ++i) map[i * d + i] += gain;
  return map;
}

std::vector<float> Parameters::target_offset() const {
  const auto d = static_cast<std::size_t>(width_);
  std::vector<float> offset(d, 0.0F);
  if (!on_.has(Mechanism::acceptance)) return offset;
  const float unit = units_.taste / std::sqrt(static_cast<float>(d));
  const auto free = of(Parameter::acceptance_offset);
  for (std::size_t i = 0; i < d; ++i) offset[i] = unit * free[i];
  return offset;
}

bool Parameters::learned(Parameter p) const noexcept {
  // A plain average has the rate and the gain of acceptance, and nothing else of it.
  if (p == Parameter::acceptance_rate || p == Parameter::acceptance_gain) return on_.moves();
  return on_.has(info(p).mechanism);
}

void Parameters::chain(std::span<float> gradient) const noexcept {
  const float matrix_unit = units_.taste / units_.item;
  const float offset_unit = units_.taste / std::sqrt(static_cast<float>(width_));
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const Parameter p = parameter(i);
    const std::span<float> part = gradient.subspan(offset(p), size(p));
    float factor = 1.0F;
    if (!table[i].matrix) factor = slope(table[i].bounds, free_[offset(p)]);
    if (p == Parameter::acceptance_matrix || p == Parameter::acceptance_gain) factor *= matrix_unit;
    if (p == Parameter::acceptance_offset) factor *= offset_unit;
    if (!learned(p)) factor = 0.0F;
    for (float& g : part) g = factor == 0.0F ? 0.0F : g * factor;
  }
}

void Parameters::save(NamedArrays& arrays) const {
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const Parameter p = parameter(i);
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(size(p))};
    if (p == Parameter::acceptance_matrix) shape = {width_, width_};
    arrays.set<float>("shift/" + std::string(table[i].name), of(p), shape);
  }
}

void Parameters::load(const NamedArrays& arrays) {
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const Parameter p = parameter(i);
    const std::string name = "shift/" + std::string(table[i].name);
    const std::span<const float> from = arrays.get<float>(name);
    if (from.size() != size(p)) {
      throw FormatError(Where{{}, 0, name},
                        Problem{std::to_string(from.size()) + " values", std::to_string(size(p)),
                                "was the model written by another version?"});
    }
    std::ranges::copy(from, free_.begin() + static_cast<std::ptrdiff_t>(offset(p)));
  }
}

}  // namespace veer::shift
