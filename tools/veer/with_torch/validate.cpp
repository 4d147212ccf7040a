// veer validate shift --base MODEL --data data.h5
#include "tools/veer/fitting/shift_evidence.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "env/error.h"
#include "env/nn/sequence_model_file.h"
#include "env/store/dataset_file.h"
#include "simulators/shift/shift_evidence.h"
#include "tools/veer/fitting/shift_fit.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct EvidenceCommand {
  std::string people = "all";
  std::vector<std::string> encoders;
  bool no_placebo = false;
  std::string checkpoint;
  ShiftOptions shift;
  shift::EvidenceOptions evidence;
};

Json json_of(const shift::ClusteredMean& m) {
  return {{"mean", m.mean}, {"low", m.low}, {"high", m.high}, {"people", m.people}, {"events", m.events}};
}

Json json_of(const std::vector<shift::EvidenceRow>& rows, const std::vector<std::int32_t>& after) {
  Json out = Json::array();
  for (const shift::EvidenceRow& row : rows) {
    Json cells = Json::array();
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const shift::EvidenceCell& cell = row.cells[i];
      cells.push_back({{"after", i < after.size() ? Json(after[i]) : Json("all")},
                       {"nll", json_of(cell.nll)},
                       {"gain_over_static", json_of(cell.gain)},
                       {"gain_over_calibrated", json_of(cell.beyond)},
                       {"mrr@10", cell.mrr}});
    }
    out.push_back({{"model", row.model}, {"note", row.note}, {"cells", cells}});
  }
  return out;
}

std::string table_of(const std::vector<shift::EvidenceRow>& rows, const std::vector<std::int32_t>& after) {
  std::vector<std::string> header{"nats per event, events after the cut"};
  for (const std::int32_t events : after) header.push_back(std::to_string(events));
  header.insert(header.end(), {"all", "gain over static, all", "over calibrated, all", "MRR@10 at 1"});
  Table table(header);
  const auto one = std::ranges::find(after, 1);
  for (const shift::EvidenceRow& row : rows) {
    std::vector<std::string> cells{row.model + (row.note == "stays off" ? " (stays off)" : "")};
    for (const shift::EvidenceCell& cell : row.cells) cells.push_back(fmt::format("{:.3f}", cell.nll.mean));
    const shift::EvidenceCell& all = row.cells.back();
    const auto with_interval = [](const shift::ClusteredMean& m) {
      return fmt::format("{:+.4f} ± {:.4f}", m.mean, 0.5 * (m.high - m.low));
    };
    cells.push_back(with_interval(all.gain));
    cells.push_back(with_interval(all.beyond));
    cells.push_back(
        one == after.end()
            ? ""
            : fmt::format("{:.4f}", row.cells[static_cast<std::size_t>(one - after.begin())].mrr));
    table.add(cells);
  }
  return table.text();
}

void run_evidence(EvidenceCommand& command, const std::string& data_file, const Session& session) {
  const Dataset data = read_dataset(data_file);
  const ShiftTask task = shift_task(command.shift, command.people, data, session);
  shift::EvidenceOptions& options = command.evidence;
  options.fit = task.fit;
  options.placebo = !command.no_placebo;
  if (!command.checkpoint.empty()) check_output("--checkpoint", command.checkpoint, "checkpoint");
  options.fit.checkpoint = command.checkpoint;
  for (const std::string& path : command.encoders) {
    const ModelFile file = read_model(path);
    require_dataset(file.manifest, data.fingerprint);
    options.encoders.emplace_back(file.manifest.kind + " (" + file.manifest.fitted_on + ")",
                                  nn::from_model_file(file, "cpu"));
  }
  const shift::Evidence evidence = shift::measure_evidence(data, task.base, options);
  std::error_code ignored;
  for (const char* ending : {"", ".placebo"}) {
    if (!command.checkpoint.empty()) std::filesystem::remove(command.checkpoint + ending, ignored);
  }
  if (session.console.json()) {
    Json out{{"data", data.name},
             {"base", task.base_checksum},
             {"people", evidence.people},
             {"windows", evidence.windows},
             {"seconds", evidence.seconds},
             {"fit_seconds", evidence.fit.seconds},
             {"notes", evidence.fit.notes},
             {"models", json_of(evidence.rows, evidence.after)},
             {"events_of_others", json_of(evidence.others, evidence.after)}};
    if (!evidence.placebo.empty()) {
      out["placebo_shuffled"] = json_of(evidence.placebo, evidence.after);
      out["order"] = Json::array();
      for (const shift::ClusteredMean& gain : evidence.order) out["order"].push_back(json_of(gain));
    }
    Json rates = Json::object();
    for (const auto& [name, value] : shift::rate_values(evidence.fit.model)) rates[name] = value;
    out["rates"] = rates;
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << fmt::format(
      "{}: {} test people, {} windows; full-catalogue negative log-likelihood of the next item; ± is half a "
      "95 % "
      "interval clustered by person\n{}",
      data.name, grouped(evidence.people), grouped(evidence.windows),
      table_of(evidence.rows, evidence.after));
  for (const std::string& note : evidence.fit.notes) session.console.out() << note << '\n';
  session.console.out()
      << "\nControl: the same rates, moved by what other people took; the gain must vanish\n"
      << table_of(evidence.others, evidence.after);
  if (evidence.placebo.empty()) return;
  session.console.out() << "\nPlacebo: fitted and measured with the events after each cut in random order. "
                           "What gain is left is\n"
                           "knowledge of a taste that stands still, gathered from more of the person's "
                           "items; what is lost is order\n"
                        << table_of(evidence.placebo, evidence.after);
  const shift::ClusteredMean& order = evidence.order.back();
  session.console.out() << fmt::format(
      "\nGain of the full model over the calibrated static taste that the order of events alone accounts "
      "for, by\nwhich a taste that moves differs from one better known: {:+.4f} ({:.4f} to {:.4f}) nats per "
      "event\n",
      order.mean, order.low, order.high);
}

}  // namespace

Action add_shift_evidence(CLI::App& app, const std::string& data) {
  auto command = std::make_shared<EvidenceCommand>();
  const std::string group = "Evidence for mechanisms (shift)";
  app.add_option("--encoder", command->encoders,
                 "model file of a network that reads the whole history before every event, beside the base")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--no-placebo", command->no_placebo, "leave out the second fit, on shuffled events")
      ->group(group);
  app.add_option("--checkpoint", command->checkpoint,
                 "file in which an interrupted command leaves its fits, to go on from")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--windows", command->evidence.cuts_per_person, "windows per test person")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  add_shift_options(app, command->shift);
  return [command, &data](const Session& session) { run_evidence(*command, data, session); };
}

}  // namespace veer::tools
