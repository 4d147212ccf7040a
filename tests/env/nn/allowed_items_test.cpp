// Items that one head allows and another values: against plain loops in double precision, ties and ends.
#include "env/nn/catalogue_training/allowed_items.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

constexpr std::int32_t many = 1601;  // two groups, the last tile of odd size
constexpr std::int32_t width = 12;
constexpr std::int32_t rows = 70;

CatalogueTable drawn_head(const char* name, std::uint64_t seed) {
  CatalogueTable head(catalogue_head(name, many, width), seed, 0);
  std::vector<float> bias(at(many));
  fill_normal({seed, 1, 0}, Stream::generate, bias);
  NamedArrays changed = head.state();
  changed.set<float>(std::string("parameters/") + name + ".bias", bias, {many});
  head.restore(changed);
  return head;
}

std::vector<float> drawn_states() {
  std::vector<float> out(at(rows) * at(width));
  fill_normal({5, 0, 0}, Stream::generate, out);
  return out;
}

std::vector<double> scores(const CatalogueTable& head, const float* state) {
  const CatalogueWeights w = head.weights();
  std::vector<double> out;
  for (std::int32_t i = 0; i < w.rows(); ++i) {
    double sum = double{w.bias[at(i)]};
    for (std::int32_t c = 0; c < width; ++c) sum += double{w.weight(i, c)} * double{state[c]};
    out.push_back(sum);
  }
  return out;
}

/// Item ids in the order of allowed_target_ranks.
std::vector<ItemId> order_of(const std::vector<double>& imitation, const std::vector<double>& values,
                             double threshold) {
  const double bound = *std::max_element(imitation.begin(), imitation.end()) + std::log(threshold);
  std::vector<ItemId> out;
  for (ItemId i = 1; i <= static_cast<ItemId>(values.size()); ++i) out.push_back(i);
  std::stable_sort(out.begin(), out.end(), [&](ItemId a, ItemId b) {
    const bool first = imitation[at(a) - 1] > bound, second = imitation[at(b) - 1] > bound;
    if (first != second) return first;
    const std::vector<double>& by = first ? values : imitation;
    return by[at(a) - 1] > by[at(b) - 1];
  });
  return out;
}

}  // namespace

TEST_CASE("allowed items by value, then the others by imitation, as plain loops have it") {
  const CatalogueTable imitation = drawn_head("imitation", 1), values = drawn_head("values", 2);
  const std::vector<float> states = drawn_states();
  const View<const float> view(states.data(), rows, width);
  for (const float threshold : {0.05F, 0.3F, 0.9F}) {
    CAPTURE(threshold);
    const ImitatedValues heads{imitation.weights(), values.weights(), threshold};
    std::vector<ItemId> best(at(rows)), wanted(at(rows));
    std::vector<std::int32_t> ranks(at(rows));
    best_allowed_items(heads, view, best);
    std::int32_t agreeing = 0;
    for (std::int32_t r = 0; r < rows; ++r) {
      const float* state = states.data() + r * width;
      const std::vector<ItemId> order =
          order_of(scores(imitation, state), scores(values, state), double{threshold});
      CHECK(best[at(r)] == order.front());
      // The first, the last, and one in between.
      const std::int32_t place = r == 0 ? 0 : r == 1 ? many - 1 : (r * 23) % many;
      wanted[at(r)] = order[at(place)];
      ranks[at(r)] = place + 1;
      std::vector<float> scored(at(many));
      allowed_scores(heads, std::span(states).subspan(at(r) * at(width), at(width)), scored);
      std::vector<ItemId> by_score = order;
      std::stable_sort(by_score.begin(), by_score.end(),
                       [&](ItemId a, ItemId b) { return scored[at(a) - 1] > scored[at(b) - 1]; });
      agreeing += by_score.front() == order.front() &&
                          std::abs(std::find(by_score.begin(), by_score.end(), wanted[at(r)]) -
                                   by_score.begin() - place) <= 2
                      ? 1
                      : 0;
    }
    std::vector<std::int32_t> found(at(rows));
    allowed_target_ranks(heads, view, wanted, found);
    for (std::int32_t r = 0; r < rows; ++r)
      CHECK(std::abs(found[at(r)] - ranks[at(r)]) <= 1);  // float against double
    CHECK(agreeing == rows);
  }
}

