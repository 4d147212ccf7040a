#include "agents/offline/agent_options.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"

namespace veer::offline {
namespace {

using nn::decimal;

void require_finite(const std::string& field, float value, float least, const std::string& expected) {
  if (!(std::isfinite(value) && value >= least)) nn::reject_field(field, decimal(value), expected);
}

template <std::size_t N, class Word>
Word word_in(const nn::HyperParameters& from, const std::string& key,
             const std::array<std::string_view, N>& words) {
  const auto value = from.find(key);
  const std::string text = value == from.end() ? "nothing" : value->second;
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<Word>(found - words.begin());
  std::string known;
  for (const std::string_view word : words) known += (known.empty() ? "" : ", ") + std::string(word);
  throw FormatError(Where{{}, 0, key}, Problem{"\"" + text + "\"", "one of " + known, ""});
}

}  // namespace

void check_options(const AgentOptions& o) {
  nn::check_config(o.encoder);
  nn::require_range("batch", o.batch, 1, 1 << 16);
  nn::require_range("negatives", o.negatives, 1, 1 << 12);
  require_finite("click_reward", o.rewards.click, 0.0F, "0 or more");
  require_finite("purchase_reward", o.rewards.purchase, 0.0F, "0 or more");
  if (o.rewards.click == 0.0F && o.rewards.purchase == 0.0F) {
    nn::reject_field("rewards", "0 for clicks and purchases", "one that is more than 0");
  }
  for (const auto& [name, reward] : o.rewards.named) {
    require_finite("reward of " + name, reward, 0.0F, "0 or more");
  }
  if (!(o.learning_rate > 0.0F && std::isfinite(o.learning_rate)))
    nn::reject_field("learning_rate", decimal(o.learning_rate), "more than 0");
  if (!(o.second_rate > 0.0F && std::isfinite(o.second_rate)))
    nn::reject_field("second_rate", decimal(o.second_rate), "more than 0");
  nn::require_rate("discount", o.discount);
  require_finite("value_weight", o.value_weight, 0.0F, "0 or more");
  if (!std::isfinite(o.negative_reward)) {
    nn::reject_field("negative_reward", decimal(o.negative_reward), "a number");
  }
  if (o.switch_at < 0) nn::reject_field("switch_at", std::to_string(o.switch_at), "0 or more");
  if (!(o.least_advantage <= o.most_advantage)) {
    nn::reject_field("least_advantage", decimal(o.least_advantage),
                     "at most the most: " + decimal(o.most_advantage));
  }
  if (!(o.smoothing >= 0.0F && o.smoothing <= 1.0F)) {
    nn::reject_field("smoothing", decimal(o.smoothing), "0 to 1");
  }
  require_finite("conservatism", o.conservatism, 0.0F, "0 or more");
  nn::require_rate("imitation_threshold", o.imitation_threshold);
  require_finite("imitation_penalty", o.imitation_penalty, 0.0F, "0 or more");
  if (o.prompt.released_sasrec && o.encoder.kind != nn::EncoderKind::sasrec) {
    nn::reject_field("released_sasrec", "an encoder " + std::string(nn::word_of(o.encoder.kind)), "sasrec");
  }
  if (o.prompt.released_sasrec && o.prompt.form != PromptForm::attention) {
    nn::reject_field("released_sasrec", "a prompt of another form", "attention");
  }
  nn::require_rate("prompt_dropout", o.prompt.dropout);
  require_finite("wanted", o.prompt.wanted, 0.0F, "0 or more");
  require_finite("deviation", o.prompt.deviation, 0.0F, "0 or more");
  if (!(o.prompt.decay > 0.0F && o.prompt.decay <= 1.0F)) {
    nn::reject_field("decay", decimal(o.prompt.decay), "more than 0, at most 1");
  }
}

nn::HyperParameters AgentOptions::to_hyper_parameters() const {
  nn::HyperParameters out = encoder.to_hyper_parameters();
  out["agent"] = agent_names[static_cast<std::size_t>(kind)];
  out["click_reward"] = decimal(rewards.click);
  out["purchase_reward"] = decimal(rewards.purchase);
  out["learning_rate"] = decimal(learning_rate);
  out["batch"] = decimal(batch);
  if (learns_values()) {
    out["discount"] = decimal(discount);
    out["target_dropout"] = target_dropout ? "true" : "false";
  }
  if (samples_negatives()) {
    out["negatives"] = decimal(negatives);
    out["negative_reward"] = decimal(negative_reward);
    out["value_weight"] = decimal(value_weight);
  }
  if (switches()) out["switch_at"] = std::to_string(switch_at);
  if (kind == AgentKind::sa2c) {
    out["second_rate"] = decimal(second_rate);
    out["advantage"] = clips_advantage ? decimal(least_advantage) + " to " + decimal(most_advantage) : "any";
    out["smoothing"] = decimal(smoothing);
  }
  if (kind == AgentKind::cql) out["conservatism"] = decimal(conservatism);
  if (bars_items()) {
    out["imitation_threshold"] = decimal(imitation_threshold);
    out["imitation_penalty"] = decimal(imitation_penalty);
  }
  if (has_prompt()) {
    out["prompt"] = prompt_names[static_cast<std::size_t>(prompt.form)];
    out["weighting"] = weighting_names[static_cast<std::size_t>(prompt.weighting)];
    out["prompt_dropout"] = decimal(prompt.dropout);
    out["wanted"] = decimal(prompt.wanted);
    out["deviation"] = decimal(prompt.deviation);
    out["decay"] = decimal(prompt.decay);
    out["released_sasrec"] = prompt.released_sasrec ? "true" : "false";
    out["released_means"] = prompt.released_means ? "true" : "false";
  }
  return out;
}

AgentOptions read_agent(const nn::HyperParameters& from) {
  AgentOptions out;
  out.kind = word_in<agent_names.size(), AgentKind>(from, "agent", agent_names);
  out.encoder = nn::StateEncoderConfig::from_hyper_parameters(from);
  nn::read_decimal(from, "click_reward", out.rewards.click);
  nn::read_decimal(from, "purchase_reward", out.rewards.purchase);
  if (out.bars_items()) nn::read_decimal(from, "imitation_threshold", out.imitation_threshold);
  if (out.has_prompt()) {
    out.prompt.form = word_in<prompt_names.size(), PromptForm>(from, "prompt", prompt_names);
    nn::read_decimal(from, "wanted", out.prompt.wanted);
    nn::read_decimal(from, "deviation", out.prompt.deviation);
    nn::read_decimal(from, "decay", out.prompt.decay);
    out.prompt.released_sasrec = from.contains("released_sasrec") && from.at("released_sasrec") == "true";
  }
  return out;
}

}  // namespace veer::offline
