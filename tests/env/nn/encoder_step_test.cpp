#include <torch/autograd.h>
#include <torch/types.h>

#include "tests/test.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/nn/catalogue_training/encoder_step_net.h"
#include "env/random.h"

namespace veer::nn {
namespace {

constexpr std::int32_t items = 90;
constexpr EncoderKind kinds[] = {EncoderKind::gru, EncoderKind::caser, EncoderKind::nextitnet,
                                 EncoderKind::sasrec};

/// A next-item network with a cross-entropy head, as an agent puts it together.
struct Network {
  StateEncoderConfig config;
  CatalogueTable vectors;
  FlatParameters parameters;
  CatalogueTable head;
  CatalogueCrossEntropy cross_entropy;
  EncoderNet net;

  explicit Network(EncoderKind kind, std::uint64_t seed = 4, std::int32_t width = 16)
      : config{.kind = kind, .width = width, .state_length = 10, .dropout = 0.1F},
        vectors(item_vectors(items, width), seed, 0),
        parameters(parameter_layout(config),
                   initial_parameters(parameter_layout(config), seed, "cpu").to_arrays()),
        head(catalogue_head("head", items, config.output_width()), seed, 100),
        cross_entropy(head),
        net{config, &parameters, &vectors, nullptr, 0} {}
  Network(const Network&) = delete;  // the loss and the net point at its parts
  Network& operator=(const Network&) = delete;

  double step(const StateBatch& batch, std::span<const ItemId> targets, bool update,
              const DropoutKey* dropout) {
    std::vector<float> losses(targets.size());
    const std::vector<float> weights(targets.size(), 1.0F / static_cast<float>(targets.size()));
    encoder_step(net, batch, dropout, [&](View<const float> states, View<float> gradient) {
      cross_entropy.forward(states, targets, losses);
      cross_entropy.backward(weights, gradient);
    });
    if (update) {
      const AdamOptions adam{.learning_rate = 0.01F};
      parameters.update(adam);
      vectors.update(adam);
      head.update(adam);
    }
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  }
};

/// Histories of 0 to 13 items of people who mostly go from item i to item i % items + 1.
struct Log {
  StateBatch batch{10};
  std::vector<ItemId> targets;

  Log(std::int32_t rows, std::uint64_t seed) {
    batch.resize(rows);
    for (std::int32_t r = 0; r < rows; ++r) {
      const auto draw = [&](std::uint32_t bound, std::uint32_t lane) {
        return static_cast<ItemId>(
            uniform_below(bound, {seed, static_cast<std::uint64_t>(r), 0}, Stream::generate, lane));
      };
      std::vector<ItemId> history;
      ItemId item = 1 + draw(items, 0);
      for (ItemId length = draw(14, 1); length > 0; --length) {
        history.push_back(item);
        item = item % items + 1;
      }
      batch.set(r, history);
      targets.push_back(item);
    }
  }
};

bool same_bytes(const NamedArrays& a, const NamedArrays& b) {
  return a.all().size() == b.all().size() &&
         std::all_of(a.all().begin(), a.all().end(), [&](const auto& entry) {
           return b.contains(entry.first) && b.at(entry.first).bytes == entry.second.bytes;
         });
}

torch::Tensor table_tensor(const CatalogueTable& table) {
  const CatalogueWeights w = table.weights();
  return torch::from_blob(const_cast<float*>(w.weight.data()), {w.rows(), w.width()}).clone();
}

}  // namespace

TEST_CASE("shards, tables and fused losses have the gradient of one graph over the whole batch") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    Network network(kind);
    const Log log(150, 2);
    const DropoutKey key{9, 40, 3};
    const double loss = network.step(log.batch, log.targets, false, &key);

