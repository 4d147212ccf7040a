// A person who stands where her newest item is: person vectors without a network.
#pragma once

#include <algorithm>
#include <vector>

#include "agents/guidance/person_vectors.h"
#include "env/types.h"

namespace veer::testing {

class LastItemPerson final : public PersonVectors {
 public:
  explicit LastItemPerson(View<const float> table)
      : width_(table.width()), table_(table.data(), table.data() + at(table.rows()) * at(table.width())) {}

  std::int32_t width() const noexcept override { return width_; }
  std::int32_t state_width() const noexcept override { return width_; }
  void begin(Rows rows, const Observation& seen, View<float> state, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const std::int32_t size = seen.history_size(row);
      const ItemId newest = size == 0 ? no_item : seen.history(row, size - 1);
      std::copy_n(table_.begin() + std::int64_t{newest} * width_, width_, state.row(row).begin());
    }
  }
  void follow(Rows rows, const Observation& seen, View<float> state, Workspace& workspace) const override {
    begin(rows, seen, state, workspace);
  }

 private:
  std::int32_t width_;
  std::vector<float> table_;
};

}  // namespace veer::testing
