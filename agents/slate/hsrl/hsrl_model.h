// The weights of an HSRL policy together with the catalogue they act on. Torch-free header.
//
// Thread-safety: immutable, shared by all workers. Ownership: copies share weights and catalogue.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agents/slate/hsrl/hsrl_options.h"
#include "agents/slate/tokens/semantic_catalogue.h"
#include "agents/slate/tokens/slate_search.h"
#include "env/named_arrays.h"
#include "env/types.h"

namespace veer::slate {

class HsrlModel {
 public:
  /// Fresh weights.
  HsrlModel(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
            std::uint64_t seed);
  /// Stored weights, as actor_layout() names them. Throws FormatError when names or shapes do not fit,
  /// ConfigError when network and catalogue do not: other levels, more codes than tokens, another width.
  HsrlModel(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
            const NamedArrays& weights);
  /// The same weights on another state of the catalogue, to be shown from the next step on. Throws
  /// ConfigError when it has other levels or wider codes.
  HsrlModel on(std::shared_ptr<const SemanticCatalogue> catalogue) const;

  const HsrlOptions& options() const noexcept { return options_; }
  const SemanticCatalogue& catalogue() const noexcept { return *catalogue_; }
  const std::shared_ptr<const SemanticCatalogue>& shared_catalogue() const noexcept { return catalogue_; }
  NamedArrays weights() const;

  /// What a search needs of some rows: states and, for the soft residual, all token log-probabilities.
  struct Reading {
    std::vector<float> states;  ///< [rows, width]
    std::vector<float> log_p;   ///< [rows, levels, V]
    std::int32_t width = 0, levels = 0, vocabulary = 0;

    View<const float> row(std::int32_t r) const noexcept {
      return {log_p.data() + at(r) * at(levels) * at(vocabulary), levels, vocabulary};
    }
  };
  /// One evaluation of the network per row. `keys`: not empty: with dropout, masks by these keys.
  void read(View<const ItemId> history, View<const std::int32_t> size, std::span<const StepKey> keys,
            Reading& out) const;
  /// Log-probabilities of the tokens after a prefix of chosen ones, for the sampled residual. `state`:
  /// [width]; must outlive the result.
  NextToken next_token(std::span<const float> state) const;

 private:
  struct Weights;
  HsrlOptions options_;
  std::shared_ptr<const SemanticCatalogue> catalogue_;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace veer::slate
