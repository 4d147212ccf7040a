#include "agents/slate/hsrl/hsrl_model.h"

#include <algorithm>
#include <cmath>

#include "agents/slate/hsrl/token_levels_net.h"
#include "agents/slate/networks/history_encoder_net.h"
#include "agents/slate/networks/history_reader_net.h"
#include "env/error.h"
#include "env/nn/kernels/score_kernels.h"

namespace veer::slate {
namespace {

/// One level as plain rows, for walking down single prefixes.
struct PlainLevel {
  const float *head, *bias, *tokens, *gain, *offset;
};

void check_fit(const HsrlOptions& options, const SemanticCatalogue& catalogue) {
  check_options(options);
  const auto reject = [](const std::string& field, std::int32_t found, const std::string& expected) {
    throw ConfigError(Where{{}, 0, field},
                      Problem{std::to_string(found), expected,
                              "an agent acts on catalogues of the codebooks it learned with"});
  };
  if (catalogue.levels() != options.levels) {
    reject("levels of the semantic ids", catalogue.levels(),
           std::to_string(options.levels) + ", the network's");
  }
  if (catalogue.codes() > options.vocabulary) {
    reject("codes per level", catalogue.codes(),
           "at most " + std::to_string(options.vocabulary) + ", the tokens of the network");
  }
  if (catalogue.vectors().width() != options.encoder.features) {
    reject("width of item vectors", catalogue.vectors().width(),
           std::to_string(options.encoder.features) + ", the network's");
  }
}

}  // namespace

struct HsrlModel::Weights {
  nn::NetworkParameters parameters;
  HistoryReader reader;
  std::vector<PlainLevel> levels;

  Weights(nn::NetworkParameters given, const HsrlOptions& options, const SemanticCatalogue& catalogue)
      : parameters(std::move(given)), reader(parameters, options.encoder, catalogue.vectors()) {
    for (std::int32_t l = 0; l < options.levels; ++l) {
      const auto part = [&](const char* name) {
        return parameters.at("levels." + std::to_string(l) + "." + name).data_ptr<float>();
      };
      levels.push_back(
          {part("head.weight"), part("head.bias"), part("tokens"), part("norm.weight"), part("norm.bias")});
    }
  }
};

HsrlModel::HsrlModel(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
                     std::uint64_t seed)
    : HsrlModel(options, std::move(catalogue),
                fresh_parameters(options.encoder, actor_layout(options), seed)) {}

HsrlModel::HsrlModel(const HsrlOptions& options, std::shared_ptr<const SemanticCatalogue> catalogue,
                     const NamedArrays& weights)
    : options_(options), catalogue_(std::move(catalogue)) {
  check_fit(options_, *catalogue_);
  weights_ = std::make_shared<Weights>(nn::stored_parameters(actor_layout(options_), weights, "cpu", "HSRL"),
                                       options_, *catalogue_);
}

HsrlModel HsrlModel::on(std::shared_ptr<const SemanticCatalogue> catalogue) const {
  check_fit(options_, *catalogue);
  HsrlModel out = *this;
  out.weights_ = std::make_shared<Weights>(weights_->parameters, options_, *catalogue);
  out.catalogue_ = std::move(catalogue);
  return out;
}

NamedArrays HsrlModel::weights() const { return weights_->parameters.to_arrays(); }

void HsrlModel::read(View<const ItemId> history, View<const std::int32_t> size, std::span<const StepKey> keys,
                     Reading& out) const {
  const torch::InferenceMode inference;
  const std::int64_t rows = history.rows(), padded = padded_rows(rows);
  const torch::Tensor states = torch::zeros({padded, options_.encoder.width});
  weights_->reader.read(history, size, keys, states.data_ptr<float>());
  out.width = options_.encoder.width;
  out.levels = options_.levels;
  out.vocabulary = options_.vocabulary;
  out.states.assign(states.data_ptr<float>(), states.data_ptr<float>() + rows * out.width);
  if (options_.residual == Residual::sampled) return;
  const TokenLevels levels =
      expected_levels(weights_->parameters, options_.levels, states, options_.sharpness);
  const torch::Tensor log_p = torch::log_softmax(torch::stack(levels.logits, 1), -1).contiguous();
  out.log_p.assign(log_p.data_ptr<float>(), log_p.data_ptr<float>() + rows * out.levels * out.vocabulary);
}

NextToken HsrlModel::next_token(std::span<const float> state) const {
  return [this, state](std::span<const std::int32_t> prefix, std::span<float> log_p) {
    const std::int32_t d = options_.encoder.width, v = options_.vocabulary;
    std::vector<float> context(state.begin(), state.end());
    for (std::size_t l = 0; l < prefix.size(); ++l) {
      const PlainLevel& level = weights_->levels[l];
      const float* token = level.tokens + std::ptrdiff_t{prefix[l]} * d;
      double mean = 0.0, squares = 0.0;
      for (std::int32_t i = 0; i < d; ++i) mean += double{context[at(i)] -= token[i]};
      mean /= d;
      for (const float value : context) squares += (double{value} - mean) * (double{value} - mean);
      const double scale = 1.0 / std::sqrt(squares / d + encoder_norm_epsilon);
      for (std::int32_t i = 0; i < d; ++i) {
        context[at(i)] =
            static_cast<float>((double{context[at(i)]} - mean) * scale) * level.gain[i] + level.offset[i];
      }
    }
    const PlainLevel& level = weights_->levels[prefix.size()];
    std::vector<float> logits(at(v));
    double total = 0.0;
    float most = -INFINITY;
    for (std::int32_t i = 0; i < v; ++i) {
      logits[at(i)] = options_.sharpness *
                      (nn::dot(level.head + std::ptrdiff_t{i} * d, context.data(), d) + level.bias[i]);
      most = std::max(most, logits[at(i)]);
    }
    for (const float logit : logits) total += std::exp(double{logit} - double{most});
    const auto log_total = static_cast<float>(double{most} + std::log(total));
    for (std::size_t i = 0; i < log_p.size(); ++i) log_p[i] = logits[i] - log_total;
  };
}

}  // namespace veer::slate
