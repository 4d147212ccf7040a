#include "simulators/shift/shift_effects.h"

namespace veer::shift {

Effects effects_of(const Parameters& parameters, float spread) {
  const Rates rates = parameters.rates();
  const bool learned_target = parameters.on().has(Mechanism::acceptance);
  Effects effects;
  effects.place.fill(-1);
  const auto add = [&](Effect effect, bool has, const char* name) {
    if (!has) return;
    effects.place[static_cast<std::size_t>(effect)] = static_cast<std::int32_t>(effects.names.size());
    effects.names.emplace_back(name);
  };
  add(Effect::acceptance, rates.moves, learned_target ? "acceptance" : "average");
  add(Effect::reactance, rates.reactance > 0.0F, "reactance");
  add(Effect::boredom, rates.boredom_weight > 0.0F, "boredom");
  add(Effect::exposure, rates.exposure != 0.0F, "exposure");
  add(Effect::forgetting, rates.forgetting > 0.0F, "forgetting");
  add(Effect::recovery, rates.boredom_weight > 0.0F, "recovery");
  add(Effect::drift, rates.drift > 0.0F && spread > 0.0F, "drift");
  return effects;
}

}  // namespace veer::shift
