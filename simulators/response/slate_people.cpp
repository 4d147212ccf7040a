#include "simulators/response/slate_people.h"

#include <algorithm>

namespace veer {

std::span<const ItemId> SlatePeople::history(const SlateStart& start, std::int32_t capacity) const noexcept {
  const std::int32_t size = std::min(start.liked, capacity);
  const std::int64_t end = offsets[at(start.user)] + start.liked;
  return std::span(liked).subspan(at(end - size), at(size));
}

void SlatePeople::done_with(UserId user, std::span<const ItemId> history,
                            std::span<std::uint8_t> out) const noexcept {
  std::ranges::fill(out, feedback::accepted);
  if (done.empty() || user < 0 || user >= size()) return;
  const std::int64_t first = offsets[at(user)];
  const std::span<const ItemId> list = std::span(liked).subspan(at(first), at(offsets[at(user) + 1] - first));
  const auto found = std::search(list.begin(), list.end(), history.begin(), history.end());
  if (history.empty() || found == list.end()) return;
  const std::int64_t place = first + (found - list.begin());
  std::copy_n(done.begin() + place, out.size(), out.begin());
}

std::size_t SlatePeople::bytes() const noexcept {
  return done.size() + profiles.size() * sizeof(float) + offsets.size() * sizeof(std::int64_t) +
         liked.size() * sizeof(ItemId) + parts.size() * sizeof(Part) + starts.size() * sizeof(SlateStart);
}

}  // namespace veer
