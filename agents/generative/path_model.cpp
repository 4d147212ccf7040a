#include "agents/generative/path_model.h"

namespace veer {

PathModel initial_path_model(std::shared_ptr<const nn::SemanticIds> ids, nn::Seq2SeqConfig sizes,
                             std::int32_t most_history, std::uint64_t seed) {
  nn::require_range("most_history", most_history, 1, 1 << 12);
  sizes.vocabulary = ids->layout().vocabulary();
  return {std::move(ids), nn::Seq2SeqModel::initialise(sizes, seed, "cpu"), most_history};
}

}  // namespace veer
