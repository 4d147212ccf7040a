#include "agents/slate/networks/history_reader_net.h"

#include <cmath>
#include <memory>
#include <vector>

#include "agents/slate/latent/latent_learner.h"
#include "agents/slate/networks/history_encoder_net.h"
#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::slate {
namespace {

constexpr std::int32_t items = 40, features = 5, people = 21, column = 16;

struct ReaderDesk {
  HistoryEncoderConfig config;
  std::vector<float> vectors = std::vector<float>((items + 1) * features);
  std::vector<ItemId> history = std::vector<ItemId>(people * column, no_item);
  std::vector<std::int32_t> sizes;
  std::vector<StepKey> keys;
  nn::NetworkParameters parameters;

  /// Histories of 0, 1 .. 16 items, or all of 16.
  ReaderDesk(HistoryPadding padding, bool full) {
    config = {.features = features,
              .width = 24,
              .layers = 2,
              .heads = 3,
              .inner = 40,
              .positions = 11,
              .dropout = 0.3F,
              .padding = padding};
    fill_normal({1, 2, 3}, Stream::generate, vectors);
    std::fill_n(vectors.begin(), features, 0.0F);
    for (std::int32_t r = 0; r < people; ++r) {
      sizes.push_back(full ? column : r % (column + 1));
      keys.push_back({9, static_cast<EpisodeId>(100 + 7 * r), static_cast<std::uint32_t>(r % 3)});
      for (std::int32_t t = 0; t < sizes.back(); ++t) {
        history[at(r) * column + at(t)] = 1 + (r * 31 + t * 7) % items;
      }
    }
    const auto layout = parameter_layout(config);
    NamedArrays fresh = fresh_parameters(config, layout, 4);
    // Biases and norms start at 0 and 1, where a mistake would not show.
    for (std::size_t i = 0; i < layout.size(); ++i) {
      std::vector<float> noise(static_cast<std::size_t>(layout[i].size()));
      fill_normal({3, i, 0}, Stream::generate, noise);
      const auto values = fresh.get<float>(layout[i].name);
      for (std::size_t k = 0; k < noise.size(); ++k) noise[k] = values[k] + 0.1F * noise[k];
      fresh.set<float>(layout[i].name, noise, layout[i].shape);
    }
    parameters = nn::stored_parameters(layout, fresh, "cpu", "test");
  }

  View<const float> rows() const { return {vectors.data(), items + 1, features}; }

  std::vector<float> read(std::int32_t first, std::int32_t count, bool drops) const {
    std::vector<float> out(at(count) * at(config.width));
    const HistoryReader reader(parameters, config, rows());
    reader.read({history.data() + first * column, count, column}, {sizes.data() + first, count, 1},
                drops ? std::span(keys).subspan(at(first), at(count)) : std::span<const StepKey>{},
                out.data());
    return out;
  }
  std::vector<float> straightforward(bool drops) const {
    const torch::InferenceMode inference;
    const HistoryBatch batch =
        read_histories(config, rows(), {history.data(), people, column}, sizes, 0, people);
    const std::string device = "cpu";
    nn::DropoutMasks dropout(drops ? std::span<const StepKey>(keys) : std::span<const StepKey>{}, device);
    const torch::Tensor states = encode_histories(parameters, config, batch, dropout).contiguous();
    return {states.data_ptr<float>(), states.data_ptr<float>() + states.numel()};
  }
};

double widest_gap(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::abs(double{a[i]} - double{b[i]}));
  return gap;
}

}  // namespace

TEST_CASE("the packed reader gives the states of the differentiable pass, dropout included") {
  for (const HistoryPadding padding : {HistoryPadding::zeros, HistoryPadding::masked}) {
    for (const bool full : {false, true}) {
      const ReaderDesk desk(padding, full);
      CHECK(widest_gap(desk.read(0, people, false), desk.straightforward(false)) < 1e-5);
      // Masks of the differentiable pass span the batch's longest history, the reader's all positions.
      if (padding == HistoryPadding::masked && !full) continue;
      CHECK(widest_gap(desk.read(0, people, true), desk.straightforward(true)) < 1e-5);
      CHECK(widest_gap(desk.read(0, people, true), desk.read(0, people, false)) > 0.1);
    }
  }
}

TEST_CASE("a person's state is the same bits alone and among others") {
  for (const HistoryPadding padding : {HistoryPadding::zeros, HistoryPadding::masked}) {
    const ReaderDesk desk(padding, false);
    const auto width = at(desk.config.width);
    for (const bool drops : {false, true}) {
      const std::vector<float> all = desk.read(0, people, drops);
      for (const std::int32_t r : {0, 5, people - 1}) {
        const std::vector<float> alone = desk.read(r, 1, drops);
        CHECK(
            std::equal(alone.begin(), alone.end(), all.begin() + static_cast<std::ptrdiff_t>(at(r) * width)));
      }
    }
  }
}

TEST_CASE("a baseline goes on with its weights when the catalogue changes") {
  const ReaderDesk desk(HistoryPadding::masked, false);
  for (const LatentKind kind : {LatentKind::a2c, LatentKind::supervised, LatentKind::slateq}) {
    LatentOptions o = latent_defaults(kind, features);
    o.encoder.positions = 11;
    o.candidates = 12;
    const auto vectors = std::make_shared<ItemVectors>(desk.rows());
    const LatentModel model = LatentLearner(o, vectors, 4, 3).model();
    const auto slates = [&](const LatentModel& m) {
      const std::vector<float> states =
          m.read({desk.history.data(), people, column}, {desk.sizes.data(), people, 1}, {});
      std::vector<ItemId> out(people * 4);
      const View<const float> rows(states.data(), people, o.encoder.width);
      m.slates(rows, rows, {out.data(), people, 4});
      return out;
    };
    const std::vector<ItemId> before = slates(model);
    // The first person's best item goes; its twin joins behind the last one and takes its place.
    const ItemId best = before[0];
    std::vector<float> grown = desk.vectors;
    for (std::int32_t i = 0; i < features; ++i) grown.push_back(desk.vectors[at(best) * features + at(i)]);
    const LatentModel changed =
        model.on(std::make_shared<ItemVectors>(View<const float>(grown.data(), items + 2, features)), {best});
    CHECK(changed.shown() == items);
    // Histories hold the old number, whose vector is the same: states have not moved.
    const std::vector<ItemId> after = slates(changed);
    for (std::size_t i = 0; i < after.size(); ++i)
      CHECK(after[i] == (before[i] == best ? items + 1 : before[i]));
    std::vector<float> scores(items + 1);
    changed.scores(std::vector<float>(at(o.encoder.width), 1.0F), scores);
    for (ItemId i = 1; i <= items + 1; ++i) CHECK(std::isinf(scores[at(i) - 1]) == (i == best));
    CHECK_THROWS_AS(model.on(vectors, {3, 3}), ConfigError);
    CHECK_THROWS_AS(model.on(vectors, {items + 1}), ConfigError);
  }
}

}  // namespace veer::slate
