#include "agents/fusion/fusion_options.h"

#include <algorithm>

#include "agents/networks/mlp.h"
#include "env/error.h"

namespace veer::fusion {
namespace {

/// Calls visit(name, field) for every number among the options, in the order of the file.
template <class Options, class Visit>
void for_each_number(Options& o, const Visit& visit) {
  visit("features", o.features);
  visit("weights", o.weights);
  visit("hidden", o.hidden);
  visit("batch", o.batch);
  visit("discount", o.discount);
  visit("target_rate", o.target_rate);
  visit("target_every", o.target_every);
  visit("actor_rate", o.actor_rate);
  visit("critic_rate", o.critic_rate);
  visit("target_noise", o.target_noise);
  visit("target_clip", o.target_clip);
  visit("actor_every", o.actor_every);
  visit("imitation", o.imitation);
  visit("reach", o.reach);
  visit("pessimism", o.pessimism);
  visit("vae_hidden", o.vae_hidden);
  visit("vae_rate", o.vae_rate);
  visit("samples", o.samples);
  visit("candidates", o.candidates);
  visit("conservatism", o.conservatism);
  visit("expectile", o.expectile);
  visit("inverse_temperature", o.inverse_temperature);
  visit("dropout", o.dropout);
  visit("passes", o.passes);
  visit("doubt", o.doubt);
  visit("most_discrepancy", o.most_discrepancy);
}

/// BCQ's authors have 400 and 300.
std::int64_t second_width(const FusionOptions& o) {
  return o.kind == FusionKind::bcq ? std::max<std::int64_t>(1, std::int64_t{o.hidden} * 3 / 4) : o.hidden;
}

}  // namespace

nn::HyperParameters FusionOptions::to_hyper_parameters() const {
  nn::HyperParameters out;
  out["agent"] = std::string(fusion_kind_names[static_cast<std::size_t>(kind)]);
  for_each_number(*this, [&](const char* name, auto value) { out[name] = nn::decimal(value); });
  out["imitate_first"] = std::to_string(imitate_first);
  out["inverse_doubt"] = nn::decimal(inverse_doubt ? 1 : 0);
  out["constrained"] = nn::decimal(constrained ? 1 : 0);
  return out;
}

FusionOptions FusionOptions::from_hyper_parameters(const nn::HyperParameters& from) {
  FusionOptions o;
  const auto found = from.find("agent");
  const auto name =
      found == from.end() ? fusion_kind_names.end() : std::ranges::find(fusion_kind_names, found->second);
  if (name == fusion_kind_names.end()) {
    throw FormatError(Where{{}, 0, "agent"},
                      Problem{found == from.end() ? "nothing" : "\"" + found->second + "\"",
                              "bc, ddpg, td3, td3_bc, bcq, cql, iql or uwac", ""});
  }
  o.kind = static_cast<FusionKind>(name - fusion_kind_names.begin());
  for_each_number(o, [&](const char* key, auto& value) { nn::read_decimal(from, key, value); });
  std::int32_t imitated = 0;
  nn::read_decimal(from, "imitate_first", imitated);
  o.imitate_first = imitated;
  std::int32_t inverse = 0, constrained = 1;
  nn::read_decimal(from, "inverse_doubt", inverse);
  nn::read_decimal(from, "constrained", constrained);
  o.inverse_doubt = inverse != 0;
  o.constrained = constrained != 0;
  try {
    check_options(o);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return o;
}

FusionOptions fusion_defaults(FusionKind kind, std::int32_t features, std::int32_t weights) {
  FusionOptions o;
  o.kind = kind;
  o.features = features;
  o.weights = weights;
  switch (kind) {
    case FusionKind::ddpg:
      o.actor_rate = 1e-4F;
      o.critic_rate = 1e-3F;
      o.target_rate = 0.001F;
      break;
    case FusionKind::bcq:
      o.actor_rate = 1e-3F;
      o.critic_rate = 1e-3F;
      o.batch = 100;
      o.hidden = 400;
      break;
    case FusionKind::cql:
      o.actor_rate = 1e-4F;
      break;
    case FusionKind::uwac:
      o.actor_rate = 1e-4F;
      o.vae_rate = 3e-4F;
      break;
    case FusionKind::bc:
    case FusionKind::td3:
    case FusionKind::td3_bc:
    case FusionKind::iql:
      break;
  }
  return o;
}

FusionOptions industrial_preset(FusionOptions options) {
  options.reach = 0.15F;
  options.pessimism = 1.0F;
  options.actor_rate = 1e-4F;
  options.critic_rate = 2e-4F;
  options.target_rate = 0.05F;
  options.target_every = 10;
  options.batch = 256;
  return options;
}

void check_options(const FusionOptions& o) {
  const auto require = [](const std::string& field, float value, bool sound, const std::string& expected) {
    if (!sound) nn::reject_field(field, nn::decimal(value), expected);
  };
  nn::require_range("features", o.features, 1, 1 << 16);
  nn::require_range("weights", o.weights, 1, 1 << 12);
  nn::require_range("hidden", o.hidden, 1, 1 << 14);
  nn::require_range("vae_hidden", o.vae_hidden, 1, 1 << 14);
  nn::require_range("batch", o.batch, 1, 1 << 20);
  nn::require_range("actor_every", o.actor_every, 1, 1 << 20);
  nn::require_range("target_every", o.target_every, 1, 1 << 20);
  nn::require_range("passes", o.passes, 2, 1 << 16);
  nn::require_rate("dropout", o.dropout);
  nn::require_range("samples", o.samples, 1, 1 << 12);
  nn::require_range("candidates", o.candidates, 1, 1 << 16);
  const auto positive = [&](const char* field, float value) {
    require(field, value, value > 0.0F, "more than 0");
  };
  const auto not_negative = [&](const char* field, float value) {
    require(field, value, value >= 0.0F, "0 or more");
  };
  const auto share = [&](const char* field, float value) {
    require(field, value, value >= 0.0F && value <= 1.0F, "0 to 1");
  };
  share("discount", o.discount);
  share("pessimism", o.pessimism);
  require("target_rate", o.target_rate, o.target_rate > 0.0F && o.target_rate <= 1.0F,
          "more than 0, at most 1");
  require("expectile", o.expectile, o.expectile > 0.0F && o.expectile < 1.0F, "more than 0, less than 1");
  positive("actor_rate", o.actor_rate);
  positive("critic_rate", o.critic_rate);
  positive("vae_rate", o.vae_rate);
  positive("imitation", o.imitation);
  for (const auto& [field, value] : {std::pair{"target_noise", o.target_noise},
                                     {"target_clip", o.target_clip},
                                     {"reach", o.reach},
                                     {"conservatism", o.conservatism},
                                     {"doubt", o.doubt},
                                     {"most_discrepancy", o.most_discrepancy},
                                     {"inverse_temperature", o.inverse_temperature}}) {
    not_negative(field, value);
  }
  if (o.imitate_first < 0) nn::reject_field("imitate_first", std::to_string(o.imitate_first), "0 or more");
}

std::int32_t actor_layers(const FusionOptions& options) noexcept {
  return options.kind == FusionKind::cql ? 4 : 3;
}

std::vector<nn::ParameterLayout> actor_layout(const FusionOptions& o) {
  std::vector<nn::ParameterLayout> out;
  const std::int64_t features = o.features, weights = o.weights, hidden = o.hidden;
  if (o.kind == FusionKind::bcq) {
    add_mlp_layout(out, "actor",
                   std::vector<std::int64_t>{features + weights, hidden, second_width(o), weights});
  } else if (o.kind == FusionKind::cql) {
    add_mlp_layout(out, "actor", std::vector<std::int64_t>{features, hidden, hidden, hidden, 2 * weights});
  } else if (o.kind == FusionKind::uwac) {
    add_mlp_layout(out, "actor", std::vector<std::int64_t>{features, hidden, hidden, 2 * weights});
  } else {
    add_mlp_layout(out, "actor", std::vector<std::int64_t>{features, hidden, hidden, weights});
  }
  if (o.kind == FusionKind::iql) out.push_back({"actor.log_deviation", {weights}, nn::Initial::zeros});
  return out;
}

std::vector<nn::ParameterLayout> critic_layout(const FusionOptions& o) {
  std::vector<nn::ParameterLayout> out;
  if (!o.has_critic()) return out;
  const std::int64_t inputs = o.features + o.weights, first = o.hidden, second = second_width(o);
  for (const char* name : {"q1", "q2"}) {
    if (name[1] == '2' && !o.has_twin()) continue;
    add_mlp_layout(out, name, std::vector<std::int64_t>{inputs, first, second, 1});
  }
  if (o.has_value()) add_mlp_layout(out, "value", std::vector<std::int64_t>{o.features, first, second, 1});
  return out;
}

std::vector<nn::ParameterLayout> generator_layout(const FusionOptions& o) {
  std::vector<nn::ParameterLayout> out;
  if (!o.has_generator()) return out;
  const std::int64_t features = o.features, weights = o.weights, hidden = o.vae_hidden;
  // Mean and log deviation of a latent of 2 A values.
  add_mlp_layout(out, "encoder", std::vector<std::int64_t>{features + weights, hidden, hidden, 4 * weights});
  add_mlp_layout(out, "decoder", std::vector<std::int64_t>{features + 2 * weights, hidden, hidden, weights});
  return out;
}

}  // namespace veer::fusion
