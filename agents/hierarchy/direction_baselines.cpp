#include "agents/hierarchy/direction_baselines.h"

namespace veer::hierarchy {
namespace {

class MixedDirection final : public Policy {
 public:
  MixedDirection(const std::string& name, std::int32_t dimensions, float moment, float long_term)
      : moment_(moment), long_term_(long_term) {
    spec_.name = name;
    spec_.action = ActionKind::vector;
    spec_.width = dimensions;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      for (std::int32_t d = 0; d < spec_.width; ++d) {
        actions.reals(row, d) =
            moment_ * seen.features(row, d) + long_term_ * seen.features(row, spec_.width + d);
      }
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  float moment_, long_term_;
};

}  // namespace

std::shared_ptr<const Policy> make_mixed_direction(const std::string& name, std::int32_t dimensions,
                                                   float moment, float long_term) {
  return std::make_shared<const MixedDirection>(name, dimensions, moment, long_term);
}

}  // namespace veer::hierarchy
