#include "agents/slate/tokens/semantic_catalogue.h"

#include <algorithm>

#include "env/error.h"

namespace veer::slate {
namespace {

[[noreturn]] void reject_catalogue(const std::string& field, const std::string& found,
                                   const std::string& expected, const std::string& hint) {
  throw ConfigError(Where{{}, 0, field}, Problem{found, expected, hint});
}

}  // namespace

SemanticCatalogue::SemanticCatalogue(nn::SemanticIdModel model, View<const float> vectors)
    : model_(std::move(model)),
      levels_(model_.ids.layout().digits - 1),
      width_(vectors.width()),
      tree_(model_.ids) {
  if (levels_ < 1)
    reject_catalogue("semantic ids", "1 digit", "at least 2: one or more codes and the last digit", "");
  if (vectors.rows() != items() + 1) {
    reject_catalogue("item vectors", std::to_string(vectors.rows() - 1) + " items",
                     std::to_string(items()) + ", those of the semantic ids",
                     "build both from the same catalogue");
  }
  if (model_.codebooks && model_.codebooks->width() != width_) {
    reject_catalogue("item vectors", "width " + std::to_string(width_),
                     std::to_string(model_.codebooks->width()) + ", the width of the codebooks",
                     "the codebooks encode these very vectors");
  }
  for (std::int32_t row = 0; row < vectors.rows(); ++row) {
    const auto values = vectors.row(row);
    vectors_.insert(vectors_.end(), values.begin(), values.end());
  }
  std::fill_n(vectors_.begin(), width_, 0.0F);
  codes_.assign(at(items() + 1) * at(levels_), 0);
  for (const ItemId item : model_.ids.by_tokens()) {
    const auto tokens = model_.ids.tokens(item);
    for (std::int32_t l = 0; l < levels_; ++l) {
      codes_[at(item) * at(levels_) + at(l)] = code(l, tokens[at(l)]);
    }
  }
  level_begin_ = {0, 1};
  for (std::int32_t depth = 0; depth <= levels_; ++depth) {
    std::int32_t end = level_begin_.back();
    for (std::int32_t node = level_begin(depth); node < level_begin(depth + 1); ++node) {
      end += static_cast<std::int32_t>(tree_.child_nodes(node).size());
    }
    level_begin_.push_back(end);
  }
}

std::shared_ptr<const SemanticCatalogue> SemanticCatalogue::with_items(std::span<const ItemId> added,
                                                                       View<const float> vectors) const {
  if (!model_.codebooks) {
    reject_catalogue("semantic ids", "no codebooks", "the codebooks that the ids were made with",
                     "ids from a published table are closed: fit ids with veer fit semantic_ids");
  }
  nn::SemanticIdModel model{nn::add_items(model_.ids, *model_.codebooks, added, vectors, model_.first_digit),
                            model_.codebooks, model_.first_digit};
  std::vector<float> all = vectors_;
  all.resize(at(model.ids.items() + 1) * at(width_), 0.0F);
  for (std::size_t i = 0; i < added.size(); ++i) {
    std::ranges::copy(vectors.row(static_cast<std::int32_t>(i)),
                      all.begin() + std::ptrdiff_t{added[i]} * width_);
  }
  const std::int32_t rows = model.ids.items() + 1;
  return std::make_shared<SemanticCatalogue>(std::move(model), View<const float>(all.data(), rows, width_));
}

std::shared_ptr<const SemanticCatalogue> SemanticCatalogue::without_items(
    std::span<const ItemId> removed) const {
  return std::make_shared<SemanticCatalogue>(
      nn::SemanticIdModel{nn::remove_items(model_.ids, removed), model_.codebooks, model_.first_digit},
      vectors());
}

}  // namespace veer::slate
