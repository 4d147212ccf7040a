#include "agents/slate/tokens/slate_search.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace veer::slate {
namespace {

constexpr double no_mass = -std::numeric_limits<double>::infinity();
/// Below this a code counts as having this log-probability: sums over items then stay in the range of a
/// double, and every item keeps a finite log-probability.
constexpr double least_log_p = -200.0;

double bounded(float log_p) noexcept { return std::max(double{log_p}, least_log_p); }

/// ln(1 - e^x) for x <= 0.
double log_one_minus_exp(double x) noexcept {
  return x > -0.6931471805599453 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

/// Standard Gumbel from 24 random bits, which never make 0 or 1.
double gumbel(float uniform_value) noexcept {
  return -std::log(-std::log(double{uniform_value} + 0x1.0p-25));
}

/// The maximum `perturbed` of an entry, given that the maximum over it and its siblings is `most` and has to
/// be `wanted` (Kool et al. 2019, appendix B.3, the form that cancels nothing).
double condition_on_maximum(double perturbed, double most, double wanted) noexcept {
  if (perturbed == no_mass) return no_mass;
  const double v = wanted - perturbed + log_one_minus_exp(perturbed - most);
  return wanted - std::max(0.0, v) - std::log1p(std::exp(-std::abs(v)));
}

}  // namespace

bool SlateSearch::before(std::int32_t a, std::int32_t b) const noexcept {
  const Entry& x = entries_[at(a)];
  const Entry& y = entries_[at(b)];
  if (x.score != y.score) return x.score > y.score;
  // What may still hold a lower id at the same score is opened first.
  const ItemId item_x = catalogue_->tree().item(x.node), item_y = catalogue_->tree().item(y.node);
  return item_x != item_y ? item_x < item_y : x.node < y.node;
}

void SlateSearch::push(const Entry& entry) {
  entries_.push_back(entry);
  heap_.push_back(static_cast<std::int32_t>(entries_.size()) - 1);
  std::push_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return before(b, a); });
}

std::span<const std::int32_t> SlateSearch::prefix_of(std::int32_t entry) {
  prefix_.resize(at(std::min(entries_[at(entry)].depth, catalogue_->levels())));
  for (std::int32_t e = entry; entries_[at(e)].depth > 0; e = entries_[at(e)].parent) {
    if (entries_[at(e)].depth <= catalogue_->levels())
      prefix_[at(entries_[at(e)].depth) - 1] = entries_[at(e)].code;
  }
  return prefix_;
}

/// Opens the entry that promises most until enough items are out. `expand(entry)` fills children_.
template <class Expand>
void SlateSearch::search(const Entry& root, const Expand& expand, const SlateChoice& out) {
  assert(std::ssize(out.items) <= catalogue_->shown());
  entries_.clear();
  heap_.clear();
  push(root);
  for (std::size_t k = 0; k < out.items.size();) {
    std::pop_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return before(b, a); });
    const std::int32_t top = heap_.back();
    heap_.pop_back();
    const ItemId item = catalogue_->tree().item(entries_[at(top)].node);
    if (item != no_item) {
      out.items[k] = item;
      out.log_prob[k++] = entries_[at(top)].log_prob;
      continue;
    }
    expand(top);
    for (const Entry& child : children_) push(child);
  }
}

double SlateSearch::mixed(double log_share, std::int32_t node, double explore) const {
  if (explore == 0.0) return log_share;
  const double even = double(catalogue_->tree().leaves(node)) / double(catalogue_->shown());
  return std::log((1.0 - explore) * std::exp(log_share) + explore * even);
}

void SlateSearch::mix_items(double explore, const SlateChoice& out) const {
  if (explore == 0.0) return;
  const double even = 1.0 / double(catalogue_->shown());
  for (double& value : out.log_prob) value = std::log((1.0 - explore) * std::exp(value) + explore * even);
}

