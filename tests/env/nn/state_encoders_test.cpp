#include <torch/autograd.h>
#include <torch/types.h>

#include "tests/test.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/nn/kernels/state_gru_kernels.h"
#include "env/nn/state_encoders/state_batch.h"
#include "env/nn/state_encoders/state_encoder.h"
#include "env/nn/state_encoders/state_encoder_net.h"
#include "env/random.h"
#include "tests/env/nn/plain_encoders.h"

namespace veer::nn {
namespace {

constexpr EncoderKind kinds[] = {EncoderKind::gru, EncoderKind::caser, EncoderKind::nextitnet,
                                 EncoderKind::sasrec};

StateEncoderConfig small(EncoderKind kind) {
  return {.kind = kind, .width = 20, .state_length = 10, .dropout = 0.1F};
}

/// Values around their beginning, so that gains, offsets and biases do something.
NetworkParameters random_parameters(const StateEncoderConfig& config, std::uint64_t seed) {
  NetworkParameters out = initial_parameters(parameter_layout(config), seed, "cpu");
  std::uint64_t index = 0;
  for (auto& [name, tensor] : out.parameters) {
    std::vector<float> noise(static_cast<std::size_t>(tensor.numel()));
    fill_normal({seed, 1000 + index++, 0}, Stream::generate, noise);
    tensor = tensor + 0.2F * torch::from_blob(noise.data(), tensor.sizes()).clone();
  }
  return out;
}

plain::Weights as_plain(const NetworkParameters& parameters) {
  plain::Weights out;
  for (const auto& [name, tensor] : parameters.parameters) {
    const torch::Tensor values = tensor.detach().contiguous();
    out.values[name].assign(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
  }
  return out;
}

/// Histories of 0 to T items and random item vectors; the padding row is not zero.
struct Rows {
  torch::Tensor table;  ///< [items + 1, W]
  std::vector<std::vector<ItemId>> histories;

  explicit Rows(const StateEncoderConfig& config) {
    std::vector<float> values(std::size_t{31} * at(config.width));
    fill_normal({5, 0, 0}, Stream::generate, values);
    table = torch::from_blob(values.data(), {31, config.width}).clone();
    for (std::uint32_t length = 0; length <= 10; ++length) {
      std::vector<ItemId> history;
      for (std::uint32_t t = 0; t < length; ++t) {
        history.push_back(1 + static_cast<ItemId>(uniform_below(30, {6, length, 0}, Stream::generate, t)));
      }
      histories.push_back(history);
    }
  }

  EncoderInputs inputs(std::int32_t state_length) const {
    StateBatch batch(state_length);
    batch.resize(static_cast<std::int32_t>(histories.size()));
    for (std::size_t r = 0; r < histories.size(); ++r) batch.set(static_cast<std::int32_t>(r), histories[r]);
    const std::int64_t rows = batch.rows();
    torch::Tensor ids = torch::empty({rows, state_length}, torch::kInt64);
    std::copy_n(batch.items().data(), ids.numel(), ids.data_ptr<std::int64_t>());
    torch::Tensor lengths = torch::empty({rows}, torch::kInt64);
    std::copy(batch.lengths().begin(), batch.lengths().end(), lengths.data_ptr<std::int64_t>());
    return {table.index_select(0, ids.view({-1})).view({rows, state_length, table.size(1)}), lengths,
            ids.ne(0).to(torch::kFloat32)};
  }
};

EncoderOutput evaluate(const NetworkParameters& parameters, const StateEncoderConfig& config,
                       const EncoderInputs& inputs, const DropoutKey* key = nullptr) {
  DropoutMasks masks(key, parameters.device);
  return encode(parameters, config, inputs, masks);
}

float largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<float>();
}

}  // namespace

TEST_CASE("the GRU cell multiplies the state by the reset gate before the product") {
  // Values computed by hand: x = 0.5, h = 0.2.
  const float state = 0.2F;
  const float input[3] = {0.3F * 0.5F + 1.0F, -0.2F * 0.5F + 1.0F, 0.7F * 0.5F};
  float gates[2] = {0.4F * state, 0.1F * state};
  float reset_state = 0.0F, next = 0.0F;
  gru_gates(1, 1, input, 3, &state, gates, &reset_state);
  CHECK(gates[0] == doctest::Approx(0.7738185743).epsilon(1e-6));
  CHECK(gates[1] == doctest::Approx(0.7150421057).epsilon(1e-6));
  float candidate = -0.6F * reset_state;
  gru_candidate(1, 1, input + 2, 3, &state, gates, &candidate, &next);
  CHECK(candidate == doctest::Approx(0.2516201973).epsilon(1e-6));
  CHECK(next == doctest::Approx(0.2147095827).epsilon(1e-6));

  // U (r h) for U = [[.3, .4], [-.2, .6]], h = [.2, -.5], r = [.9, .1] is [.034, -.066]; r (U h) would be
  // [-.126, -.034]. Gates saturate so that r is what the input says.
  const float h[2] = {0.2F, -0.5F};
  const float logit[4] = {std::log(9.0F), -std::log(9.0F), 0.0F, 0.0F};
  float both[4] = {0, 0, 0, 0};
  float reset_h[2];
  gru_gates(1, 2, logit, 4, h, both, reset_h);
  CHECK(0.3F * reset_h[0] + 0.4F * reset_h[1] == doctest::Approx(0.034).epsilon(1e-5));
  CHECK(-0.2F * reset_h[0] + 0.6F * reset_h[1] == doctest::Approx(-0.066).epsilon(1e-5));
}

TEST_CASE("the layer norm has a biased variance and its epsilon inside the root") {
  NetworkParameters parameters{"cpu", {{"n.gain", torch::ones({4})}, {"n.offset", torch::zeros({4})}}};
  const torch::Tensor out = state_norm(parameters, "n", torch::tensor({1.0F, 2.0F, 3.0F, 4.0F}));
  const double expected[] = {-1.3416407811, -0.4472135937, 0.4472135937, 1.3416407811};
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(out[i].item<double>() == doctest::Approx(expected[i]).epsilon(1e-6));
    CHECK(plain::layer_norm({1, 2, 3, 4}, {1, 1, 1, 1}, {0, 0, 0, 0})[static_cast<std::size_t>(i)] ==
          doctest::Approx(expected[i]).epsilon(1e-9));
  }
  // At the size of fresh item vectors the place of epsilon shows: 1e-4 [1, 2, 3, 4] has variance 1.25e-8.
  const torch::Tensor tiny = state_norm(parameters, "n", 1e-4F * torch::tensor({1.0F, 2.0F, 3.0F, 4.0F}));
  CHECK(tiny[3].item<double>() == doctest::Approx(1.0).epsilon(1e-4));
}

