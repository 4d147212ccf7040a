#include "tools/veer/figures/guidance/budget_report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t worst_kept = 5;
constexpr std::size_t names_shown = 40;  ///< of a catalogue's attributes, in a message

struct LimitWords {
  BudgetMetric metric;
  const char *title, *one, *many;  ///< of the column; what a violation is
};
constexpr LimitWords limit_words[] = {
    {BudgetMetric::never_shown, "never show", "item", "items"},
    {BudgetMetric::rank_breaks, "rank loss", "step", "steps"},
    {BudgetMetric::weak_breaks, "weak steps", "step too many", "steps too many"}};
const LimitWords& words_of(BudgetMetric metric) {
  return *std::find_if(std::begin(limit_words), std::end(limit_words),
                       [&](const LimitWords& each) { return each.metric == metric; });
}

std::int32_t whole_number(float value) { return std::isnan(value) ? 0 : static_cast<std::int32_t>(value); }

std::string share_with_interval(const Estimate& e) {
  if (std::isnan(e.mean)) return "-";
  if (std::isnan(e.low)) return fmt::format("{:.1f} %", 100.0 * e.mean);
  return fmt::format("{:.1f} % ({:.1f} to {:.1f})", 100.0 * e.mean, 100.0 * e.low, 100.0 * e.high);
}

}  // namespace

void add_budget_options(CLI::App& app, BudgetOptions& options) {
  constexpr const char* group = "Budget of guidance-v1";
  app.add_option("--never-show", options.never_show,
                 "an attribute, by its name in the data set, that no path may show; may be repeated")
      ->type_name("ATTRIBUTE")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--rank-loss", options.rank_loss,
                 "most places that the target may stand below where it began, after any step")
      ->check(not_negative())
      ->type_name("R")
      ->default_str("")
      ->group(group);
  CLI::Option* below =
      app.add_option("--weak-below", options.weak_below,
                     "a step is weak when the person accepts what it shows with a probability below this")
          ->check(CLI::PositiveNumber & CLI::Range(0.0, 1.0))
          ->type_name("P")
          ->default_str("")
          ->group(group);
  app.add_option("--weak-steps", options.weak_steps, "with --weak-below: most weak steps of a path")
      ->check(not_negative())
      ->needs(below)
      ->type_name("K")
      ->capture_default_str()
      ->group(group);
}

PathBudget budget_of(const BudgetOptions& options, const std::string& scenario, const Catalogue& catalogue) {
  PathBudget out;
  if (options.empty()) return out;
  if (scenario != "guidance-v1") {
    const char* option = !options.never_show.empty()                 ? "--never-show"
                         : options.rank_loss != PathBudget::no_limit ? "--rank-loss"
                                                                     : "--weak-below";
    throw ConfigError({{}, 0, option}, {scenario, "guidance-v1", "budgets are about paths to a target"});
  }
  const std::vector<std::string>& known = catalogue.attribute_names;
  for (const std::string& name : options.never_show) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      std::vector<std::string> shown(
          known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(known.size(), names_shown)));
      std::string expected = known.empty() ? "an attribute; this data set has none"
                                           : fmt::format("one of {}", fmt::join(shown, ", "));
      if (known.size() > names_shown) expected += fmt::format(" and {} more", known.size() - names_shown);
      throw ConfigError({{}, 0, "--never-show"}, {"'" + name + "'", expected, ""});
    }
    out.never_show.push_back(static_cast<std::int32_t>(found - known.begin()));
  }
  out.rank_loss = options.rank_loss;
  if (options.weak_below > 0.0) {
    out.weak_below = static_cast<float>(options.weak_below);
    out.weak_steps = options.weak_steps;
  }
  return out;
}

BudgetReport::BudgetReport(PathBudget budget, const Dataset& data, std::vector<std::string> judges)
    : budget_(std::move(budget)), data_(data), judges_(std::move(judges)) {
  if (!budget_.never_show.empty()) limits_.push_back(BudgetMetric::never_shown);
  if (budget_.rank_loss != PathBudget::no_limit) limits_.push_back(BudgetMetric::rank_breaks);
  if (budget_.weak_steps != PathBudget::no_limit) limits_.push_back(BudgetMetric::weak_breaks);
}

void BudgetReport::add(const std::string& policy, const Trajectories& paths, const std::string& source) {
  if (paths.judges.empty()) {
    throw DataError({source, 0, "judge"}, {"paths that nobody judged", "ranks and acceptance after each step",
                                           "record them with veer evaluate --scenario guidance-v1 -o"});
  }
  if (scored_.empty()) people_ = paths.episode_user;
  Scored& scored = scored_.emplace_back(Scored{policy, {}});
  for (std::size_t j = 0; j < judges_.size(); ++j) {
    const BudgetScores scores = score_budget(paths, paths.judges[j], data_.catalogue, budget_);
    auto& columns = scored.columns.emplace_back();
    for (std::int32_t m = 0; m < budget_metrics; ++m) {
      const std::span<const float> values = scores.of(static_cast<BudgetMetric>(m));
      columns.emplace_back(values.begin(), values.end());
    }
    if (j == 0) keep_worst(policy, paths, scores);
  }
}

