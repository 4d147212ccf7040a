#include "agents/slate/tokens/slate_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "env/error.h"
#include "tests/agents/slate/clustered_items.h"
#include "tests/test.h"

namespace veer::slate {
namespace {

/// Random distributions over the codes of each level; `sharpness` scales the logits.
std::vector<float> random_levels(const SemanticCatalogue& catalogue, std::uint64_t seed, float sharpness) {
  std::vector<float> out;
  for (std::int32_t l = 0; l < catalogue.levels(); ++l) {
    std::vector<float> row(at(catalogue.codes()));
    fill_normal({seed, at(l), 0}, Stream::generate, row);
    double total = 0.0;
    for (float& value : row) total += std::exp(double{value *= sharpness});
    for (const float value : row) out.push_back(value - static_cast<float>(std::log(total)));
  }
  return out;
}

View<const float> view_of(const SemanticCatalogue& c, const std::vector<float>& levels) {
  return {levels.data(), c.levels(), c.codes()};
}

/// ln of each item's probability, item by item; -inf for an item that may not be shown.
std::vector<double> plain_log_probs(const SemanticCatalogue& c, View<const float> levels, double explore) {
  std::vector<double> out(at(c.items() + 1), -INFINITY);
  double total = 0.0;
  for (ItemId i = 1; i <= c.items(); ++i) {
    if (!c.model().ids.has(i)) continue;
    out[at(i)] = 0.0;
    for (std::int32_t l = 0; l < c.levels(); ++l) out[at(i)] += double{levels(l, c.codes_of(i)[at(l)])};
    total += std::exp(out[at(i)]);
  }
  for (double& each : out)
    each =
        std::log((1.0 - explore) * std::exp(each) / total + (each > -INFINITY ? explore / c.shown() : 0.0));
  return out;
}

struct Slate {
  std::vector<ItemId> items;
  std::vector<double> log_prob;
  explicit Slate(std::int32_t k) : items(at(k)), log_prob(at(k)) {}
  operator SlateChoice() { return {items, log_prob}; }
};

/// A level-dependent distribution: the base, shifted by the codes before.
NextToken shifted(const SemanticCatalogue& c, const std::vector<float>& levels) {
  return [&c, &levels](std::span<const std::int32_t> prefix, std::span<float> out) {
    const std::int32_t shift = std::accumulate(prefix.begin(), prefix.end(), 0);
    for (std::int32_t v = 0; v < c.codes(); ++v) {
      out[at(v)] = levels[prefix.size() * at(c.codes()) + at((v + shift) % c.codes())];
    }
  };
}

/// The same distribution over items, by walking down to each.
std::vector<double> plain_dependent(const SemanticCatalogue& c, const NextToken& next) {
  std::vector<double> out(at(c.items() + 1), -INFINITY);
  std::vector<float> log_p(at(c.codes()));
  for (ItemId i = 1; i <= c.items(); ++i) {
    if (!c.model().ids.has(i)) continue;
    double total = 0.0;
    std::int32_t node = nn::PrefixTrie::root;
    for (std::int32_t l = 0; l < c.levels(); ++l) {
      next(c.codes_of(i).first(at(l)), log_p);
      double sum = 0.0;
      for (const std::int32_t token : c.tree().child_tokens(node))
        sum += std::exp(double{log_p[at(c.code(l, token))]});
      const std::int32_t code = c.codes_of(i)[at(l)];
      total += double{log_p[at(code)]} - std::log(sum);
      node = c.tree().find_child(node, c.model().ids.layout().token(l, code));
    }
    out[at(i)] = total - std::log(double(c.tree().child_tokens(node).size()));
  }
  return out;
}

std::vector<ItemId> sorted_items(const std::vector<double>& log_prob) {
  std::vector<ItemId> order(log_prob.size() - 1);
  std::iota(order.begin(), order.end(), 1);
  std::stable_sort(order.begin(), order.end(),
                   [&](ItemId a, ItemId b) { return log_prob[at(a)] > log_prob[at(b)]; });
  return order;
}

}  // namespace

TEST_CASE("best-first search over the tree finds what sorting the whole catalogue finds") {
  for (const auto& [items, codes] : {std::pair{283, 16}, std::pair{60, 8}, std::pair{500, 32}}) {
    const auto c = toys::clustered_catalogue(items, 12, 3, codes);
    SlateSearch search(*c);
    for (const float sharpness : {0.0F, 0.5F, 3.0F, 40.0F}) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto levels = random_levels(*c, seed, sharpness);
        const auto plain = plain_log_probs(*c, view_of(*c, levels), 0.0);
        Slate slate(9);
        search.best(view_of(*c, levels), 0.0, slate);
        const auto order = sorted_items(plain);
        for (std::size_t k = 0; k < 9; ++k) {
          // Items of equal codes are exactly equal; between others rounding may swap what the sums tie.
          CHECK(std::abs(plain[at(slate.items[k])] - plain[at(order[k])]) < 1e-9);
          CHECK(slate.log_prob[k] == doctest::Approx(plain[at(slate.items[k])]).epsilon(1e-5));
          if (k > 0 && slate.log_prob[k] == slate.log_prob[k - 1]) CHECK(slate.items[k] > slate.items[k - 1]);
        }
        CHECK(std::set<ItemId>(slate.items.begin(), slate.items.end()).size() == 9);
      }
    }
  }
}

