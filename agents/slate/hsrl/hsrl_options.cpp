#include "agents/slate/hsrl/hsrl_options.h"

#include <algorithm>

#include "agents/slate/networks/value_network.h"
#include "env/error.h"
#include "env/nn/semantic_ids/semantic_ids.h"

namespace veer::slate {
namespace {

template <class Word, std::size_t n>
void put_word(nn::HyperParameters& out, const std::string& key, const std::array<std::string_view, n>& names,
              Word value) {
  out[key] = std::string(names[static_cast<std::size_t>(value)]);
}

template <class Word, std::size_t n>
void read_word(const nn::HyperParameters& from, const std::string& key,
               const std::array<std::string_view, n>& names, Word& value) {
  const auto found = from.find(key);
  for (std::size_t i = 0; found != from.end() && i < n; ++i) {
    if (names[i] == found->second) {
      value = static_cast<Word>(i);
      return;
    }
  }
  std::string expected;
  for (const std::string_view name : names) expected += (expected.empty() ? "" : ", ") + std::string(name);
  throw FormatError(Where{{}, 0, key}, Problem{found == from.end() ? "nothing" : "\"" + found->second + "\"",
                                               "one of " + expected, ""});
}

constexpr std::array<std::string_view, 2> truth{"false", "true"};

}  // namespace

nn::HyperParameters HsrlOptions::to_hyper_parameters() const {
  nn::HyperParameters out;
  encoder.write(out);
  out["levels"] = nn::decimal(levels);
  out["vocabulary"] = nn::decimal(vocabulary);
  put_word(out, "residual", residual_names, residual);
  out["sharpness"] = nn::decimal(sharpness);
  out["explore"] = nn::decimal(explore);
  out["best_rate"] = nn::decimal(best_rate);
  put_word(out, "acting_dropout", truth, acting_dropout);
  put_word(out, "critic", critic_names, critic);
  put_word(out, "learned_level_weights", truth, learned_level_weights);
  put_word(out, "credit", credit_names, credit);
  out["critic_dropout"] = nn::decimal(critic_dropout);
  put_word(out, "bootstrap", bootstrap_names, bootstrap);
  put_word(out, "target_dropout", truth, target_dropout);
  out["discount"] = nn::decimal(discount);
  out["target_rate"] = nn::decimal(target_rate);
  out["batch"] = nn::decimal(batch);
  out["actor_rate"] = nn::decimal(actor_rate);
  out["critic_rate"] = nn::decimal(critic_rate);
  out["weight_decay"] = nn::decimal(weight_decay);
  out["entropy"] = nn::decimal(entropy);
  out["most_advantage"] = nn::decimal(most_advantage);
  put_word(out, "exact_likelihood", truth, exact_likelihood);
  out["most_importance"] = nn::decimal(most_importance);
  put_word(out, "last_item_pads", truth, last_item_pads);
  out["cloning_rate"] = nn::decimal(cloning_rate);
  out["cloning_decay"] = nn::decimal(cloning_decay);
  put_word(out, "cloning", cloning_names, cloning);
  return out;
}

HsrlOptions HsrlOptions::from_hyper_parameters(const nn::HyperParameters& from) {
  HsrlOptions o;
  o.encoder = HistoryEncoderConfig::read(from);
  nn::read_decimal(from, "levels", o.levels);
  nn::read_decimal(from, "vocabulary", o.vocabulary);
  read_word(from, "residual", residual_names, o.residual);
  if (from.contains("sharpness")) nn::read_decimal(from, "sharpness", o.sharpness);  // older files: 1
  nn::read_decimal(from, "explore", o.explore);
  nn::read_decimal(from, "best_rate", o.best_rate);
  read_word(from, "acting_dropout", truth, o.acting_dropout);
  read_word(from, "critic", critic_names, o.critic);
  read_word(from, "learned_level_weights", truth, o.learned_level_weights);
  read_word(from, "credit", credit_names, o.credit);
  nn::read_decimal(from, "critic_dropout", o.critic_dropout);
  read_word(from, "bootstrap", bootstrap_names, o.bootstrap);
  read_word(from, "target_dropout", truth, o.target_dropout);
  nn::read_decimal(from, "discount", o.discount);
  nn::read_decimal(from, "target_rate", o.target_rate);
  nn::read_decimal(from, "batch", o.batch);
  nn::read_decimal(from, "actor_rate", o.actor_rate);
  nn::read_decimal(from, "critic_rate", o.critic_rate);
  nn::read_decimal(from, "weight_decay", o.weight_decay);
  nn::read_decimal(from, "entropy", o.entropy);
  nn::read_decimal(from, "most_advantage", o.most_advantage);
  read_word(from, "exact_likelihood", truth, o.exact_likelihood);
  nn::read_decimal(from, "most_importance", o.most_importance);
  read_word(from, "last_item_pads", truth, o.last_item_pads);
  nn::read_decimal(from, "cloning_rate", o.cloning_rate);
  nn::read_decimal(from, "cloning_decay", o.cloning_decay);
  read_word(from, "cloning", cloning_names, o.cloning);
  try {
    check_options(o);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  return o;
}

HsrlOptions hsrl_profile(std::string_view name, std::int32_t levels, std::int32_t codes,
                         std::int32_t features) {
  HsrlOptions o;
  o.encoder.features = features;
  o.levels = levels;
  o.vocabulary = codes;
  if (name == "recommended") {
    o.encoder.dropout = 0.0F;
    o.critic_dropout = 0.0F;
    o.entropy = 0.0F;
    o.most_importance = 1.0F;
    o.cloning_rate = 1e-3F;
    return o;
  }
  if (name != "reference" && name != "fixed") {
    nn::reject_field("profile", std::string(name), "reference, fixed or recommended");
  }
  o.encoder.padding = HistoryPadding::zeros;
  o.vocabulary = std::max(codes, 256);
  o.best_rate = 1.0F;
  o.acting_dropout = true;
  o.target_dropout = true;
  o.learned_level_weights = false;
  o.weight_decay = 1e-5F;
  o.exact_likelihood = false;
  o.cloning = Cloning::shares;
  o.cloning_decay = 3e-5F;
  if (name == "reference") {
    o.bootstrap = Bootstrap::only_at_ends;
    o.last_item_pads = true;
  }
  return o;
}

void check_options(const HsrlOptions& o) {
  const auto require = [](const std::string& field, float value, bool sound, const std::string& expected) {
    if (!sound) nn::reject_field(field, nn::decimal(value), expected);
  };
  check_config(o.encoder);
  nn::require_range("levels", o.levels, 1, nn::SemanticIdLayout::most_digits - 1);
  nn::require_range("vocabulary", o.vocabulary, 1, nn::SemanticIdLayout::most_codes);
  nn::require_range("batch", o.batch, 1, 1 << 20);
  require("sharpness", o.sharpness, o.sharpness > 0.0F, "more than 0");
  require("explore", o.explore, o.explore >= 0.0F && o.explore <= 1.0F, "0 to 1");
  require("best_rate", o.best_rate, o.best_rate >= 0.0F && o.best_rate <= 1.0F, "0 to 1");
  nn::require_rate("critic_dropout", o.critic_dropout);
  require("discount", o.discount, o.discount >= 0.0F && o.discount <= 1.0F, "0 to 1");
  require("target_rate", o.target_rate, o.target_rate > 0.0F && o.target_rate <= 1.0F,
          "more than 0, at most 1");
  require("actor_rate", o.actor_rate, o.actor_rate >= 0.0F, "0 or more");
  require("critic_rate", o.critic_rate, o.critic_rate >= 0.0F, "0 or more");
  require("weight_decay", o.weight_decay, o.weight_decay >= 0.0F, "0 or more");
  require("entropy", o.entropy, o.entropy >= 0.0F, "0 or more");
  require("most_advantage", o.most_advantage, o.most_advantage > 0.0F, "more than 0");
  require("most_importance", o.most_importance, o.most_importance >= 0.0F, "0 (none) or more");
  require("cloning_rate", o.cloning_rate, o.cloning_rate >= 0.0F, "0 (none) or more");
  require("cloning_decay", o.cloning_decay, o.cloning_decay >= 0.0F, "0 or more");
}

std::vector<nn::ParameterLayout> actor_layout(const HsrlOptions& options) {
  check_options(options);
  const std::int64_t d = options.encoder.width, v = options.vocabulary;
  std::vector<nn::ParameterLayout> out = parameter_layout(options.encoder);
  for (std::int32_t l = 0; l < options.levels; ++l) {
    const std::string level = "levels." + std::to_string(l) + ".";
    add_linear(out, level + "head", v, d);
    out.push_back({level + "tokens", {v, d}, nn::Initial::normal, 1.0F});
    add_layer_norm(out, level + "norm", d);
  }
  return out;
}

std::vector<nn::ParameterLayout> critic_layout(const HsrlOptions& options) {
  check_options(options);
  std::vector<nn::ParameterLayout> out;
  if (options.critic == CriticForm::per_level) {
    for (std::int32_t j = 0; j <= options.levels; ++j) {
      add_value_layout(out, "value." + std::to_string(j), options.encoder.width);
    }
  } else {
    add_value_layout(out, "value", options.encoder.width);
  }
  if (options.critic != CriticForm::state) {
    out.push_back({"level_weights", {options.levels + 1}, nn::Initial::zeros});
  }
  return out;
}

}  // namespace veer::slate
