#include "env/nn/inference/left_padded_paths.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "simulators/sequence/sequence_user.h"
#include "tests/env/nn/small_models.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

constexpr std::int32_t catalogue = 40, positions = 12;

using Row = std::vector<double>;

/// SASRec in plain loops over the left-padded window, read at index length - 1.
class PlainLeftPadded {
 public:
  explicit PlainLeftPadded(const SequenceModel& model)
      : arrays_(model.to_arrays()), config_(model.config()), d_(static_cast<std::size_t>(config_.hidden)) {}

  Row read(std::span<const ItemId> items) const {
    const auto n = static_cast<std::size_t>(config_.positions);
    std::vector<ItemId> window(n, 0);
    std::copy(items.begin(), items.end(), window.end() - static_cast<std::ptrdiff_t>(items.size()));
    std::vector<Row> x(n, Row(d_));
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t c = 0; c < d_; ++c) {
        x[t][c] =
            (window[t] == 0 ? 0.0 : of("item_embedding", static_cast<std::size_t>(window[t]) * d_ + c)) +
            of("position_embedding", t * d_ + c);
      }
      normalise("input_norm", x[t]);
    }
    for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
      x = block("layers." + std::to_string(layer) + ".", window, x);
    }
    return x[items.size() - 1];
  }

 private:
  double of(const std::string& name, std::size_t i) const { return double{arrays_.get<float>(name)[i]}; }

  void normalise(const std::string& name, Row& x) const {
    double mean = 0.0, square = 0.0;
    for (const double v : x) mean += v / static_cast<double>(x.size());
    for (const double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
    for (std::size_t c = 0; c < x.size(); ++c) {
      x[c] = (x[c] - mean) / std::sqrt(square + 1e-12) * of(name + ".weight", c) + of(name + ".bias", c);
    }
  }
  Row linear(const std::string& name, const Row& x, std::size_t width) const {
    Row out(width);
    for (std::size_t o = 0; o < width; ++o) {
      out[o] = of(name + ".bias", o);
      for (std::size_t c = 0; c < x.size(); ++c) out[o] += of(name + ".weight", o * x.size() + c) * x[c];
    }
    return out;
  }
  std::vector<Row> block(const std::string& name, std::span<const ItemId> window,
                         const std::vector<Row>& x) const {
    const std::size_t n = x.size(), head = d_ / static_cast<std::size_t>(config_.heads);
    std::vector<Row> q, k, v, out;
    for (const Row& row : x) {
      q.push_back(linear(name + "query", row, d_));
      k.push_back(linear(name + "key", row, d_));
      v.push_back(linear(name + "value", row, d_));
    }
    for (std::size_t t = 0; t < n; ++t) {
      Row context(d_, 0.0);
      for (std::size_t h = 0; h < d_; h += head) {
        std::vector<float> score(n);
        for (std::size_t s = 0; s < n; ++s) {
          double dot = 0.0;
          for (std::size_t c = h; c < h + head; ++c) dot += q[t][c] * k[s][c];
          const bool hidden = s > t || window[s] == 0;
          // In single precision as released: the large number takes the score's last digits with it.
          score[s] =
              static_cast<float>(dot / std::sqrt(static_cast<double>(head))) + (hidden ? -10000.0F : 0.0F);
        }
        const float most = *std::max_element(score.begin(), score.end());
        double sum = 0.0;
        for (const float s : score) sum += std::exp(double{s - most});
        for (std::size_t s = 0; s < n; ++s) {
          const double weight = std::exp(double{score[s] - most}) / sum;
          for (std::size_t c = h; c < h + head; ++c) context[c] += weight * v[s][c];
        }
      }
      Row after = linear(name + "output", context, d_);
      for (std::size_t c = 0; c < d_; ++c) after[c] += x[t][c];
      normalise(name + "attention_norm", after);
      Row inner = linear(name + "inner", after, static_cast<std::size_t>(config_.inner));
      for (double& value : inner) value = 0.5 * value * (1.0 + std::erf(value / std::sqrt(2.0)));
      Row outer = linear(name + "outer", inner, d_);
      for (std::size_t c = 0; c < d_; ++c) outer[c] += after[c];
      normalise(name + "outer_norm", outer);
      out.push_back(outer);
    }
    return out;
  }

  NamedArrays arrays_;
  SequenceConfig config_;
  std::size_t d_;
};

/// One prompt with a history, one path after it.
struct OnePath {
  std::vector<ItemId> history, items;
  std::vector<std::int32_t> size, prompt{0}, length;
  std::vector<UserId> user{0};
  std::vector<ItemId> target{3};

  OnePath(std::int32_t known, std::int32_t shown) {
    for (std::int32_t t = 0; t < known; ++t)
      history.push_back(random_item(catalogue, 1, static_cast<std::uint32_t>(t)));
    for (std::int32_t t = 0; t < shown; ++t)
      items.push_back(random_item(catalogue, 2, static_cast<std::uint32_t>(t)));
    size.push_back(known);
    length.push_back(shown);
  }
  PathQuery query() {
    PathQuery q;
    q.history = View<const ItemId>(history.data(), 1, static_cast<std::int32_t>(history.size()));
    q.history_size = size;
    q.user = user;
    q.target = target;
    q.prompt = prompt;
    q.items = View<const ItemId>(items.data(), 1, static_cast<std::int32_t>(items.size()));
    q.length = length;
    return q;
  }
};

double gap(std::span<const float> a, const Row& b) {
  double worst = 0.0;
  for (std::size_t c = 0; c < b.size(); ++c) worst = std::max(worst, std::abs(double{a[c]} - b[c]));
  return worst;
}