TEST_CASE("equal probabilities go to the lower id, and exploring alone makes all equal") {
  const auto c = toys::clustered_catalogue(40, 4, 2, 16);
  SlateSearch search(*c);
  const std::vector<float> flat(at(c->levels() * c->codes()), -std::log(16.0F));
  for (const double explore : {0.0, 1.0}) {
    Slate slate(7);
    search.best(view_of(*c, flat), explore, slate);
    CHECK(slate.items == std::vector<ItemId>{1, 2, 3, 4, 5, 6, 7});
    for (const double each : slate.log_prob) CHECK(each == doctest::Approx(-std::log(40.0)));
  }
  // Whatever the network says: one slate for everybody, 1/N each.
  Slate slate(7);
  search.best(view_of(*c, random_levels(*c, 3, 5.0F)), 1.0, slate);
  CHECK(slate.items == std::vector<ItemId>{1, 2, 3, 4, 5, 6, 7});
  CHECK(slate.log_prob[3] == doctest::Approx(-std::log(40.0)));
}

TEST_CASE("draws follow sequential drawing without replacement") {
  const auto c = toys::clustered_catalogue(7, 3, 2, 3);
  const auto levels = random_levels(*c, 5, 1.0F);
  SlateSearch search(*c);
  for (const double explore : {0.0, 0.3}) {
    const auto plain = plain_log_probs(*c, view_of(*c, levels), explore);
    std::map<std::vector<ItemId>, int> counts;
    constexpr int draws = 40000;
    double worst = 0.0;
    for (int n = 0; n < draws; ++n) {
      Slate slate(2);
      search.draw(view_of(*c, levels), explore, {1, static_cast<EpisodeId>(n), 0}, slate);
      ++counts[slate.items];
      worst = std::max(worst, std::abs(slate.log_prob[1] - plain[at(slate.items[1])]));
    }
    CHECK(worst < 1e-9);
    double chi_square = 0.0;
    for (ItemId a = 1; a <= 7; ++a) {
      for (ItemId b = 1; b <= 7; ++b) {
        if (a == b) continue;
        const double expected =
            draws * std::exp(slate_log_prob(std::vector<double>{plain[at(a)], plain[at(b)]}));
        const double found = counts[{a, b}];
        chi_square += (found - expected) * (found - expected) / expected;
      }
    }
    CHECK(chi_square < 80.1);  // 41 degrees of freedom, one in ten thousand lies above
  }
}

TEST_CASE("levels that depend on the codes before: search, draws and probabilities") {
  const auto c = toys::clustered_catalogue(120, 10, 3, 12);
  SlateSearch search(*c);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto levels = random_levels(*c, seed, 2.0F);
    const NextToken next = shifted(*c, levels);
    const auto plain = plain_dependent(*c, next);
    double total = 0.0;
    for (const double each : plain) total += std::exp(each);
    CHECK(total == doctest::Approx(1.0));
    Slate best(9), drawn(9);
    search.best(next, 0.0, best);
    const auto order = sorted_items(plain);
    for (std::size_t k = 0; k < 9; ++k) CHECK(std::abs(best.log_prob[k] - plain[at(order[k])]) < 1e-9);
    search.draw(next, 0.0, {seed, 1, 2}, drawn);
    for (std::size_t k = 0; k < 9; ++k)
      CHECK(drawn.log_prob[k] == doctest::Approx(plain[at(drawn.items[k])]));
    CHECK(std::set<ItemId>(drawn.items.begin(), drawn.items.end()).size() == 9);
  }
  // The first item of a draw has the item distribution.
  const auto levels = random_levels(*c, 77, 1.5F);
  const NextToken next = shifted(*c, levels);
  const auto plain = plain_dependent(*c, next);
  std::vector<double> counts(plain.size(), 0.0);
  constexpr int draws = 20000;
  for (int n = 0; n < draws; ++n) {
    Slate slate(1);
    search.draw(next, 0.0, {3, static_cast<EpisodeId>(n), 0}, slate);
    counts[at(slate.items[0])] += 1.0;
  }
  for (ItemId i = 1; i <= c->items(); ++i) {
    const double p = std::exp(plain[at(i)]);
    CHECK(std::abs(counts[at(i)] / draws - p) < 5.0 * std::sqrt(p * (1.0 - p) / draws) + 1e-4);
  }
}

