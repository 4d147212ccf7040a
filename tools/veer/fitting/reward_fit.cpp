#include "tools/veer/fitting/reward_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "rewards/fitted/inverse_rl.h"
#include "rewards/fitted/preferences.h"
#include "rewards/fitted/reward_fidelity.h"
#include "rewards/fitted/reward_model_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

/// Whose logs are fitted, and what is known about them beside the logs.
struct RewardMaterial {
  Dataset data;
  std::vector<UserId> people, held_out;
  ItemFeatures vectors;
  std::string vectors_of;  ///< for the manifest
};

/// Item vectors of a model, each brought to length 1: what is large in a model need not be worth much.
ItemFeatures unit_vectors(const LoadedModel& source) {
  ItemFeatures out{source.table_width, source.item_table};
  const std::size_t width = at(out.width);
  for (std::size_t first = 0; first < out.values.size(); first += width) {
    double squares = 0.0;
    for (std::size_t d = 0; d < width; ++d)
      squares += double{out.values[first + d]} * double{out.values[first + d]};
    const auto length = static_cast<float>(std::sqrt(squares));
    if (length == 0.0F) continue;
    for (std::size_t d = 0; d < width; ++d) out.values[first + d] /= length;
  }
  return out;
}

RewardMaterial material_of(const SharedRewardOptions& shared, const std::string& file, Part part,
                           const Session& session) {
  RewardMaterial out;
  out.data = read_dataset(file);
  out.people = out.data.users_of(part);
  out.held_out = out.data.users_of(Part::validation);
  if (!shared.vectors.empty()) {
    const LoadedModel source = load_user_model(shared.vectors, out.data, "cpu");
    out.vectors = unit_vectors(source);
    out.vectors_of = "item vectors of a " + source.manifest.kind + ", " + source.checksum;
    return out;
  }
  out.vectors = attribute_vectors(out.data.catalogue);
  out.vectors_of = "attributes";
  if (out.vectors.width == 0) {
    out.vectors_of = "none";
    session.console.note(
        "the items have no attributes: what they are worth does not depend on the history unless --vectors "
        "names a fitted model");
  }
  return out;
}

RewardTraining training_of(const RewardOptions& options, RewardTraining training, const Session& session) {
  training.epochs = options.passes.value_or(training.epochs);
  training.seed = session.common.seed;
  training.progress = [&session](std::int32_t epoch, double loss) {
    session.console.note(fmt::format("pass {}: loss {:.4f}", epoch, loss));
  };
  return training;
}

void print_reward(const RewardModel& model, const ModelManifest& manifest, const std::string& output,
                  const Console& console) {
  const auto& about = manifest.hyper_parameters;
  const auto metric = [&](const char* name) { return manifest.metrics.at(name); };
  console.out() << fmt::format("{}: learned from {} of {}, {}; item vectors: {}\n", output,
                               about.at("learned_from"), manifest.fitted_on, about.at("examples"),
                               about.at("vectors"));
  if (manifest.metrics.empty()) {
    console.out() << "nobody was held out for validation: how well it foretells is unknown\n";
  } else if (about.at("learned_from") == "choices") {
    console.out() << fmt::format(
        "{} choices of validation people: {:.4f} nats each; {:.4f} under the share of the item alone\n",
        grouped(static_cast<std::int64_t>(metric("held_out"))), metric("log_loss"),
        metric("log_loss_frequency"));
  } else {
    console.out() << fmt::format(
        "{} pairs of validation people: {:.4f} of them in the right order; by lot 0.5\n",
        grouped(static_cast<std::int64_t>(metric("held_out"))), metric("accuracy"));
  }
  if (manifest.metrics.contains("purchase_auc")) {
    console.out() << fmt::format(
        "what they bought is worth more than what they did not buy: probability {:.3f}\n",
        metric("purchase_auc"));
  }
  console.out() << fmt::format(
      "0 is what people usually got from what they took, 1 a standard deviation more ({:.4g} of its own "
      "units)\n",
      model.spread());
}

