// A model of behaviours made ready for answering: everything that depends on frozen weights alone is
// multiplied out once, and nothing is computed that the newest place does not need. Internal to
// simulators/behaviours.
//
// - Encodings of items are a table. What was done with an item is one of few sets: its share of a place, and
//   of that place's first queries, keys and values, is a table, which leaves half of that product.
// - In the last layer only the newest place asks. With Wk_h, Wv_h the maps of head h and q_h its query,
//     q_h . (Wk_h x_t + bk_h) = (Wk_h' q_h) . x_t + what is the same for all t and drops out of the softmax
//     sum_t w_t (Wv_h x_t + bv_h) = Wv_h (sum_t w_t x_t) + bv_h sum_t w_t
//   so neither keys nor values of that layer are ever formed.
// - Without dropout the first layer's queries, keys and values of a place are a sum of what its item, its
//   position and what was done say, all three tables, but for the two moments of the norm in front; and
//   places that nothing fills are the same for everybody.
// Nothing is kept from step to step: positions count from the newest item, so every click moves all of them.
//
// Thread-safety: immutable; scratch belongs to one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "env/nn/dense/panels.h"
#include "env/random.h"
#include "simulators/behaviours/behaviour_kernels.h"
#include "simulators/behaviours/behaviour_model.h"

namespace veer::behaviour {

/// Somebody whose history is to be read.
struct Reader {
  const float* person = nullptr;    ///< [E] of encode_person()
  std::span<const ItemId> history;  ///< oldest first, at most sizes.history
  const float* done = nullptr;      ///< [history places] what was done with each, as answers, the newest last
  StepKey key{};                    ///< of the dropout masks
};

/// Where each dropout mask of one read begins, in blocks of Stream::dropout: masks are drawn in the order of
/// the forward pass, each over all places (attention: [heads, places, places]), as nn::DropoutMasks draws
/// them.
struct MaskPlan {
  explicit MaskPlan(const BehaviourSizes& sizes);
  std::uint32_t person = 0, places = 0, hidden = 0;
  struct Layer {
    std::uint32_t attention = 0, out = 0, inner = 0, end = 0;
  };
  std::vector<Layer> layers;
};

/// Values first .. first + out.size() - 1 of the mask that begins at `block`.
void fill_mask(const StepKey& key, std::uint32_t block, std::int64_t first, float rate,
               std::vector<float>& scratch, std::span<float> out);

/// Buffers for a few people at a time.
struct Scratch {
  explicit Scratch(const BehaviourSizes& sizes);
  std::vector<float> x, qkv, context, y, inner, state, hidden, last;  ///< values
  std::vector<float> mask, part, attention, weights;
  std::vector<std::int32_t> items;
  std::vector<std::int32_t> first;  ///< of each person: the first place that has to be computed
};

class Tables {
 public:
  explicit Tables(const BehaviourModel& model);
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  std::int32_t items() const noexcept { return sizes_.items; }
  const BehaviourSizes& sizes() const noexcept { return sizes_; }
  /// Floats that the queries of one person take: [behaviours, queries, E].
  std::int32_t query_width() const noexcept { return sizes_.count() * sizes_.queries * sizes_.encoding; }

  /// A person before the norm [E]: dropout comes between.
  void encode_person(UserId user, std::span<const float> profile, float* out) const;
  /// The bits of an answer that the model knows.
  std::uint8_t known(std::uint8_t answer) const noexcept { return answer & known_; }
  /// Queries [people, query_width()] after these histories. `dropout` 0: none.
  void read(std::span<const Reader> people, float dropout, Scratch&, float* out) const;
  const float* item(ItemId item) const noexcept { return encodings_.data() + at(item) * at(sizes_.encoding); }
  /// What an item's score for behaviour number b is, offset included.
  float score(ItemId which, std::int32_t b, const float* queries) const noexcept;
  /// out[i] is item i's score for the click, 0..N; out has N + 1 places. scratch as long.
  void click_scores(const float* queries, std::span<float> out, std::vector<float>& scratch) const;

 private:
  struct Map {
    nn::Panels weight;
    const float* offset = nullptr;
  };
  struct Layer {
    Map in, out, inner1, inner2;
    Norm norm1, norm2;
    std::vector<nn::Panels> keys, values;  ///< [heads] from a query to its direction; from a mean to a value
    const float* value_offset = nullptr;   ///< [D]
  };

  const float* at_part(const BehaviourModel& model, const std::string& name) const;
  Map map_of(const BehaviourModel& model, const std::string& name) const;
  Norm norm_of(const BehaviourModel& model, const std::string& name) const;
  void encode_items(const BehaviourModel& model);
  void tabulate_sets(const BehaviourModel& model);
  void tabulate_first_layer(const BehaviourModel& model);
  void build_places(const Reader& reader, std::int32_t number, float dropout, Scratch&) const;
  void whole_layer(std::int32_t l, std::span<const Reader> people, float dropout, Scratch&) const;
  void last_layer(std::span<const Reader> people, float dropout, Scratch&) const;
  void read_state(std::span<const Reader> people, float dropout, Scratch&, float* out) const;

  BehaviourSizes sizes_;
  MaskPlan plan_;
  std::vector<float> weights_;  ///< the model's: what is read as it is
  std::vector<float> offsets_;
  std::vector<float> encodings_;  ///< [N + 1, E]
  std::uint8_t known_ = 0;
  std::array<std::int32_t, 256> set_of_{};          ///< row of the two tables that an answer reads
  std::vector<float> set_places_;                   ///< [sets, E]
  std::vector<float> set_first_;                    ///< [sets, 3 D] of the first layer, its offset included
  nn::Panels first_;                                ///< the first layer's map of the other half of a place
  std::vector<float> item_first_, position_first_;  ///< [N + 1, 3 D] and [places, 3 D]; empty: too many items
  std::vector<float> gain_first_;                   ///< [3 D] of the norm's gain
  std::vector<float> set_plain_first_;              ///< [sets, 3 D] with what the norm's offset adds
  std::vector<float> empty_places_;                 ///< [places, D] after the first layer; only of two layers
  std::vector<Layer> layers_;
  Map state1_, state2_;
  const float* user_map_ = nullptr;  ///< weight, then offset
  const float* positions_ = nullptr;
  Norm user_norm_, item_norm_, encoding_norm_, state_norm_, query_norm_;
};

}  // namespace veer::behaviour
