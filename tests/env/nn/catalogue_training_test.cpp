#include <torch/autograd.h>
#include <torch/optim/adam.h>
#include <torch/types.h>

#include "tests/test.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/random.h"

namespace veer::nn {
namespace {

constexpr std::int32_t items = 2177;  // five tiles in three groups, the last one of odd size
constexpr std::int32_t width = 24;

std::vector<float> normals(std::size_t count, std::uint64_t seed, float scale = 1.0F) {
  std::vector<float> out(count);
  fill_normal({seed, 0, 0}, Stream::generate, out);
  for (float& value : out) value *= scale;
  return out;
}

/// A head whose biases are not zero, with its weights at the size of trained ones.
CatalogueTable random_head(std::int32_t count = items, float scale = 0.7F) {
  CatalogueTable head(catalogue_head("head", count, width), 3, 0);
  NamedArrays changed = head.state();
  changed.set<float>("parameters/head.weight", normals(at(count) * at(width), 71, scale), {count, width});
  changed.set<float>("parameters/head.bias", normals(at(count), 72), {count});
  head.restore(changed);
  return head;
}

torch::Tensor as_double(std::span<const float> values, std::vector<std::int64_t> shape) {
  return torch::from_blob(const_cast<float*>(values.data()), shape).to(torch::kFloat64);
}
torch::Tensor weight_of(const CatalogueTable& table) {
  const CatalogueWeights w = table.weights();
  return as_double({w.weight.data(), at(w.rows()) * at(w.width())}, {w.rows(), w.width()});
}
torch::Tensor bias_of(const CatalogueTable& table) {
  return as_double(table.weights().bias, {table.weights().rows()});
}

struct Batch {
  std::int32_t rows;
  std::vector<float> states;
  std::vector<ItemId> targets;
  std::vector<float> weights;  ///< of both signs

  explicit Batch(std::int32_t count, std::int32_t catalogue = items)
      : rows(count), states(normals(at(count) * at(width), 73)), weights(normals(at(count), 74)) {
    for (std::int32_t r = 0; r < count; ++r) {
      targets.push_back(1 +
                        static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(catalogue), {75, 0, 0},
                                                          Stream::generate, static_cast<std::uint32_t>(r))));
    }
    if (count > 3) targets[2] = targets[1];  // an item that is the target of two rows
  }
  View<const float> view() const { return {states.data(), rows, width}; }
  torch::Tensor tensor() const { return as_double(states, {rows, width}); }
  torch::Tensor rows_of_targets() const {
    torch::Tensor out = torch::empty({rows}, torch::kInt64);
    for (std::int32_t r = 0; r < rows; ++r) out[r] = std::int64_t{targets[at(r)]} - 1;
    return out;
  }
};

float relative_difference(const torch::Tensor& found, const torch::Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<float>();
}

bool same_bytes(const NamedArrays& a, const NamedArrays& b) {
  return a.all().size() == b.all().size() &&
         std::all_of(a.all().begin(), a.all().end(), [&](const auto& entry) {
           return b.contains(entry.first) && b.at(entry.first).bytes == entry.second.bytes;
         });
}

}  // namespace

TEST_CASE("cross-entropy over the catalogue and its gradients agree with autograd in double precision") {
  for (const ScoreMemory memory : {ScoreMemory::keep, ScoreMemory::recompute}) {
    for (const std::int32_t rows : {1, 70, 300}) {
      CAPTURE(rows);
      CAPTURE(static_cast<int>(memory));
      CatalogueTable head = random_head();
      const Batch batch(rows);
      std::vector<float> losses(at(rows)), state_gradient(batch.states.size(), 9.0F);
      CatalogueCrossEntropy loss(head, memory);
      loss.forward(batch.view(), batch.targets, losses);
      loss.backward(batch.weights, {state_gradient.data(), rows, width});

      const torch::Tensor h = batch.tensor().requires_grad_();
      const torch::Tensor w = weight_of(head).requires_grad_();
      const torch::Tensor b = bias_of(head).requires_grad_();
      const torch::Tensor each =
          -torch::log_softmax(torch::addmm(b, h, w.t()), 1).gather(1, batch.rows_of_targets().view({-1, 1}));
      const auto expected =
          torch::autograd::grad({(each.squeeze(1) * as_double(batch.weights, {rows})).sum()}, {h, w, b});
      CHECK(relative_difference(as_double(losses, {rows, 1}), each) < 1e-6F);
      CHECK(relative_difference(as_double(state_gradient, {rows, width}), expected[0]) < 5e-6F);
      const View<float> gradient = head.gradient();
      CHECK(relative_difference(as_double({gradient.data(), at(items) * at(width)}, {items, width}),
                                expected[1]) < 5e-6F);
      CHECK(relative_difference(as_double(head.bias_gradient(), {items}), expected[2]) < 5e-6F);
    }
  }
}

