#include "tools/veer/fitting/behaviour_fit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/data/importers/profiles.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/behaviours/behaviour_fidelity.h"
#include "simulators/behaviours/behaviour_log.h"
#include "simulators/fitting/behaviour_fit.h"
#include "simulators/response/response_fidelity.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

/// What is fitted to, and for made-up people what is known about them.
struct BehaviourMaterial {
  SlateData slates;
  ItemFeatures features;
  std::vector<std::int32_t> profile_blocks, feature_blocks;
  std::string name;
  std::optional<BehaviourModel> truth;
};

BehaviourMaterial logged_material(const BehaviourFitTask& task) {
  const Dataset data = read_dataset(task.data);
  BehaviourMaterial out;
  BlockProfiles profiles{{1}, std::vector<float>(at(data.interactions.users()), 1.0F)};
  if (!task.profiles.empty()) profiles = read_profiles(task.profiles, data.interactions.user_ids);
  const std::int32_t width = profiles.width();
  out.profile_blocks = profiles.blocks;
  const auto slots = task.slots.value_or(slate_world("kuaisim-session").slots);
  out.slates = slates_of_behaviours(data, std::move(profiles.values), width, slots);
  out.features = attribute_features(data);
  out.feature_blocks = {out.features.width};
  out.name = data.name;
  return out;
}

BehaviourMaterial made_up_material(const BehaviourFitTask& task) {
  if (!task.profiles.empty() || task.slots) {
    throw ConfigError(
        {{}, 0, task.slots ? "--slots" : "--profiles"},
        {"an option without --data", "the data set it is about", "made-up people have their own"});
  }
  SyntheticBehaviours made =
      make_synthetic_behaviours(made_up_behaviours(slate_world("kuaisim-session"), task.own.made_up_people));
  BehaviourMaterial out;
  out.profile_blocks = made.truth.sizes.profile_blocks;
  out.feature_blocks = made.truth.sizes.feature_blocks;
  out.features = made.truth.features;
  out.slates = std::move(made.data);
  out.name = "people who are made up";
  out.truth = std::move(made.truth);
  return out;
}

BehaviourFitOptions fit_options(const BehaviourFitTask& task, const BehaviourMaterial& material,
                                std::uint64_t seed) {
  BehaviourFitOptions fit;
  if (task.loss == "saturated") {
    fit.loss = ResponseLoss::saturated;
  } else if (task.loss != "plain") {
    throw ConfigError({{}, 0, "--loss"}, {"'" + task.loss + "'", "plain or saturated", ""});
  }
  fit.balanced = !task.own.unbalanced;
  fit.seed = seed;
  fit.epochs = task.passes.value_or(fit.epochs);
  fit.dropout = task.dropout.value_or(fit.dropout);
  fit.learning_rate = task.learning_rate.value_or(fit.learning_rate);
  BehaviourSizes& sizes = fit.sizes;
  sizes.profile_blocks = material.profile_blocks;
  sizes.feature_blocks = material.feature_blocks;
  sizes.items = material.features.items();
  sizes.behaviours = behaviours_in(material.slates.log);
  sizes.history = task.positions.value_or(sizes.history);
  sizes.encoding = task.own.encoding;
  sizes.layers = task.layers.value_or(sizes.layers);
  // Narrow encodings have fewer heads, as wide as those of the published model.
  sizes.heads = task.heads.value_or(std::max(1, sizes.width() / 32));
  sizes.inner = task.inner.value_or(sizes.inner);
  sizes.hidden = task.hidden.value_or(sizes.hidden);
  sizes.queries = task.own.queries;
  return fit;
}