void BudgetReport::keep_worst(const std::string& policy, const Trajectories& paths,
                              const BudgetScores& scores) {
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    if (scores.of(BudgetMetric::within)[e] == 1.0F) continue;
    const auto value = [&](BudgetMetric metric) { return whole_number(scores.of(metric)[e]); };
    WorstPath path{.episode = paths.episode_id[e], .policy = policy, .person = "", .target = ""};
    path.never_shown = value(BudgetMetric::never_shown);
    path.rank_breaks = value(BudgetMetric::rank_breaks);
    path.rank_loss = value(BudgetMetric::rank_loss);
    path.weak_breaks = value(BudgetMetric::weak_breaks);
    const auto before = [](const WorstPath& a, const WorstPath& b) {
      return a.breaks() != b.breaks() ? a.breaks() > b.breaks() : a.rank_loss > b.rank_loss;
    };
    const auto place = std::upper_bound(worst_.begin(), worst_.end(), path, before);
    if (place == worst_.end() && worst_.size() == worst_kept) continue;
    const UserId user = paths.episode_user[e];
    const bool known = user >= 0 && user < data_.interactions.users();
    path.person = known ? data_.interactions.user_ids[at(user)] : "of no log";
    path.target = data_.catalogue.titles[at(paths.episode_target[e])];
    worst_.insert(place, path);
    if (worst_.size() > worst_kept) worst_.pop_back();
  }
}

const BudgetReport::Scored& BudgetReport::of(const std::string& policy) const {
  return *std::find_if(scored_.begin(), scored_.end(),
                       [&](const Scored& each) { return each.policy == policy; });
}

void BudgetReport::finish(std::span<const Method> methods, std::size_t baseline,
                          const CrossedOptions& options) {
  methods_.assign(methods.begin(), methods.end());
  baseline_ = baseline;
  std::vector<BudgetMetric> metrics{BudgetMetric::within};
  for (const BudgetMetric limit : limits_) {
    metrics.push_back(limit);
    if (limit == BudgetMetric::rank_breaks) metrics.push_back(BudgetMetric::rank_loss);
    if (limit == BudgetMetric::weak_breaks) metrics.push_back(BudgetMetric::weak);
  }
  std::vector<Figure> figures;
  for (const BudgetMetric metric : metrics)
    figures.push_back({std::string(name_of(metric)), "", 3, metric == BudgetMetric::within});
  const CrossedBootstrap bootstrap(people_, options);
  for (std::size_t j = 0; j < judges_.size(); ++j) {
    tables_.push_back(tabulate(methods_, figures, baseline_, bootstrap, [&](std::size_t m, std::size_t f) {
      SeedValues out;
      for (const std::string& policy : methods_[m].policies)
        out.push_back(of(policy).columns[j][static_cast<std::size_t>(metrics[f])]);
      return out;
    }));
  }
}

BudgetReport::Count BudgetReport::count(std::size_t judge, const Method& method, BudgetMetric metric) const {
  Count out;
  for (const std::string& policy : method.policies) {
    for (const float value : of(policy).columns[judge][static_cast<std::size_t>(metric)]) {
      out.paths += whole_number(value) > 0 ? 1 : 0;
      out.times += whole_number(value);
    }
  }
  return out;
}

std::string BudgetReport::limits() const {
  std::vector<std::string> out;
  if (!budget_.never_show.empty()) {
    std::vector<std::string> names;
    for (const std::int32_t attribute : budget_.never_show)
      names.push_back(data_.catalogue.attribute_names[at(attribute)]);
    out.push_back(fmt::format("never shown: {}", fmt::join(names, ", ")));
  }
  if (budget_.rank_loss != PathBudget::no_limit)
    out.push_back(
        fmt::format("the target never more than {} places below where it began", grouped(budget_.rank_loss)));
  if (budget_.weak_steps != PathBudget::no_limit) {
    out.push_back(fmt::format("at most {} step{} that the person accepts with a probability below {:g}",
                              budget_.weak_steps, budget_.weak_steps == 1 ? "" : "s",
                              double{budget_.weak_below}));
  }
  return fmt::format("Budget: {}.", fmt::join(out, "; "));
}

std::string BudgetReport::legend() {
  return "Within: share of paths that keep every limit, with its 95 % interval over people and training "
         "seeds; "
         "p: of no difference to the baseline, after Holm's correction. Then, for each limit, how many paths "
         "break it, and how often they do together.";
}

std::vector<std::string> BudgetReport::header() const {
  std::vector<std::string> out{"policy", "within the budget"};
  if (methods_.size() > 1) out.insert(out.end(), {"minus " + methods_[baseline_].name, "p"});
  for (const BudgetMetric limit : limits_) out.emplace_back(words_of(limit).title);
  return out;
}

