#include "tools/veer/fitting/purchases_fit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "simulators/purchases/purchase_fit.h"
#include "simulators/purchases/purchase_model_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

void print_purchases(const PurchaseFit& fit, const std::string& output, const std::string& people,
                     const Console& console) {
  const PurchaseWeights& w = fit.model.weights();
  const PurchaseFidelity& f = fit.fidelity;
  console.out() << fmt::format(
      "{}: fitted to {} events of {}, {} of them purchases; {} steps\n"
      "log odds of a purchase = {:.3f} + {:.3f} share of the item {:+.3f} taste of the history {:+.3f} seen "
      "before\n",
      output, grouped(fit.events), people, grouped(fit.purchases), fit.steps, w.constant, w.share, w.taste,
      w.seen);
  if (f.events == 0) {
    console.out() << "nobody was held out for validation: how well it foretells is unknown\n";
    return;
  }
  Table table({"validation people", "log loss", "AUC", "calibration gap", "foretold", "real"});
  table.add({"this model", fmt::format("{:.4f}", f.log_loss), fmt::format("{:.3f}", f.auc),
             fmt::format("{:.4f}", f.calibration_gap), fmt::format("{:.3f}", f.foretold_share),
             fmt::format("{:.3f}", static_cast<double>(f.purchases) / static_cast<double>(f.events))});
  table.add({"share of the item alone", fmt::format("{:.4f}", f.log_loss_item), "", "", "", ""});
  table.add({"share of all items", fmt::format("{:.4f}", f.log_loss_share), "", "", "", ""});
  console.out()
      << table.text()
      << "Log loss: mean, nats. Calibration gap: mean difference between foretold and real share in ten\n"
         "equal groups of events by probability.\n";
}

}  // namespace

void add_purchase_options(CLI::App& app, PurchaseOptions& options) {
  const std::string group = "What people buy (purchases)";
  app.add_option("--purchase", options.purchase, "behaviour that is a purchase, also for reward; default: purchase")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--prior", options.prior,
                 "imagined events of an average item that every item's share is drawn with; default: 20")
      ->type_name("N")
      ->group(group);
  app.add_option("--window", options.window, "newest items of a history that are read, also for reward; default: 10")
      ->check(at_most(10'000, "no history is as long"))
      ->type_name("N")
      ->group(group);
}

void run_purchases_fit(const PurchaseOptions& options, const std::string& data_file,
                       const std::string& people, const std::string& output, const Session& session) {
  check_output("--output", output, "model");
  PurchaseFitOptions fit_options;
  if (people == "train_plan") {
    fit_options.people = Part::train_plan;
  } else if (people != "train_judge" && people != "all") {
    throw ConfigError({{}, 0, "--people"}, {"'" + people + "'", "train_judge or train_plan", ""});
  }
  fit_options.purchase = options.purchase.value_or(fit_options.purchase);
  fit_options.prior = options.prior.value_or(fit_options.prior);
  fit_options.window = options.window.value_or(fit_options.window);
  const Dataset data = read_dataset(data_file);
  const PurchaseFit fit = fit_purchases(data, fit_options);
  ModelManifest manifest;
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.fitted_on = fit_options.people == Part::train_plan ? "train_plan" : "train_judge";
  manifest.seed = session.common.seed;
  manifest.hyper_parameters = {{"purchase", fit_options.purchase},
                               {"prior", fmt::format("{}", fit_options.prior)},
                               {"window", std::to_string(fit_options.window)}};
  const PurchaseFidelity& f = fit.fidelity;
  if (f.events > 0) {
    manifest.metrics = {{"log_loss", f.log_loss},
                        {"log_loss_item", f.log_loss_item},
                        {"log_loss_share", f.log_loss_share},
                        {"auc", f.auc},
                        {"calibration_gap", f.calibration_gap}};
  }
  write_model(output, purchase_model_file(fit.model, manifest));
  if (session.console.json()) {
    nlohmann::ordered_json out = describe_model(read_model(output).manifest);
    out["events"] = fit.events;
    out["purchases"] = fit.purchases;
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  print_purchases(fit, output, manifest.fitted_on, session.console);
}

}  // namespace veer::tools
