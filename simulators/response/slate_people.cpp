#include "simulators/response/slate_people.h"

#include <algorithm>

namespace veer {

std::span<const ItemId> SlatePeople::history(const SlateStart& start, std::int32_t capacity) const noexcept {
  const std::int32_t size = std::min(start.liked, capacity);
  const std::int64_t end = offsets[at(start.user)] + start.liked;
  return std::span(liked).subspan(at(end - size), at(size));
}

std::size_t SlatePeople::bytes() const noexcept {
  return profiles.size() * sizeof(float) + offsets.size() * sizeof(std::int64_t) +
         liked.size() * sizeof(ItemId) + parts.size() * sizeof(Part) + starts.size() * sizeof(SlateStart);
}

}  // namespace veer
