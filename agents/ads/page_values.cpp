#include "agents/ads/page_values.h"

#include <algorithm>
#include <limits>

namespace veer::ads {
namespace {

constexpr std::int32_t slot_width = 3;     ///< is it an ad, its chance of a click, its worth
constexpr std::int32_t crossed_width = 8;  ///< of a slot once crossed

void describe_slot(const Offered& offered, bool ad, std::vector<float>& out) {
  out.push_back(ad ? 1.0F : 0.0F);
  out.push_back(offered.click);
  out.push_back(offered.worth);
}

}  // namespace

AdValues::AdValues(const PageLayout& layout, std::int32_t hidden)
    : layout_(layout),
      value_({layout.features(), hidden, 1}),
      crossing_({layout.state + 1 + 2 * slot_width, hidden, crossed_width}),
      page_({crossed_width * layout.slots, hidden, 1}),
      crossing_first_(value_.parameters()),
      page_first_(crossing_first_ + crossing_.parameters()) {}

void AdValues::initialise(std::uint64_t seed, std::span<float> parameters) const {
  value_.initialise(seed, 0, parameters.first(value_.parameters()));
  crossing_.initialise(seed, 1, parameters.subspan(crossing_first_, crossing_.parameters()));
  page_.initialise(seed, 2, parameters.subspan(page_first_, page_.parameters()));
}

float AdValues::advantage(std::span<const float> parameters, const PageRequest& request,
                          std::span<const std::int32_t> order, std::int32_t mask, PagePass& pass) const {
  pass.slots.resize(at(layout_.slots));
  std::vector<float> crossed, input, slot, before(at(slot_width), 0.0F);
  std::int32_t next_item = 0, next_ad = 0;
  for (std::int32_t k = 0; k < layout_.slots; ++k) {
    const bool ad = has_ad(mask, k);
    slot.clear();
    describe_slot(ad ? request.ad(next_ad++) : request.item(order[at(next_item++)]), ad, slot);
    input.assign(request.state().begin(), request.state().end());
    input.push_back(static_cast<float>(k) / static_cast<float>(layout_.slots));
    input.insert(input.end(), slot.begin(), slot.end());
    input.insert(input.end(), before.begin(), before.end());
    const std::span<const float> out =
        crossing_.forward(parameters.subspan(crossing_first_), input, pass.slots[at(k)]);
    for (const float each : out) crossed.push_back(std::max(0.0F, each));
    before = slot;
  }
  return page_.forward(parameters.subspan(page_first_), crossed, pass.page)[0];
}

void AdValues::add_advantage(std::span<const float> parameters, const PagePass& pass, float slope,
                             std::span<float> gradient) const {
  std::vector<float> crossed(at(page_.inputs()));
  page_.backward(parameters.subspan(page_first_), pass.page, std::span(&slope, 1),
                 gradient.subspan(page_first_), crossed);
  for (std::int32_t k = 0; k < layout_.slots; ++k) {
    const std::span<float> of_slot = std::span(crossed).subspan(at(k * crossed_width), at(crossed_width));
    const std::span<const float> out = pass.slots[at(k)].output();
    for (std::size_t d = 0; d < of_slot.size(); ++d) {
      if (out[d] <= 0.0F) of_slot[d] = 0.0F;
    }
    crossing_.backward(parameters.subspan(crossing_first_), pass.slots[at(k)], of_slot,
                       gradient.subspan(crossing_first_));
  }
}

void AdValues::masks(std::span<const float> parameters, std::span<const float> features,
                     std::span<const std::int32_t> order, std::span<float> out) const {
  const PageRequest request(layout_, features);
  DenseNetwork::Pass state;
  PagePass pass;
  const float plain = value_.forward(parameters, features, state)[0];
  for (std::int32_t mask = 0; mask < layout_.masks(); ++mask) {
    out[at(mask)] = advantage(parameters, request, order, mask, pass);
  }
  const float none = out[0];
  for (float& value : out) value += plain - none;
}

float AdValues::value(std::span<const float> parameters, std::span<const float> features,
                      std::span<const std::int32_t> order, std::int32_t mask) const {
  const PageRequest request(layout_, features);
  DenseNetwork::Pass state;
  PagePass pass;
  const float plain = value_.forward(parameters, features, state)[0];
  const float with = advantage(parameters, request, order, mask, pass);
  return plain + with - advantage(parameters, request, order, 0, pass);
}

void AdValues::add_gradient(std::span<const float> parameters, std::span<const float> features,
                            std::span<const std::int32_t> order, std::int32_t mask, float slope,
                            std::span<float> gradient) const {
  const PageRequest request(layout_, features);
  DenseNetwork::Pass state;
  value_.forward(parameters, features, state);
  value_.backward(parameters, state, std::span(&slope, 1), gradient);
  if (mask == 0) return;  // A(s, none) cancels
  PagePass pass;
  advantage(parameters, request, order, mask, pass);
  add_advantage(parameters, pass, slope, gradient);
  advantage(parameters, request, order, 0, pass);
  add_advantage(parameters, pass, -slope, gradient);
}

ItemValues::ItemValues(const PageLayout& layout, std::int32_t hidden)
    : layout_(layout), network_({layout.state + slot_width, hidden, 1}) {}

void ItemValues::initialise(std::uint64_t seed, std::span<float> parameters) const {
  network_.initialise(seed, 3, parameters);
}

float ItemValues::value(std::span<const float> parameters, const PageRequest& request, std::int32_t candidate,
                        std::int32_t rank, DenseNetwork::Pass& pass) const {
  std::vector<float> input(request.state().begin(), request.state().end());
  const Offered item = request.item(candidate);
  input.insert(input.end(),
               {static_cast<float>(rank) / static_cast<float>(layout_.slots), item.click, item.worth});
  return network_.forward(parameters, input, pass)[0];
}

void ItemValues::add_gradient(std::span<const float> parameters, const DenseNetwork::Pass& pass, float slope,
                              std::span<float> gradient) const {
  network_.backward(parameters, pass, std::span(&slope, 1), gradient);
}

std::vector<std::int32_t> ItemValues::order(std::span<const float> parameters,
                                            const PageRequest& request) const {
  std::vector<std::int32_t> out;
  std::vector<std::uint8_t> used(at(layout_.candidates), 0);
  DenseNetwork::Pass pass;
  for (std::int32_t rank = 0; rank < layout_.slots; ++rank) {
    float highest = -std::numeric_limits<float>::infinity();
    std::int32_t best = -1;
    for (std::int32_t c = 0; c < layout_.candidates; ++c) {
      if (used[at(c)] != 0) continue;
      const float q = value(parameters, request, c, rank, pass);
      if (best >= 0 && !(q > highest)) continue;
      highest = q;
      best = c;
    }
    used[at(best)] = 1;
    out.push_back(best);
  }
  return out;
}

}  // namespace veer::ads
