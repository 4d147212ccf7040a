// veer import FORMAT PATH -o data.h5
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

/// Options of a published experiment, and the name that stands for them in place of a format.
struct Preset {
  const char* name;
  const char* format;
  std::vector<std::pair<const char*, const char*>> options;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      {"retailrocket-sqn", "retailrocket", {}},
      {"rc15-sqn", "yoochoose", {{"--sample-sessions", "200000"}}},
      {"prorl-ml1m", "movielens", {{"--k-core", "20"}}},
      {"prorl-steam", "steam", {{"--k-core", "40"}, {"--unknown-items", "keep"}}},
      {"prorl-books", "amazon", {{"--user-core", "100"}, {"--item-core", "40"}}},
  };
  return all;
}

struct ImportCommand {
  CLI::App* app = nullptr;
  std::string format;
  std::string path;
  std::string output;
  std::string items_file;
  std::string delimiter;
  std::string attribute_separator = "|";
  std::string duplicates;
  std::string filter_order = "sessions-first";
  std::string split = "seeded";
  std::string unknown_items = "error";
  std::string time_unit = "seconds";
  ImportOptions options;
};

std::string format_list() {
  std::string text = "\nFormats:";
  for (const ImportFormat& format : import_formats())
    text += fmt::format("\n  {:<12} {}", format.name, format.reads);
  text += "\nPublished experiments, in place of FORMAT; options on the command line prevail:";
  for (const Preset& preset : presets()) {
    text += fmt::format("\n  {:<16} {}", preset.name, preset.format);
    for (const auto& [option, value] : preset.options) text += fmt::format(" {} {}", option, value);
  }
  return text;
}

char one_character(const std::string& option, const std::string& text) {
  if (text == "\\t" || text == "tab") return '\t';
  if (text.size() == 1) return text.front();
  throw ConfigError({{}, 0, option}, {"'" + text + "'", "one character, or 'tab'", ""});
}

template <class Value>
Value one_of(const std::string& option, const std::string& word, std::optional<Value> value,
             const char* words) {
  if (value) return *value;
  throw ConfigError({{}, 0, option}, {"'" + word + "'", words, ""});
}

void check_finite(const char* option, const std::optional<double>& value) {
  if (value && !std::isfinite(*value))
    throw ConfigError({{}, 0, option}, {fmt::format("{}", *value), "a number", ""});
}

/// What was left out, one line for each reason with the first that had it.
void report_skipped(const Console& console, const std::vector<SkippedLines>& skipped,
                    nlohmann::ordered_json& description) {
  if (skipped.empty()) return;
  for (const SkippedLines& reason : skipped) {
    console.note(fmt::format("left out {} bad {}, the first: {}", grouped(reason.lines),
                             reason.lines == 1 ? "line" : "lines", reason.first));
  }
  if (!console.json()) return;
  for (const SkippedLines& reason : skipped) {
    description["skipped"].push_back(
        {{"reason", reason.reason}, {"lines", reason.lines}, {"first", reason.first}});
  }
}

/// Replaces the name of a preset by what it stands for.
void apply_preset(ImportCommand& command) {
  for (const Preset& preset : presets()) {
    if (command.format != preset.name) continue;
    command.format = preset.format;
    for (const auto& [name, value] : preset.options) {
      CLI::Option* option = command.app->get_option(name);
      if (option->count() > 0) continue;
      option->add_result(value);
      option->run_callback();
    }
    return;
  }
}

void run_import(ImportCommand& command, const Session& session) {
  apply_preset(command);
  ImportOptions& options = command.options;
  options.split_seed = session.common.seed;
  options.items_file = command.items_file;
  options.delimiter = command.delimiter.empty() ? '\0' : one_character("--delimiter", command.delimiter);
  options.attribute_separator = one_character("--attribute-separator", command.attribute_separator);
  if (!command.duplicates.empty()) {
    options.duplicates =
        one_of("--duplicates", command.duplicates, duplicates_from(command.duplicates),
               "the same person, item and time twice: error, keep-all, keep-first or keep-last");
  }
  options.filter_order = one_of("--filter-order", command.filter_order,
                                filter_order_from(command.filter_order), "sessions-first or items-first");
  options.split = one_of("--split", command.split, split_from(command.split), "seeded or chronological");
  options.unknown_items = one_of("--unknown-items", command.unknown_items,
                                 unknown_items_from(command.unknown_items), "error, keep or drop");
  options.time_unit =
      one_of("--time-unit", command.time_unit, time_unit_from(command.time_unit),
             "of the time column: seconds, milliseconds, microseconds or nanoseconds since 1970");

  check_finite("--min-rating", options.min_rating);
  check_finite("--purchase-rating", options.purchase_rating);
  check_output("--output", command.output, "dataset");

  const auto begin = std::chrono::steady_clock::now();
  ImportReport report;
  const Dataset dataset = import_dataset(command.format, command.path, options, &report);
  write_dataset(command.output, dataset);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  session.console.note(fmt::format("imported {} as {} in {:.2f} s", command.path, command.output, seconds));
  nlohmann::ordered_json description = describe_dataset(dataset);
  report_skipped(session.console, report.skipped, description);
  print_description(session.console, description);
}

}  // namespace

