#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "env/nn/inference/catalogue_scorer.h"
#include "env/nn/sequence_net.h"
#include "tests/env/nn/small_models.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

constexpr std::int32_t catalogue = 1300;  // two whole tiles and a part

std::vector<float> random_readouts(std::int32_t rows, std::int32_t width) {
  std::vector<float> values(static_cast<std::size_t>(rows * width));
  fill_normal({3, 0, 0}, Stream::generate, values);
  return values;
}

/// Full softmax and full argsort in double precision.
struct Reference {
  std::vector<double> logits;
  std::vector<double> log_p;

  Reference(const CatalogueScorer& scorer, std::span<const float> readout) {
    double total = 0.0;
    for (ItemId item = 0; item <= scorer.items(); ++item) {
      double logit = 0.0;
      const auto vector = scorer.item_vector(item);
      for (std::size_t c = 0; c < vector.size(); ++c) logit += double{readout[c]} * vector[c];
      logits.push_back(logit);
      total += std::exp(logit);
    }
    for (const double logit : logits) log_p.push_back(logit - std::log(total));
  }
  std::vector<ItemId> order() const {
    std::vector<ItemId> ids(logits.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<ItemId>(i);
    std::stable_sort(ids.begin(), ids.end(), [&](ItemId a, ItemId b) {
      return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    return ids;
  }
};

TEST_SUITE("catalogue scorer") {
  TEST_CASE(
      "interest is the log-softmax and the rank by counting is the rank by sorting, on tie-free weights") {
    const SequenceModel model = small_model("sasrec", catalogue);
    for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
      const CatalogueScorer scorer(model, kernels);
      const std::int32_t rows = 77, d = scorer.width();
      const std::vector<float> values = random_readouts(rows, d);
      const View<const float> readouts(values.data(), rows, d);
      std::vector<ItemId> target;
      for (std::int32_t r = 0; r < rows; ++r) {
        target.push_back(r == 5 ? no_item : random_item(catalogue, static_cast<std::uint64_t>(r), 0));
      }
      std::vector<float> interest(77);
      std::vector<std::int32_t> rank(77);
      scorer.measure(readouts, target, interest, rank);
      for (std::int32_t r = 0; r < rows; ++r) {
        const auto i = static_cast<std::size_t>(r);
        if (target[i] == no_item) {
          CHECK(interest[i] == 0.0F);
          CHECK(rank[i] == 0);
          continue;
        }
        const Reference exact(scorer, readouts.row(r));
        const std::vector<ItemId> order = exact.order();
        CHECK(std::abs(interest[i] - exact.log_p[static_cast<std::size_t>(target[i])]) < 1e-5);
        CHECK(rank[i] == std::find(order.begin(), order.end(), target[i]) - order.begin() + 1);
      }
    }
  }

  TEST_CASE("ties share the best rank: equal vectors never push each other down") {
    const SequenceModel model = small_model("sasrec", catalogue);
    NamedArrays arrays = model.to_arrays();
    const auto table = arrays.get<float>("item_embedding");
    std::vector<float> values(table.begin(), table.end());
    const std::size_t d = 32;
    for (const std::size_t item : {40UL, 700UL, 1299UL})
      std::copy_n(values.data() + 7 * d, d, values.data() + item * d);
    NamedArrays tied = arrays;
    tied.set<float>("item_embedding", values, {catalogue + 1, 32});
    const SequenceModel same = SequenceModel::from_arrays(model.config(), tied, "cpu");
    const CatalogueScorer scorer(same);
    const std::vector<float> readouts = random_readouts(33, 32);
    std::vector<std::int32_t> first;
    for (const ItemId item : {7, 40, 700, 1299}) {
      const std::vector<ItemId> target(33, item);
      std::vector<float> interest(33);
      std::vector<std::int32_t> rank(33);
      scorer.measure({readouts.data(), 33, 32}, target, interest, rank);
      if (first.empty()) first = rank;
      if (tests::places_alike) CHECK(rank == first);
    }
    // A read-out that says nothing makes every logit equal: everything ranks first.
    const std::vector<float> silent(32, 0.0F);
    std::vector<ItemId> target{9};
    std::vector<float> interest(1);
    std::vector<std::int32_t> rank(1);
    scorer.measure({silent.data(), 1, 32}, target, interest, rank);
    CHECK(rank[0] == 1);
    CHECK(interest[0] == doctest::Approx(-std::log(catalogue + 1.0)));
  }

  TEST_CASE("a row's scores do not depend on its neighbours, bit for bit") {
    const SequenceModel model = small_model("sasrec", catalogue);
    const CatalogueScorer scorer(model);
    const std::int32_t d = scorer.width(), rows = 700;
    const std::vector<float> values = random_readouts(rows, d);
    std::vector<ItemId> target;
    for (std::int32_t r = 0; r < rows; ++r)
      target.push_back(random_item(catalogue, static_cast<std::uint64_t>(r), 1));
    std::vector<float> interest(700);
    std::vector<std::int32_t> rank(700);
    scorer.measure({values.data(), rows, d}, target, interest, rank);
    for (const std::int32_t shard : {32, 64, 128, 7, 1}) {
      for (std::int32_t first = 0; first + shard <= rows; first += std::max(shard, 60)) {
        const auto from = static_cast<std::size_t>(first), count = static_cast<std::size_t>(shard);
        std::vector<float> some(count);
        std::vector<std::int32_t> some_rank(count);
        scorer.measure({values.data() + first * d, shard, d}, std::span(target).subspan(from, count), some,
                       some_rank);
        if (!tests::places_alike) continue;
        CHECK(std::equal(some.begin(), some.end(), interest.begin() + first));
        CHECK(std::equal(some_rank.begin(), some_rank.end(), rank.begin() + first));
      }
    }
  }

  TEST_CASE("the best few, without the excluded, in order; all of them when asked for all") {
    const SequenceModel model = small_model("sasrec", catalogue);
    for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
      const CatalogueScorer scorer(model, kernels);
      const std::int32_t rows = 9, d = scorer.width();
      const std::vector<float> values = random_readouts(rows, d);
      const View<const float> readouts(values.data(), rows, d);
      for (const std::int32_t wanted : {1, 5, 64, catalogue, catalogue + 10}) {
        std::vector<ItemId> out(static_cast<std::size_t>(rows * wanted)),
            excluded(static_cast<std::size_t>(rows * 3));
        for (std::int32_t r = 0; r < rows; ++r) {
          const Reference exact(scorer, readouts.row(r));
          const std::vector<ItemId> order = exact.order();
          excluded[static_cast<std::size_t>(3 * r)] = order[0];
          excluded[static_cast<std::size_t>(3 * r + 2)] = order[2];
        }
        const View<ItemId> picked(out.data(), rows, wanted);
        scorer.best(readouts, View<const ItemId>(excluded.data(), rows, 3), picked);
        for (std::int32_t r = 0; r < rows; ++r) {
          std::vector<ItemId> order = Reference(scorer, readouts.row(r)).order();
          std::erase_if(order, [&](ItemId item) {
            return item == no_item || item == excluded[static_cast<std::size_t>(3 * r)] ||
                   item == excluded[static_cast<std::size_t>(3 * r + 2)];
          });
          order.resize(static_cast<std::size_t>(wanted), no_item);
          CHECK(std::equal(order.begin(), order.end(), picked.row(r).begin()));
        }
      }
    }
  }

  TEST_CASE("draws invert the distribution of what is allowed; without uniforms the most probable item") {
    const SequenceModel model = small_model("sasrec", catalogue);
    const std::int32_t rows = 400, d = 32;
    const std::vector<float> one = random_readouts(1, d);
    std::vector<float> values;
    std::vector<float> uniforms;
    for (std::int32_t r = 0; r < rows; ++r) {
      values.insert(values.end(), one.begin(), one.end());
      uniforms.push_back((static_cast<float>(r) + 0.5F) / static_cast<float>(rows));
    }
    const View<const float> readouts(values.data(), rows, d);
    std::vector<std::vector<ItemId>> drawn;
    for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
      const CatalogueScorer scorer(model, kernels);
      const Reference exact(scorer, one);
      const ItemId top = exact.order()[0];
      const std::vector<ItemId> excluded(static_cast<std::size_t>(rows), top);
      const double left =
          1.0 - std::exp(exact.log_p[0]) - std::exp(exact.log_p[static_cast<std::size_t>(top)]);
      std::vector<ItemId> items(static_cast<std::size_t>(rows));
      std::vector<float> log_prob(items.size());
      scorer.pick(readouts, View<const ItemId>(excluded.data(), rows, 1), uniforms, items, log_prob);
      drawn.push_back(items);
      double cumulative = 0.0;
      std::vector<double> below(static_cast<std::size_t>(catalogue) + 2);
      for (ItemId item = 1; item <= catalogue; ++item) {
        if (item != top) cumulative += std::exp(exact.log_p[static_cast<std::size_t>(item)]) / left;
        below[static_cast<std::size_t>(item) + 1] = cumulative;
      }
      for (std::size_t r = 0; r < items.size(); ++r) {
        const auto item = static_cast<std::size_t>(items[r]);
        REQUIRE(item >= 1);
        CHECK(items[r] != top);
        CHECK(uniforms[r] > below[item] - 1e-5);
        CHECK(uniforms[r] < below[item + 1] + 1e-5);
        CHECK(std::abs(log_prob[r] - (exact.log_p[item] - std::log(left))) < 1e-5);
      }
      scorer.pick(readouts, {}, {}, items, log_prob);
      CHECK(items == std::vector<ItemId>(items.size(), top == no_item ? exact.order()[1] : top));
      // Close to 1 a uniform still lands on an item.
      const std::vector<float> edge(items.size(), 0x1.fffffep-1F);
      scorer.pick(readouts, {}, edge, items, log_prob);
      CHECK(std::ranges::all_of(items, [](ItemId item) { return item >= 1 && item <= catalogue; }));
    }
    CHECK(drawn[0] == drawn[1]);
  }

  TEST_CASE("where everything is excluded there is no item") {
    const SequenceModel model = small_model("sasrec", 3);
    for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
      const CatalogueScorer scorer(model, kernels);
      const std::vector<float> readout = random_readouts(1, 32);
      const std::vector<ItemId> all{1, 2, 3};
      const std::vector<float> u{0.5F};
      std::vector<ItemId> item{9};
      std::vector<float> log_prob{9.0F};
      scorer.pick({readout.data(), 1, 32}, {all.data(), 1, 3}, u, item, log_prob);
      CHECK(item[0] == no_item);
      CHECK(log_prob[0] == 0.0F);
      scorer.pick({readout.data(), 1, 32}, {all.data(), 1, 3}, {}, item, log_prob);
      CHECK(item[0] == no_item);
    }
  }
}

}  // namespace
}  // namespace veer::nn