std::vector<std::vector<std::string>> BudgetReport::rows(std::size_t judge) const {
  std::vector<std::vector<std::string>> out;
  const MethodTable& table = tables_[judge];
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    std::vector<std::string> row{methods_[m].name, share_with_interval(table.means[m].front())};
    if (methods_.size() > 1 && m == baseline_) {
      row.insert(row.end(), {"baseline", ""});
    } else if (methods_.size() > 1) {
      row.push_back(estimate_cell(table.differences[m].front(), 3, true));
      row.push_back(p_text(table.adjusted[m].front()));
    }
    for (const BudgetMetric limit : limits_) {
      const Count found = count(judge, methods_[m], limit);
      const LimitWords& words = words_of(limit);
      row.push_back(found.paths == 0
                        ? "kept"
                        : fmt::format("{} path{}, {} {}", grouped(found.paths), found.paths == 1 ? "" : "s",
                                      grouped(found.times), found.times == 1 ? words.one : words.many));
    }
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<std::string> BudgetReport::worst_header() const {
  std::vector<std::string> out{"worst under " + judges_.front(), "policy", "person", "target"};
  for (const BudgetMetric limit : limits_) out.emplace_back(words_of(limit).title);
  return out;
}

std::vector<std::vector<std::string>> BudgetReport::worst_rows() const {
  std::vector<std::vector<std::string>> out;
  for (const WorstPath& path : worst_) {
    std::vector<std::string> row{fmt::format("episode {}", path.episode), path.policy, path.person,
                                 path.target};
    for (const BudgetMetric limit : limits_) {
      const std::int32_t times = limit == BudgetMetric::never_shown   ? path.never_shown
                                 : limit == BudgetMetric::rank_breaks ? path.rank_breaks
                                                                      : path.weak_breaks;
      const LimitWords& words = words_of(limit);
      std::string cell =
          times == 0 ? "kept" : fmt::format("{} {}", times, times == 1 ? words.one : words.many);
      if (limit == BudgetMetric::rank_breaks && times > 0)
        cell += fmt::format(", {} places at most", grouped(path.rank_loss));
      row.push_back(std::move(cell));
    }
    out.push_back(std::move(row));
  }
  return out;
}

std::string BudgetReport::text() const {
  std::string out = limits() + "\n";
  for (std::size_t j = 0; j < judges_.size(); ++j) {
    Table table(header());
    for (std::vector<std::string>& row : rows(j)) table.add(std::move(row));
    out += fmt::format("\nUnder {}\n{}", judges_[j], table.text());
  }
  if (!worst_.empty()) {
    Table table(worst_header());
    for (std::vector<std::string>& row : worst_rows()) table.add(std::move(row));
    out += "\n" + table.text();
  }
  return out + "\n" + legend() + "\n";
}

Json BudgetReport::json() const {
  Json never = Json::array();
  for (const std::int32_t attribute : budget_.never_show)
    never.push_back(data_.catalogue.attribute_names[at(attribute)]);
  Json out;
  out["limits"] = {{"never_show", never}};
  if (budget_.rank_loss != PathBudget::no_limit) out["limits"]["rank_loss"] = budget_.rank_loss;
  if (budget_.weak_steps != PathBudget::no_limit) {
    out["limits"]["weak_below"] = budget_.weak_below;
    out["limits"]["weak_steps"] = budget_.weak_steps;
  }
  out["judges"] = Json::array();
  for (std::size_t j = 0; j < judges_.size(); ++j) {
    Json methods = table_json(tables_[j], methods_, baseline_);
    for (std::size_t m = 0; m < methods_.size(); ++m) {
      for (const BudgetMetric limit : limits_) {
        const Count found = count(j, methods_[m], limit);
        methods[m]["violations"][std::string(name_of(limit))] = {{"paths", found.paths},
                                                                 {"times", found.times}};
      }
    }
    out["judges"].push_back({{"judge", judges_[j]}, {"methods", std::move(methods)}});
  }
  out["worst"] = Json::array();
  for (const WorstPath& path : worst_) {
    Json entry{
        {"episode", path.episode}, {"policy", path.policy}, {"person", path.person}, {"target", path.target}};
    for (const BudgetMetric limit : limits_) {
      if (limit == BudgetMetric::never_shown) entry["never_shown"] = path.never_shown;
      if (limit == BudgetMetric::weak_breaks) entry["weak_steps_too_many"] = path.weak_breaks;
      if (limit != BudgetMetric::rank_breaks) continue;
      entry["rank_loss_steps"] = path.rank_breaks;
      entry["largest_rank_loss"] = path.rank_loss;
    }
    out["worst"].push_back(std::move(entry));
  }
  return out;
}

std::string BudgetReport::csv() const {
  std::string out;
  for (std::size_t j = 0; j < judges_.size(); ++j)
    out += table_csv(fmt::format("{},all,", judges_[j]), tables_[j], methods_, baseline_);
  return out;
}

}  // namespace veer::tools