    // The straightforward way: ids, lookup, encoder, all logits, autograd.
    torch::Tensor ids = torch::empty({150, 10}, torch::kInt64);
    std::copy_n(log.batch.items().data(), ids.numel(), ids.data_ptr<std::int64_t>());
    torch::Tensor lengths = torch::empty({150}, torch::kInt64), targets = torch::empty({150}, torch::kInt64);
    std::copy_n(log.batch.lengths().begin(), 150, lengths.data_ptr<std::int64_t>());
    for (std::int64_t r = 0; r < 150; ++r) targets[r] = std::int64_t{log.targets[at(r)]} - 1;
    const NetworkParameters parameters = network.parameters.aliases();
    const torch::Tensor vectors = table_tensor(network.vectors).requires_grad_();
    const torch::Tensor head = table_tensor(network.head).requires_grad_();
    DropoutMasks masks(&key, parameters.device);
    const EncoderOutput encoded =
        encode(parameters, network.config,
               {torch::embedding(vectors, ids), lengths, ids.ne(0).to(torch::kFloat32)}, masks);
    const torch::Tensor expected_loss =
        -torch::log_softmax(torch::mm(encoded.state, head.t()), 1).gather(1, targets.view({-1, 1})).mean();
    CHECK(loss == doctest::Approx(expected_loss.item<double>()).epsilon(1e-6));
    std::vector<torch::Tensor> leaves{vectors, head};
    for (const auto& [name, parameter] : parameters.parameters) leaves.push_back(parameter);
    const auto expected = torch::autograd::grad({expected_loss}, leaves);

    const auto compare = [](CatalogueTable& table, const torch::Tensor& wanted) {
      const float size = wanted.abs().max().item<float>();
      const View<float> found = table.gradient();
      for (std::int32_t row = 0; row < wanted.size(0); ++row) {
        const torch::Tensor own = torch::from_blob(found.row(row).data(), {wanted.size(1)});
        if (wanted[row].abs().max().item<float>() == 0.0F) continue;
        CHECK((own - wanted[row]).abs().max().item<float>() < 1e-5F * size);
      }
    };
    compare(network.vectors, expected[0]);
    compare(network.head, expected[1]);
    double norm = 0.0;
    for (std::size_t i = 2; i < expected.size(); ++i) norm += expected[i].square().sum().item<double>();
    CHECK(network.parameters.gradient_norm() == doctest::Approx(std::sqrt(norm)).epsilon(1e-5));
  }
}

TEST_CASE("a row's state does not depend on the rows beside it") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    Network network(kind);
    const Log log(150, 3);
    const std::int32_t width = network.net.width();
    std::vector<float> all(at(150) * at(width)), few(at(3) * at(width));
    encode_states(network.net, log.batch, nullptr, {all.data(), 150, width});
    StateBatch part(10);
    part.resize(3);
    for (std::int32_t r = 0; r < 3; ++r) {
      const std::int32_t from = 70 + r;
      auto history = log.batch.items().row(from).first(at(log.batch.lengths()[at(from)]));
      if (history.front() == no_item) history = {};
      part.set(r, history);
    }
    encode_states(network.config, network.parameters.aliases(), network.vectors.weights(), nullptr, part,
                  {few.data(), 3, width});
    if (tests::places_alike) CHECK(std::equal(few.begin(), few.end(), all.begin() + std::ptrdiff_t{70} * width));
  }
}

TEST_CASE("training has the same bytes for any number of threads and after an interruption") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    const auto train = [&](int threads, std::uint32_t interrupted_after) {
      NamedArrays state;
      tbb::task_arena arena(threads);
      arena.execute([&] {
        auto network = std::make_unique<Network>(kind);
        for (std::uint32_t step = 0; step < 4; ++step) {
          if (step == interrupted_after) {
            auto again = std::make_unique<Network>(kind, /*seed=*/77);
            again->parameters.restore(network->parameters.state());
            again->vectors.restore(network->vectors.state());
            again->head.restore(network->head.state());
            network = std::move(again);
          }
          const DropoutKey key{1, 0, step};
          network->step(Log(150, step).batch, Log(150, step).targets, true, &key);
        }
        state.put_group("encoder", network->parameters.state());
        state.put_group("items", network->vectors.state());
        state.put_group("head", network->head.state());
      });
      return state;
    };
    const NamedArrays one = train(1, 99);
    CHECK(same_bytes(one, train(2, 99)));
    CHECK(same_bytes(one, train(3, 2)));
  }
}

