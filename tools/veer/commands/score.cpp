// veer score FILE... --data data.h5 --users model.h5: paths that were made elsewhere, under user models.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/data/given_paths.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "simulators/panel.h"
#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/learned.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

struct ScoreCommand {
  std::vector<std::string> files;  ///< FILE or NAME=FILE
  std::string data, users, baseline, csv;
  std::vector<std::string> judges;  ///< NAME=FILE
  GivenPathOptions reading;
  std::int64_t cache_mb = 1024;
};

/// NAME=FILE; without a name the file's own, less its extension.
std::pair<std::string, std::string> name_and_file(const std::string& text) {
  const auto equals = text.find('=');
  if (equals != std::string::npos && equals > 0) return {text.substr(0, equals), text.substr(equals + 1)};
  return {std::filesystem::path(text).stem().string(), text};
}

/// As if a world had shown them: every item was accepted, as in the papers' protocol.
Trajectories as_episodes(const GivenPaths& given, std::uint64_t seed) {
  Trajectories out;
  out.seed = seed;
  std::size_t width = 1;
  for (const GivenPath& path : given.paths) width = std::max(width, path.history.size());
  out.history_width = static_cast<std::int32_t>(width);
  for (const GivenPath& path : given.paths) {
    const auto episode = static_cast<EpisodeId>(out.episodes());
    out.first_step.push_back(out.steps());
    for (std::size_t step = 0; step < path.items.size(); ++step) {
      out.episode.push_back(episode);
      out.step.push_back(static_cast<std::uint32_t>(step));
      out.user.push_back(path.user);
      out.target.push_back(path.target);
      out.items.push_back(path.items[step]);
      out.feedback.push_back(feedback::accepted);
      out.probability.push_back(1.0F);
      out.log_prob.push_back(0.0F);
    }
    out.episode_id.push_back(episode);
    out.length.push_back(static_cast<std::int32_t>(path.items.size()));
    out.episode_user.push_back(path.user);
    out.episode_target.push_back(path.target);
    out.history.insert(out.history.end(), path.history.begin(), path.history.end());
    out.history.resize(out.history.size() + width - path.history.size(), no_item);
    out.history_size.push_back(static_cast<std::int32_t>(path.history.size()));
    out.end.push_back(EndReason::horizon);
    out.episode_return.push_back(0.0F);
  }
  return out;
}

std::vector<Judge> read_judges(const ScoreCommand& command, const Dataset& data, const Session& session) {
  const std::string device = usable_device(session.common.device);
  std::vector<Judge> judges;
  const auto add = [&](const std::string& name, const std::string& file) {
    LoadedModel model = load_user_model(file, data, device);
    judges.push_back({name, fit_of(model.manifest), model.users});
  };
  add("users", command.users);
  for (const std::string& text : command.judges) {
    const auto [name, file] = name_and_file(text);
    const auto taken = [&name = name](const Judge& judge) { return judge.name == name; };
    if (std::any_of(judges.begin(), judges.end(), taken)) {
      throw ConfigError({{}, 0, "--judge"},
                        {"the name '" + name + "' a second time", "names that differ", "'users' is taken"});
    }
    add(name, file);
  }
  return judges;
}

/// A model that keeps something about each person cannot speak of strangers.
void check_people(const std::string& file, const GivenPaths& given, std::span<const Judge> judges) {
  if (given.strangers == 0) return;
  for (const Judge& judge : judges) {
    if (judge.model->spec().kind != "synthetic") continue;
    throw DataError({file, 0, "user"},
                    {fmt::format("{} people whom the dataset does not know", given.strangers),
                     "its people: judge '" + judge.name + "' knows what each of them likes",
                     "name the user of every path"});
  }
}

struct ScoredFile {
  std::string name, file;
  Trajectories paths;
  std::int64_t left_out = 0;
};

/// As CSV wants it: in quotes where it holds what ends a cell.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string csv_of(const Leaderboard& board, const std::vector<ScoredFile>& files, const Dataset& data) {
  std::string out = "method,path,user,target,judge,items";
  for (std::int32_t m = 0; m < path_metrics; ++m) out += fmt::format(",{}", name_of(PathMetric(m)));
  out += '\n';
  for (std::size_t f = 0; f < files.size(); ++f) {
    const Trajectories& paths = files[f].paths;
    for (std::size_t j = 0; j < board.judges().size(); ++j) {
      const EpisodeScores& scores = board.scores(f, j);
      for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
        const UserId user = paths.episode_user[e];
        out += fmt::format("{},{},{},{},{},{}", cell(files[f].name), e + 1,
                           user < data.interactions.users()
                               ? cell(data.interactions.user_ids[static_cast<std::size_t>(user)])
                               : "",
                           cell(data.catalogue.ids[static_cast<std::size_t>(paths.episode_target[e])]),
                           cell(board.judges()[j].name), paths.length[e]);
        for (std::int32_t m = 0; m < path_metrics; ++m) {
          const float value = scores.of(PathMetric(m))[e];
          out += std::isnan(value) ? "," : fmt::format(",{:.6g}", value);
        }
        out += '\n';
      }
    }
  }
  return out;
}

