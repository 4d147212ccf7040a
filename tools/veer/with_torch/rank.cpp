// veer rank --data sessions.h5 --model agent.model.h5 ...
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "agents/offline/offline_judgement.h"
#include "agents/offline/offline_model_file.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/figures/methods/method_table.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/offline_sessions.h"

namespace veer::tools {
namespace {

using namespace offline;
using Json = nlohmann::ordered_json;

struct RankCommand {
  std::string data;
  std::vector<std::string> models;
  MethodChoice choice;
  std::string part = "test";
  SessionChoice sessions;
  int longest = 0;
  bool controls = true;
  bool mask_session = false;
  std::optional<float> wanted, deviation;  ///< of agents with a prompt
};

struct RankedAgent {
  std::string name;
  std::vector<std::int32_t> ranks;
};

std::string stem_of(const std::string& file) {
  std::string name = std::filesystem::path(file).filename().string();
  if (name.ends_with(".model.h5")) name.resize(name.size() - std::string(".model.h5").size());
  return name;
}

/// Figures in the order of judged_depths, hits before gains.
std::vector<Figure> rank_figures() {
  std::vector<Figure> out;
  for (const char* kind : {"hr", "ndcg"}) {
    for (const std::int32_t depth : judged_depths) {
      const bool hits = std::string(kind) == "hr";
      out.push_back({fmt::format("{}_{}", kind, depth), fmt::format("{}@{}", hits ? "HR" : "NDCG", depth), 4,
                     depth == 10 || (hits && depth == 20)});
    }
  }
  return out;
}

/// One value per event: NaN where the event does not count.
std::vector<float> values_of(const SessionLog& log, const JudgedEvents& which,
                             std::span<const std::int32_t> ranks, std::size_t figure) {
  const std::size_t depths = judged_depths.size();
  std::vector<float> out(ranks.size(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t e = 0; e < ranks.size(); ++e) {
    if (!which.includes(log, static_cast<std::int64_t>(e))) continue;
    const std::int32_t depth = judged_depths[figure % depths];
    out[e] = figure < depths ? hit(ranks[e], depth) : discounted_gain(ranks[e], depth);
  }
  return out;
}

std::vector<Part> judged_part(const std::string& part) {
  if (part == "test") return {Part::test};
  if (part == "validation") return {Part::validation};
  throw ConfigError({{}, 0, "--part"}, {"'" + part + "'", "test or validation", ""});
}

constexpr const char* most_recent = "most recent";
constexpr const char* popular = "popular";

/// What is ranked, in the order of rank_all(): known before the long work, so that mistakes are told before
/// it.
std::vector<std::string> names_of(const RankCommand& command) {
  std::vector<std::string> out;
  for (const std::string& file : command.models) {
    out.push_back(stem_of(file));
    if (std::find(out.begin(), out.end() - 1, out.back()) != out.end() - 1) {
      throw ConfigError({{}, 0, "--model"}, {out.back() + " twice", "files of different names", ""});
    }
  }
  if (command.controls && !command.mask_session) out.emplace_back(most_recent);
  if (command.controls) out.emplace_back(popular);
  if (out.empty()) {
    throw ConfigError({{}, 0, "--model"}, {"none, and no controls", "a model file, or controls", ""});
  }
  return out;
}

/// Ranking other sessions than an agent was trained on would say little about it, and nothing about why.
void check_same_sessions(const std::string& file, const ModelManifest& manifest, const SessionOptions& cut) {
  const nn::HyperParameters mine = session_settings(cut);
  for (const auto& [name, value] : mine) {
    const auto found = manifest.hyper_parameters.find(name);
    if (found == manifest.hyper_parameters.end() || found->second == value) continue;
    std::string option = "--" + name;
    std::ranges::replace(option, '_', '-');
    throw ConfigError({{}, 0, option}, {value, found->second + ", as " + file + " was trained",
                                        "cut and name sessions as in training"});
  }
}

struct Ranking {
  std::vector<RankedAgent> agents;
  std::string counted;  ///< whose events the controls count
};

Ranking rank_all(const RankCommand& command, const Dataset& data, const SessionLog& log,
                 const SessionOptions& cut, const Session& session) {
  std::vector<RankedAgent> out;
  bool both_halves = command.models.empty(), asked = false;
  const Masked masked = command.mask_session ? Masked::session : Masked::nothing;
  for (const std::string& file : command.models) {
    const auto [loaded, manifest] = load_offline_model(file, data);
    OfflineModel model = loaded;
    check_same_sessions(file, manifest, cut);
    both_halves = both_halves || manifest.fitted_on.find("train_judge") != std::string::npos;
    if (model.options().has_prompt() && (command.wanted || command.deviation)) {
      asked = true;
      const PromptOptions& prompt = model.options().prompt;
      model =
          model.wanting(command.wanted.value_or(prompt.wanted), command.deviation.value_or(prompt.deviation));
    }
    const std::string name = stem_of(file);
    session.console.note(fmt::format("rank: {}", name));
    out.push_back({name, rank_events(model, log, session.common.seed, 0, masked)});
  }
  if ((command.wanted || command.deviation) && !asked) {
    throw ConfigError({{}, 0, command.wanted ? "--wanted" : "--deviation"},
                      {"no model that is asked for a return", "one of veer train prl", ""});
  }
  if (command.controls) {
    std::vector<Part> parts{Part::train_plan};
    if (both_halves) parts.push_back(Part::train_judge);  // whom some agent learned from
    const SessionLog training(data, parts, cut);
    if (!command.mask_session) out.push_back({most_recent, rank_by_recency(training, log)});
    out.push_back({popular, rank_by_popularity(training, log, masked)});
  }
  return {std::move(out), both_halves ? "train_plan and train_judge" : "train_plan"};
}

void run_rank(const RankCommand& command, const Session& session) {
  const Dataset data = read_dataset(command.data);
  const SessionOptions cut = session_options(command.sessions);
  const SessionLog log(data, judged_part(command.part), cut);
  if (!command.choice.csv.empty()) check_writable("--csv", command.choice.csv);
  std::vector<UserId> people;
  for (std::int64_t e = 0; e < log.events(); ++e) people.push_back(log.person(log.session_of(e)));
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const CrossedBootstrap bootstrap(people, options);
  const std::vector<std::string> names = names_of(command);
  const std::vector<Method> methods = complete_methods(parse_methods(command.choice.methods), names);
  const std::size_t baseline = find_method(methods, command.choice.baseline);
  const Ranking ranking = rank_all(command, data, log, cut, session);
  const std::vector<RankedAgent>& agents = ranking.agents;
  const auto ranks_of = [&](const std::string& name) -> const std::vector<std::int32_t>& {
    for (const RankedAgent& agent : agents) {
      if (agent.name == name) return agent.ranks;
    }
    throw Error(ExitCode::failure, "rank: no agent is called " + name);
  };

  const auto judged = [&](Judged kind) {
    return figures_of(log, agents.front().ranks, {.kind = kind, .longest = command.longest}).cases;
  };
  if (judged(Judged::purchases) + judged(Judged::clicks) == 0) {
    throw DataError(
        {command.data, 0, "--at-most"},
        {"no session to judge", "at least one of so many events among the " + command.part + " people",
         "leave out --at-most"});
  }
  std::string csv = table_csv_header("events,");
  Json kinds = Json::object();
  std::string text;
  for (const auto& [kind, word] : {std::pair{Judged::purchases, "purchases"}, {Judged::clicks, "clicks"}}) {
    const JudgedEvents which{.kind = kind, .longest = command.longest};
    const RankFigures first = figures_of(log, agents.front().ranks, which);
    if (first.cases == 0) continue;
    std::vector<std::vector<float>> kept;  // what the spans point into, until the next call
    const MethodTable table =
        tabulate(methods, rank_figures(), baseline, bootstrap, [&](std::size_t m, std::size_t f) {
          kept.clear();
          kept.reserve(methods[m].policies.size());
          SeedValues seeds;
          for (const std::string& policy : methods[m].policies) {
            seeds.emplace_back(kept.emplace_back(values_of(log, which, ranks_of(policy), f)));
          }
          return seeds;
        });
    Json entry{{"cases", first.cases}, {"methods", table_json(table, methods, baseline)}};
    for (const RankedAgent& agent : agents) {
      entry["reward_at_1"][agent.name] = figures_of(log, agent.ranks, which).reward_at_1;
    }
    kinds[word] = entry;
    text += fmt::format("{} {}\n{}\n", grouped(first.cases), word, table_text(table, methods, baseline));
    csv += table_csv(std::string(word) + ",", table, methods, baseline);
  }
  if (!command.choice.csv.empty()) write_file_atomically(command.choice.csv, csv);
  if (session.console.json()) {
    const Json out{{"dataset", data.name},       {"part", command.part},         {"events", log.events()},
                   {"sessions", log.sessions()}, {"people", bootstrap.people()}, {"judged", kinds}};
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << text
                        << fmt::format(
                               "Rank of what really came among all {} items, {}; {} sessions "
                               "of {} {} people.{}{} {}",
                               grouped(log.items()),
                               command.mask_session ? "those of the session so far left out"
                                                    : "nothing masked",
                               grouped(log.sessions()), grouped(bootstrap.people()), command.part,
                               command.longest > 0
                                   ? fmt::format(" Judged are those of at most {} events before any cut.",
                                                 command.longest)
                                   : "",
                               command.controls ? " What is popular is counted among people of " +
                                                      ranking.counted + ", whom the agents learned from."
                                                : "",
                               table_legend(Tails::none));
}

}  // namespace

void add_rank(Program& program) {
  auto command = std::make_shared<RankCommand>();
  CLI::App& app = program.add("rank", "Judges offline agents by the ranks they give to what really came.",
                              "veer rank --data sessions.h5 --model sqn-1.model.h5 --model sqn-2.model.h5 "
                              "--model supervised.model.h5 \\\n"
                              "           --method sqn=sqn-1 --method sqn=sqn-2 --baseline supervised\n\n"
                              "Every event of every session is a case, the first included. Clicks and "
                              "purchases are judged apart. Cut the\n"
                              "sessions as in training.",
                              [command](const Session& session) { run_rank(*command, session); });
  app.add_option("--data", command->data, "dataset file")->required()->type_name("FILE");
  app.add_option("--model", command->models, "agent (veer train sqn and the like); to be repeated")
      ->type_name("FILE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--part", command->part, "whose sessions: test or validation")->capture_default_str();
  add_method_options(app, command->choice, "MODEL");
  app.add_option("--at-most", command->longest,
                 "only sessions of at most so many events before --cut-sessions, as the released code of PRL "
                 "judges (50); 0: all")
      ->check(not_negative())
      ->capture_default_str();
  app.add_option("--wanted", command->wanted,
                 "prl: mu, the return asked for as a multiple of the mean at each step; default: as trained");
  app.add_option("--deviation", command->deviation, "prl: epsilon, the standard deviation of that multiple");
  app.add_flag("--mask-session", command->mask_session,
               "leave out what the session held before: for logs in which nobody takes anything twice");
  app.add_flag("!--no-controls", command->controls, "leave out the two rankings that train no network");
  add_session_options(app, command->sessions);
}

}  // namespace veer::tools