void add_import(Program& program) {
  auto command = std::make_shared<ImportCommand>();
  CLI::App& app =
      program.add("import", "Reads an interaction log and writes a dataset file.",
                  "veer import movielens ml-1m -o ml-1m.h5 --k-core 5\n"
                  "         veer import csv log.csv -o log.h5 --user-column person --item-column film \\\n"
                  "           --time-column when --time-unit milliseconds\n"
                  "         veer import yoochoose yoochoose-data -o rc15.h5 --sample-sessions 200000" +
                      format_list(),
                  [command](const Session& session) { run_import(*command, session); });
  command->app = &app;
  app.add_option("FORMAT", command->format, "what PATH holds; the list below says what each reads")
      ->required();
  app.add_option("PATH", command->path, "file or directory of the source")->required();
  app.add_option("-o,--output", command->output, "dataset file to write")->required()->type_name("FILE");
  ImportOptions& options = command->options;
  app.add_option("--name", options.name, "name of the dataset; default: that of PATH");
  app.add_option(
         "--k-core", options.k_core,
         "drop people and items with fewer interactions, again until nobody has; default: 0, keep all")
      ->check(not_negative())
      ->type_name("K");
  app.add_option("--user-core", options.user_core, "instead of --k-core, for people")
      ->check(not_negative())
      ->type_name("K");
  app.add_option("--item-core", options.item_core, "instead of --k-core, for items")
      ->check(not_negative())
      ->type_name("K");
  app.add_option("--min-rating", options.min_rating,
                 "drop interactions rated below R, in the source's own scale; default: keep all")
      ->type_name("R");
  app.add_option("--purchase-rating", options.purchase_rating,
                 "interactions rated R or higher are purchases, all others clicks")
      ->type_name("R");
  app.add_option("--min-session", options.min_session,
                 "drop, once, people (sessions) with fewer interactions; yoochoose counts clicks; default: "
                 "3 for retailrocket and yoochoose, else 0, keep all")
      ->check(not_negative())
      ->type_name("N");
  app.add_option("--min-item", options.min_item,
                 "drop, once, items with fewer interactions; default: 3 for retailrocket, else 0, keep all")
      ->check(not_negative())
      ->type_name("N");
  app.add_option("--filter-order", command->filter_order,
                 "which of these two comes first: sessions-first or items-first")
      ->capture_default_str();
  app.add_option("--sample-sessions", options.sample_sessions,
                 "draw N people (sessions) by --seed, before --k-core; default: 0, all")
      ->check(not_negative())
      ->type_name("N");
  app.add_option("--split", command->split,
                 "who is held out: seeded, by lot, or chronological, whose last interaction is the newest")
      ->capture_default_str();
  app.add_flag("--skip-bad", options.skip_bad,
               "leave malformed lines out, and say how many there were for which reason");
  app.add_option("--duplicates", command->duplicates,
                 "the same person, item and time twice: error, keep-all, keep-first or keep-last; default: "
                 "error for movielens, recbole and csv, else keep-all");
  app.add_option("--unknown-items", command->unknown_items,
                 "items missing from the item table: error, keep or drop")
      ->capture_default_str();
  app.add_option("--items-file", command->items_file, "csv, amazon: table of titles and attributes")
      ->type_name("FILE");
  app.add_option("--delimiter", command->delimiter,
                 "csv: one character between columns; default: found in the header");
  app.add_option("--attribute-separator", command->attribute_separator,
                 "csv: between the attributes of an item")
      ->capture_default_str();
  app.add_option("--time-unit", command->time_unit,
                 "of the time column: seconds, milliseconds, microseconds or nanoseconds since 1970")
      ->capture_default_str();
  ImportColumns& columns = options.columns;
  const std::string group = "Columns by name (csv, recbole)";
  app.add_option("--user-column", columns.user, "who")->group(group);
  app.add_option("--item-column", columns.item, "what")->group(group);
  app.add_option("--time-column", columns.time, "when")->group(group);
  app.add_option("--rating-column", columns.rating, "how much it was liked, a number")->group(group);
  app.add_option("--behaviour-column", columns.behaviour,
                 "the kind of interaction, such as click or purchase")
      ->group(group);
  app.add_option("--item-id-column", columns.item_id, "item table: id")->group(group);
  app.add_option("--title-column", columns.title, "item table: title")->group(group);
  app.add_option("--attributes-column", columns.attributes, "item table: attributes")->group(group);
}

}  // namespace veer::tools
