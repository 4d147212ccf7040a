#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include "tests/test.h"

#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/nn/sequence_model.h"
#include "env/nn/torch_runtime.h"
#include "env/nn/training/sequence_forward_net.h"
#include "env/random.h"
#include "tests/env/nn/plain_network.h"

namespace veer::nn {
namespace {

SequenceConfig small(const std::string& kind) {
  SequenceConfig config = kind == "gru4rec" ? SequenceConfig::gru4rec(23) : SequenceConfig::sasrec(23);
  config.hidden = 12;
  config.inner = 20;
  config.positions = 9;
  return config;
}

/// Weights large enough that every part of the network matters to the output.
SequenceModel lively(const SequenceConfig& config) {
  NamedArrays arrays = SequenceModel::initialise(config, 5, "cpu").to_arrays();
  NamedArrays louder;
  std::uint32_t index = 0;
  for (const auto& [name, array] : arrays.all()) {
    const auto values = arrays.get<float>(name);
    std::vector<float> scaled(values.begin(), values.end());
    for (std::size_t i = 0; i < scaled.size(); ++i) {
      scaled[i] += 0.4F * normal({77, index, 0}, Stream::generate, static_cast<std::uint32_t>(i));
    }
    if (name == "item_embedding") std::fill_n(scaled.begin(), config.hidden, 0.0F);
    louder.set<float>(name, scaled, array.shape);
    ++index;
  }
  return SequenceModel::from_arrays(config, louder, "cpu");
}

torch::Tensor some_items(const SequenceConfig& config, std::int64_t rows, std::int64_t length) {
  torch::Tensor items = torch::empty({rows, length}, torch::kInt64);
  for (std::int64_t i = 0; i < items.numel(); ++i) {
    items.data_ptr<std::int64_t>()[i] = 1 + uniform_below(static_cast<std::uint32_t>(config.items), {3, 0, 0},
                                                          Stream::generate, static_cast<std::uint32_t>(i));
  }
  return items;
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("the published sizes have the published numbers of parameters") {
  const std::int64_t n = 3417;  // rows of the ML-1M table
  const std::int64_t block = 4 * (64 * 64 + 64) + 64 * 256 + 256 + 256 * 64 + 64 + 2 * 128;
  CHECK(parameter_count(SequenceConfig::sasrec(3416)) == 64 * n + 3200 + 128 + 2 * block);
  CHECK(parameter_count(SequenceConfig::gru4rec(3883)) == 3884 * 64 + 384 * 64 + 384 * 128 + 64 * 128 + 64);
}

TEST_CASE("the forward pass agrees with the equations in double precision") {
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    const SequenceConfig config = small(kind);
    const SequenceModel model = lively(config);
    const NamedArrays weights = model.to_arrays();
    const test::PlainNetwork plain(config, weights);
    const torch::Tensor items = some_items(config, 4, config.positions);
    const torch::Tensor hidden = encode(model.net(), items);
    REQUIRE(hidden.sizes() == torch::IntArrayRef({4, config.positions, config.hidden}));
    double largest = 0.0;
    for (std::int64_t r = 0; r < 4; ++r) {
      std::vector<std::int32_t> history;
      for (std::int64_t t = 0; t < config.positions; ++t) {
        history.push_back(static_cast<std::int32_t>(items[r][t].item<std::int64_t>()));
      }
      const test::Matrix expected = plain.encode(history);
      for (std::int64_t t = 0; t < config.positions; ++t) {
        for (std::int64_t j = 0; j < config.hidden; ++j) {
          const double wanted = expected[static_cast<std::size_t>(t)][static_cast<std::size_t>(j)];
          CHECK(hidden[r][t][j].item<double>() == doctest::Approx(wanted).epsilon(1e-4));
          largest = std::max(largest, std::abs(wanted));
        }
      }
    }
    CHECK(largest > 0.5);  // the comparison was about something
  }
}

TEST_CASE("a read-out depends on nothing after its position, and not on padding") {
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    const SequenceConfig config = small(kind);
    const SequenceModel model = lively(config);
    const torch::Tensor items = some_items(config, 5, 8);
    const torch::Tensor hidden = encode(model.net(), items);

    torch::Tensor other_future = items.clone();
    other_future.slice(1, 4, 8).copy_(some_items(config, 5, 4).add(7).remainder(23).add(1));
    const torch::Tensor changed = encode(model.net(), other_future);
    CHECK(largest_difference(hidden.slice(1, 0, 4), changed.slice(1, 0, 4)) == 0.0);
    CHECK(largest_difference(hidden.slice(1, 5), changed.slice(1, 5)) > 1e-3);

    torch::Tensor padded = torch::zeros({5, 9}, torch::kInt64);
    padded.slice(1, 0, 4).copy_(items.slice(1, 0, 4));
    const torch::Tensor wide = encode(model.net(), padded);
    const torch::Tensor narrow = encode(model.net(), items.slice(1, 0, 4).contiguous());
    CHECK(largest_difference(wide.slice(1, 0, 4), narrow) < 1e-5);
  }
}

TEST_CASE("dropout masks belong to the example, not to its place in the batch") {
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    const SequenceConfig config = small(kind);
    const SequenceModel model = lively(config);
    const torch::Tensor items = some_items(config, 6, 7);
    const DropoutKey all{9, 100, 3};
    const DropoutKey tail{9, 104, 3};
    const torch::Tensor whole = encode(model.net(), items, &all);
    const torch::Tensor part = encode(model.net(), items.slice(0, 4, 6).contiguous(), &tail);
    CHECK(largest_difference(whole.slice(0, 4, 6), part) < 1e-5);
    CHECK(largest_difference(whole, encode(model.net(), items, &all)) == 0.0);
    const DropoutKey next_update{9, 100, 4};
    CHECK(largest_difference(whole, encode(model.net(), items, &next_update)) > 1e-2);
    CHECK(largest_difference(whole, encode(model.net(), items)) > 1e-2);
  }
}

