#include "agents/generative/path_model.h"

namespace veer {

void check_prompt(const nn::SemanticIds& ids, std::int32_t most_history) {
  const std::int32_t longest = (most_prompt_tokens - 1) / ids.layout().digits - 1;
  nn::require_range("most_history", most_history, 1, longest);
}

PathModel initial_path_model(std::shared_ptr<const nn::SemanticIds> ids, nn::Seq2SeqConfig sizes,
                             std::int32_t most_history, std::uint64_t seed) {
  check_prompt(*ids, most_history);
  sizes.vocabulary = ids->layout().vocabulary();
  return {std::move(ids), nn::Seq2SeqModel::initialise(sizes, seed, "cpu"), most_history};
}

}  // namespace veer
