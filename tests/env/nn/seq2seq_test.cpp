#include <torch/torch.h>

#include <map>

#include "env/error.h"
#include "env/nn/seq2seq/relative_position.h"
#include "env/nn/seq2seq/seq2seq_decoder.h"
#include "env/nn/seq2seq/seq2seq_forward_net.h"
#include "env/nn/torch_runtime.h"
#include "env/random.h"
#include "tests/env/nn/plain_seq2seq.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

Seq2SeqConfig small_sizes() {
  Seq2SeqConfig config;
  config.vocabulary = 50;
  config.width = 24;
  config.inner = 40;
  config.heads = 3;
  config.head_width = 20;  // not a whole number of vectors
  config.encoder_layers = 2;
  config.decoder_layers = 2;
  return config;
}

std::int32_t random_token(std::uint64_t row, std::uint32_t place) {
  return 1 + static_cast<std::int32_t>(uniform_below(49, {3, row, 0}, Stream::generate, place));
}

/// Prompts of many lengths, and rows of many lengths that follow them.
struct Problem50 {
  static constexpr std::int32_t prompt_width = 23;
  static constexpr std::int32_t longest = 37;
  std::vector<std::int32_t> prompts;  // [3, prompt_width]
  std::vector<std::vector<std::int32_t>> prompt_rows, rows;
  std::vector<std::int32_t> prompt_of{0, 0, 1, 1, 1, 2};
  DecoderRows packed;

  Problem50() {
    for (std::uint64_t p = 0; p < 3; ++p) {
      const std::int32_t size = std::array{23, 5, 17}[p];
      prompt_rows.emplace_back();
      for (std::int32_t t = 0; t < prompt_width; ++t) {
        prompts.push_back(t < size ? random_token(p, static_cast<std::uint32_t>(t)) : 0);
        if (t < size) prompt_rows.back().push_back(prompts.back());
      }
    }
    packed.offsets.push_back(0);
    for (std::size_t r = 0; r < prompt_of.size(); ++r) {
      const std::int32_t size = std::array{37, 1, 9, 20, 4, 13}[r];
      rows.emplace_back();
      for (std::int32_t t = 0; t < size; ++t) {
        rows.back().push_back(t == 0 ? 0 : random_token(10 + r, static_cast<std::uint32_t>(t)));
        packed.tokens.push_back(rows.back().back());
      }
      packed.offsets.push_back(static_cast<std::int64_t>(packed.tokens.size()));
      packed.prompt.push_back(prompt_of[r]);
    }
  }
  View<const std::int32_t> view() const { return {prompts.data(), 3, prompt_width}; }
  torch::Tensor tensor() const {
    torch::Tensor out = torch::empty({3, prompt_width}, torch::kInt64);
    std::copy(prompts.begin(), prompts.end(), out.data_ptr<std::int64_t>());
    return out;
  }
};

torch::Tensor all_scores(const Seq2SeqModel& model, const Problem50& problem) {
  torch::NoGradGuard guard;
  DropoutMasks none(nullptr, model.device());
  const torch::Tensor encoded = encode_prompts(model.net(), problem.tensor(), none);
  return decode_rows(model.net(), encoded, problem.tensor(), problem.packed, none)
      .mm(model.net().at("embedding").t());
}

/// What the cached decoder gives, packed as above.
std::vector<float> stepped_scores(const Seq2SeqModel& model, const Problem50& problem, bool portable) {
  const Seq2SeqDecoder decoder(model, portable);
  const auto cache = decoder.begin(problem.view(), 6, Problem50::longest);
  std::vector<float> out(problem.packed.tokens.size() * 50);
  for (std::int32_t t = 0; t < Problem50::longest; ++t) {
    std::vector<std::int32_t> rows, prompts, tokens;  // finished rows are left out
    for (std::size_t r = 0; r < problem.rows.size(); ++r) {
      if (at(t) >= problem.rows[r].size()) continue;
      rows.push_back(static_cast<std::int32_t>(r));
      prompts.push_back(problem.prompt_of[r]);
      tokens.push_back(problem.rows[r][at(t)]);
    }
    decoder.step(*cache, rows, prompts, tokens, t);
    std::vector<float> scores(rows.size() * 50);
    decoder.score(*cache, 0, View<float>(scores.data(), static_cast<std::int32_t>(rows.size()), 50));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto place = static_cast<std::size_t>(problem.packed.offsets[at(rows[i])]) + at(t);
      std::copy_n(&scores[i * 50], 50, &out[place * 50]);
    }
  }
  return out;
}

double apart(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double{a[i]} - double{b[i]}));
  return worst;
}

