#include "rewards/fitted/reward_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

[[noreturn]] void refuse_reward(const std::string& field, const std::string& found,
                                const std::string& expected) {
  throw FormatError({{}, 0, "reward: " + field}, {found, expected, ""});
}

void check_finite(const std::string& field, std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      refuse_reward(field, "a value that is not finite at " + std::to_string(i), "finite numbers");
    }
  }
}

void check_size(const std::string& field, std::size_t found, std::size_t expected) {
  if (found != expected) refuse_reward(field, std::to_string(found) + " values", std::to_string(expected));
}

}  // namespace

void read_history(const ItemFeatures& vectors, const RewardForm& form, std::span<const ItemId> history,
                  std::span<float> out) noexcept {
  std::ranges::fill(out, 0.0F);
  float weight = 1.0F, total = 0.0F;
  const std::size_t count = std::min(history.size(), at(form.window));
  for (std::size_t j = 0; j < count; ++j) {
    const std::span<const float> vector = vectors.of(history[history.size() - 1 - j]);
    for (std::size_t d = 0; d < out.size(); ++d) out[d] += weight * vector[d];
    total += weight;
    weight *= form.decay;
  }
  if (total > 0.0F) {
    for (float& value : out) value /= total;
  }
}

double soft_maximum(std::span<const float> values, double temperature) noexcept {
  const double highest = double{*std::ranges::max_element(values)};
  double sum = 0.0;
  for (const float value : values) sum += std::exp((double{value} - highest) / temperature);
  return highest + temperature * std::log(sum);
}

RewardModel::RewardModel(const RewardForm& form, ItemFeatures vectors, std::vector<RewardMember> members)
    : form_(form), vectors_(std::move(vectors)), members_(std::move(members)) {
  const auto check = [](const char* field, bool fits, float found, const char* expected) {
    if (!fits || !std::isfinite(found)) refuse_reward(field, std::to_string(found), expected);
  };
  check("discount", form_.discount >= 0.0F && form_.discount < 1.0F, form_.discount, "0 up to, not with, 1");
  check("temperature", form_.temperature > 0.0F, form_.temperature, "a number above 0");
  check("decay", form_.decay > 0.0F && form_.decay <= 1.0F, form_.decay, "above 0 up to 1");
  check("pessimism", form_.pessimism >= 0.0F, form_.pessimism, "0 or more");
  if (form_.window < 1 || form_.window > 10'000) {
    refuse_reward("window", std::to_string(form_.window), "1 to 10000");
  }
  if (members_.empty()) refuse_reward("members", "none", "at least one");
  const std::size_t rows = members_.front().item_worth.size(), width = at(vectors_.width);
  if (rows < 2) refuse_reward("item_worth", "no item", "one value per item");
  check_size("vectors", vectors_.values.size(), rows * width);
  check_finite("vectors", vectors_.values);
  for (const RewardMember& member : members_) {
    check_size("item_worth", member.item_worth.size(), rows);
    check_size("match", member.match.size(), width * width);
    check_finite("item_worth", member.item_worth);
    check_finite("match", member.match);
  }
}

void RewardModel::set_scale(float centre, float spread) {
  check_finite("scale", std::vector<float>{centre, spread});
  if (spread <= 0.0F) refuse_reward("spread", std::to_string(spread), "a number above 0");
  centre_ = centre;
  spread_ = spread;
}

std::vector<float> RewardModel::turned(std::size_t member, std::span<const ItemId> history) const {
  const std::size_t width = at(vectors_.width);
  std::vector<float> state(width), out(width, 0.0F);
  if (width > 0) read_history(vectors_, form_, history, state);
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = 0; j < width; ++j) out[j] += state[i] * members_[member].match[i * width + j];
  }
  return out;
}

float RewardModel::action_value(std::size_t member, std::span<const float> turned,
                                ItemId item) const noexcept {
  float sum = members_[member].item_worth[at(item)];
  if (turned.empty()) return sum;
  const std::span<const float> vector = vectors_.of(item);
  for (std::size_t d = 0; d < turned.size(); ++d) sum += turned[d] * vector[d];
  return sum;
}

void RewardModel::action_values(std::size_t member, std::span<const ItemId> history,
                                std::span<float> out) const {
  const std::vector<float> state = turned(member, history);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = action_value(member, state, static_cast<ItemId>(i + 1));
}

RewardModel::Said RewardModel::said(ItemId item, std::span<const ItemId> history) const {
  const bool looks_ahead = form_.discount > 0.0F;
  std::vector<float> values;
  std::vector<ItemId> after;
  if (looks_ahead) {
    values.resize(at(items()));
    const std::span<const ItemId> newest = history.last(std::min(history.size(), at(form_.window)));
    after.assign(newest.begin(), newest.end());
    after.push_back(item);
  }
  const auto count = static_cast<double>(members_.size());
  double sum = 0.0, squares = 0.0;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    double r = double{action_value(m, turned(m, history), item)};
    if (looks_ahead) {
      action_values(m, after, values);
      r -= double{form_.discount} * soft_maximum(values, double{form_.temperature});
    }
    sum += r;
    squares += r * r;
  }
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean))};
}

float RewardModel::reward(ItemId item, std::span<const ItemId> history) const {
  const Said its = said(item, history);
  return static_cast<float>(its.mean - double{form_.pessimism} * its.deviation);
}

float RewardModel::deviation(ItemId item, std::span<const ItemId> history) const {
  return static_cast<float>(said(item, history).deviation);
}

RewardTerm inferred_satisfaction(std::shared_ptr<const RewardModel> model, float weight) {
  RewardTerm term{.name = "satisfaction", .weight = weight, .evaluate = {}};
  term.evaluate = [model = std::move(model)](const RewardInputs& in, std::span<float> out) {
    for (std::int32_t row = 0; row < in.items.rows(); ++row) {
      out[at(row)] = 0.0F;
      const auto taken = [&](std::int32_t slot) {
        return in.items(row, slot) != no_item && (in.feedback(row, slot) & feedback::accepted) != 0;
      };
      std::int32_t appended = 0;
      for (std::int32_t slot = 0; slot < in.items.width(); ++slot) appended += taken(slot) ? 1 : 0;
      const std::int32_t before = std::max(0, in.history_size(row) - appended);
      const std::span<const ItemId> history = in.history.row(row).first(at(before));
      for (std::int32_t slot = 0; slot < in.items.width(); ++slot) {
        if (taken(slot)) out[at(row)] += model->value(in.items(row, slot), history);
      }
    }
  };
  return term;
}

}  // namespace veer
