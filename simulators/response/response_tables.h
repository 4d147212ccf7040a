// A response model made ready for answering: everything that depends on frozen weights alone is multiplied
// out once. Internal to simulators/response.
//
// Let C_t be the concatenated heads of the self-attention at place t, S_t = Wo C_t + bo its output, and q2,
// k2, v2 the maps of the second attention. Only its one query changes from person to person, so
//   q2_h . k2_h(S_t) = (Wo' k2_h' q2_h(u)) . C_t + what is the same for all t and drops out of the softmax
//   sum_t w_t v2_h(S_t) = v2_h(Wo sum_t w_t C_t + bo)
// and neither S nor its keys and values are ever formed: a place costs its attention and two products of 16.
//
// Thread-safety: immutable; scratch belongs to one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "simulators/response/response_kernels.h"
#include "simulators/response/response_model.h"

namespace veer::response {

/// Buffers for one person at a time.
struct Scratch {
  explicit Scratch(const ResponseSizes& sizes);
  std::vector<const float*> rows;
  std::vector<float> queries, contexts, weights, hidden, mask;
};

class Tables {
 public:
  explicit Tables(const ResponseModel& model);

  std::int32_t items() const noexcept { return items_; }
  const ResponseSizes& sizes() const noexcept { return sizes_; }

  /// The rectified hidden layer [hidden]: all of a profile that dropout does not change.
  void read_hidden(std::span<const float> profile, float* hidden) const;
  /// u [16] of a hidden layer. `mask` [hidden] multiplies it; null: no dropout.
  void read_person(const float* hidden, const float* mask, Scratch&, float* u) const;
  /// Both in one, without dropout.
  void read_profile(std::span<const float> profile, Scratch&, float* u) const;
  /// The vector [16] whose product with an item's is its score. Reads the last `history` items of those
  /// given.
  void read_history(const float* u, std::span<const ItemId> history, Scratch&, float* q) const;
  const float* item(ItemId item) const noexcept { return embeddings_.data() + at(item) * width; }
  float score(ItemId which, const float* q) const noexcept { return dot16(item(which), q); }
  /// out[i] is item i's score, 0..N; out has padded(N + 1) places.
  void all_scores(const float* q, std::span<float> out) const noexcept;

 private:
  ResponseSizes sizes_;
  std::int32_t items_ = 0;
  std::vector<float> rows_;  ///< [N + 1, 48] query (scaled, to the base 2), key, value of the self-attention
  std::vector<float> embeddings_;  ///< [N + 1, 16]
  std::vector<float> blocks_;      ///< the same, 16 items by 16
  bool shifted_ = false;
  std::vector<float> profile1_, offset1_;            ///< [profile, hidden], [hidden]
  std::vector<float> profile2_, offset2_;            ///< [hidden, 16], [16]
  std::vector<float> direction_, direction_offset_;  ///< [16, heads * 16], [heads * 16]
  std::vector<float> output_, output_offset_;        ///< [16 + heads * 16, 16] of (u, pooled), [16]
};

}  // namespace veer::response