void run_score(const ScoreCommand& command, const Session& session) {
  if (!command.csv.empty()) check_writable("--csv", command.csv);
  const Dataset data = read_dataset(command.data);
  const Panel panel(read_judges(command, data, session));
  const AttributeTable attributes(data.catalogue);
  std::vector<ScoredFile> files;
  for (const std::string& text : command.files) {
    const auto [name, file] = name_and_file(text);
    const auto taken = [&name = name](const ScoredFile& each) { return each.name == name; };
    if (std::any_of(files.begin(), files.end(), taken)) {
      throw ConfigError({{}, 0, "FILE"},
                        {"'" + name + "' a second time", "names that differ", "write NAME=FILE"});
    }
    const GivenPaths given = read_given_paths(file, data, command.reading);
    check_people(file, given, panel.judges());
    if (given.left_out > 0) {
      session.console.note(
          fmt::format("{}: {} paths name items that the dataset does not know, and are left out", name,
                      grouped(given.left_out)));
    }
    files.push_back({name, file, as_episodes(given, session.common.seed), given.left_out});
  }
  if (!command.baseline.empty() && std::none_of(files.begin(), files.end(), [&](const ScoredFile& each) {
        return each.name == command.baseline;
      })) {
    throw ConfigError({{}, 0, "--baseline"},
                      {"'" + command.baseline + "'", "the name of one of the files", ""});
  }
  Leaderboard board(panel, {.seed = session.common.seed,
                            .baseline = command.baseline.empty() ? files.front().name : command.baseline});
  for (ScoredFile& each : files) {
    panel.judge(each.paths, command.cache_mb);
    board.add(each.name, each.paths, attributes);
  }
  if (!command.csv.empty()) write_file_atomically(command.csv, csv_of(board, files, data));
  if (session.console.json()) {
    nlohmann::ordered_json out;
    out["dataset"] = {{"name", data.name}, {"fingerprint", data.fingerprint}};
    out["seed"] = session.common.seed;
    out["files"] = nlohmann::ordered_json::array();
    for (const ScoredFile& each : files) {
      out["files"].push_back({{"name", each.name},
                              {"file", each.file},
                              {"paths", each.paths.episodes()},
                              {"left_out", each.left_out}});
    }
    out.update(board.json());
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << fmt::format("{} paths on {}, seed {}\n\n", grouped(files.front().paths.episodes()),
                                       data.name, session.common.seed)
                        << board.text(session.console);
}

}  // namespace

void add_score(Program& program) {
  auto command = std::make_shared<ScoreCommand>();
  CLI::App& app = program.add(
      "score", "Scores paths that were made elsewhere under user models.",
      "veer score ours.jsonl theirs.jsonl --data ml-1m.h5 --users plan.model.h5 \\\n"
      "           --judge gru=gru.model.h5\n\n"
      "A line per path: {\"user\": \"42\", \"history\": [\"1\", \"50\"], \"path\": [\"260\"], \"target\": "
      "\"1196\"}, ids as\n"
      "in the data; or one JSON list of such objects; or the .val and .test files of ProRL, whose proc_path\n"
      "ends with the target. Files are compared path by path: all must hold the same people and targets in\n"
      "the same order.",
      [command](const Session& session) { run_score(*command, session); });
  app.add_option("FILE", command->files, "files of paths, each FILE or NAME=FILE")
      ->required()
      ->type_name("FILE");
  app.add_option("--data", command->data, "dataset file")->required()->type_name("FILE");
  app.add_option("--users", command->users, "user model that scores the paths")
      ->required()
      ->type_name("FILE");
  app.add_option("--judge", command->judges,
                 "NAME=FILE, another model that scores the same paths; may be repeated")
      ->type_name("NAME=FILE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--baseline", command->baseline,
                 "file, by its name, that the others are compared with; default: the first")
      ->type_name("NAME");
  app.add_flag("--skip-unknown", command->reading.skip_unknown,
               "leave out paths that name items the dataset does not know");
  app.add_option("--csv", command->csv, "scores of every path under every judge")->type_name("FILE");
}

}  // namespace veer::tools
