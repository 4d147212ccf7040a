#include "agents/slate/latent/latent_options.h"

#include <algorithm>

#include "agents/slate/networks/value_network.h"
#include "env/error.h"

namespace veer::slate {

nn::HyperParameters LatentOptions::to_hyper_parameters() const {
  nn::HyperParameters out;
  out["agent"] = std::string(latent_names[static_cast<std::size_t>(kind)]);
  encoder.write(out);
  out["noise"] = nn::decimal(noise);
  out["explore"] = nn::decimal(explore);
  out["acting_dropout"] = acting_dropout ? "true" : "false";
  out["candidates"] = nn::decimal(candidates);
  out["discount"] = nn::decimal(discount);
  out["target_rate"] = nn::decimal(target_rate);
  out["batch"] = nn::decimal(batch);
  out["actor_rate"] = nn::decimal(actor_rate);
  out["critic_rate"] = nn::decimal(critic_rate);
  out["weight_decay"] = nn::decimal(weight_decay);
  out["critic_dropout"] = nn::decimal(critic_dropout);
  out["entropy"] = nn::decimal(entropy);
  out["alignment"] = nn::decimal(alignment);
  out["clicks"] = nn::decimal(clicks);
  return out;
}

LatentOptions LatentOptions::from_hyper_parameters(const nn::HyperParameters& from) {
  LatentOptions o;
  const auto found = from.find("agent");
  const auto name = found == from.end() ? latent_names.end()
                                        : std::find(latent_names.begin(), latent_names.end(), found->second);
  if (name == latent_names.end()) {
    throw FormatError(Where{{}, 0, "agent"},
                      Problem{found == from.end() ? "nothing" : "\"" + found->second + "\"",
                              "a2c, ddpg, hac, supervised, wolpertinger or slateq", ""});
  }
  o.kind = static_cast<LatentKind>(name - latent_names.begin());
  o.encoder = HistoryEncoderConfig::read(from);
  nn::read_decimal(from, "noise", o.noise);
  nn::read_decimal(from, "explore", o.explore);
  const auto drops = from.find("acting_dropout");  // files of before do not name it
  if (drops != from.end() && drops->second != "true" && drops->second != "false") {
    throw FormatError(Where{{}, 0, "acting_dropout"},
                      Problem{"\"" + drops->second + "\"", "true or false", ""});
  }
  o.acting_dropout = drops != from.end() && drops->second == "true";
  nn::read_decimal(from, "candidates", o.candidates);
  nn::read_decimal(from, "discount", o.discount);
  nn::read_decimal(from, "target_rate", o.target_rate);
  nn::read_decimal(from, "batch", o.batch);
  nn::read_decimal(from, "actor_rate", o.actor_rate);
  nn::read_decimal(from, "critic_rate", o.critic_rate);
  nn::read_decimal(from, "weight_decay", o.weight_decay);
  nn::read_decimal(from, "critic_dropout", o.critic_dropout);
  nn::read_decimal(from, "entropy", o.entropy);
  nn::read_decimal(from, "alignment", o.alignment);
  nn::read_decimal(from, "clicks", o.clicks);
  try {
    check_options(o);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return o;
}

LatentOptions latent_defaults(LatentKind kind, std::int32_t features) {
  LatentOptions o;
  o.kind = kind;
  o.encoder.features = features;
  o.encoder.inner = 64;
  o.encoder.dropout = 0.0F;
  if (kind != LatentKind::ddpg && kind != LatentKind::wolpertinger) o.actor_rate = 1e-3F;
  return o;
}

void check_options(const LatentOptions& o) {
  const auto require = [](const std::string& field, float value, bool sound, const std::string& expected) {
    if (!sound) nn::reject_field(field, nn::decimal(value), expected);
  };
  check_config(o.encoder);
  nn::require_range("candidates", o.candidates, 1, 1 << 24);
  nn::require_range("batch", o.batch, 1, 1 << 20);
  require("noise", o.noise, o.noise >= 0.0F, "0 or more");
  require("explore", o.explore, o.explore >= 0.0F && o.explore <= 1.0F, "0 to 1");
  require("discount", o.discount, o.discount >= 0.0F && o.discount <= 1.0F, "0 to 1");
  require("target_rate", o.target_rate, o.target_rate > 0.0F && o.target_rate <= 1.0F,
          "more than 0, at most 1");
  require("actor_rate", o.actor_rate, o.actor_rate >= 0.0F, "0 or more");
  require("critic_rate", o.critic_rate, o.critic_rate >= 0.0F, "0 or more");
  require("weight_decay", o.weight_decay, o.weight_decay >= 0.0F, "0 or more");
  nn::require_rate("critic_dropout", o.critic_dropout);
  require("entropy", o.entropy, o.entropy >= 0.0F, "0 or more");
  require("alignment", o.alignment, o.alignment >= 0.0F, "0 or more");
  require("clicks", o.clicks, o.clicks >= 0.0F, "0 or more");
}

std::vector<nn::ParameterLayout> actor_layout(const LatentOptions& options) {
  check_options(options);
  return parameter_layout(options.encoder);
}

std::vector<nn::ParameterLayout> critic_layout(const LatentOptions& options) {
  std::vector<nn::ParameterLayout> out;
  if (options.has_critic()) add_value_layout(out, "value", options.critic_inputs());
  return out;
}

}  // namespace veer::slate