void SlateSearch::sum_below(View<const float> log_p) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  below_.resize(at(tree.nodes()));
  weight_.resize(at(catalogue_->levels()) * at(catalogue_->codes()));
  for (std::int32_t l = 0; l < catalogue_->levels(); ++l) {
    for (std::int32_t c = 0; c < catalogue_->codes(); ++c) {
      weight_[at(l) * at(catalogue_->codes()) + at(c)] = std::exp(bounded(log_p(l, c)));
    }
  }
  const std::int32_t levels = catalogue_->levels();
  for (std::int32_t node = catalogue_->level_begin(levels); node < tree.nodes(); ++node) {
    below_[at(node)] = tree.leaves(node);
  }
  for (std::int32_t depth = levels - 1; depth >= 0; --depth) {
    const double* weight = weight_.data() + at(depth) * at(catalogue_->codes()) -
                           catalogue_->model().ids.layout().token(depth, 0);
    for (std::int32_t node = catalogue_->level_begin(depth); node < catalogue_->level_begin(depth + 1);
         ++node) {
      const auto tokens = tree.child_tokens(node);
      const double* child = tokens.empty() ? nullptr : below_.data() + tree.child_nodes(node).front();
      double sum = 0.0;
      for (std::size_t i = 0; i < tokens.size(); ++i) sum += weight[tokens[i]] * child[i];
      below_[at(node)] = sum;
    }
  }
}

void SlateSearch::best_below(View<const float> log_p) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  below_.assign(at(tree.nodes()), 0.0);
  for (std::int32_t depth = catalogue_->levels() - 1; depth >= 0; --depth) {
    for (std::int32_t node = catalogue_->level_begin(depth); node < catalogue_->level_begin(depth + 1);
         ++node) {
      double most = no_mass;
      const auto tokens = tree.child_tokens(node);
      const auto nodes = tree.child_nodes(node);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        most =
            std::max(most, bounded(log_p(depth, catalogue_->code(depth, tokens[i]))) + below_[at(nodes[i])]);
      }
      below_[at(node)] = most;
    }
  }
}

void SlateSearch::best(View<const float> log_p, double explore, const SlateChoice& out) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  if (explore >= 1.0) {  // all alike
    std::vector<ItemId> ids(catalogue_->model().ids.by_tokens().begin(),
                            catalogue_->model().ids.by_tokens().end());
    std::partial_sort(ids.begin(), ids.begin() + std::ssize(out.items), ids.end());
    std::copy_n(ids.begin(), out.items.size(), out.items.begin());
    std::ranges::fill(out.log_prob, -std::log(double(catalogue_->shown())));
    return;
  }
  sum_below(log_p);
  const double log_total = std::log(below_[nn::PrefixTrie::root]);
  best_below(log_p);
  const auto expand = [&](std::int32_t parent) {
    const Entry above = entries_[at(parent)];
    const auto prefix = prefix_of(parent);
    const auto tokens = tree.child_tokens(above.node);
    const auto nodes = tree.child_nodes(above.node);
    children_.clear();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      Entry child{0.0, 0.0, nodes[i], above.depth + 1, parent, catalogue_->code(above.depth, tokens[i])};
      // Summed from the last level to the first, as best_below() does: no bound is below what it bounds.
      child.score = below_[at(child.node)];
      if (above.depth < catalogue_->levels()) child.score += bounded(log_p(above.depth, child.code));
      for (std::size_t l = prefix.size(); l-- > 0;) {
        child.score += bounded(log_p(static_cast<std::int32_t>(l), prefix[l]));
      }
      child.log_prob = child.score - log_total;
      children_.push_back(child);
    }
  };
  search({below_[nn::PrefixTrie::root], 0.0, nn::PrefixTrie::root, 0, -1, 0}, expand, out);
  mix_items(explore, out);
}

/// Scores of children_ are the logs of their probabilities: they become the maxima of their subtrees'
/// perturbed log-probabilities, given the parent's.
void SlateSearch::perturb(std::int32_t parent, const StepKey& key) {
  double most = no_mass;
  for (Entry& child : children_) {
    child.score += gumbel(uniform(key, Stream::policy, static_cast<std::uint32_t>(child.node)));
    most = std::max(most, child.score);
  }
  for (Entry& child : children_) {
    child.score = condition_on_maximum(child.score, most, entries_[at(parent)].score);
  }
}