TEST_CASE("every encoder agrees with plain loops in double precision") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    const NetworkParameters parameters = random_parameters(config, 3);
    const plain::Weights weights = as_plain(parameters);
    const Rows rows(config);
    const EncoderInputs inputs = rows.inputs(config.state_length);
    const EncoderOutput out = evaluate(parameters, config, inputs);
    REQUIRE(out.state.size(1) == config.output_width());
    CHECK(out.sequence.defined() == (kind == EncoderKind::sasrec));
    for (std::int64_t r = 0; r < out.state.size(0); ++r) {
      CAPTURE(r);
      const auto real = static_cast<std::int64_t>(rows.histories[static_cast<std::size_t>(r)].size());
      plain::Matrix items;
      for (std::int64_t t = 0; t < config.state_length; ++t) {
        const torch::Tensor vector = inputs.embedded[r][t].contiguous();
        items.emplace_back(vector.data_ptr<float>(), vector.data_ptr<float>() + config.width);
      }
      plain::Matrix sequence;
      const plain::Vector expected =
          plain::encode(config, weights, items, std::max<std::int64_t>(real, 1), real, &sequence);
      REQUIRE(expected.size() == static_cast<std::size_t>(out.state.size(1)));
      for (std::size_t j = 0; j < expected.size(); ++j) {
        REQUIRE(out.state[r][static_cast<std::int64_t>(j)].item<double>() ==
                doctest::Approx(expected[j]).epsilon(2e-5));
      }
      for (std::size_t t = 0; t < sequence.size(); ++t) {
        REQUIRE(out.sequence[r][static_cast<std::int64_t>(t)][2].item<double>() ==
                doctest::Approx(sequence[t][2]).epsilon(2e-5));
      }
    }
  }
}