TEST_CASE("the gradient of the states is the slope of the loss") {
  CatalogueTable head = random_head();
  Batch batch(9);
  const auto weighted_loss = [&] {
    std::vector<float> losses(9);
    CatalogueCrossEntropy(head).forward(batch.view(), batch.targets, losses);
    return std::inner_product(losses.begin(), losses.end(), batch.weights.begin(), 0.0);
  };
  std::vector<float> losses(9), gradient(batch.states.size());
  CatalogueCrossEntropy loss(head);
  loss.forward(batch.view(), batch.targets, losses);
  loss.backward(batch.weights, {gradient.data(), 9, width});
  for (const std::size_t i : {0U, 25U, 77U, 150U, 215U}) {
    const float before = batch.states[i];
    batch.states[i] = before + 0.01F;
    const double up = weighted_loss();
    batch.states[i] = before - 0.01F;
    const double down = weighted_loss();
    batch.states[i] = before;
    CHECK((up - down) / 0.02 == doctest::Approx(gradient[i]).epsilon(2e-3));
  }
}

TEST_CASE("large scores neither overflow nor lose the target") {
  CatalogueTable head = random_head(items, 30.0F);
  const Batch batch(33);
  for (const ScoreMemory memory : {ScoreMemory::keep, ScoreMemory::recompute}) {
    std::vector<float> losses(33), gradient(batch.states.size());
    CatalogueCrossEntropy loss(head, memory);
    loss.forward(batch.view(), batch.targets, losses);
    loss.backward(batch.weights, {gradient.data(), 33, width});
    const torch::Tensor expected =
        -torch::log_softmax(torch::addmm(bias_of(head), batch.tensor(), weight_of(head).t()), 1)
             .gather(1, batch.rows_of_targets().view({-1, 1}));
    CHECK(relative_difference(as_double(losses, {33, 1}), expected) < 1e-6F);
    CHECK(as_double(gradient, {33, width}).isfinite().all().item<bool>());
    head.clear_gradient();
  }
}

TEST_CASE("gradients of a few scores and of the whole softmax add up in either order") {
  const Batch batch(40);
  const std::vector<float> coefficients = normals(40 * 3, 81);
  std::vector<ItemId> chosen(40 * 3);
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = static_cast<ItemId>(1 + (i * 97) % items);
  chosen[1] = chosen[0];  // twice in one row
  const View<const ItemId> chosen_view(chosen.data(), 40, 3);
  const View<const float> coefficient_view(coefficients.data(), 40, 3);
  const auto run = [&](bool softmax, bool scores, bool scores_first) {
    CatalogueTable head = random_head();
    std::vector<float> losses(40), states(batch.states.size()), total(batch.states.size());
    const auto few = [&] {
      if (scores)
        scores_backward(head, batch.view(), chosen_view, coefficient_view, {total.data(), 40, width});
    };
    if (scores_first) few();
    if (softmax) {
      CatalogueCrossEntropy loss(head);
      loss.forward(batch.view(), batch.targets, losses);
      loss.backward(batch.weights, {states.data(), 40, width});
    }
    if (!scores_first) few();
    // What nobody wrote is zero, whatever its memory holds.
    torch::Tensor gradient = torch::zeros({items, width}, torch::kFloat64);
    for (std::int32_t row = 0; row < items; ++row) {
      head.open_gradient(row, 1);
      if (!softmax && std::find(chosen.begin(), chosen.end(), row + 1) == chosen.end()) continue;
      gradient[row] = as_double(head.gradient().row(row), {width});
    }
    return gradient;
  };
  const torch::Tensor softmax = run(true, false, false), few = run(false, true, false);
  CHECK(relative_difference(run(true, true, false), softmax + few) < 1e-6F);
  CHECK(relative_difference(run(true, true, true), softmax + few) < 1e-6F);

  // The few alone, against autograd.
  CatalogueTable head = random_head();
  const torch::Tensor h = batch.tensor().requires_grad_();
  const torch::Tensor w = weight_of(head).requires_grad_();
  torch::Tensor ids = torch::empty({40, 3}, torch::kInt64);
  for (std::int64_t i = 0; i < 120; ++i) ids.view({-1})[i] = std::int64_t{chosen[at(i)]} - 1;
  const torch::Tensor scores = torch::addmm(bias_of(head), h, w.t()).gather(1, ids);
  const auto expected = torch::autograd::grad({(scores * as_double(coefficients, {40, 3})).sum()}, {h, w});
  std::vector<float> found(120), state_gradient(batch.states.size());
  scores_of(head.weights(), batch.view(), chosen_view, {found.data(), 40, 3});
  scores_backward(head, batch.view(), chosen_view, coefficient_view, {state_gradient.data(), 40, width});
  CHECK(relative_difference(as_double(found, {40, 3}), scores) < 1e-6F);
  CHECK(relative_difference(as_double(state_gradient, {40, width}), expected[0]) < 1e-6F);
  CHECK(relative_difference(few, expected[1]) < 1e-6F);
}

