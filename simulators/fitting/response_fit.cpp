#include "simulators/fitting/response_fit.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/nn/training/dropout_masks_net.h"
#include "simulators/fitting/slate_epochs.h"

namespace veer {
namespace {

using torch::Tensor;

void check_response_fit(const SlateData& data, std::span<const std::int64_t> slates,
                        const ResponseFitOptions& o) {
  const auto reject = [](const char* field, const std::string& found, const std::string& expected) {
    throw ConfigError({.file = {}, .line = 0, .field = std::string("fit of answers: ") + field},
                      {found, expected, {}});
  };
  if (o.epochs < 1) reject("epochs", std::to_string(o.epochs), "1 or more");
  if (o.batch < 1) reject("batch", std::to_string(o.batch), "1 or more");
  if (!(o.learning_rate > 0.0F)) reject("learning_rate", std::to_string(o.learning_rate), "more than 0");
  if (!(o.penalty >= 0.0F)) reject("penalty", std::to_string(o.penalty), "0 or more");
  if (!(o.dropout >= 0.0F && o.dropout < 1.0F)) {
    reject("dropout", std::to_string(o.dropout), "0 or more, below 1");
  }
  if (slates.empty()) reject("slates", "none", "at least one");
  for (const std::int64_t s : slates) {
    if (s < 0 || s >= data.log.size()) {
      reject("slates", "slate " + std::to_string(s), "0 to " + std::to_string(data.log.size() - 1));
    }
  }
}

/// The model as LibTorch sees it: its parts are views of the weights, so that Adam's updates show at once.
class ResponseNet {
 public:
  explicit ResponseNet(ResponseModel& model)
      : sizes_(model.sizes),
        features_(torch::from_blob(model.features.values.data(),
                                   {model.features.items() + 1, model.features.width})) {
    for (const ResponsePart& part : response_parts(sizes_)) {
      const bool offset = part.columns == 1 && part.name.ends_with("/offset");
      std::vector<std::int64_t> shape{part.rows};
      if (!offset) shape.push_back(part.columns);
      parts_.push_back(torch::from_blob(model.weights.data() + part.offset, shape).requires_grad_());
    }
  }

  const std::vector<Tensor>& parts() const noexcept { return parts_; }

  /// Scores [n, slots]. profile [n, p], history [n, H] and items [n, slots] of ids.
  Tensor scores(const Tensor& profile, const Tensor& history, const Tensor& items, float dropout,
                nn::DropoutMasks& masks) const {
    const std::int64_t n = profile.size(0);
    const Tensor u = linear(masks(torch::relu(linear(profile, 0)), dropout), 1);
    const Tensor embeddings = linear(features_, 2);
    const auto look_up = [&](const Tensor& ids) {
      return embeddings.index_select(0, ids.reshape({-1})).view({n, ids.size(1), width});
    };
    const Tensor places = look_up(history);
    const Tensor self = attend(places, places, 3);
    Tensor q = attend(u.unsqueeze(1), self, 5).squeeze(1);
    if (sizes_.merges_profile) q = linear(torch::cat({q, u}, 1), 7);
    return torch::matmul(look_up(items), q.unsqueeze(2)).squeeze(2);
  }

  /// Sum over the arrays of their mean square; the merge layer is left alone.
  Tensor penalty() const {
    Tensor sum = parts_[0].square().mean();
    for (std::size_t i = 1; i < std::min<std::size_t>(parts_.size(), 14); ++i) {
      sum = sum + parts_[i].square().mean();
    }
    return sum;
  }

 private:
  static constexpr std::int64_t width = ResponseSizes::width, heads = ResponseSizes::heads;

  /// Layer number `layer` in the order of response_parts().
  Tensor linear(const Tensor& x, std::size_t layer) const {
    return torch::matmul(x, parts_[2 * layer].t()) + parts_[2 * layer + 1];
  }
  /// The layer's rows [first, first + count).
  Tensor linear(const Tensor& x, std::size_t layer, std::int64_t first, std::int64_t count) const {
    return torch::matmul(x, parts_[2 * layer].narrow(0, first, count).t()) +
           parts_[2 * layer + 1].narrow(0, first, count);
  }