TEST_SUITE("left-padded paths") {
  TEST_CASE("read-outs are those of plain loops over the padded window, and not the right-padded ones") {
    // From a short history, whose read-out is a padding's, to one that fills the window.
    const SequenceModel model = small_model("sasrec", catalogue, 7, positions);
    const PlainLeftPadded plain(model);
    OnePath one(3, 8);
    const PathReadouts read = read_left_padded_paths(model, one.query());
    const PathReadouts right = SequenceEncoder(model).read_paths(one.query());
    REQUIRE(read.rows() == 9);
    REQUIRE(right.rows() == 9);
    std::vector<ItemId> sequence = one.history;
    for (std::int32_t row = 0; row < 9; ++row) {
      CAPTURE(row);
      if (row > 0) sequence.push_back(one.items[static_cast<std::size_t>(row) - 1]);
      const Row wanted = plain.read(sequence);
      CHECK(gap(read.view().row(row), wanted) < 0.01);
      CHECK(gap(right.view().row(row), wanted) > 0.1);
    }
  }

  TEST_CASE("many prompts and paths, an empty history, refused items: each prefix reads as alone") {
    const SequenceModel model = small_model("sasrec", catalogue, 7, positions);
    const PlainLeftPadded plain(model);
    constexpr std::int32_t prompts = 7, each = 3, most = 5;  // 7 + 21 x up to 5 read-outs: more than one pass
    std::vector<ItemId> history(prompts * 6), items(prompts * each * most), target(prompts, 3);
    std::vector<std::uint8_t> accepted(items.size());
    std::vector<std::int32_t> size, prompt, length;
    std::vector<UserId> user(prompts, 0);
    for (std::int32_t p = 0; p < prompts; ++p) {
      size.push_back(p);  // the first has none
      for (std::int32_t t = 0; t < p; ++t) {
        history[static_cast<std::size_t>(p * 6 + t)] =
            random_item(catalogue, static_cast<std::uint64_t>(p), static_cast<std::uint32_t>(t));
      }
      for (std::int32_t m = 0; m < each; ++m) {
        const std::int32_t path = p * each + m;
        prompt.push_back(p);
        length.push_back(most - m);
        for (std::int32_t k = 0; k < most; ++k) {
          const auto cell = static_cast<std::size_t>(path * most + k);
          items[cell] =
              random_item(catalogue, static_cast<std::uint64_t>(100 + path), static_cast<std::uint32_t>(k));
          accepted[cell] = k == 1 && m == 2 ? 0 : feedback::accepted;
        }
      }
    }
    PathQuery query;
    query.history = View<const ItemId>(history.data(), prompts, 6);
    query.history_size = size;
    query.user = user;
    query.target = target;
    query.prompt = prompt;
    query.items = View<const ItemId>(items.data(), prompts * each, most);
    query.accepted = View<const std::uint8_t>(accepted.data(), prompts * each, most);
    query.length = length;
    const PathReadouts read = read_left_padded_paths(model, query);
    REQUIRE(read.rows() > 64);
    const auto row_is = [&](std::int32_t row, const std::vector<ItemId>& sequence) {
      const Row wanted = sequence.empty() ? Row(32, 0.0) : plain.read(sequence);
      CHECK(gap(read.view().row(row), wanted) < 0.01);
    };
    for (std::int32_t p = 0; p < prompts; ++p) {
      const auto known = query.history.row(p).first(static_cast<std::size_t>(p));
      const std::vector<ItemId> start(known.begin(), known.end());
      row_is(p, start);
      for (std::int32_t m = 0; m < each; ++m) {
        const std::int32_t path = p * each + m;
        std::vector<ItemId> sequence = start;
        std::int32_t taken = 0;
        for (std::int32_t k = 0; k < most - m; ++k) {
          if (query.accepted(path, k) == 0) continue;
          sequence.push_back(query.items(path, k));
          row_is(read.row(static_cast<std::size_t>(path), ++taken), sequence);
        }
      }
    }
  }

  TEST_CASE("a window without padding reads alike on both sides") {
    const SequenceModel model = small_model("sasrec", catalogue, 7, positions);
    OnePath one(positions, 3);
    const PathReadouts left = read_left_padded_paths(model, one.query());
    const PathReadouts right = SequenceEncoder(model).read_paths(one.query());
    REQUIRE(left.values.size() == right.values.size());
    for (std::size_t i = 0; i < left.values.size(); ++i)
      CHECK(std::abs(left.values[i] - right.values[i]) < 1e-4F);
  }

  TEST_CASE("people so read score from these read-outs; other networks are refused") {
    const SequenceModel model = small_model("sasrec", catalogue, 7, positions);
    OnePath one(4, 2);
    const PathReadouts read = read_left_padded_paths(model, one.query());
    const CatalogueScorer scorer(model);
    std::vector<float> interest(2), acceptance(2), start(1);
    PathScores scores;
    scores.interest = View<float>(interest.data(), 1, 2);
    scores.acceptance = View<float>(acceptance.data(), 1, 2);
    scores.start_interest = start;
    const auto people = make_left_padded_user(model);
    Workspace none;
    people->score_paths(one.query(), scores, none);
    std::vector<float> wanted(3);
    std::vector<std::int32_t> rank(3);
    const std::vector<ItemId> target(3, 3);
    scorer.measure(read.view(), target, wanted, rank);
    CHECK(start[0] == wanted[0]);
    CHECK(interest[0] == wanted[1]);
    CHECK(interest[1] == wanted[2]);
    CHECK(acceptance[1] ==
          doctest::Approx(1.0 / (1.0 + std::exp(-double{scorer.logit(read.view().row(1), one.items[1])}))));
    CHECK_THROWS_WITH_AS(make_left_padded_user(small_model("gru4rec", catalogue)),
                         doctest::Contains("sasrec"), ConfigError);
  }
}

}  // namespace
}  // namespace veer::nn
