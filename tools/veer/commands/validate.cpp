// veer validate MODEL --data data.h5; veer validate shift is in fitting/shift_evidence.h, people.toml in
// validate_population.h
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "simulators/long_run/long_run.h"
#include "tools/veer/figures/trust/long_run_report.h"
#include "tools/veer/figures/trust/validate_population.h"
#include "tools/veer/fitting/shift_evidence.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/learned.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct ValidateCommand {
  std::string what;
  std::string data;
  std::string users;
  std::string people = "test";
  std::string cut = "last";
  long_run::Options options;
  Action shift;
};

std::vector<UserId> people_named(const std::string& name, const Dataset& data) {
  const std::array<std::string_view, 4> parts{"train_plan", "train_judge", "validation", "test"};
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (name == parts[part]) return data.users_of(static_cast<Part>(part));
  }
  if (name != "all") {
    throw ConfigError({{}, 0, "--people"},
                      {"'" + name + "'", "test, validation, train_plan, train_judge or all", ""});
  }
  std::vector<UserId> everybody(static_cast<std::size_t>(data.interactions.users()));
  std::iota(everybody.begin(), everybody.end(), 0);
  return everybody;
}

void read_cut(const std::string& text, long_run::StartOptions& out) {
  using long_run::Cut;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, out.items_before);
  if (error == std::errc{} && rest == end && out.items_before > 0) {
    out.cut = Cut::fixed;
  } else if (text == "last" || text == "middle" || text == "random") {
    out.cut = text == "last" ? Cut::last : text == "middle" ? Cut::middle : Cut::random;
  } else {
    throw ConfigError({{}, 0, "--cut"},
                      {"'" + text + "'", "last, middle, random or a number of items before the cut", ""});
  }
}

std::string report_text(const ValidateCommand& command, const LoadedModel& model, const Dataset& data,
                        const long_run::Report& report, const Session& session) {
  const std::int32_t steps = command.options.starts.steps;
  const std::string taken = report.rest == long_run::never_again ? "nothing is taken twice, as in this log"
                            : report.rest == 0
                                ? "items may be taken again at once, as in this log"
                                : fmt::format("an item rests for {} others, as in this log", report.rest);
  std::string out = fmt::format(
      "{} ({}) on {}: {} people of {}, {} items each after the cut ({}), seed {}\nPeople {}; {}.\n\n",
      std::filesystem::path(command.what).filename().string(), fit_of(model.manifest), data.name,
      grouped(report.people), command.people, steps, command.cut, session.common.seed,
      report.chooses_for_itself ? "choose from the model's own distribution of next items"
                                : "take what they accept among the model's proposals",
      taken);
  out += comparison_text(report, "simulated", command.options.window, session.console);
  const Calibration& acceptance = report.acceptance;
  out += fmt::format(
      "Acceptance after the cut: AUC {:.3f}, calibration error {:.3f}; mean probability {:.3f} where taken, "
      "{:.3f} where not\n",
      acceptance.auc, acceptance.expected_error, acceptance.mean_accepted, acceptance.mean_sampled);
  return out + missing_text(report);
}

Json report_json(const ValidateCommand& command, const LoadedModel& model, const Dataset& data,
                 const long_run::Report& report, const Session& session) {
  Json out{{"model", command.what},
           {"model_sha256", model.checksum},
           {"fit", fit_of(model.manifest)},
           {"data", data.name},
           {"fingerprint", data.fingerprint},
           {"seed", session.common.seed},
           {"part", command.people},
           {"people", report.people},
           {"left_out", report.left_out},
           {"cut", command.cut},
           {"steps", command.options.starts.steps},
           {"window", command.options.window},
           {"halvings", command.options.halvings},
           {"chooses_for_itself", report.chooses_for_itself}};
  out["rest"] = report.rest == long_run::never_again ? Json("for ever") : Json(report.rest);
  out.update(comparison_json(report));
  out["acceptance"] = {{"auc", report.acceptance.auc},
                       {"calibration_error", report.acceptance.expected_error},
                       {"mean_taken", report.acceptance.mean_accepted},
                       {"mean_not_taken", report.acceptance.mean_sampled}};
  out["acceptance"]["bins"] = Json::array();
  for (const CalibrationBin& bin : report.acceptance.bins) {
    out["acceptance"]["bins"].push_back(
        {{"count", bin.count}, {"predicted", bin.predicted}, {"observed", bin.observed}});
  }
  return out;
}