TEST_CASE("the best item, ranks and ties agree with a stable sort") {
  CatalogueTable head = random_head();
  NamedArrays state = head.state();
  // Every vector stands twice, far apart, some three times: ties across tiles and within one.
  std::vector<float> weight = normals(at(items) * at(width), 91);
  std::vector<float> bias = normals(at(items), 92);
  for (std::int32_t row = 0; row < items; ++row) {
    const std::int32_t twin = row < 1100 ? row : row % 7 == 0 ? row - 1 : row - 1100;
    std::copy_n(weight.begin() + std::ptrdiff_t{twin} * width, width,
                weight.begin() + std::ptrdiff_t{row} * width);
    bias[at(row)] = bias[at(twin)];
  }
  state.set<float>("parameters/head.weight", weight, {items, width});
  state.set<float>("parameters/head.bias", bias, {items});
  head.restore(state);

  Batch batch(290);
  std::vector<ItemId> best(290);
  std::vector<std::int32_t> ranks(290);
  best_items(head.weights(), batch.view(), best);
  // A few rows ask for their best item and for the end of the catalogue.
  for (std::size_t r = 0; r < 290; r += 10) batch.targets[r] = best[r];
  batch.targets[5] = items;
  batch.targets[6] = 1;
  target_ranks(head.weights(), batch.view(), batch.targets, ranks);
  std::int32_t tied = 0;
  for (std::int32_t r = 0; r < 290; ++r) {
    // Equal items have equal scores in any arithmetic that treats items alike.
    std::vector<float> scores(at(items));
    for (std::int32_t i = 0; i < items; ++i) {
      double sum = bias[at(i)];
      for (std::int32_t j = 0; j < width; ++j) {
        sum += double{batch.states[at(r) * at(width) + at(j)]} * double{weight[at(i) * at(width) + at(j)]};
      }
      scores[at(i)] = static_cast<float>(sum);
    }
    std::vector<std::int32_t> order(at(items));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return scores[at(a)] > scores[at(b)]; });
    if (tests::places_alike) CHECK(best[at(r)] == order[0] + 1);
    const std::int32_t own = batch.targets[at(r)] - 1;
    const auto place = static_cast<std::int32_t>(std::find(order.begin(), order.end(), own) - order.begin());
    if (tests::places_alike) CHECK(ranks[at(r)] == place + 1);
    tied += std::count(scores.begin(), scores.end(), scores[at(own)]) > 1 ? 1 : 0;
  }
  CHECK(tied > 250);
}

TEST_CASE("a row's best item and rank do not depend on the rows beside it") {
  const CatalogueTable head = random_head();
  const Batch all(290);
  std::vector<ItemId> best(290), alone(3);
  std::vector<std::int32_t> ranks(290), rank_alone(3);
  best_items(head.weights(), all.view(), best);
  target_ranks(head.weights(), all.view(), all.targets, ranks);
  const View<const float> few(&all.states[at(width) * 100], 3, width);
  best_items(head.weights(), few, alone);
  target_ranks(head.weights(), few, std::span(all.targets).subspan(100, 3), rank_alone);
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(alone[r] == best[100 + r]);
    CHECK(rank_alone[r] == ranks[100 + r]);
  }
}

TEST_CASE("the table's Adam is LibTorch's on dense gradients, rows without a gradient included") {
  CatalogueTable table({"t", 0, 40, 6, true, Initial::normal, 0.5F}, 8, 0);
  const CatalogueWeights w = table.weights();
  std::vector<torch::Tensor> parameters{
      torch::from_blob(const_cast<float*>(w.weight.data()), {41, 6}).clone().requires_grad_(),
      torch::from_blob(const_cast<float*>(w.bias.data()), {41}).clone().requires_grad_()};
  torch::optim::Adam adam(parameters, torch::optim::AdamOptions(0.01));
  for (std::uint64_t step = 0; step < 30; ++step) {
    // Eight scores of four rows, some of the same item: gradients as a head of action values has them.
    std::vector<ItemId> chosen(8);
    for (std::size_t i = 0; i < 8; ++i) {
      chosen[i] = static_cast<ItemId>(
          uniform_below(41, {step, 1, 0}, Stream::generate, static_cast<std::uint32_t>(i)));
    }
    const std::vector<float> coefficients = normals(8, 200 + step), rows = normals(24, 300 + step);
    table.add_gradient({chosen.data(), 4, 2}, {coefficients.data(), 4, 2}, {rows.data(), 4, 6});
    torch::Tensor dense = torch::zeros({41, 6}), dense_bias = torch::zeros({41});
    for (std::size_t i = 0; i < 8; ++i) {
      dense[chosen[i]] += coefficients[i] * torch::from_blob(const_cast<float*>(&rows[i / 2 * 6]), {6});
      dense_bias[chosen[i]] += coefficients[i];
    }
    parameters[0].mutable_grad() = dense;
    parameters[1].mutable_grad() = dense_bias;
    adam.step();
    table.update({.learning_rate = 0.01F});
  }
  const torch::Tensor weight = parameters[0].detach().to(torch::kFloat64);
  CHECK((weight_of(table) - weight).abs().max().item<double>() < 2e-6);
  CHECK((bias_of(table) - parameters[1].detach()).abs().max().item<double>() < 2e-6);
  CHECK(table.steps() == 30);
}