TEST_CASE("the sum over items and its derivatives by the levels") {
  const auto c = toys::clustered_catalogue(60, 8, 3, 10);
  const auto levels = random_levels(*c, 9, 1.0F);
  SlateSearch search(*c);
  std::vector<float> share(levels.size());
  const View<float> shares(share.data(), c->levels(), c->codes());
  const double value = search.log_sum(view_of(*c, levels), shares);
  double plain = 0.0;
  for (ItemId i = 1; i <= 60; ++i) {
    double each = 0.0;
    for (std::int32_t l = 0; l < 3; ++l) each += double{levels[at(l * 10 + c->codes_of(i)[at(l)])]};
    plain += std::exp(each);
  }
  CHECK(value == doctest::Approx(std::log(plain)).epsilon(1e-9));
  for (std::size_t v = 0; v < levels.size(); ++v) {
    std::vector<float> scratch(levels.size()), up = levels, down = levels;
    up[v] += 1e-2F;
    down[v] -= 1e-2F;
    const View<float> other(scratch.data(), c->levels(), c->codes());
    const double slope =
        (search.log_sum(view_of(*c, up), other) - search.log_sum(view_of(*c, down), other)) / 2e-2;
    CHECK(double{share[v]} == doctest::Approx(slope).epsilon(1e-3));
  }
}

TEST_CASE("probabilities that vanish keep finite logarithms") {
  const auto c = toys::clustered_catalogue(30, 5, 3, 4);
  SlateSearch search(*c);
  std::vector<float> levels(at(3 * 4), -INFINITY);
  for (std::int32_t l = 0; l < 3; ++l) levels[at(l * 4 + c->codes_of(1)[at(l)])] = 0.0F;
  Slate slate(9);
  search.draw(view_of(*c, levels), 0.0, {1, 2, 3}, slate);
  CHECK(std::set<ItemId>(slate.items.begin(), slate.items.end()).size() == 9);
  CHECK(std::isfinite(slate_log_prob(slate.log_prob)));
  search.best(view_of(*c, levels), 0.0, slate);
  CHECK(slate.items[0] == 1);
  CHECK(std::isfinite(slate_log_prob(slate.log_prob)));
}

TEST_CASE("items come and go under frozen codebooks") {
  const auto c = toys::clustered_catalogue(50, 5, 3, 10);
  const auto wider = toys::clustered_vectors(60, 5);
  std::vector<ItemId> added;
  std::vector<float> vectors;
  for (ItemId i = 51; i <= 60; ++i) {
    added.push_back(i);
    const auto row = toys::rows_of(wider).row(i);
    vectors.insert(vectors.end(), row.begin(), row.end());
  }
  const auto grown = c->with_items(added, toys::rows_of(vectors));
  CHECK(grown->items() == 60);
  CHECK(grown->shown() == 60);
  CHECK(c->shown() == 50);
  for (ItemId i = 1; i <= 50; ++i) CHECK(std::ranges::equal(c->codes_of(i), grown->codes_of(i)));
  std::vector<std::int32_t> codes(3);
  for (const ItemId i : added) {
    c->model().codebooks->encode(toys::rows_of(wider).row(i), codes);
    CHECK(std::ranges::equal(codes, grown->codes_of(i)));
    CHECK(std::ranges::equal(grown->vectors().row(i), toys::rows_of(wider).row(i)));
  }
  // What exactly those codes are likely for can be shown at once.
  std::vector<float> levels(at(3 * 10), -20.0F);
  for (std::int32_t l = 0; l < 3; ++l) levels[at(l * 10 + grown->codes_of(57)[at(l)])] = -1e-3F;
  Slate slate(grown->shown() / 2);
  SlateSearch(*grown).best(view_of(*grown, levels), 0.0, slate);
  CHECK(std::ranges::find(slate.items, 57) != slate.items.end());
  const auto shrunk = grown->without_items(std::vector<ItemId>{57, 3});
  CHECK(shrunk->shown() == 58);
  SlateSearch(*shrunk).best(view_of(*shrunk, levels), 0.0, slate);
  CHECK(std::ranges::find(slate.items, 57) == slate.items.end());
  CHECK(std::ranges::equal(shrunk->vectors().row(57), grown->vectors().row(57)));  // histories still read it
  CHECK_THROWS_AS(SemanticCatalogue(c->model(), toys::rows_of(wider)), ConfigError);
}

}  // namespace veer::slate
