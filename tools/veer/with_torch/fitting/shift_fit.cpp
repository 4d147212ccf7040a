#include "tools/veer/fitting/shift_fit.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/nn/sequence_model_file.h"
#include "env/store/model_file.h"
#include "tools/veer/figures/trust/long_run_of_fit.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

std::string name_of(shift::Mechanism mechanism) {
  return std::string(shift::mechanism_names[static_cast<std::size_t>(mechanism)]);
}

FitPeople people_of_base(const std::string& fitted) {
  for (const FitPeople people : {FitPeople::everyone, FitPeople::train_plan, FitPeople::train_judge}) {
    if (fitted_on(people) == fitted) return people;
  }
  throw ConfigError({{}, 0, "--base"}, {"a network fitted on '" + fitted + "'",
                                        "one fitted on all, train_plan or train_judge", ""});
}

void print(const Console& console, const std::string& output, const shift::ShiftFitResult& result) {
  if (console.json()) {
    nlohmann::ordered_json out = describe_model(read_model(output).manifest);
    out["static_nll"] = result.static_nll;
    out["seconds"] = result.seconds;
    out["rungs"] = nlohmann::ordered_json::array();
    for (const shift::RungRecord& r : result.rungs) {
      out["rungs"].push_back({{"mechanism", name_of(r.mechanism)},
                              {"epochs", r.epochs},
                              {"nll", r.nll},
                              {"gain", r.gain},
                              {"low", r.low},
                              {"high", r.high},
                              {"kept", r.kept}});
    }
    out["notes"] = result.notes;
    console.out() << out.dump(2) << '\n';
    return;
  }
  console.out() << fmt::format(
      "{}: {} people, {} events per epoch, {:.0f} s; static taste {:.4f} nats per event\n", output,
      grouped(result.people), grouped(result.events_per_epoch), result.seconds, result.static_nll);
  Table rungs({"mechanism", "nats per event", "gain", "95 % interval", "stays"});
  for (const shift::RungRecord& r : result.rungs) {
    rungs.add({name_of(r.mechanism), fmt::format("{:.4f}", r.nll), fmt::format("{:+.4f}", r.gain),
               fmt::format("{:+.4f} to {:+.4f}", r.low, r.high), r.kept ? "on" : "off"});
  }
  console.out() << rungs.text();
  Table rates({"rate", "value"});
  for (const auto& [name, value] : shift::rate_values(result.model)) {
    rates.add({name, fmt::format("{:.4g}", value)});
  }
  console.out() << rates.text();
  for (const std::string& note : result.notes) console.out() << note << '\n';
}

}  // namespace

void add_shift_options(CLI::App& app, ShiftOptions& options) {
  const std::string group = "People whose taste shifts (shift_user)";
  shift::ShiftFitOptions& fit = options.fit;
  app.add_option("--base", options.base, "model file of the network that encodes the history; stays as it is")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--mechanisms", options.mechanisms,
                 "all, or some of calibration, exposure, drift, average, acceptance, forgetting, boredom, "
                 "reactance, separated by commas")
      ->capture_default_str()
      ->group(group);
  app.add_option("--time", options.time, "steps (order only) or days (the log's stamps)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--refused-rating", fit.refused_rating,
                 "events rated at most this stand for refusals, a proxy; 0: none")
      ->capture_default_str()
      ->group(group);
  app.add_option("--events", fit.events, "events followed after a cut")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--cuts", fit.cuts_per_person, "cuts per person")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--recent-items", fit.recent_items, "how many shown items count as shown lately")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_option("--rate-step", fit.rate_step, "of Adam, for rates; lower it when a fit diverges")
      ->capture_default_str()
      ->group(group);
  app.add_option("--weight-step", fit.weight_step, "of Adam, for matrices; lower it when a fit diverges")
      ->capture_default_str()
      ->group(group);
  app.add_option("--rung-epochs", fit.max_epochs, "passes over the cuts per mechanism, at most")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
}