RewardModel learn_from_choices(const RewardOptions& options, const SharedRewardOptions& shared,
                               RewardMaterial& material, ModelManifest& manifest, const Session& session) {
  InverseRlOptions fit;
  fit.discount = options.discount.value_or(fit.discount);
  fit.temperature = options.temperature.value_or(fit.temperature);
  fit.alpha = options.alpha.value_or(fit.alpha);
  fit.decay = options.memory.value_or(fit.decay);
  fit.window = shared.window.value_or(fit.window);
  fit.training = training_of(options, fit.training, session);
  RewardModel model = fit_inverse_rl(material.data, material.people, std::move(material.vectors), fit);
  std::int64_t events = 0;
  for (const UserId user : material.people) events += std::ssize(material.data.interactions.of(user));
  manifest.hyper_parameters["examples"] = grouped(events) + " choices";
  manifest.hyper_parameters["alpha"] = fmt::format("{}", fit.alpha);
  const ChoiceFidelity held_out = choice_fidelity(model, material.data, material.people, material.held_out);
  if (held_out.events > 0) {
    manifest.metrics = {{"held_out", static_cast<double>(held_out.events)},
                        {"log_loss", held_out.log_loss},
                        {"log_loss_frequency", held_out.log_loss_frequency}};
  }
  return model;
}

RewardModel learn_from_outcomes(const RewardOptions& options, const SharedRewardOptions& shared,
                                RewardMaterial& material, ModelManifest& manifest, const Session& session) {
  OutcomeOptions outcomes;
  outcomes.outcome = options.learn_from == "visits" ? Outcome::visits : Outcome::purchases;
  outcomes.length = options.stretch.value_or(outcomes.length);
  outcomes.within = static_cast<std::int64_t>(seconds_from("--within", options.within));
  outcomes.purchase = shared.purchase.value_or(outcomes.purchase);
  outcomes.pairs = options.pairs.value_or(outcomes.pairs);
  outcomes.seed = session.common.seed;
  PreferenceOptions fit;
  fit.members = options.reward_members.value_or(fit.members);
  fit.pessimism = options.pessimism.value_or(fit.pessimism);
  fit.decay = options.memory.value_or(fit.decay);
  fit.window = shared.window.value_or(fit.window);
  fit.training = training_of(options, fit.training, session);
  const std::vector<PreferencePair> pairs = pairs_by_outcome(material.data, material.people, outcomes);
  RewardModel model = fit_preferences(material.data, pairs, std::move(material.vectors), fit);
  manifest.hyper_parameters["examples"] =
      fmt::format("{} pairs of {} events each", grouped(std::ssize(pairs)), outcomes.length);
  manifest.hyper_parameters["within"] = options.within;
  if (!material.held_out.empty()) {
    const std::vector<PreferencePair> exam = pairs_by_outcome(material.data, material.held_out, outcomes);
    manifest.metrics = {{"held_out", static_cast<double>(exam.size())},
                        {"accuracy", preference_accuracy(model, material.data.interactions, exam)}};
  }
  return model;
}

void refuse_others(const RewardOptions& options) {
  const bool choices = options.learn_from == "choices";
  if (!choices && options.learn_from != "visits" && options.learn_from != "purchases") {
    throw ConfigError({{}, 0, "--learn-from"},
                      {"'" + options.learn_from + "'", "choices, visits or purchases", ""});
  }
  const auto refuse = [&](const char* option, bool given, const char* owner) {
    if (!given) return;
    throw ConfigError({{}, 0, option}, {"a fit from " + options.learn_from, owner, "leave it out"});
  };
  refuse("--discount", !choices && options.discount.has_value(), "--learn-from choices");
  refuse("--temperature", !choices && options.temperature.has_value(), "--learn-from choices");
  refuse("--alpha", !choices && options.alpha.has_value(), "--learn-from choices");
  refuse("--stretch", choices && options.stretch.has_value(), "--learn-from visits or purchases");
  refuse("--pairs", choices && options.pairs.has_value(), "--learn-from visits or purchases");
  refuse("--pessimism", choices && options.pessimism.has_value(), "--learn-from visits or purchases");
  refuse("--reward-members", choices && options.reward_members.has_value(),
         "--learn-from visits or purchases");
}

}  // namespace