TEST_CASE("the parameters of the published sizes") {
  const auto count = [](EncoderKind kind) { return total_size(parameter_layout({.kind = kind})); };
  CHECK(count(EncoderKind::gru) == 3 * (128 * 64 + 64));
  CHECK(count(EncoderKind::caser) == 16 * (2 + 3 + 4) * 64 + 3 * 16 + 10 + 1);
  CHECK(count(EncoderKind::nextitnet) == 12 * (3 * 64 * 64 + 64 + 2 * 64));
  CHECK(count(EncoderKind::sasrec) == 10 * 64 + 5 * (64 * 64 + 64) + 3 * 2 * 64);
  CHECK(StateEncoderConfig{.kind = EncoderKind::caser}.output_width() == 112);
  CHECK(StateEncoderConfig{.kind = EncoderKind::sasrec}.output_width() == 64);
}

TEST_CASE("the parameters begin as published") {
  const NetworkParameters gru = initial_parameters(parameter_layout({}), 1, "cpu");
  CHECK(gru.at("gates.bias").eq(1.0F).all().item<bool>());
  CHECK(gru.at("candidate.bias").eq(0.0F).all().item<bool>());
  const double limit = std::sqrt(6.0 / (128.0 + 64.0));
  CHECK(gru.at("candidate.weight").abs().max().item<double>() <= limit);
  CHECK(gru.at("candidate.weight").abs().max().item<double>() > 0.99 * limit);

  const NetworkParameters nextitnet =
      initial_parameters(parameter_layout({.kind = EncoderKind::nextitnet}), 1, "cpu");
  const torch::Tensor filters = nextitnet.at("blocks.3.1.weight");
  CHECK(filters.abs().max().item<double>() <= 0.04);
  CHECK(filters.abs().max().item<double>() > 0.0395);
  // A normal cut at two deviations has 0.8796 of its deviation left.
  CHECK(filters.std().item<double>() == doctest::Approx(0.02 * 0.8796).epsilon(0.02));
  CHECK(std::abs(filters.mean().item<double>()) < 5e-4);

  const NetworkParameters caser =
      initial_parameters(parameter_layout({.kind = EncoderKind::caser}), 1, "cpu");
  CHECK(caser.at("horizontal.3.bias").eq(0.1F).all().item<bool>());
  CHECK(caser.at("vertical.bias").eq(0.1F).all().item<bool>());
}

TEST_CASE("what stands behind a row's length changes nothing") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    const NetworkParameters parameters = random_parameters(config, 8);
    EncoderInputs inputs = Rows(config).inputs(config.state_length);
    const torch::Tensor before = evaluate(parameters, config, inputs).state;
    const torch::Tensor padding =
        torch::arange(config.state_length).view({1, -1}).ge(inputs.lengths.view({-1, 1}));
    inputs.embedded = inputs.embedded.masked_fill(padding.unsqueeze(-1), 7.5F);
    CHECK(largest_difference(before, evaluate(parameters, config, inputs).state) == 0.0F);
  }
}

