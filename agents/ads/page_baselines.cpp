#include "agents/ads/page_baselines.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "env/random.h"

namespace veer::ads {
namespace {

using ChooseMask = std::function<std::int32_t(const PageRequest&, const StepKey&)>;

class MaskPolicy final : public Policy {
 public:
  MaskPolicy(std::string name, const PageLayout& layout, bool shuffles, ChooseMask choose)
      : layout_(layout), shuffles_(shuffles), choose_(std::move(choose)) {
    spec_.name = std::move(name);
    spec_.action = ActionKind::vector;
    spec_.width = layout.reals();
  }
  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const PageRequest request(layout_, seen.features.row(row));
      std::vector<std::int32_t> order = by_clicks(layout_, request);
      if (shuffles_) shuffle(seen.key(row), Stream::policy, order);
      write_action(layout_, choose_(request, seen.key(row)), order, actions.reals.row(row));
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  PageLayout layout_;
  bool shuffles_;
  ChooseMask choose_;
};

}  // namespace

std::shared_ptr<const Policy> make_fixed_mask(const PageLayout& layout, std::int32_t mask) {
  std::string name = "fixed:";
  for (std::int32_t k = 0; k < layout.slots; ++k) name += has_ad(mask, k) ? 'a' : '-';
  return std::make_shared<const MaskPolicy>(name, layout, false,
                                            [mask](const PageRequest&, const StepKey&) { return mask; });
}

std::shared_ptr<const Policy> make_random_pages(const PageLayout& layout) {
  return std::make_shared<const MaskPolicy>(
      "random", layout, true, [layout](const PageRequest&, const StepKey& key) {
        return static_cast<std::int32_t>(
            uniform_below(static_cast<std::uint32_t>(layout.masks()), key, Stream::policy, 1U << 20));
      });
}

std::shared_ptr<const Policy> make_greedy_revenue(const PageLayout& layout, float look) {
  return std::make_shared<const MaskPolicy>(
      "greedy_revenue", layout, false, [layout, look](const PageRequest& request, const StepKey&) {
        std::int32_t best = 0;
        float most = 0.0F;
        for (std::int32_t mask = 0; mask < layout.masks(); ++mask) {
          float earned = 0.0F;
          std::int32_t next = 0;
          for (std::int32_t k = 0; k < layout.slots; ++k) {
            if (!has_ad(mask, k)) continue;
            const Offered ad = request.ad(next++);
            earned += std::pow(look, static_cast<float>(k)) * ad.click * ad.worth;
          }
          if (earned > most) {
            most = earned;
            best = mask;
          }
        }
        return best;
      });
}

}  // namespace veer::ads