void SlateSearch::draw(View<const float> log_p, double explore, const StepKey& key, const SlateChoice& out) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  sum_below(log_p);
  const auto expand = [&](std::int32_t parent) {
    const Entry above = entries_[at(parent)];
    const auto tokens = tree.child_tokens(above.node);
    const auto nodes = tree.child_nodes(above.node);
    const double above_sum = std::log(below_[at(above.node)]);
    children_.clear();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      Entry child{0.0, 0.0, nodes[i], above.depth + 1, parent, catalogue_->code(above.depth, tokens[i])};
      // log_prob holds the share without exploration until the item is out.
      child.log_prob = above.log_prob + std::log(below_[at(child.node)]) - above_sum;
      if (above.depth < catalogue_->levels()) child.log_prob += bounded(log_p(above.depth, child.code));
      child.score = mixed(child.log_prob, child.node, explore);
      children_.push_back(child);
    }
    perturb(parent, key);
  };
  search({0.0, 0.0, nn::PrefixTrie::root, 0, -1, 0}, expand, out);
  mix_items(explore, out);
}

void SlateSearch::expand_dependent(std::int32_t parent, const NextToken& next, double explore) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  const Entry above = entries_[at(parent)];
  const auto tokens = tree.child_tokens(above.node);
  const auto nodes = tree.child_nodes(above.node);
  const bool last = above.depth == catalogue_->levels();
  double total = 0.0, most = 0.0;
  if (!last) {
    next_.resize(at(catalogue_->codes()));
    next(prefix_of(parent), next_);
    most = no_mass;
    for (const std::int32_t token : tokens)
      most = std::max(most, bounded(next_[at(catalogue_->code(above.depth, token))]));
    for (const std::int32_t token : tokens)
      total += std::exp(bounded(next_[at(catalogue_->code(above.depth, token))]) - most);
  }
  children_.clear();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Entry child{0.0, 0.0, nodes[i], above.depth + 1, parent, catalogue_->code(above.depth, tokens[i])};
    child.log_prob = above.log_prob + (last ? -std::log(double(tokens.size()))
                                            : bounded(next_[at(child.code)]) - (most + std::log(total)));
    child.score = mixed(child.log_prob, child.node, explore);
    children_.push_back(child);
  }
}

void SlateSearch::best(const NextToken& next, double explore, const SlateChoice& out) {
  if (explore >= 1.0) {
    const std::vector<float> zeros(at(catalogue_->levels()) * at(catalogue_->codes()), 0.0F);
    best(View<const float>(zeros.data(), catalogue_->levels(), catalogue_->codes()), 1.0, out);
    return;
  }
  const auto expand = [&](std::int32_t parent) {
    expand_dependent(parent, next, 0.0);  // exploration changes no order
  };
  search({0.0, 0.0, nn::PrefixTrie::root, 0, -1, 0}, expand, out);
  mix_items(explore, out);
}

void SlateSearch::draw(const NextToken& next, double explore, const StepKey& key, const SlateChoice& out) {
  const auto expand = [&](std::int32_t parent) {
    expand_dependent(parent, next, explore);
    perturb(parent, key);
  };
  search({0.0, 0.0, nn::PrefixTrie::root, 0, -1, 0}, expand, out);
  mix_items(explore, out);
}

double SlateSearch::log_sum(View<const float> log_p, View<float> share) {
  const nn::PrefixTrie& tree = catalogue_->tree();
  sum_below(log_p);
  const double total = below_[nn::PrefixTrie::root];
  reach_.assign(at(tree.nodes()), 0.0);
  reach_[nn::PrefixTrie::root] = 1.0 / total;
  for (std::int32_t l = 0; l < catalogue_->levels(); ++l) {
    const double* weight = weight_.data() + at(l) * at(catalogue_->codes());
    std::vector<double>& sums = row_;
    sums.assign(at(catalogue_->codes()), 0.0);
    for (std::int32_t node = catalogue_->level_begin(l); node < catalogue_->level_begin(l + 1); ++node) {
      const auto tokens = tree.child_tokens(node);
      const auto nodes = tree.child_nodes(node);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::int32_t code = catalogue_->code(l, tokens[i]);
        const double down = reach_[at(node)] * weight[code];
        reach_[at(nodes[i])] = down;
        sums[at(code)] += down * below_[at(nodes[i])];
      }
    }
    for (std::int32_t c = 0; c < catalogue_->codes(); ++c) share(l, c) = static_cast<float>(sums[at(c)]);
  }
  return std::log(total);
}

double slate_log_prob(std::span<const double> item_log_prob) noexcept {
  double total = 0.0, left = 1.0;
  for (const double each : item_log_prob) {
    total += each - std::log(std::max(left, 1e-12));
    left -= std::exp(each);
  }
  return std::min(total, 0.0);
}

}  // namespace veer::slate