  /// Multi-head attention with `in` and the output map behind it: queries [n, t, 16] over source [n, s, 16].
  Tensor attend(const Tensor& queries, const Tensor& source, std::size_t in) const {
    const std::int64_t n = source.size(0);
    const auto split = [&](const Tensor& x) {
      return x.view({n, -1, heads, width / heads}).transpose(1, 2).contiguous();
    };
    const Tensor q = split(linear(queries, in, 0, width));
    const Tensor kv = linear(source, in, width, 2 * width);
    const Tensor k = split(kv.narrow(2, 0, width).contiguous());
    const Tensor v = split(kv.narrow(2, width, width).contiguous());
    const double scale = 1.0 / std::sqrt(static_cast<double>(width / heads));
    const Tensor weights = torch::softmax(torch::matmul(q, k.transpose(2, 3)) * scale, 3);
    const Tensor joined = torch::matmul(weights, v).transpose(1, 2).reshape({n, -1, width});
    return linear(joined, in + 1);
  }

  ResponseSizes sizes_;
  Tensor features_;
  std::vector<Tensor> parts_;
};

/// Slates as tensors.
struct SlateBatch {
  Tensor profile, history, items, clicks;
};
SlateBatch gather(const SlateData& data, const ResponseSizes& sizes, std::span<const std::int64_t> slates) {
  const auto n = static_cast<std::int64_t>(slates.size());
  const std::int64_t slots = data.log.slots;
  SlateBatch batch{torch::empty({n, sizes.profile}), torch::zeros({n, sizes.history}, torch::kInt64),
                   torch::empty({n, slots}, torch::kInt64), torch::empty({n, slots})};
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t s = slates[at(i)];
    const SlateStart& start = data.people.starts[at(s)];
    std::ranges::copy(data.people.profile(start.user), batch.profile.data_ptr<float>() + i * sizes.profile);
    std::ranges::copy(data.people.history(start, sizes.history),
                      batch.history.data_ptr<std::int64_t>() + i * sizes.history);
    for (std::int64_t k = 0; k < slots; ++k) {
      batch.items.data_ptr<std::int64_t>()[i * slots + k] = data.log.items[at(s * slots + k)];
      batch.clicks.data_ptr<float>()[i * slots + k] = static_cast<float>(data.log.clicks[at(s * slots + k)]);
    }
  }
  return batch;
}

}  // namespace

ResponseModel fit_response_model(const SlateData& data, ItemFeatures features,
                                 std::span<const std::int64_t> slates, const ResponseFitOptions& options,
                                 const std::function<void(std::int32_t epoch, double loss)>& on_epoch) {
  check_response_fit(data, slates, options);
  const ResponseSizes sizes{.profile = data.people.profile_width,
                            .features = features.width,
                            .history = options.history,
                            .hidden = options.hidden,
                            .merges_profile = options.merges_profile};
  ResponseModel model = initial_response_model(sizes, std::move(features), options.seed);
  const ResponseNet net(model);
  const std::string device = "cpu";
  const auto gradient_of = [&](std::span<const std::int64_t> chosen, std::size_t first, std::uint32_t epoch,
                               std::span<float> gradient) {
    const SlateBatch batch = gather(data, sizes, chosen);
    const nn::DropoutKey key{options.seed, first, epoch};
    nn::DropoutMasks masks(&key, device);
    Tensor scores = net.scores(batch.profile, batch.history, batch.items, options.dropout, masks);
    if (options.loss == ResponseLoss::saturated) scores = torch::sigmoid(scores);
    const Tensor loss =
        torch::binary_cross_entropy_with_logits(scores, batch.clicks) + options.penalty * net.penalty();
    float* to = gradient.data();
    for (const Tensor& g : torch::autograd::grad({loss}, net.parts())) {
      to = std::copy_n(g.contiguous().data_ptr<float>(), g.numel(), to);
    }
    return loss.item<double>();
  };
  fit_in_epochs({"fit of answers", options.epochs, options.batch, options.learning_rate, options.seed},
                slates, model.weights, gradient_of, on_epoch);
  return model;
}

}  // namespace veer
