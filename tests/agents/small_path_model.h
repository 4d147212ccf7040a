// A catalogue of six items with ids of two digits, and a small path model over it.
#pragma once

#include <memory>
#include <vector>

#include "agents/generative/path_model.h"

namespace veer {

/// Items 1..6; 1 and 2 share their first token, as do 3, 4 and 5.
inline std::shared_ptr<const nn::SemanticIds> six_items() {
  const nn::SemanticIdLayout layout{2, 3};
  std::vector<std::int32_t> tokens{0, 0};
  for (const auto& [first, second] :
       std::vector<std::pair<int, int>>{{0, 0}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 1}}) {
    tokens.push_back(layout.token(0, first));
    tokens.push_back(layout.token(1, second));
  }
  return std::make_shared<const nn::SemanticIds>(layout, tokens);
}

/// Items 1..30: five with each first token.
inline std::shared_ptr<const nn::SemanticIds> thirty_items() {
  const nn::SemanticIdLayout layout{2, 6};
  std::vector<std::int32_t> tokens{0, 0};
  for (std::int32_t item = 0; item < 30; ++item) {
    tokens.push_back(layout.token(0, item / 5));
    tokens.push_back(layout.token(1, item % 5));
  }
  return std::make_shared<const nn::SemanticIds>(layout, tokens);
}

inline PathModel small_path_model(std::uint64_t seed = 3,
                                  std::shared_ptr<const nn::SemanticIds> ids = six_items()) {
  nn::Seq2SeqConfig sizes;
  sizes.width = 16;
  sizes.inner = 24;
  sizes.heads = 2;
  sizes.head_width = 8;
  sizes.encoder_layers = sizes.decoder_layers = 2;
  return initial_path_model(std::move(ids), sizes, 4, seed);
}

}  // namespace veer