TEST_CASE("TensorFlow 1's epsilon and a fresh optimiser") {
  CatalogueTable table({"t", 1, 1, 1, false, Initial::constant, 2.0F}, 8, 0);
  const AdamOptions options{.learning_rate = 0.1F, .epsilon = 1e-2F, .epsilon_hat = true};
  double value = 2.0, m = 0.0, v = 0.0;
  for (int step = 1; step <= 5; ++step) {
    const float gradient = 0.01F * static_cast<float>(step);
    const ItemId item = 1;
    table.add_gradient({&item, 1}, {&gradient, 1, 1});
    table.update(options);
    // alg. 1 with alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t) and epsilon hat, as TensorFlow documents
    // it
    m = 0.9 * m + 0.1 * double{gradient};
    v = 0.999 * v + 0.001 * double{gradient} * double{gradient};
    value -= 0.1 * std::sqrt(1.0 - std::pow(0.999, step)) / (1.0 - std::pow(0.9, step)) * m /
             (std::sqrt(v) + 1e-2);
    CHECK(double{table.weights().weight(0)} == doctest::Approx(value).epsilon(1e-6));
  }
  table.restart_optimiser();
  CHECK(table.steps() == 0);
  const float before = table.weights().weight(0);
  table.update(options);
  CHECK(table.weights().weight(0) == before);
}

TEST_CASE("the same bytes for any number of threads, and for a run that was interrupted") {
  const auto train = [](int threads, ScoreMemory memory, int interrupted_after) {
    NamedArrays state;
    tbb::task_arena arena(threads);
    arena.execute([&] {
      CatalogueTable head = random_head();
      CatalogueCrossEntropy loss(head, memory);
      for (int step = 0; step < 4; ++step) {
        if (step == interrupted_after) {
          const NamedArrays kept = head.state();
          head.restart_optimiser();
          head.restore(kept);
        }
        const Batch batch(130 + step);
        std::vector<float> losses(at(batch.rows)), gradient(batch.states.size());
        loss.forward(batch.view(), batch.targets, losses);
        loss.backward(batch.weights, {gradient.data(), batch.rows, width});
        const std::vector<ItemId> again(batch.targets.begin(), batch.targets.end());
        scores_backward(head, batch.view(), {again.data(), batch.rows, 1}, {losses.data(), batch.rows, 1},
                        {gradient.data(), batch.rows, width});
        head.update({.learning_rate = 0.01F});
      }
      state = head.state();
    });
    return state;
  };
  for (const ScoreMemory memory : {ScoreMemory::keep, ScoreMemory::recompute}) {
    const NamedArrays one = train(1, memory, -1);
    CHECK(same_bytes(one, train(2, memory, -1)));
    CHECK(same_bytes(one, train(3, memory, -1)));
    CHECK(same_bytes(one, train(2, memory, 2)));
  }
}

TEST_CASE("tables refuse what is none of theirs") {
  CHECK_THROWS_AS(CatalogueTable({"t", 1, 0, 4}, 1, 0), ConfigError);
  CHECK_THROWS_AS(CatalogueTable({"t", 1, 9, 0}, 1, 0), ConfigError);
  CatalogueTable table(catalogue_head("t", 9, 4), 1, 0);
  CHECK_THROWS_AS(table.restore(CatalogueTable(catalogue_head("t", 8, 4), 1, 0).state()), FormatError);
  CHECK_THROWS_AS(table.restore(CatalogueTable(catalogue_head("u", 9, 4), 1, 0).state()), FormatError);
  const CatalogueTable vectors(item_vectors(5000, 64), 1, 0);
  CHECK(vectors.weights().rows() == 5001);
  CHECK(weight_of(vectors).std().item<double>() == doctest::Approx(0.01).epsilon(0.02));
}

}  // namespace veer::nn