TEST_CASE("fresh weights follow the stated distributions") {
  const SequenceModel sasrec = SequenceModel::initialise(SequenceConfig::sasrec(2000), 1, "cpu");
  const torch::Tensor& table = sasrec.net().at("item_embedding");
  CHECK(table[0].abs().sum().item<double>() == 0.0);
  CHECK(table.slice(0, 1).std().item<double>() == doctest::Approx(0.02).epsilon(0.02));
  CHECK(std::abs(table.slice(0, 1).mean().item<double>()) < 5e-4);
  CHECK(sasrec.net().at("layers.1.inner.bias").abs().sum().item<double>() == 0.0);
  CHECK(sasrec.net().at("input_norm.weight").min().item<double>() == 1.0);

  const SequenceModel gru = SequenceModel::initialise(SequenceConfig::gru4rec(2000), 1, "cpu");
  const torch::Tensor& recurrent = gru.net().at("gru.weight_hidden");
  const double bound = std::sqrt(6.0 / (384.0 + 128.0));
  CHECK(recurrent.max().item<double>() <= bound);
  CHECK(recurrent.max().item<double>() > 0.99 * bound);
  CHECK(recurrent.std().item<double>() == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.02));
  CHECK(gru.net().at("item_embedding").std().item<double>() ==
        doctest::Approx(std::sqrt(2.0 / (2001.0 + 64.0))).epsilon(0.02));
  CHECK(gru.net().at("readout.bias").abs().max().item<double>() <= 1.0 / std::sqrt(128.0));

  const SequenceModel other = SequenceModel::initialise(SequenceConfig::sasrec(2000), 2, "cpu");
  CHECK(largest_difference(table, other.net().at("item_embedding")) > 0.01);
}

TEST_CASE("weights survive the way through named arrays") {
  const SequenceConfig config = small("sasrec");
  const SequenceModel model = lively(config);
  const NamedArrays arrays = model.to_arrays();
  CHECK(SequenceConfig::from_strings(config.to_strings()).to_strings() == config.to_strings());
  const SequenceModel back =
      SequenceModel::from_arrays(SequenceConfig::from_strings(config.to_strings()), arrays, "cpu");
  const torch::Tensor items = some_items(config, 3, 5);
  CHECK(largest_difference(encode(model.net(), items), encode(back.net(), items)) == 0.0);
}

TEST_CASE("weights of another shape or name are refused by name") {
  const SequenceConfig config = small("sasrec");
  const NamedArrays arrays = lively(config).to_arrays();

  NamedArrays wrong_shape = arrays;
  wrong_shape.set<float>("input_norm.bias", std::vector<float>(11));
  CHECK_THROWS_WITH_AS(SequenceModel::from_arrays(config, wrong_shape, "cpu"),
                       doctest::Contains("input_norm.bias"), FormatError);
  NamedArrays extra = arrays;
  extra.set<float>("layers.7.query.weight", std::vector<float>(3));
  CHECK_THROWS_WITH_AS(SequenceModel::from_arrays(config, extra, "cpu"), doctest::Contains("layers.7"),
                       FormatError);
  CHECK_THROWS_AS(SequenceModel::from_arrays(config, NamedArrays{}, "cpu"), FormatError);

  auto strings = config.to_strings();
  strings["heads"] = "five";
  CHECK_THROWS_WITH_AS(SequenceConfig::from_strings(strings), doctest::Contains("heads"), FormatError);
  strings["heads"] = "5";
  CHECK_THROWS_WITH_AS(SequenceConfig::from_strings(strings), doctest::Contains("divisor"), FormatError);
  strings.erase("kind");
  CHECK_THROWS_WITH_AS(SequenceConfig::from_strings(strings), doctest::Contains("kind"), FormatError);
  CHECK_THROWS_AS(encode(lively(config).net(), torch::ones({1, 10}, torch::kInt64)), ConfigError);
}

TEST_CASE("devices are resolved by name") {
  CHECK(resolve_device("cpu") == "cpu");
  for (const std::string wrong : {"gpu", "cuda:", "cuda:x", "cuda:-1", ""}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(resolve_device(wrong), ConfigError);
  }
  if (!torch::cuda::is_available()) {
    CHECK(resolve_device("auto") == "cpu");
    CHECK_THROWS_AS(resolve_device("cuda:0"), DeviceError);
  } else {
    CHECK(resolve_device("auto") == "cuda:0");
    CHECK(resolve_device("cuda") == "cuda:0");
  }
  CHECK(libtorch_version().starts_with("LibTorch "));
  configure_libtorch();  // a second call changes nothing
  CHECK(at::get_num_threads() == 1);
}

}  // namespace veer::nn
