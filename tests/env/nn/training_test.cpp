#include <torch/autograd.h>
#include <torch/types.h>

#include "tests/test.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/dropout_mask.h"
#include "env/error.h"
#include "env/nn/kernels/softmax_kernel.h"
#include "env/nn/training/adam.h"
#include "env/nn/training/sequence_forward_net.h"
#include "env/nn/training/sequence_trainer.h"
#include "env/nn/training/training_net.h"
#include "env/random.h"

namespace veer::nn {
namespace {

SequenceConfig tiny(const std::string& kind, float dropout) {
  SequenceConfig config = kind == "gru4rec" ? SequenceConfig::gru4rec(37) : SequenceConfig::sasrec(37);
  config.hidden = 16;
  config.inner = 24;
  config.positions = 12;
  config.dropout = dropout;
  config.attention_dropout = dropout;
  return config;
}

/// Logs of 2 to 13 items, as the trainer's windows view them.
struct Logs {
  explicit Logs(std::size_t count, std::int32_t items, std::uint64_t seed = 11) {
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::int32_t> log(2 + uniform_below(12, {seed, i, 0}, Stream::generate));
      for (std::size_t t = 0; t < log.size(); ++t) {
        log[t] =
            static_cast<std::int32_t>(1 + uniform_below(static_cast<std::uint32_t>(items), {seed, i, 1},
                                                        Stream::generate, static_cast<std::uint32_t>(t)));
      }
      logs.push_back(log);
    }
    for (const auto& log : logs) windows.emplace_back(log);
  }
  std::vector<std::vector<std::int32_t>> logs;
  std::vector<TrainingWindow> windows;
};

bool equal(const NamedArrays& a, const NamedArrays& b) {
  if (a.all().size() != b.all().size()) return false;
  return std::all_of(a.all().begin(), a.all().end(), [&](const auto& entry) {
    return b.contains(entry.first) && b.at(entry.first).bytes == entry.second.bytes;
  });
}

NamedArrays train_with_threads(int threads, const std::string& kind) {
  SequenceConfig config = tiny(kind, 0.3F);
  const Logs logs(90, config.items);
  NamedArrays state;
  tbb::task_arena arena(threads);
  arena.execute([&] {
    SequenceTrainer trainer(config, 4, {.adam = {}, .shard_targets = 60});
    for (std::uint32_t step = 0; step < 4; ++step) trainer.step(logs.windows, 0, step);
    state = trainer.state();
  });
  return state;
}

}  // namespace

TEST_CASE("a dropout mask is Philox, word by word") {
  const StepKey key{123, 45, 6};
  const float rate = 0.3F;
  std::vector<float> mask(1000);
  fill_dropout_mask(key, 64, rate, mask);
  const auto threshold = static_cast<std::uint32_t>(std::lround(0.3 * 65536));
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const std::size_t place = i % 256;
    const auto block = static_cast<std::uint32_t>(64 + 32 * (i / 256) + place % 32);
    const std::uint32_t word = random_block(key, Stream::dropout, block)[place / 64];
    const std::uint32_t half = (place / 32) % 2 == 0 ? word & 0xFFFFU : word >> 16;
    REQUIRE((mask[i] == 0.0F) == (half < threshold));
    if (mask[i] != 0.0F) REQUIRE(mask[i] == doctest::Approx(1.0 / 0.7).epsilon(1e-4));
  }
}

TEST_CASE("dropout keeps the mean and the rate") {
  std::vector<float> mask(1 << 18);
  for (const float rate : {0.0F, 0.1F, 0.5F, 0.9F}) {
    fill_dropout_mask({7, 1, 2}, 0, rate, mask);
    double sum = 0.0;
    for (const float value : mask) sum += static_cast<double>(value);
    const auto n = static_cast<double>(mask.size());
    const auto zeros = static_cast<double>(std::count(mask.begin(), mask.end(), 0.0F));
    CHECK(zeros / n == doctest::Approx(static_cast<double>(rate)).epsilon(0.01));
    CHECK(sum / n == doctest::Approx(1.0).epsilon(0.02));
  }
}

TEST_CASE(
    "cross-entropy of rows agrees with double precision, whatever the width and the size of the scores") {
  for (const std::int64_t columns : {1, 5, 16, 31, 400}) {
    for (const float spread : {0.01F, 3.0F, 60.0F}) {
      CAPTURE(columns);
      CAPTURE(spread);
      constexpr std::size_t rows = 3;
      std::vector<float> logits(rows * static_cast<std::size_t>(columns));
      for (std::size_t i = 0; i < logits.size(); ++i) {
        logits[i] = spread * normal({2, 0, 0}, Stream::generate, static_cast<std::uint32_t>(i));
      }
      const std::vector<std::int64_t> targets = {0, columns - 1, columns / 2};
      const std::vector<float> before = logits;
      const double loss = cross_entropy_rows(logits, columns, targets, 0.5F);
      double expected_loss = 0.0;
      for (std::size_t r = 0; r < rows; ++r) {
        const float* x = before.data() + r * static_cast<std::size_t>(columns);
        double top = -1e300;
        for (std::int64_t j = 0; j < columns; ++j) top = std::max(top, static_cast<double>(x[j]));
        double sum = 0.0;
        for (std::int64_t j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(x[j]) - top);
        expected_loss += std::log(sum) + top - static_cast<double>(x[targets[r]]);
        for (std::int64_t j = 0; j < columns; ++j) {
          const double p = std::exp(static_cast<double>(x[j]) - top) / sum - (j == targets[r] ? 1.0 : 0.0);
          const float found = logits[r * static_cast<std::size_t>(columns) + static_cast<std::size_t>(j)];
          REQUIRE(std::abs(static_cast<double>(found) - 0.5 * p) < 2e-7);
        }
      }
      CHECK(loss == doctest::Approx(expected_loss).epsilon(1e-5));
    }
  }
}