std::span<const float> values(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

TEST_CASE("the published sizes have the published number of parameters") {
  CHECK(parameter_count(Seq2SeqConfig{}) == 2'099'968);
  std::map<std::string, std::int64_t> sizes;
  for (const ParameterLayout& layout : parameter_layout(Seq2SeqConfig{})) sizes[layout.name] = layout.size();
  CHECK(sizes.at("embedding") == 131'456);
  CHECK(sizes.at("encoder.position_bias") == 128);
  CHECK(sizes.at("decoder.2.cross.output") == 32'768);
}

TEST_CASE("buckets of relative positions are those of T5") {
  // Sixteen exact ones each way would be 32: looking both ways there are eight, then logarithms up to 128.
  for (std::int32_t d = 0; d < 8; ++d) CHECK(two_way_bucket(-d, 32, 128) == d);
  for (std::int32_t d = 1; d < 8; ++d) CHECK(two_way_bucket(d, 32, 128) == 16 + d);
  // Next buckets begin at 8 * 16^(i/8): 8, 11.3, 16, 22.6, 32, 45.3, 64, 90.5.
  const std::vector<std::pair<std::int32_t, std::int32_t>> both{{8, 8},   {11, 8},  {12, 9},  {15, 9},
                                                                {16, 10}, {22, 10}, {23, 11}, {31, 11},
                                                                {32, 12}, {45, 12}, {46, 13}, {61, 13}};
  for (const auto& [distance, bucket] : both) {
    CAPTURE(distance);
    CHECK(two_way_bucket(-distance, 32, 128) == bucket);
    CHECK(two_way_bucket(distance, 32, 128) == 16 + bucket);
  }
  CHECK(two_way_bucket(-500, 32, 128) == 15);
  for (std::int32_t d = 0; d < 16; ++d) CHECK(causal_bucket(d, 32, 128) == d);
  // 16 * 8^(i/16): 16, 18.2, 20.7, 23.6, 26.9, 30.6, 34.9, 39.7
  const std::vector<std::pair<std::int32_t, std::int32_t>> one{
      {16, 16}, {18, 16}, {19, 17}, {20, 17}, {21, 18}, {24, 19}, {27, 20}, {31, 21}, {35, 22}, {40, 23}};
  for (const auto& [distance, bucket] : one) CHECK(causal_bucket(distance, 32, 128) == bucket);
  CHECK(causal_bucket(-3, 32, 128) == 0);
  CHECK(causal_bucket(128, 32, 128) == 31);
  CHECK(causal_bucket(4000, 32, 128) == 31);
}

TEST_CASE("packed forward pass and cached decoder agree with plain loops") {
  const Seq2SeqModel model = Seq2SeqModel::initialise(small_sizes(), 4, "cpu");
  const NamedArrays weights = model.to_arrays();
  const test::PlainSeq2Seq plain(model.config(), weights);
  const Problem50 problem;
  std::vector<float> wanted;
  double spread = 0.0;
  for (std::size_t r = 0; r < problem.rows.size(); ++r) {
    for (const auto& scores : plain.scores(problem.prompt_rows[at(problem.prompt_of[r])], problem.rows[r])) {
      for (const double score : scores) {
        wanted.push_back(static_cast<float>(score));
        spread = std::max(spread, std::abs(score));
      }
    }
  }
  CHECK(spread > 1.0);
  const torch::Tensor packed = all_scores(model, problem);
  CHECK(apart(values(packed), wanted) < 2e-5 * spread);
  const std::vector<float> fused = stepped_scores(model, problem, false);
  CHECK(apart(fused, wanted) < 2e-5 * spread);
  CHECK(apart(stepped_scores(model, problem, true), wanted) < 2e-5 * spread);
}

TEST_CASE("rows that are copied go on like the row they were copied from") {
  const Seq2SeqModel model = Seq2SeqModel::initialise(small_sizes(), 4, "cpu");
  const Problem50 problem;
  const Seq2SeqDecoder decoder(model);
  const auto cache = decoder.begin(problem.view(), 3, 8);
  const std::vector<std::int32_t> rows{0, 1, 2}, prompts{1, 1, 1};
  const std::vector<std::vector<std::int32_t>> first{{0, 0, 0}, {5, 6, 7}, {8, 9, 10}};
  for (std::int32_t t = 0; t < 3; ++t) decoder.step(*cache, rows, prompts, first[at(t)], t);
  // Rows 0 and 1 exchange places, row 2 becomes a second row 0.
  decoder.copy_rows(*cache, std::vector<std::int32_t>{1, 0, 0}, rows, 3);
  const std::vector<std::int32_t> next{11, 11, 11};
  decoder.step(*cache, rows, prompts, next, 3);
  std::vector<float> scores(150);
  decoder.score(*cache, 0, View<float>(scores.data(), 3, 50));
  const NamedArrays weights = model.to_arrays();
  const test::PlainSeq2Seq plain(model.config(), weights);
  const std::vector<std::vector<std::int32_t>> now{{0, 6, 9, 11}, {0, 5, 8, 11}, {0, 5, 8, 11}};
  for (std::size_t r = 0; r < 3; ++r) {
    const auto wanted = plain.scores(problem.prompt_rows[1], now[r]).back();
    for (std::size_t v = 0; v < 50; ++v) CHECK(std::abs(wanted[v] - double{scores[r * 50 + v]}) < 1e-4);
  }
  std::vector<float> some(12);
  decoder.score(*cache, 20, View<float>(some.data(), 3, 4));
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 4; ++c) CHECK(some[r * 4 + c] == doctest::Approx(scores[r * 50 + 20 + c]));
  }
}

TEST_CASE("gradients through packed rows are those of each row alone") {
  const Seq2SeqModel model = Seq2SeqModel::initialise(small_sizes(), 6, "cpu");
  const Problem50 problem;
  const auto gradients = [&](const std::vector<DecoderRows>& parts) {
    Seq2SeqNet net = model.net();
    std::vector<torch::Tensor> inputs;
    for (auto& [name, tensor] : net.parameters) inputs.push_back(tensor = tensor.detach().requires_grad_());
    torch::Tensor loss = torch::zeros({});
    DropoutMasks none(nullptr, net.device);
    for (const DecoderRows& rows : parts) {
      const torch::Tensor read =
          decode_rows(net, encode_prompts(net, problem.tensor(), none), problem.tensor(), rows, none);
      loss = loss + read.square().sum() + read.select(1, 3).sum();
    }
    return torch::autograd::grad({loss}, inputs);
  };
  std::vector<DecoderRows> alone;
  for (std::size_t r = 0; r < problem.rows.size(); ++r) {
    DecoderRows one;
    one.tokens.assign(problem.rows[r].begin(), problem.rows[r].end());
    one.offsets = {0, static_cast<std::int64_t>(one.tokens.size())};
    one.prompt = {problem.prompt_of[r]};
    alone.push_back(one);
  }
  const auto together = gradients({problem.packed}), apart_ones = gradients(alone);
  for (std::size_t i = 0; i < together.size(); ++i) {
    const double scale = apart_ones[i].abs().max().item<double>();
    CHECK(scale > 0.0);
    CHECK((together[i] - apart_ones[i]).abs().max().item<double>() < 1e-4 * scale);
  }
}

TEST_CASE("dropout comes from the key alone and vanishes without one") {
  const Seq2SeqModel model = Seq2SeqModel::initialise(small_sizes(), 6, "cpu");
  const Problem50 problem;
  const auto read = [&](const DropoutKey* key) {
    torch::NoGradGuard guard;
    DropoutMasks masks(key, model.device());
    return decode_rows(model.net(), encode_prompts(model.net(), problem.tensor(), masks), problem.tensor(),
                       problem.packed, masks);
  };
  const DropoutKey one{1, 0, 1}, other{1, 0, 2};
  CHECK(read(&one).equal(read(&one)));
  CHECK_FALSE(read(&one).equal(read(&other)));
  CHECK_FALSE(read(&one).equal(read(nullptr)));
}

TEST_CASE("sizes that make no network, and weights of another, are refused by name") {
  const auto refused = [](auto change, const char* word) {
    Seq2SeqConfig config;
    change(config);
    CHECK_THROWS_WITH_AS(check_config(config), doctest::Contains(word), ConfigError);
  };
  refused([](Seq2SeqConfig& c) { c.vocabulary = 1; }, "vocabulary");
  refused([](Seq2SeqConfig& c) { c.heads = 0; }, "heads");
  refused([](Seq2SeqConfig& c) { c.far_distance = 3; }, "far_distance");
  refused([](Seq2SeqConfig& c) { c.dropout = 1.0F; }, "dropout");
  const Seq2SeqModel model = Seq2SeqModel::initialise(small_sizes(), 1, "cpu");
  CHECK_THROWS_AS(Seq2SeqModel::from_arrays(Seq2SeqConfig{}, model.to_arrays(), "cpu"), FormatError);
  HyperParameters strings = model.config().to_strings();
  CHECK(Seq2SeqConfig::from_strings(strings).to_strings() == strings);
  strings["inner"] = "many";
  CHECK_THROWS_WITH_AS(Seq2SeqConfig::from_strings(strings), doctest::Contains("inner"), FormatError);
}

}  // namespace
}  // namespace veer::nn
