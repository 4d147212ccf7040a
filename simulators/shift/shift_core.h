// What all people of one shift_user share: the frozen network, the item table, the rates as numbers, and
// where in a row of user_state each part of a person stands. Private to shift_user*.cpp.
//
// Thread-safety: immutable after construction, shared by every ShiftUser made from it. Torch-free.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "simulators/shift/shift_reader.h"
#include "simulators/shift/shift_scorer.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {

struct ShiftUser::Core {
  /// `like`: null, or people to share with.
  Core(ShiftModel given, const Core* like)
      : reader(reader_for(given.base, like)),
        scorer(scorer_for(given, *reader, like)),
        model(with_base(std::move(given), reader->network())),
        items(scorer->items()),
        rates(model.parameters.rates()),
        targets(rates.moves ? items->targets(model.parameters) : std::vector<float>{}),
        layout{items->width(), model.facts.attributes, model.recent_items},
        effects(effects_of(model.parameters, items->spread())) {
    spec = {.kind = "shift_user",
            .items = items->items(),
            .state_width = layout.size(),
            .positions = model.base.config().positions,
            .modifiers = {modifier_names.begin(), modifier_names.end()}};
  }

  static std::shared_ptr<const Reader> reader_for(const nn::SequenceModel& base, const Core* like) {
    auto own = std::make_shared<const Reader>(base);
    return like != nullptr && like->reader->id() == own->id() ? like->reader : own;
  }
  static std::shared_ptr<const Scorer> scorer_for(const ShiftModel& model, const Reader& reader,
                                                  const Core* like) {
    if (like != nullptr && like->reader.get() == &reader && like->model.facts == model.facts) {
      return like->scorer;
    }
    return std::make_shared<const Scorer>(
        std::make_shared<const Items>(model.facts, item_vectors(model.base), model.base.config().hidden));
  }
  static ShiftModel with_base(ShiftModel model, const nn::SequenceModel& base) {
    model.base = base;
    return model;
  }

  const std::shared_ptr<const Reader> reader;
  const std::shared_ptr<const Scorer> scorer;
  const ShiftModel model;
  const std::shared_ptr<const Items> items;
  const Rates rates;
  const std::vector<float> targets;  ///< [N + 1, d]; empty when acceptance does not move taste
  const StateLayout layout;
  const Effects effects;
  UserModelSpec spec;

  std::span<float> taste(std::span<float> s) const { return s.first(width()); }
  std::span<const float> taste(std::span<const float> s) const { return s.first(width()); }
  std::span<const float> long_term(std::span<const float> s) const { return s.subspan(width(), width()); }
  template <class T>
  std::span<T> boredom(std::span<T> s) const {
    return s.subspan(2 * width(), static_cast<std::size_t>(layout.attributes));
  }
  template <class T>
  std::span<T> recent(std::span<T> s) const {
    return s.subspan(2 * width() + static_cast<std::size_t>(layout.attributes),
                     static_cast<std::size_t>(layout.recent));
  }
  std::size_t width() const { return static_cast<std::size_t>(layout.width); }
};

}  // namespace veer::shift