TEST_CASE("the tiled loss gives LibTorch's loss and gradients") {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32);
  torch::Tensor hidden = torch::empty({21, 8}, options);
  torch::Tensor table = torch::empty({50, 8}, options);
  fill_normal({1, 0, 0}, Stream::generate, {hidden.data_ptr<float>(), 168});
  fill_normal({1, 1, 0}, Stream::generate, {table.data_ptr<float>(), 400});
  std::vector<std::int64_t> targets(21);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<std::int64_t>((i * 17) % 50);

  const torch::Tensor h = hidden.clone().requires_grad_();
  const torch::Tensor e = table.clone().requires_grad_();
  const torch::Tensor chosen = torch::tensor(targets).view({-1, 1});
  const torch::Tensor loss = torch::log_softmax(torch::matmul(h, e.t()), 1).gather(1, chosen).sum().neg();
  const auto expected = torch::autograd::grad({loss}, {h, e});
  for (const std::int64_t tile : {50, 250, 100000}) {
    CAPTURE(tile);
    torch::Tensor state = hidden.clone();
    torch::Tensor gradient = torch::ones({50, 8}, options);  // the loss adds to what is there
    CHECK(cross_entropy_in_place(state, table, targets, 2.0F, gradient, tile) ==
          doctest::Approx(loss.item<double>()).epsilon(1e-5));
    CHECK((state - 2.0 * expected[0]).abs().max().item<double>() < 2e-5);
    CHECK((gradient - 1.0 - 2.0 * expected[1]).abs().max().item<double>() < 2e-5);
  }
}

TEST_CASE("Adam follows the algorithm of the paper") {
  const AdamOptions options{.learning_rate = 0.1F};
  std::vector<float> m(1, 0.0F);
  std::vector<float> v(1, 0.0F);
  std::vector<float> x(1, 1.0F);
  double em = 0.0;
  double ev = 0.0;
  double ex = 1.0;
  for (int step = 1; step <= 5; ++step) {
    const double g = 2.0 * ex - 0.3 * step;
    const std::vector<float> gradient = {static_cast<float>(g)};
    adam_update(options, step, gradient, m, v, x);
    em = 0.9 * em + 0.1 * g;
    ev = 0.999 * ev + 0.001 * g * g;
    ex -= 0.1 * (em / (1.0 - std::pow(0.9, step))) / (std::sqrt(ev / (1.0 - std::pow(0.999, step))) + 1e-8);
    CHECK(static_cast<double>(x[0]) == doctest::Approx(ex).epsilon(1e-4));
  }
  // The first step has the length of the learning rate, whatever the gradient's.
  std::vector<float> m1(2, 0.0F);
  std::vector<float> v1(2, 0.0F);
  std::vector<float> x1(2, 0.0F);
  adam_update(options, 1, std::vector<float>{1e-3F, -50.0F}, m1, v1, x1);
  CHECK(x1[0] == doctest::Approx(-0.1).epsilon(1e-4));
  CHECK(x1[1] == doctest::Approx(0.1).epsilon(1e-4));
}

TEST_CASE("the GRU's own backward pass gives the gradients of its equations") {
  const std::int64_t rows = 5;
  const std::int64_t length = 7;
  const std::int64_t width = 6;
  torch::Tensor inputs = torch::empty({rows, length, 3 * width});
  torch::Tensor recurrent = torch::empty({3 * width, width});
  torch::Tensor direction = torch::empty({rows, length, width});
  std::uint64_t which = 0;
  for (torch::Tensor* tensor : {&inputs, &recurrent, &direction}) {
    fill_normal({6, which++, 0}, Stream::generate,
                {tensor->data_ptr<float>(), static_cast<std::size_t>(tensor->numel())});
  }
  inputs.requires_grad_();
  recurrent.requires_grad_();
  torch::Tensor state = torch::zeros({rows, width});
  std::vector<torch::Tensor> states;
  for (std::int64_t t = 0; t < length; ++t) {
    const auto input = inputs.select(1, t).chunk(3, 1);
    const auto hidden = torch::matmul(state, recurrent.t()).chunk(3, 1);
    const torch::Tensor reset = torch::sigmoid(input[0] + hidden[0]);
    const torch::Tensor update = torch::sigmoid(input[1] + hidden[1]);
    const torch::Tensor fresh = torch::tanh(input[2] + reset * hidden[2]);
    state = (1 - update) * fresh + update * state;
    states.push_back(state);
  }
  const torch::Tensor plain = torch::stack(states, 1);
  const torch::Tensor found = gru_states(inputs, recurrent);
  CHECK((plain - found).abs().max().item<double>() < 1e-5);
  const auto wanted = torch::autograd::grad({plain}, {inputs, recurrent}, {direction});
  const auto given = torch::autograd::grad({found}, {inputs, recurrent}, {direction});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(wanted[i].abs().max().item<double>() > 0.5);
    CHECK((wanted[i] - given[i]).abs().max().item<double>() < 2e-5);
  }
}