TEST_CASE("a restarted optimiser takes its first step again") {
  const auto second_step = [](bool restart) {
    Network network(EncoderKind::gru);
    const Log log(64, 6);
    network.step(log.batch, log.targets, true, nullptr);
    if (restart) {
      network.parameters.restart_optimiser();
      network.vectors.restart_optimiser();
    }
    const NamedArrays before = network.parameters.values();
    network.step(log.batch, log.targets, true, nullptr);
    const NamedArrays after = network.parameters.values();
    float largest = 0.0F;
    for (const auto& [name, array] : before.all()) {
      for (std::size_t i = 0; i < before.get<float>(name).size(); ++i) {
        largest = std::max(largest, std::abs(after.get<float>(name)[i] - before.get<float>(name)[i]));
      }
    }
    return std::pair{largest, network.parameters.steps()};
  };
  // The first step of Adam moves every weight by the learning rate, 0.01, whatever the gradient.
  CHECK(second_step(true).first == doctest::Approx(0.01).epsilon(1e-3));
  CHECK(second_step(true).second == 1);
  CHECK(second_step(false).second == 2);
}

TEST_CASE("every encoder learns which item comes next") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    Network network(kind, 4, 32);
    double first = 0.0, last = 0.0;
    for (std::uint32_t step = 0; step < 150; ++step) {
      const Log log(128, 1000 + step);
      const DropoutKey key{1, 0, step};
      last = network.step(log.batch, log.targets, true, &key);
      if (step == 0) first = last;
    }
    CHECK(last < 0.3 * first);
    const Log held_out(256, 5);
    std::vector<float> states(at(256) * at(network.net.width()));
    encode_states(network.net, held_out.batch, nullptr, {states.data(), 256, network.net.width()});
    std::vector<std::int32_t> ranks(256);
    target_ranks(network.head.weights(), {states.data(), 256, network.net.width()}, held_out.targets, ranks);
    std::int32_t known = 0, right = 0;
    for (std::int32_t r = 0; r < 256; ++r) {
      if (held_out.batch.items()(r, 0) == no_item) continue;  // nothing to go by
      ++known;
      right += ranks[at(r)] == 1 ? 1 : 0;
    }
    CHECK(right > 0.95 * known);
  }
}

TEST_CASE("a read-out stands between encoder and heads, and its parameters are trained") {
  const StateEncoderConfig config{.kind = EncoderKind::sasrec, .width = 16};
  std::vector<ParameterLayout> layouts = parameter_layout(config);
  layouts.push_back({"mix.weight", {5, 16}, Initial::uniform, 0.3F});
  CatalogueTable vectors(item_vectors(items, 16), 4, 0);
  FlatParameters parameters(layouts, initial_parameters(layouts, 4, "cpu").to_arrays());
  const Log log(70, 3);
  EncoderNet net{config, &parameters, &vectors, nullptr, 5};
  net.read_out = [](const NetworkParameters& p, const EncoderOutput& encoded, const ShardRows& rows,
                    DropoutMasks&) {
    CHECK((rows.used == 64 || rows.used == 6));
    return torch::mm(encoded.state + encoded.sequence.mean(1), p.at("mix.weight").t());
  };
  std::vector<float> outputs(70 * 5);
  encode_states(net, log.batch, nullptr, {outputs.data(), 70, 5});
  encoder_step(net, log.batch, nullptr, [&](View<const float> states, View<float> gradient) {
    CHECK(states.width() == 5);
    for (std::int32_t r = 0; r < 70; ++r) {
      for (std::int32_t j = 0; j < 5; ++j) {
        CHECK(states(r, j) == doctest::Approx(outputs[at(r) * 5 + at(j)]).epsilon(1e-6));
        CHECK(gradient(r, j) == 0.0F);
        gradient(r, j) = states(r, j);
      }
    }
  });
  const NamedArrays before = parameters.values();
  parameters.update({.learning_rate = 0.01F});
  const auto moved = [&](const std::string& name) {
    return before.at(name).bytes != parameters.values().at(name).bytes;
  };
  CHECK(moved("mix.weight"));
  CHECK(moved("attention.query.weight"));
}

}  // namespace veer::nn
