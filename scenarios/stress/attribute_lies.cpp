#include "scenarios/stress/attribute_lies.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "scenarios/stress/lots.h"

namespace veer::stress {

std::vector<ItemId> told_items(const Perturbation& lie, std::size_t place, std::int32_t items,
                               std::uint64_t seed) {
  std::vector<ItemId> out(at(items) + 1);
  std::iota(out.begin(), out.end(), 0);
  const double wanted = std::round(double{lie.intensity} * static_cast<double>(items));
  if (wanted < 1.0 || items < 2) return out;
  const auto count = std::max<std::size_t>(2, static_cast<std::size_t>(wanted));
  std::vector<float> lots(out.size());
  for (ItemId item = 1; item <= items; ++item) lots[at(item)] = lot_of_item(item, place, seed);
  std::vector<ItemId> order(out.begin() + 1, out.end());
  std::ranges::sort(order, [&](ItemId a, ItemId b) {
    return lots[at(a)] != lots[at(b)] ? lots[at(a)] < lots[at(b)] : a < b;
  });
  for (std::size_t i = 0; i < count; ++i) out[at(order[i])] = order[(i + 1) % count];
  return out;
}

Catalogue told_catalogue(const Catalogue& catalogue, std::span<const ItemId> told) {
  Catalogue out = catalogue;
  out.attributes.clear();
  for (std::size_t item = 1; item < told.size(); ++item) {
    const std::span<const std::int32_t> said = catalogue.attributes_of(told[item]);
    out.attribute_offsets[item] = std::ssize(out.attributes);
    out.attributes.insert(out.attributes.end(), said.begin(), said.end());
  }
  out.attribute_offsets[told.size()] = std::ssize(out.attributes);
  return out;
}

std::vector<float> told_vectors(View<const float> table, std::span<const ItemId> told) {
  std::vector<float> out;
  out.reserve(told.size() * at(table.width()));
  for (const ItemId item : told) {
    const std::span<const float> vector = table.row(item);
    out.insert(out.end(), vector.begin(), vector.end());
  }
  return out;
}

}  // namespace veer::stress
