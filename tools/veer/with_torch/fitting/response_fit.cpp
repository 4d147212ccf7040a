#include "tools/veer/fitting/response_fit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/data/importers/slate_tables.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "simulators/fitting/response_fit.h"
#include "simulators/response/rated_slates.h"
#include "simulators/response/response_fidelity.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

void print_response(const ResponseFidelity& f, const ModelManifest& manifest, const std::string& output,
                    std::int64_t slates, const Console& console) {
  console.out() << fmt::format("{}: fitted to {} slates of {}, {} parameters\n", output, grouped(slates),
                               manifest.fitted_on, grouped(manifest.parameters));
  Table table({"slates of test people", "AUC", "AUC within a slot", "log loss", "calibration error",
               "foretold", "real"});
  table.add({grouped(f.slates), fmt::format("{:.3f}", f.calibration.auc), fmt::format("{:.3f}", f.slot_auc),
             fmt::format("{:.4f}", f.cross_entropy), fmt::format("{:.4f}", f.calibration.expected_error),
             fmt::format("{:.3f}", f.predicted_rate), fmt::format("{:.3f}", f.click_rate)});
  console.out()
      << table.text()
      << "Log loss: mean per item, nats. Calibration error: mean difference between foretold and real\n"
         "share of clicks in ten bins. Slates are cut from ratings, which have no sessions: how much\n"
         "patience people have is assumed by the world they are played in, not fitted.\n";
}

}  // namespace

void add_response_options(CLI::App& app, ResponseOptionsOfFit& options) {
  const std::string group = "Answers to slates (response, behaviours)";
  app.add_option(
         "--profiles", options.profiles,
         "users.dat of MovieLens-1M: age, gender and occupation; behaviours: also user_features*.csv of "
         "KuaiRand; default: everybody is the same")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--loss", options.loss,
                 "plain, or saturated: the sigmoid applied twice, as published code has it")
      ->capture_default_str()
      ->group(group);
  app.add_option("--slots", options.slots,
                 "items of a slate: consecutive ratings of one person; default: 9, behaviours 6")
      ->check(positive())
      ->group(group);
  app.add_option("--liked-from", options.liked_from, "ratings from here on are clicks")
      ->capture_default_str()
      ->group(group);
  app.add_option("--learned", options.learned,
                 "values per item that are learned from who likes what, beside its attributes")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--passes", options.passes, "over the slates; default: 2, behaviours 10")
      ->check(positive())
      ->group(group);
}

void run_response_fit(const ResponseOptionsOfFit& options, const std::string& data_file,
                      const std::string& people, const std::string& output, const Session& session) {
  check_output("--output", output, "model");
  Part part = Part::train_judge;
  if (people == "train_plan") {
    part = Part::train_plan;
  } else if (people != "train_judge" && people != "all") {
    throw ConfigError({{}, 0, "--people"}, {"'" + people + "'", "train_judge or train_plan", ""});
  }
  ResponseFitOptions fit;
  if (options.loss == "saturated") {
    fit.loss = ResponseLoss::saturated;
  } else if (options.loss != "plain") {
    throw ConfigError({{}, 0, "--loss"}, {"'" + options.loss + "'", "plain or saturated", ""});
  }
  fit.seed = session.common.seed;
  fit.epochs = options.passes.value_or(2);
  const std::int32_t slots = options.slots.value_or(9);
  fit.merges_profile = true;
  const Dataset data = read_dataset(data_file);
  std::vector<float> profiles(at(data.interactions.users()), 1.0F);
  std::int32_t width = 1;
  if (!options.profiles.empty()) {
    profiles = read_movielens_profiles(options.profiles, data.interactions.user_ids);
    width = movielens_profile_width;
  }
  const SlateData slates =
      slates_of_ratings(data, std::move(profiles), width, {.slots = slots, .liked_from = options.liked_from});
  ItemFeatures features = learned_item_features(
      data, {.learned = options.learned, .liked_from = options.liked_from, .seed = fit.seed});
  const std::vector<std::int64_t> used = slates_of(slates, part);
  session.console.note(fmt::format("fitting response on {} slates of {}: {} items of {} values",
                                   grouped(std::ssize(used)), data.name, grouped(features.items()),
                                   features.width));
  const ResponseModel model =
      fit_response_model(slates, std::move(features), used, fit, [&](std::int32_t epoch, double loss) {
        session.console.note(fmt::format("pass {}: mean loss {:.4f}", epoch, loss));
      });
  const ResponseFidelity fidelity =
      measure_response_fidelity(model, ResponseLink::soft, slates, slates_of(slates, Part::test));
  ModelManifest manifest;
  manifest.kind = "response";
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.fitted_on = part == Part::train_plan ? "train_plan" : "train_judge";
  manifest.seed = fit.seed;
  manifest.parameters = static_cast<std::int64_t>(model.weights.size());
  manifest.metrics = fidelity.to_metrics();
  manifest.hyper_parameters = {{"loss", options.loss},
                               {"slots", std::to_string(slots)},
                               {"liked_from", fmt::format("{}", options.liked_from)},
                               {"passes", std::to_string(fit.epochs)}};
  save_response_model(output, model, manifest);
  if (session.console.json()) {
    session.console.out() << describe_model(read_model(output).manifest).dump(2) << '\n';
    return;
  }
  print_response(fidelity, manifest, output, std::ssize(used), session.console);
}

}  // namespace veer::tools
