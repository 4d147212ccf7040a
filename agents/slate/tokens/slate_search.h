// Slates out of token distributions: the most probable items, or a draw without replacement, by best-first
// search over the tree of tuples, so that only the parts of the catalogue that matter are looked at.
//
// An item's probability is
//   independent levels (soft residual): w_i / sum_j w_j with w_i = prod_l p_l(code_l(i)), over all items that
//     may be shown;
//   dependent levels (sampled residual): prod_l p_l(code_l(i) | codes before), each level's distribution
//     confined to the tokens that lead to an item, and items whose codes all agree sharing alike;
// and then (1 - explore) times that + explore / number of items.
//
// Draws: Gumbel top-K in the order of the draws, top-down over the tree (Kool, van Hoof, Welling, "Stochastic
// beams and where to find them", ICML 2019): as drawing one item after the other from what is left, exactly.
//
// Thread-safety: pure functions; a SlateSearch is scratch of one caller. Determinism: draws of a row are
// Philox of its key (Stream::policy, lane = node); equal probabilities go to the lower id.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "agents/slate/tokens/semantic_catalogue.h"
#include "env/random.h"
#include "env/types.h"

namespace veer::slate {

/// Log-probabilities of all codes of the next level after a prefix of codes (its length is the level).
/// `log_p`: [codes].
using NextToken = std::function<void(std::span<const std::int32_t> prefix, std::span<float> log_p)>;

struct SlateChoice {
  std::span<ItemId> items;     ///< [K], K <= catalogue.shown()
  std::span<double> log_prob;  ///< [K] natural log of each item's own probability
};

class SlateSearch {
 public:
  explicit SlateSearch(const SemanticCatalogue& catalogue) : catalogue_(&catalogue) {}

  /// Independent levels. `log_p`: [levels, codes], natural logs; below -200 counts as -200. `explore`: 0..1.
  void best(View<const float> log_p, double explore, const SlateChoice& out);
  void draw(View<const float> log_p, double explore, const StepKey& key, const SlateChoice& out);

  /// Dependent levels.
  void best(const NextToken& next, double explore, const SlateChoice& out);
  void draw(const NextToken& next, double explore, const StepKey& key, const SlateChoice& out);

  /// ln sum_j w_j of independent levels, and of every code the share of that sum that goes through it:
  /// d ln sum / d log_p. `share`: [levels, codes].
  double log_sum(View<const float> log_p, View<float> share);

 private:
  struct Entry {
    double score = 0.0;     ///< no item below scores more
    double log_prob = 0.0;  ///< of all items below together (draws, dependent levels)
    std::int32_t node = 0;
    std::int32_t depth = 0;
    std::int32_t parent = -1;  ///< in entries_
    std::int32_t code = 0;
  };
  template <class Expand>
  void search(const Entry& root, const Expand& expand, const SlateChoice& out);
  void push(const Entry& entry);
  bool before(std::int32_t a, std::int32_t b) const noexcept;
  std::span<const std::int32_t> prefix_of(std::int32_t entry);
  void perturb(std::int32_t parent, const StepKey& key);
  void sum_below(View<const float> log_p);
  void best_below(View<const float> log_p);
  double mixed(double log_share, std::int32_t node, double explore) const;
  void mix_items(double explore, const SlateChoice& out) const;
  void expand_dependent(std::int32_t parent, const NextToken& next, double explore);

  const SemanticCatalogue* catalogue_;
  std::vector<Entry> entries_;
  std::vector<std::int32_t> heap_;  // entries, best first
  std::vector<std::int32_t> prefix_;
  std::vector<Entry> children_;  // of the entry in work
  std::vector<double> below_;    // [nodes] sum or maximum over the items below
  std::vector<double> reach_;    // [nodes] product of the probabilities above
  std::vector<double> weight_;   // [levels, codes]
  std::vector<double> row_;      // [codes]
  std::vector<float> next_;      // [codes]
};

/// Natural log of the probability of drawing these items one after the other without replacement, from
/// their log-probabilities: sum_k ln p_k - ln(1 - sum_{j<k} p_j) (Plackett and Luce).
double slate_log_prob(std::span<const double> item_log_prob) noexcept;

}  // namespace veer::slate