TEST_CASE("a step of the trainer is a step along the gradient of the whole batch's mean loss") {
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    const SequenceConfig config = tiny(kind, 0.0F);
    const Logs logs(40, config.items);
    SequenceTrainer trainer(config, 8, {.adam = {}, .shard_targets = 50});
    const SequenceModel before = trainer.snapshot();
    const double loss = trainer.step(logs.windows, 0, 1);

    // The same batch at once, with LibTorch's own loss and gradients.
    SequenceNet net = before.net();
    std::vector<torch::Tensor> inputs;
    for (auto& [name, tensor] : net.parameters) {
      tensor = tensor.detach().requires_grad_();
      inputs.push_back(tensor);
    }
    torch::Tensor items = torch::zeros({40, config.positions}, torch::kInt64);
    torch::Tensor targets = torch::zeros({40, config.positions}, torch::kInt64);
    for (std::int64_t r = 0; r < 40; ++r) {
      const TrainingWindow window = logs.windows[static_cast<std::size_t>(r)];
      for (std::size_t t = 0; t + 1 < window.size(); ++t) {
        items[r][static_cast<std::int64_t>(t)] = window[t];
        targets[r][static_cast<std::int64_t>(t)] = window[t + 1];
      }
    }
    const torch::Tensor logits = torch::matmul(encode(net, items), net.at("item_embedding").t());
    const torch::Tensor real = targets.ne(0);
    const torch::Tensor log_p = torch::log_softmax(logits, 2).gather(2, targets.unsqueeze(2)).squeeze(2);
    const torch::Tensor expected = log_p.masked_select(real).mean().neg();
    CHECK(loss == doctest::Approx(expected.item<double>()).epsilon(1e-5));

    const std::vector<torch::Tensor> gradients = torch::autograd::grad({expected}, inputs);
    const NamedArrays moments = trainer.state().group("first_moment");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string& name = net.parameters[i].first;
      CAPTURE(name);
      torch::Tensor gradient = gradients[i].contiguous();
      if (name == "item_embedding") gradient[0].zero_();  // padding is not trained
      const auto found = moments.get<float>(name);
      const auto size = gradient.numel();
      REQUIRE(static_cast<std::int64_t>(found.size()) == size);
      const double scale = gradient.abs().max().item<double>();
      CHECK(scale > 0.0);
      double worst = 0.0;
      for (std::int64_t j = 0; j < size; ++j) {  // the first moment after one step is a tenth of the gradient
        worst = std::max(worst, std::abs(10.0 * static_cast<double>(found[static_cast<std::size_t>(j)]) -
                                         static_cast<double>(gradient.data_ptr<float>()[j])));
      }
      CHECK(worst < 1e-4 * scale + 2e-7);
    }
    const NamedArrays after = trainer.snapshot().to_arrays();
    const auto padding = after.get<float>("item_embedding").first(static_cast<std::size_t>(config.hidden));
    CHECK(std::all_of(padding.begin(), padding.end(), [](float value) { return value == 0.0F; }));
  }
}

TEST_CASE("trained weights are the same bits for one, two and three threads") {
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    const NamedArrays one = train_with_threads(1, kind);
    CHECK(equal(one, train_with_threads(2, kind)));
    CHECK(equal(one, train_with_threads(3, kind)));
  }
}

TEST_CASE("a restored trainer continues as if it had never stopped") {
  const SequenceConfig config = tiny("sasrec", 0.5F);
  const Logs logs(30, config.items);
  SequenceTrainer straight(config, 4);
  for (std::uint32_t step = 0; step < 3; ++step) straight.step(logs.windows, 0, step);
  const NamedArrays middle = straight.state();
  straight.step(logs.windows, 0, 3);

  SequenceTrainer resumed(config, 999);
  CHECK_FALSE(equal(resumed.state(), middle));
  resumed.restore(middle);
  CHECK(equal(resumed.state(), middle));
  CHECK(resumed.steps() == 3);

  SequenceTrainer same_seed(config, 4);
  same_seed.restore(middle);
  same_seed.step(logs.windows, 0, 3);
  CHECK(equal(same_seed.state(), straight.state()));

  SequenceConfig wider = config;
  wider.inner = 32;
  SequenceTrainer other(wider, 4);
  CHECK_THROWS_AS(other.restore(middle), FormatError);
}

}  // namespace veer::nn
