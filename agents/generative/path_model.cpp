#include "agents/generative/path_model.h"

namespace veer {

std::int32_t longest_prompt_history(const nn::SemanticIds& ids) noexcept {
  return (most_prompt_tokens - 1) / ids.layout().digits - 1;
}

void check_prompt(const nn::SemanticIds& ids, std::int32_t most_history) {
  nn::require_range("most_history", most_history, 1, longest_prompt_history(ids));
}

PathModel initial_path_model(std::shared_ptr<const nn::SemanticIds> ids, nn::Seq2SeqConfig sizes,
                             std::int32_t most_history, std::uint64_t seed) {
  check_prompt(*ids, most_history);
  sizes.vocabulary = ids->layout().vocabulary();
  return {std::move(ids), nn::Seq2SeqModel::initialise(sizes, seed, "cpu"), most_history};
}

}  // namespace veer