void print_behaviours(const std::vector<BehaviourFidelity>& fitted,
                      const std::vector<BehaviourFidelity>& truth, const ModelManifest& manifest,
                      const BehaviourFitTask& task, std::int64_t used, std::int64_t tested,
                      const Console& console) {
  console.out() << fmt::format("{}: fitted to {} slates of {}, {} parameters\n", task.output, grouped(used),
                               manifest.fitted_on, grouped(manifest.parameters));
  std::vector<std::string> columns{fmt::format("{} slates of test people", grouped(tested)),
                                   "AUC",
                                   "log loss",
                                   "calibration error",
                                   "foretold",
                                   "real"};
  if (!truth.empty()) columns.insert(columns.begin() + 2, "AUC of the truth");
  Table table(columns);
  for (std::size_t b = 0; b < fitted.size(); ++b) {
    const BehaviourFidelity& f = fitted[b];
    std::vector<std::string> row{std::string(behaviour_names[at(static_cast<std::int32_t>(f.behaviour))]),
                                 fmt::format("{:.3f}", f.calibration.auc),
                                 fmt::format("{:.4f}", f.cross_entropy),
                                 fmt::format("{:.4f}", f.calibration.expected_error),
                                 fmt::format("{:.4f}", f.predicted_rate),
                                 fmt::format("{:.4f}", f.rate())};
    if (!truth.empty()) row.insert(row.begin() + 2, fmt::format("{:.3f}", truth[b].calibration.auc));
    table.add(row);
  }
  console.out()
      << table.text()
      << "Log loss: mean per item, nats. Calibration error: mean difference between foretold and real\n"
         "share in ten bins.\n";
}

}  // namespace

void add_behaviour_options(CLI::App& app, BehaviourOptionsOfFit& options) {
  const std::string group = "Several behaviours (behaviours)";
  app.add_option("--encoding", options.encoding, "width of an encoded item; the Transformer is twice as wide")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--queries", options.queries, "per behaviour, of which the greatest score counts")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_flag("--unbalanced", options.unbalanced,
               "let what was not done weigh as much as what was, however rare that is")
      ->group(group);
  app.add_option("--made-up-people", options.made_up_people,
                 "without --data: how many people of a known truth there are")
      ->check(CLI::Range(20, 1'000'000))
      ->capture_default_str()
      ->group(group);
}

void run_behaviour_fit(const BehaviourFitTask& task, const Session& session) {
  check_output("--output", task.output, "model");
  Part part = Part::train_judge;
  if (task.people == "train_plan") {
    part = Part::train_plan;
  } else if (task.people != "train_judge" && task.people != "all") {
    throw ConfigError({{}, 0, "--people"}, {"'" + task.people + "'", "train_judge or train_plan", ""});
  }
  BehaviourMaterial material = task.data.empty() ? made_up_material(task) : logged_material(task);
  const BehaviourFitOptions fit = fit_options(task, material, session.common.seed);
  const std::vector<std::int64_t> used = slates_of(material.slates, part),
                                  test = slates_of(material.slates, Part::test);
  session.console.note(fmt::format("fitting behaviours on {} slates of {}: {} items, {} behaviours",
                                   grouped(std::ssize(used)), material.name, grouped(fit.sizes.items),
                                   fit.sizes.count()));
  const BehaviourModel model = fit_behaviour_model(
      material.slates, std::move(material.features), used, fit, [&](std::int32_t epoch, double loss) {
        session.console.note(fmt::format("pass {}: mean loss {:.4f}", epoch, loss));
      });
  const ResponseLink link = model.doubled ? ResponseLink::doubled : ResponseLink::soft;
  const auto fidelity = measure_behaviour_fidelity(model, link, material.slates, test);
  std::vector<BehaviourFidelity> truth;
  if (material.truth) {
    truth = measure_behaviour_fidelity(*material.truth, ResponseLink::soft, material.slates, test);
  }
  ModelManifest manifest;
  manifest.kind = "behaviours";
  manifest.dataset_fingerprint = material.slates.fingerprint;
  manifest.dataset_name = material.name;
  manifest.fitted_on = part == Part::train_plan ? "train_plan" : "train_judge";
  manifest.seed = fit.seed;
  manifest.parameters = static_cast<std::int64_t>(model.weights.size());
  manifest.metrics = behaviour_metrics(fidelity);
  manifest.hyper_parameters = {{"loss", task.loss},
                               {"slots", std::to_string(material.slates.log.slots)},
                               {"passes", std::to_string(fit.epochs)},
                               {"balanced", fit.balanced ? "1" : "0"}};
  save_behaviour_model(task.output, model, manifest);
  if (session.console.json()) {
    session.console.out() << describe_model(read_model(task.output).manifest).dump(2) << '\n';
    return;
  }
  print_behaviours(fidelity, truth, manifest, task, std::ssize(used), std::ssize(test), session.console);
}

}  // namespace veer::tools
