#include "env/data/attribute_table.h"

namespace veer {

AttributeTable::AttributeTable(const Catalogue& catalogue)
    : items_(catalogue.size()), words_((catalogue.attribute_names.size() + 63) / 64) {
  if (catalogue.attribute_offsets.size() != static_cast<std::size_t>(items_) + 2) words_ = 0;
  if (words_ == 0) return;
  bits_.assign((static_cast<std::size_t>(items_) + 1) * words_, 0);
  for (ItemId item = 1; item <= items_; ++item) {
    for (const std::int32_t attribute : catalogue.attributes_of(item)) {
      const auto a = static_cast<std::size_t>(attribute);
      bits_[static_cast<std::size_t>(item) * words_ + a / 64] |= std::uint64_t{1} << (a % 64);
    }
  }
}

}  // namespace veer
