#include "agents/slate/latent/latent_model.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "agents/slate/latent/latent_values_net.h"
#include "agents/slate/networks/history_reader_net.h"
#include "env/error.h"
#include "env/nn/inference/catalogue_scorer.h"

namespace veer::slate {
namespace {

constexpr std::int32_t judged_rows =
    16;  ///< whose candidates are judged together, so that they stay in cache

}  // namespace

ItemVectors::ItemVectors(View<const float> vectors) : width(vectors.width()) {
  for (std::int32_t r = 0; r < vectors.rows(); ++r) {
    values.insert(values.end(), vectors.row(r).begin(), vectors.row(r).end());
  }
  std::fill_n(values.begin(), width, 0.0F);
}

struct LatentModel::Weights {
  nn::NetworkParameters actor, critic;
  HistoryReader reader;
  nn::CatalogueScorer scorer;

  Weights(nn::NetworkParameters a, nn::NetworkParameters c, const LatentOptions& options,
          View<const float> vectors)
      : actor(std::move(a)),
        critic(std::move(c)),
        reader(actor, options.encoder, vectors),
        scorer(nn::SequenceModel(std::make_shared<const nn::SequenceNet>(reader.net()))) {}
};

LatentModel::LatentModel(const LatentOptions& options, std::shared_ptr<const ItemVectors> vectors,
                         const NamedArrays& actor, const NamedArrays& critic)
    : options_(options), vectors_(std::move(vectors)) {
  check_options(options_);
  if (vectors_->width != options_.encoder.features) {
    nn::reject_field("width of item vectors", std::to_string(vectors_->width),
                     std::to_string(options_.encoder.features) + ", the network's");
  }
  const std::vector<nn::ParameterLayout> judged =
      options_.judges_items() ? critic_layout(options_) : std::vector<nn::ParameterLayout>{};
  weights_ = std::make_shared<Weights>(
      nn::stored_parameters(actor_layout(options_), actor, "cpu", "slate agent"),
      nn::stored_parameters(judged, options_.judges_items() ? critic : NamedArrays{}, "cpu", "critic"),
      options_, vectors_->view());
}

LatentModel LatentModel::on(std::shared_ptr<const ItemVectors> vectors, std::vector<ItemId> gone) const {
  LatentModel out(options_, std::move(vectors), actor(), critic());
  std::sort(gone.begin(), gone.end());
  const bool sound = std::adjacent_find(gone.begin(), gone.end()) == gone.end() &&
                     (gone.empty() || (gone.front() >= 1 && gone.back() <= out.vectors_->items()));
  if (!sound) {
    throw ConfigError(Where{{}, 0, "items that are gone"},
                      Problem{"a number twice or outside the catalogue",
                              "different ones of 1 to " + std::to_string(out.vectors_->items()), ""});
  }
  out.gone_ = std::move(gone);
  return out;
}

NamedArrays LatentModel::actor() const { return weights_->actor.to_arrays(); }
NamedArrays LatentModel::critic() const { return weights_->critic.to_arrays(); }

std::vector<float> LatentModel::read(View<const ItemId> history, View<const std::int32_t> size,
                                     std::span<const StepKey> keys) const {
  std::vector<float> states(at(history.rows()) * at(options_.encoder.width));
  weights_->reader.read(history, size, keys, states.data());
  return states;
}

void LatentModel::slates(View<const float> states, View<const float> actions, View<ItemId> out) const {
  // The same items for everybody: one row that is read again and again.
  const View<const ItemId> excluded(gone_.data(), actions.rows(), static_cast<std::int32_t>(gone_.size()), 0);
  if (!options_.judges_items()) {
    weights_->scorer.best(actions, excluded, out);
    return;
  }
  const torch::InferenceMode inference;
  const std::int32_t pool = std::min(options_.candidates, shown());
  std::vector<ItemId> nearest(at(actions.rows()) * at(pool));
  const View<ItemId> candidates(nearest.data(), actions.rows(), pool);
  weights_->scorer.best(actions, excluded, candidates);
  for (std::int32_t first = 0; first < actions.rows(); first += judged_rows) {
    const std::int32_t count = std::min(judged_rows, actions.rows() - first);
    const View<ItemId> some(candidates.row(first).data(), count, pool);
    const torch::Tensor state =
        torch::from_blob(const_cast<float*>(states.row(first).data()), {count, states.width()});
    pick_by_value(options_, weights_->critic, weights_->reader.net().at("item_embedding"), state, some,
                  View<ItemId>(out.row(first).data(), count, out.width(), out.stride()));
  }
}

void LatentModel::scores(std::span<const float> action, std::span<float> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = weights_->scorer.logit(action, static_cast<ItemId>(i) + 1);
  }
  for (const ItemId item : gone_) out[at(item) - 1] = -INFINITY;
}

}  // namespace veer::slate