TEST_CASE("the newest item does not reach back") {
  for (const EncoderKind kind : {EncoderKind::gru, EncoderKind::nextitnet, EncoderKind::sasrec}) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    const NetworkParameters parameters = random_parameters(config, 9);
    EncoderInputs inputs = Rows(config).inputs(config.state_length);
    inputs.embedded = inputs.embedded.narrow(0, 10, 1).clone();  // a full history
    inputs.mask = inputs.mask.narrow(0, 10, 1);
    inputs.lengths = torch::full({1}, 6, torch::kInt64);
    const torch::Tensor before = evaluate(parameters, config, inputs).state;
    inputs.embedded.select(1, 6).fill_(3.0F);
    CHECK(largest_difference(before, evaluate(parameters, config, inputs).state) == 0.0F);
    inputs.embedded.select(1, 0).fill_(3.0F);
    CHECK(largest_difference(before, evaluate(parameters, config, inputs).state) > 1e-4F);
  }
}

TEST_CASE("an empty history is a constant of the network") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    const NetworkParameters parameters = random_parameters(config, 10);
    EncoderInputs inputs = Rows(config).inputs(config.state_length);
    const torch::Tensor state = evaluate(parameters, config, inputs).state[0];
    if (kind == EncoderKind::nextitnet) CHECK(state.abs().max().item<float>() == 0.0F);
    if (kind == EncoderKind::sasrec)
      CHECK(largest_difference(state, parameters.at("final.norm.offset")) < 1e-6F);
    inputs.embedded = inputs.embedded + 1.0F;
    const float moved = largest_difference(state, evaluate(parameters, config, inputs).state[0]);
    // The GRU reads the padding row, which is trained; the others multiply it away.
    if (kind == EncoderKind::gru) CHECK(moved > 1e-3F);
    if (kind != EncoderKind::gru) CHECK(moved == 0.0F);
  }
}

TEST_CASE("the recurrence's own backward pass agrees with autograd in double precision") {
  const StateEncoderConfig config = small(EncoderKind::gru);
  NetworkParameters parameters = random_parameters(config, 12);
  EncoderInputs inputs = Rows(config).inputs(config.state_length);
  const torch::Tensor weight =
      torch::sin(torch::arange(11 * config.width).to(torch::kFloat64)).view({11, -1});
  const auto gradients = [&](torch::ScalarType type) {
    NetworkParameters own{"cpu", {}};
    std::vector<torch::Tensor> leaves;
    for (const auto& [name, tensor] : parameters.parameters) {
      own.parameters.emplace_back(name, tensor.to(type).requires_grad_());
      leaves.push_back(own.parameters.back().second);
    }
    EncoderInputs in = inputs;
    in.embedded = inputs.embedded.to(type).requires_grad_();
    leaves.push_back(in.embedded);
    const torch::Tensor state = evaluate(own, config, in).state;
    return torch::autograd::grad({(state * weight.to(type)).sum()}, leaves);
  };
  const auto own = gradients(torch::kFloat32), exact = gradients(torch::kFloat64);
  for (std::size_t i = 0; i < own.size(); ++i) {
    CAPTURE(i);
    const float size = exact[i].abs().max().item<float>();
    CHECK(size > 0.1F);
    CHECK((own[i] - exact[i]).abs().max().item<float>() < 1e-5F * size);
  }
}

TEST_CASE("every parameter and every item of a history has a gradient") {
  for (const EncoderKind kind : kinds) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    NetworkParameters parameters = random_parameters(config, 13);
    EncoderInputs inputs = Rows(config).inputs(config.state_length);
    std::vector<torch::Tensor> leaves{inputs.embedded.requires_grad_()};
    for (auto& [name, tensor] : parameters.parameters) leaves.push_back(tensor.requires_grad_());
    const torch::Tensor state = evaluate(parameters, config, inputs).state;
    const auto found = torch::autograd::grad({(state * state).sum()}, leaves);
    for (std::size_t i = 1; i < found.size(); ++i) {
      CAPTURE(parameters.parameters[i - 1].first);
      // A bias added to all keys alike cancels in the softmax.
      if (parameters.parameters[i - 1].first == "attention.key.bias") continue;
      CHECK(found[i].abs().max().item<float>() > 1e-6F);
    }
    for (std::int64_t t = 0; t < 10; ++t) CHECK(found[0][10][t].abs().max().item<float>() > 0.0F);
    CHECK(found[0][4].slice(0, 4).abs().max().item<float>() == 0.0F);
  }
}