void run_population(const ValidateCommand& command, const long_run::Options& options,
                    const Session& session) {
  const auto require = [](bool holds, const char* option, const std::string& found,
                          const std::string& expected) {
    if (!holds) throw ConfigError({{}, 0, option}, {found + " beside a population file", expected, ""});
  };
  require(!command.users.empty(), "--users", "nothing", "the model file by which its new people live");
  require(command.people == "test", "--people", command.people, "the part that the file itself names");
  require(command.cut == "last", "--cut", command.cut, "no such option: places are drawn");
  const auto data = std::make_shared<const Dataset>(read_dataset(command.data));
  validate_population(command.what, data,
                      load_user_model(command.users, *data, usable_device(session.common.device)), options,
                      session);
}

void run_validate(ValidateCommand& command, const Session& session) {
  if (command.what == "shift") return command.shift(session);
  long_run::Options options = command.options;
  read_cut(command.cut, options.starts);
  options.seed = session.common.seed;
  if (std::filesystem::path(command.what).extension() == ".toml") {
    return run_population(command, options, session);
  }
  const Dataset data = read_dataset(command.data);
  const std::vector<UserId> people = people_named(command.people, data);
  const LoadedModel model = load_user_model(command.what, data, usable_device(session.common.device));
  const std::string& learners = model.manifest.fitted_on;
  if (learners.starts_with("all") || learners == command.people) {
    session.console.note(fmt::format(
        "this model learned from {}, the people it is compared with among them: people it does not know may "
        "fare worse",
        learners));
  }
  std::unique_ptr<Progress> progress;
  options.progress = [&](std::int64_t done, std::int64_t) { progress->update(done); };
  progress = std::make_unique<Progress>(session.console, "validate", "people",
                                        static_cast<std::int64_t>(people.size()));
  const long_run::Report report = long_run::measure(*model.users, data, people, options);
  progress.reset();
  if (report.left_out > 0 && options.starts.most_people == 0) {
    session.console.note(
        fmt::format("{} of {} people are left out: fewer than {} items before or {} after the cut",
                    grouped(report.left_out), grouped(static_cast<std::int64_t>(people.size())),
                    options.starts.least_history, options.starts.steps));
  }
  if (session.console.json()) {
    session.console.out() << report_json(command, model, data, report, session).dump(2) << '\n';
  } else {
    session.console.out() << report_text(command, model, data, report, session);
  }
}

}  // namespace

void add_validate(Program& program) {
  auto command = std::make_shared<ValidateCommand>();
  CLI::App& app = program.add(
      "validate",
      "Rolls people forward under a user model and compares them with what the same people really did.",
      "veer validate user.model.h5 --data ml-1m.h5 --steps 20\n"
      "         veer validate people.toml --data ml-1m.h5 --users shift.model.h5\n"
      "         veer validate shift --base plan.model.h5 --data ml-1m.h5 --encoder judge.model.h5\n\n"
      "The second form compares the new people of a population with people they were not made from, the "
      "third\n"
      "measures what each mechanism of a shifting taste is worth on people nobody learned from.",
      [command](const Session& session) { run_validate(*command, session); });
  app.add_option("MODEL", command->what, "user model file, population file (.toml), or the word shift")
      ->required();
  app.add_option("--data", command->data, "dataset file")->required()->type_name("FILE");
  app.add_option("--users", command->users, "of a population file: the model file by which new people live")
      ->type_name("FILE");
  long_run::Options& options = command->options;
  long_run::StartOptions& starts = options.starts;
  const std::string group = "Fidelity in the long run";
  app.add_option("--people", command->people,
                 "whom to compare: test, validation, train_plan, train_judge, all")
      ->capture_default_str()
      ->group(group);
  app.add_option("--cut", command->cut,
                 "where a log is cut: last (just enough items remain), middle, random, or a number of items")
      ->capture_default_str()
      ->group(group);
  app.add_option("--steps", starts.steps, "items that each person takes after the cut")
      ->check(at_most(10'000, "logs that long are rare, and what comes early tells more"))
      ->capture_default_str()
      ->group(group);
  app.add_option("--least-history", starts.least_history, "items a log must have before the cut")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--most-people", starts.most_people, "compare that many, drawn by the seed; 0: all")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_option("--window-items", options.window, "items in a window, for diversity and similarity of taste")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--halvings", options.halvings, "random halves of the real people that set the yardstick")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--proposals", options.proposals,
                 "for models that do not say what comes next: proposals people choose from by acceptance")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  command->shift = add_shift_evidence(app, command->data);
}

}  // namespace veer::tools
