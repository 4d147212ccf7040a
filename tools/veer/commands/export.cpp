// veer export RUN -o DIR
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/run/run_manifest.h"
#include "env/store/run/segment_file.h"
#include "tools/veer/program.h"

namespace veer::tools {
namespace {

struct ExportCommand {
  std::string run, output, data;
};

constexpr const char* end_names[] = {"running", "target_reached", "user_left", "policy_stopped", "horizon"};

/// A field as RFC 4180 has it: quoted where it must be.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// A table that appears under its name when it is whole. Lines are gathered in memory, some at a time.
class CsvFile {
 public:
  explicit CsvFile(std::filesystem::path path) : path_(std::move(path)), part_(path_.string() + ".part") {
    file_.open(part_, std::ios::binary | std::ios::trunc);
  }
  ~CsvFile() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove(part_, ignored);
  }
  CsvFile(const CsvFile&) = delete;
  CsvFile& operator=(const CsvFile&) = delete;

  template <class... Arguments>
  void add(fmt::format_string<Arguments...> pattern, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(lines_), pattern, std::forward<Arguments>(arguments)...);
  }
  /// The shortest text that reads back as this very value; nothing for NaN.
  void add_number(float value) {
    if (std::isnan(value)) {
      lines_ += ',';
    } else {
      add(",{}", value);
    }
  }
  void end_line() {
    lines_ += '\n';
    if (lines_.size() > (1U << 20)) write();
  }
  void finish() {
    write();
    file_.close();
    check();
    std::error_code error;
    std::filesystem::rename(part_, path_, error);
    if (error) throw IoError({path_, 0, ""}, {error.message(), "a file that can be written", ""});
    done_ = true;
  }

 private:
  void write() {
    file_.write(lines_.data(), static_cast<std::streamsize>(lines_.size()));
    lines_.clear();
    check();
  }
  void check() const {
    if (!file_) {
      throw IoError({path_, 0, ""},
                    {"a file that cannot be written", "a folder with room for it", "free some space"});
    }
  }

  std::filesystem::path path_, part_;
  std::ofstream file_;
  std::string lines_;
  bool done_ = false;
};

void write_steps(CsvFile& out, const std::string& policy, const Trajectories& paths) {
  for (std::size_t s = 0; s < paths.episode.size(); ++s) {
    // Worlds of real-valued actions show nothing by themselves: one line still.
    const std::int32_t slots = std::max(1, paths.slots);
    for (std::int32_t slot = 0; slot < slots; ++slot) {
      const std::size_t i = s * at(paths.slots) + at(slot);
      out.add("{},{},{},{},{},{}", policy, paths.episode[s], paths.step[s], paths.user[s], paths.target[s],
              slot);
      if (slot < paths.slots) {
        out.add(",{},{},{}", paths.items[i], paths.feedback[i] & feedback::accepted ? 1 : 0,
                paths.feedback[i] & feedback::purchased ? 1 : 0);
        out.add_number(paths.probability[i]);
      } else {
        out.add(",,,,");
      }
      out.add_number(paths.log_prob[s]);
      for (std::int32_t r = 0; r < paths.reals; ++r)
        out.add_number(paths.action_reals[s * at(paths.reals) + at(r)]);
      for (const JudgeScores& judge : paths.judges) {
        out.add_number(judge.acceptance[s]);
        out.add_number(judge.interest[s]);
        out.add(",{}", judge.rank[s]);
        if (judge.acceptance_deviation.empty()) continue;
        out.add_number(judge.acceptance_deviation[s]);
        out.add_number(judge.interest_deviation[s]);
      }
      out.end_line();
    }
  }
}

void write_episodes(CsvFile& out, const std::string& policy, const Trajectories& paths) {
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    out.add("{},{},{},{},{},{}", policy, paths.episode_id[e], paths.episode_user[e], paths.episode_target[e],
            paths.length[e], end_names[static_cast<std::size_t>(paths.end[e])]);
    out.add_number(paths.episode_return[e]);
    const auto* history = paths.history.data() + e * at(paths.history_width);
    out.add(",{}", fmt::join(history, history + paths.history_size[e], " "));
    for (const JudgeScores& judge : paths.judges) {
      out.add_number(judge.start_interest[e]);
      out.add(",{}", judge.start_rank[e]);
    }
    out.end_line();
  }
}

