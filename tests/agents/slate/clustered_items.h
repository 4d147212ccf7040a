// Small catalogues for tests of slate agents: clusters of items in a few dimensions, with codebooks fitted on
// them.
#pragma once

#include <memory>
#include <vector>

#include "agents/slate/tokens/semantic_catalogue.h"
#include "env/nn/semantic_ids/item_changes.h"
#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "env/random.h"

namespace veer::toys {

inline constexpr std::int32_t item_width = 6;

/// [items + 1, item_width]: item i lies near the centre of cluster (i - 1) % clusters.
inline std::vector<float> clustered_vectors(std::int32_t items, std::int32_t clusters, float spread = 0.3F) {
  std::vector<float> out(at(items + 1) * at(item_width), 0.0F);
  for (ItemId item = 1; item <= items; ++item) {
    const StepKey centre{11, at((item - 1) % clusters), 0};
    const StepKey own{11, at(item), 1};
    for (std::int32_t d = 0; d < item_width; ++d) {
      out[at(item) * at(item_width) + at(d)] =
          2.0F * normal(centre, Stream::generate, static_cast<std::uint32_t>(d)) +
          spread * normal(own, Stream::generate, static_cast<std::uint32_t>(d));
    }
  }
  return out;
}

inline View<const float> rows_of(const std::vector<float>& vectors) {
  return {vectors.data(), static_cast<std::int32_t>(vectors.size()) / item_width, item_width};
}

inline std::shared_ptr<const slate::SemanticCatalogue> clustered_catalogue(std::int32_t items,
                                                                           std::int32_t clusters,
                                                                           std::int32_t levels = 3,
                                                                           std::int32_t codes = 8) {
  const std::vector<float> vectors = clustered_vectors(items, clusters);
  nn::CodebookOptions options;
  options.levels = levels;
  options.k_means.clusters = codes;
  nn::CodebookFit fit = nn::fit_codebooks(rows_of(vectors), options);
  nn::SemanticIds ids = nn::assign_ids(View<const std::int32_t>(fit.codes.data(), items + 1, levels), codes);
  return std::make_shared<slate::SemanticCatalogue>(
      nn::SemanticIdModel{std::move(ids), std::move(fit.codebooks)}, rows_of(vectors));
}

}  // namespace veer::toys