ShiftTask shift_task(const ShiftOptions& options, const std::string& people, const Dataset& data,
                     const Session& session) {
  if (options.base.empty()) {
    throw ConfigError({{}, 0, "--base"},
                      {"nothing", "the model file of a fitted network", "veer fit sasrec makes one"});
  }
  const ModelFile file = read_model(options.base);
  require_dataset(file.manifest, data.fingerprint);
  ShiftTask task{nn::from_model_file(file, "cpu"), sha256_of_file(options.base), options.fit};
  task.fit.people = people_of_base(file.manifest.fitted_on);
  if (people != "all" && people != file.manifest.fitted_on) {
    throw ConfigError(
        {{}, 0, "--people"},
        {people, file.manifest.fitted_on + ", the people of the base network",
         "planning models and judges stay apart only if all their parts learn from the same people"});
  }
  if (options.mechanisms != "all") task.fit.mechanisms = shift::Mechanisms::from_text(options.mechanisms);
  if (options.time != "steps" && options.time != "days") {
    throw ConfigError({{}, 0, "--time"}, {"'" + options.time + "'", "steps or days", ""});
  }
  task.fit.time = options.time == "days" ? shift::TimeUnit::days : shift::TimeUnit::steps;
  task.fit.seed = session.common.seed;
  task.fit.progress = shift_progress(session.console);
  return task;
}

std::function<void(const shift::ShiftProgress&)> shift_progress(const Console& console) {
  using Clock = std::chrono::steady_clock;
  const auto shown = std::make_shared<Clock::time_point>(Clock::now());
  return [&console, shown](const shift::ShiftProgress& at) {
    const auto interval = std::chrono::milliseconds(console.terminal() ? 200 : 10'000);
    if (console.quiet() || Clock::now() - *shown < interval) return;
    *shown = Clock::now();
    const std::string line =
        fmt::format("shift_user: {}, epoch {}, step {} of {}, loss {:.4f}, best {:.4f} nats, {:.0f} s",
                    at.rung, at.epoch, at.step, at.steps, at.loss, at.best_nll, at.seconds);
    console.err() << (console.terminal() ? "\r\033[K" : "") << line << (console.terminal() ? "" : "\n")
                  << std::flush;
  };
}

ModelFile shift_file_of(const ShiftTask& task, const shift::ShiftFitResult& result, const Dataset& data) {
  ModelManifest manifest;
  manifest.fitted_on = fitted_on(task.fit.people);
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.seed = task.fit.seed;
  manifest.hyper_parameters["base_checksum"] = task.base_checksum;
  manifest.metrics["validation_static_nll"] = result.static_nll;
  for (const shift::RungRecord& r : result.rungs) {
    const std::string name = "validation_" + name_of(r.mechanism);
    manifest.metrics[name + "_nll"] = r.nll;
    manifest.metrics[name + "_gain"] = r.gain;
    manifest.metrics[name + "_gain_low"] = r.low;
    manifest.metrics[name + "_gain_high"] = r.high;
  }
  return shift::shift_model_file(result.model, manifest);
}

void run_shift_fit(const ShiftTask& task, const Dataset& data, const std::string& output,
                   const Session& session) {
  session.console.note(fmt::format("fitting shift_user on {} of {} over {} ({} items)",
                                   fitted_on(task.fit.people), data.name, task.base.config().kind,
                                   grouped(data.catalogue.size())));
  const shift::ShiftFitResult result = shift::fit_shift_user(data, task.base, task.fit);
  ModelFile file = shift_file_of(task, result, data);
  write_model(output, file);
  if (add_long_run(shift::ShiftUser(result.model), data, task.fit.seed, session.console, file.manifest)) {
    write_model(output, file);
  }
  print(session.console, output, result);
  print_long_run(session.console, file.manifest);
}

}  // namespace veer::tools