void write_headers(CsvFile& steps, CsvFile& episodes, const RunFiles& run, const Trajectories& like) {
  steps.add("policy,episode,step,user,target,slot,item,accepted,bought,probability,log_prob");
  for (std::int32_t r = 0; r < like.reals; ++r) steps.add(",real_{}", r);
  episodes.add("policy,episode,user,target,length,end,return,history");
  for (std::size_t j = 0; j < run.header.judges.size(); ++j) {
    const auto add = [&](CsvFile& file, const char* column) {
      file.add(",{}", csv_field(run.header.judges[j] + " " + column));
    };
    for (const char* column : {"acceptance", "interest", "rank"}) add(steps, column);
    if (!like.judges.empty() && !like.judges[j].acceptance_deviation.empty()) {
      for (const char* column : {"acceptance_deviation", "interest_deviation"}) add(steps, column);
    }
    for (const char* column : {"start_interest", "start_rank"}) add(episodes, column);
  }
  steps.end_line();
  episodes.end_line();
}

void write_names(const std::filesystem::path& folder, const Dataset& data) {
  CsvFile items(folder / "items.csv"), people(folder / "people.csv");
  items.add("item,id,title\n");
  for (std::size_t i = 1; i < data.catalogue.ids.size(); ++i) {
    items.add("{},{},{}", i, csv_field(data.catalogue.ids[i]), csv_field(data.catalogue.titles[i]));
    items.end_line();
  }
  people.add("user,id\n");
  for (std::size_t u = 0; u < data.interactions.user_ids.size(); ++u) {
    people.add("{},{}", u, csv_field(data.interactions.user_ids[u]));
    people.end_line();
  }
  items.finish();
  people.finish();
}

void run_export(const ExportCommand& command, const Session& session) {
  const RunFiles run = read_run_files(command.run);
  std::optional<Dataset> data;
  if (!command.data.empty()) {
    data = read_dataset(command.data);
    if (data->fingerprint != run.header.dataset_fingerprint) {
      throw DataError({command.data, 0, "fingerprint"}, {data->fingerprint, run.header.dataset_fingerprint,
                                                         "the run was played on another data set"});
    }
  }
  std::error_code error;
  if (std::filesystem::exists(manifest_path(command.output), error)) {
    throw ConfigError({{}, 0, "--output"}, {"'" + command.output + "', a run directory", "another folder",
                                            "tables do not belong among a run's own files"});
  }
  std::filesystem::create_directories(command.output, error);
  const std::filesystem::path folder = command.output;
  CsvFile steps(folder / "steps.csv"), episodes(folder / "episodes.csv");
  // Which columns there are is the same in all segments, but shows only where there are steps.
  Trajectories like;
  for (const SegmentEntry& entry : run.segments) {
    if (entry.steps == 0) continue;
    like = read_segment(command.run, entry, run.header.judges);
    break;
  }
  write_headers(steps, episodes, run, like);
  like = {};
  std::int64_t rows = 0;
  for (const SegmentEntry& entry : run.segments) {
    const Trajectories paths = read_segment(command.run, entry, run.header.judges);
    const std::string policy = csv_field(run.header.policies.at(at(entry.policy)));
    write_steps(steps, policy, paths);
    write_episodes(episodes, policy, paths);
    rows += paths.steps();
  }
  steps.finish();
  episodes.finish();
  if (data) write_names(folder, *data);
  session.console.note(fmt::format("{} steps in {}{}", rows, (folder / "steps.csv").string(),
                                   run.manifest.digest.empty() ? "; the run is incomplete" : ""));
}

}  // namespace

void add_export(Program& program) {
  auto command = std::make_shared<ExportCommand>();
  CLI::App& app = program.add(
      "export", "Writes the steps and episodes of a run as CSV, for other tools.",
      "veer export run -o tables --data ml-1m.h5\n\n"
      "steps.csv has a line per step and slot, episodes.csv one per episode; the columns are those of\n"
      "RUN_FORMAT.md, numbers in as many digits as give back the same value, nothing for NaN. With --data "
      "also\n"
      "items.csv and people.csv: what the numbers are called in the source.",
      [command](const Session& session) { run_export(*command, session); });
  app.add_option("RUN", command->run, "run directory (veer evaluate -o)")->required()->type_name("DIR");
  app.add_option("-o,--output", command->output, "directory of the tables")->required()->type_name("DIR");
  app.add_option("--data", command->data, "dataset file of the run, for the names of items and people")
      ->type_name("FILE");
}

}  // namespace veer::tools