TEST_CASE("dropout is a function of its key and keeps the mean") {
  for (const EncoderKind kind : {EncoderKind::caser, EncoderKind::sasrec}) {
    CAPTURE(word_of(kind));
    const StateEncoderConfig config = small(kind);
    const NetworkParameters parameters = random_parameters(config, 14);
    const EncoderInputs inputs = Rows(config).inputs(config.state_length);
    const DropoutKey key{3, 100, 7}, later{3, 100, 8};
    const torch::Tensor once = evaluate(parameters, config, inputs, &key).state;
    CHECK(largest_difference(once, evaluate(parameters, config, inputs, &key).state) == 0.0F);
    CHECK(largest_difference(once, evaluate(parameters, config, inputs, &later).state) > 1e-3F);
    EncoderInputs tail = inputs;
    for (torch::Tensor* each : {&tail.embedded, &tail.lengths, &tail.mask}) *each = each->slice(0, 4);
    const DropoutKey shifted{3, 104, 7};
    CHECK(largest_difference(once.slice(0, 4), evaluate(parameters, config, tail, &shifted).state) < 1e-5F);
  }
  const StateEncoderConfig caser = small(EncoderKind::caser);
  const NetworkParameters parameters = random_parameters(caser, 14);
  const EncoderInputs inputs = Rows(caser).inputs(caser.state_length);
  const torch::Tensor kept = evaluate(parameters, caser, inputs).state;
  torch::Tensor sum = torch::zeros_like(kept);
  for (std::uint32_t step = 0; step < 400; ++step) {
    const DropoutKey key{3, 0, step};
    sum += evaluate(parameters, caser, inputs, &key).state;
  }
  CHECK((sum / 400).mean().item<double>() == doctest::Approx(kept.mean().item<double>()).epsilon(0.01));
}

TEST_CASE("states keep the last items and their places") {
  StateBatch batch(3);
  batch.resize(3);
  const std::vector<ItemId> history = {4, 5, 6, 7};
  batch.set(0, history);
  batch.set(1, std::span(history).first(2));
  CHECK(std::vector<ItemId>(batch.items().row(0).begin(), batch.items().row(0).end()) ==
        std::vector<ItemId>{5, 6, 7});
  CHECK(std::vector<ItemId>(batch.items().row(1).begin(), batch.items().row(1).end()) ==
        std::vector<ItemId>{4, 5, no_item});
  CHECK(std::vector<std::int32_t>(batch.lengths().begin(), batch.lengths().end()) ==
        std::vector<std::int32_t>{3, 2, 1});
  batch.set(0, {});
  CHECK(batch.lengths()[0] == 1);
  CHECK(batch.items()(0, 0) == no_item);
}

TEST_CASE("configurations travel as text and are checked") {
  const StateEncoderConfig config{
      .kind = EncoderKind::nextitnet, .width = 48, .state_length = 7, .dropout = 0.25F};
  const StateEncoderConfig back = StateEncoderConfig::from_hyper_parameters(config.to_hyper_parameters());
  CHECK(back.kind == EncoderKind::nextitnet);
  CHECK(back.width == 48);
  CHECK(back.state_length == 7);
  CHECK(back.dropout == 0.25F);
  CHECK_THROWS_AS(encoder_kind("lstm"), ConfigError);
  CHECK_THROWS_AS(StateEncoderConfig::from_hyper_parameters({{"encoder", "gru"}}), FormatError);
  CHECK_THROWS_AS(check_config({.kind = EncoderKind::caser, .state_length = 3}), ConfigError);
  CHECK_THROWS_AS(check_config({.width = 0}), ConfigError);
  CHECK_THROWS_AS(check_config({.dropout = 1.0F}), ConfigError);
}

}  // namespace veer::nn
