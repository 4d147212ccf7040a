#include "tools/veer/figures/guidance/explain_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "simulators/long_run/roll.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t explained_title_width = 32;

std::string title(const Catalogue& catalogue, ItemId item) {
  return item == no_item ? "nothing" : shorten(catalogue.titles[at(item)], explained_title_width);
}

/// "+0.123"; a plain 0 for what did not act or changed nothing, which rounding must not be mistaken for.
std::string nats(double value) { return value == 0.0 ? "0" : fmt::format("{:+.3f}", value); }

double sum_of(const PathExplanation& split, std::size_t step) {
  double sum = 0.0;
  for (std::size_t m = 0; m < split.mechanisms.size(); ++m) sum += split.part(step, m);
  return sum;
}

const JudgeScores& scores_of(const Trajectories& path, const std::string& judge) {
  return *std::ranges::find(path.judges, judge, &JudgeScores::judge);
}

std::string split_text(const Catalogue& catalogue, const Trajectories& path, const PathExplanation& split) {
  std::vector<std::string> header{"step", "shown", "answer", "change"};
  header.insert(header.end(), split.mechanisms.begin(), split.mechanisms.end());
  header.emplace_back("sum");
  Table table(header);
  std::vector<double> totals(split.mechanisms.size(), 0.0);
  double change = 0.0, sum = 0.0;
  for (std::size_t step = 0; step < split.interest.size(); ++step) {
    const bool accepted = (path.feedback[step] & feedback::accepted) != 0;
    std::vector<std::string> row{std::to_string(step + 1), title(catalogue, path.items[step]),
                                 accepted ? "taken" : "refused", nats(split.change(step))};
    for (std::size_t m = 0; m < totals.size(); ++m) {
      totals[m] += split.part(step, m);
      row.push_back(nats(split.part(step, m)));
    }
    change += split.change(step);
    sum += sum_of(split, step);
    row.push_back(nats(sum_of(split, step)));
    table.add(std::move(row));
  }
  std::vector<std::string> all{"all", "", "", nats(change)};
  for (const double total : totals) all.push_back(nats(total));
  all.push_back(nats(sum));
  table.add(std::move(all));
  return table.text();
}

std::string alone_text(const Catalogue& catalogue, const Trajectories& path, const Explanation& each) {
  const JudgeScores& guided = scores_of(path, each.judge);
  const JudgeScores& alone = each.alone.judges.front();
  Table table(
      {"step", "taken of their own accord", "guided", "alone", "effect", "rank guided", "rank alone"});
  table.add({"0", "", fmt::format("{:.3f}", guided.start_interest[0]),
             fmt::format("{:.3f}", alone.start_interest[0]), "", std::to_string(guided.start_rank[0]),
             std::to_string(alone.start_rank[0])});
  double effect = 0.0;
  std::int32_t places = 0;
  std::string met;
  for (std::size_t step = 0; step < guided.interest.size(); ++step) {
    effect = double{guided.interest[step]} - double{alone.interest[step]};
    places = alone.rank[step] - guided.rank[step];
    const ItemId item = each.alone.items[step];
    if (met.empty() && item == path.episode_target[0])
      met = fmt::format("They would have taken the target by themselves at step {}.\n", step + 1);
    table.add({std::to_string(step + 1), title(catalogue, item), fmt::format("{:.3f}", guided.interest[step]),
               fmt::format("{:.3f}", alone.interest[step]), nats(effect), std::to_string(guided.rank[step]),
               std::to_string(alone.rank[step])});
  }
  return table.text() + met +
         fmt::format("Effect of the guidance at the end: {} nats of interest, {:+d} places in rank.\n",
                     nats(effect), places);
}

}  // namespace

void require_explainable(const Panel& panel) {
  std::string kinds;
  for (const Judge& judge : panel.judges()) {
    if (mechanisms_of(*judge.model) != nullptr) return;
    kinds += fmt::format("{}{} ({})", kinds.empty() ? "" : ", ", judge.name, judge.model->spec().kind);
  }
  throw ConfigError({{}, 0, "--explain"},
                    {"judges that name no mechanisms: " + kinds, "at least one that does",
                     "models that encode the history anew at every step have none; fit one that has with "
                     "veer fit shift_user and name it with --users or --judge"});
}

std::vector<Explanation> explain(const World& world, const Trajectories& path) {
  const std::int32_t rest = long_run::rest_between_repeats(world.data().interactions);
  std::vector<Explanation> out;
  for (const Judge& judge : world.panel()->judges()) {
    const UserModel& model = *judge.model;
    Explanation each{judge.name, model.spec().kind, {}, without_guidance(model, path, 0, rest)};
    if (mechanisms_of(model) != nullptr) each.split = explain_path(model, path, 0);
    out.push_back(std::move(each));
  }
  return out;
}

std::string explanation_text(const World& world, const Trajectories& path,
                             const std::vector<Explanation>& explanations, const Console& console) {
  const Catalogue& catalogue = world.data().catalogue;
  std::string out;
  for (const Explanation& each : explanations) {
    out += fmt::format("\n{}\n", console.bold(fmt::format("What changed the interest under {}", each.judge)));
    out += each.split
               ? split_text(catalogue, path, *each.split)
               : fmt::format("{} encodes the whole history anew at every step: it names no mechanisms.\n",
                             each.kind);
    out += fmt::format(
        "\n{}\n", console.bold(fmt::format("The same person without the guidance, under {}", each.judge)));
    out += alone_text(catalogue, path, each);
  }
  return out +
         "\nChanges of ln p(target), in nats, mechanism by mechanism in the order in which they act; 0: did "
         "not\n"
         "act. Without the guidance the person starts the same, meets the same chance events and chooses "
         "for\n"
         "themselves. Both are simulated: fitted rates predict what people do, they do not prove why.\n";
}

Json explanation_json(const World& world, const Trajectories& path,
                      const std::vector<Explanation>& explanations) {
  const Catalogue& catalogue = world.data().catalogue;
  Json out;
  for (const Explanation& each : explanations) {
    Json& entry = out[each.judge];
    entry["kind"] = each.kind;
    entry["mechanisms"] = each.split ? Json(each.split->mechanisms) : Json();
    if (each.split) {
      entry["steps"] = Json::array();
      for (std::size_t step = 0; step < each.split->interest.size(); ++step) {
        Json parts = Json::object();
        for (std::size_t m = 0; m < each.split->mechanisms.size(); ++m)
          parts[each.split->mechanisms[m]] = each.split->part(step, m);
        entry["steps"].push_back({{"change", each.split->change(step)},
                                  {"parts", std::move(parts)},
                                  {"sum", sum_of(*each.split, step)}});
      }
    }
    const JudgeScores& guided = scores_of(path, each.judge);
    const JudgeScores& alone = each.alone.judges.front();
    Json& counterfactual = entry["without_guidance"];
    counterfactual["start"] = {{"interest", alone.start_interest[0]}, {"rank", alone.start_rank[0]}};
    counterfactual["steps"] = Json::array();
    for (std::size_t step = 0; step < alone.interest.size(); ++step) {
      const auto item = at(each.alone.items[step]);
      counterfactual["steps"].push_back(
          {{"id", item == 0 ? Json() : Json(catalogue.ids[item])},
           {"title", item == 0 ? Json() : Json(catalogue.titles[item])},
           {"interest", alone.interest[step]},
           {"rank", alone.rank[step]},
           {"effect",
            {{"interest", double{guided.interest[step]} - double{alone.interest[step]}},
             {"rank", alone.rank[step] - guided.rank[step]}}}});
    }
  }
  return out;
}

}  // namespace veer::tools