TEST_CASE("a threshold of 0 allows everything, so values alone decide; equal items go by id") {
  const CatalogueTable imitation = drawn_head("imitation", 1), values = drawn_head("values", 2);
  const std::vector<float> states = drawn_states();
  const View<const float> view(states.data(), rows, width);
  const ImitatedValues heads{imitation.weights(), values.weights(), 0.0F};
  std::vector<ItemId> best(at(rows)), plain(at(rows));
  best_allowed_items(heads, view, best);
  best_items(values.weights(), view, plain);
  CHECK(best == plain);
  CatalogueTable alike(catalogue_head("alike", many, width), 1, 0);
  NamedArrays zeros = alike.state();
  zeros.set<float>("parameters/alike.weight", std::vector<float>(at(many) * at(width)), {many, width});
  alike.restore(zeros);
  const ImitatedValues ties{alike.weights(), alike.weights(), 0.5F};
  best_allowed_items(ties, view, best);
  CHECK(std::all_of(best.begin(), best.end(), [](ItemId item) { return item == 1; }));
  std::vector<ItemId> targets(at(rows), many);
  std::vector<std::int32_t> ranks(at(rows));
  allowed_target_ranks(ties, view, targets, ranks);
  CHECK(std::all_of(ranks.begin(), ranks.end(), [](std::int32_t rank) { return rank == many; }));
}

TEST_CASE("the penalty of squared scores and its gradients are those of plain loops") {
  constexpr float weight = 0.3F;
  CatalogueTable head = drawn_head("head", 4);
  const std::vector<float> states = drawn_states();
  std::vector<float> by_state(states.size(), 0.5F);
  const double mean =
      add_square_penalty(head, {states.data(), rows, width}, weight, {by_state.data(), rows, width});
  const CatalogueWeights w = head.weights();
  std::vector<double> dh(states.size()), dw(at(many) * at(width)), db(at(many));
  double squares = 0.0;
  const double cells = double{many} * double{rows};
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* state = states.data() + r * width;
    const std::vector<double> z = scores(head, state);
    for (std::int32_t i = 0; i < many; ++i) {
      squares += z[at(i)] * z[at(i)];
      const double slope = 2.0 * double{weight} * z[at(i)] / cells;
      db[at(i)] += slope;
      for (std::int32_t c = 0; c < width; ++c) {
        dh[at(r) * at(width) + at(c)] += slope * double{w.weight(i, c)};
        dw[at(i) * at(width) + at(c)] += slope * double{state[c]};
      }
    }
  }
  CHECK(mean == doctest::Approx(squares / cells).epsilon(1e-5));
  double worst = 0.0;
  for (std::size_t i = 0; i < dh.size(); ++i)
    worst = std::max(worst, std::abs(double{by_state[i]} - 0.5 - dh[i]));
  CHECK(worst < 1e-6);
  // The same once more: what is there is added to.
  add_square_penalty(head, {states.data(), rows, width}, weight, {by_state.data(), rows, width});
  worst = 0.0;
  for (std::int32_t i = 0; i < many; ++i) {
    worst = std::max(worst, std::abs(double{head.bias_gradient()[at(i)]} - 2.0 * db[at(i)]));
    for (std::int32_t c = 0; c < width; ++c) {
      worst = std::max(worst, std::abs(double{head.gradient()(i, c)} - 2.0 * dw[at(i) * at(width) + at(c)]));
    }
  }
  CHECK(worst < 1e-7);
}

}  // namespace veer::nn