void add_reward_options(CLI::App& app, RewardOptions& options) {
  const std::string group = "What taking an item is worth (reward)";
  app.add_option("--learn-from", options.learn_from,
                 "choices: what people took (inverse RL); visits, purchases: which stretches of logs went "
                 "better (preferences): more events within --within, more purchases")
      ->capture_default_str()
      ->group(group);
  app.add_option("--discount", options.discount,
                 "choices: how much people are taken to look ahead; default: 0.5")
      ->group(group);
  app.add_option("--temperature", options.temperature,
                 "choices: how much of what people choose is chance, in units of the reward; default: 1")
      ->group(group);
  app.add_option("--alpha", options.alpha, "choices: the larger, the larger rewards may be; default: 50")
      ->group(group);
  app.add_option("--memory", options.memory, "weight of an item against the one taken after it; default: 0.8")
      ->group(group);
  app.add_option("--reward-epochs", options.passes, "over all examples; default: 20")
      ->check(positive())
      ->group(group);
  app.add_option("--stretch", options.stretch, "visits, purchases: events of a stretch; default: 5")
      ->check(positive())
      ->group(group);
  app.add_option("--within", options.within, "visits: how long after a stretch they count")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(group);
  app.add_option("--pairs", options.pairs, "visits, purchases: pairs of stretches; default: 20000")
      ->check(at_most(100'000'000, "so many pairs do not fit in memory"))
      ->group(group);
  app.add_option("--reward-members", options.reward_members,
                 "visits, purchases: models, each fitted to pairs drawn with replacement; default: 3")
      ->check(at_most(1000, "so many take very long"))
      ->group(group);
  app.add_option("--pessimism", options.pessimism,
                 "visits, purchases: standard deviations over the models that are taken off; default: 1")
      ->group(group);
}

void run_reward_fit(const RewardOptions& options, const SharedRewardOptions& shared,
                    const std::string& data_file, const std::string& people, const std::string& output,
                    const Session& session) {
  refuse_others(options);
  check_output("--output", output, "model");
  if (people != "train_plan" && people != "train_judge" && people != "all") {
    throw ConfigError({{}, 0, "--people"}, {"'" + people + "'", "train_judge or train_plan", ""});
  }
  const Part part = people == "train_plan" ? Part::train_plan : Part::train_judge;
  RewardMaterial material = material_of(shared, data_file, part, session);
  ModelManifest manifest;
  manifest.dataset_fingerprint = material.data.fingerprint;
  manifest.dataset_name = material.data.name;
  manifest.fitted_on = part == Part::train_plan ? "train_plan" : "train_judge";
  manifest.seed = session.common.seed;
  manifest.hyper_parameters = {{"learned_from", options.learn_from}, {"vectors", material.vectors_of}};
  const RewardModel model = options.learn_from == "choices"
                                ? learn_from_choices(options, shared, material, manifest, session)
                                : learn_from_outcomes(options, shared, material, manifest, session);
  const RewardForm& form = model.form();
  manifest.hyper_parameters["discount"] = fmt::format("{}", form.discount);
  manifest.hyper_parameters["temperature"] = fmt::format("{}", form.temperature);
  manifest.hyper_parameters["memory"] = fmt::format("{}", form.decay);
  manifest.hyper_parameters["window"] = std::to_string(form.window);
  const PurchaseAgreement bought =
      purchase_agreement(model, material.data, material.held_out, shared.purchase.value_or("purchase"));
  if (bought.purchases > 0) manifest.metrics["purchase_auc"] = bought.auc;
  write_model(output, reward_model_file(model, manifest));
  if (session.console.json()) {
    session.console.out() << describe_model(read_model(output).manifest).dump(2) << '\n';
    return;
  }
  print_reward(model, manifest, output, session.console);
}

}  // namespace veer::tools
