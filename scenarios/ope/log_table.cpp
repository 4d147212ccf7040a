#include "scenarios/ope/log_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "env/data/importers/columns.h"
#include "env/data/importers/fields.h"
#include "env/data/importers/text.h"

namespace veer::ope {
namespace {

using importers::ColumnIndex;
using importers::FieldReader;
using importers::Header;
using importers::LineReader;

constexpr std::array<std::string_view, 15> known_columns{
    "reward", "behaviour", "target",  "q_hat", "v_hat",    "cluster",        "episode",    "step",
    "end",    "action",    "context", "slate", "position", "behaviour_item", "target_item"};

/// The columns both kinds have.
struct Columns {
  ColumnIndex reward, behaviour, target, q_hat, v_hat, cluster, episode, step, end, action, context;
  ColumnIndex item_behaviour = -1, item_target = -1;
  bool slates = false;  ///< episode and step are slate and position
};

Columns columns_of(const FieldReader& fields, const Header& header) {
  for (ColumnIndex c = 0; c < static_cast<ColumnIndex>(header.size()); ++c) {
    if (std::find(known_columns.begin(), known_columns.end(), header.name(c)) == known_columns.end()) {
      fields.fail("header", importers::quote(header.name(c)),
                  fmt::format("the columns {}", fmt::join(known_columns, ", ")),
                  "leave out what estimators do not read");
    }
  }
  const auto required = [&](std::string_view name) {
    const ColumnIndex found = header.find("", {name});
    if (found < 0) fields.fail(std::string(name), header.layout(), fmt::format("a column {}", name));
    return found;
  };
  Columns c{};
  c.reward = required("reward");
  c.behaviour = header.find("", {"behaviour"});
  c.action = header.find("", {"action"});
  c.context = header.find("", {"context"});
  if (c.behaviour < 0 && c.action < 0) {
    fields.fail("behaviour", header.layout(), "a column behaviour, or action to estimate it from",
                "how likely an action was decides what it says about another policy");
  }
  if (c.behaviour >= 0 && (c.action >= 0 || c.context >= 0)) {
    fields.fail("header", c.action >= 0 ? "'action' beside 'behaviour'" : "'context' beside 'behaviour'",
                "one of the two", "logged probabilities are better than frequencies; leave out the others");
  }
  c.target = required("target");
  c.q_hat = header.find("", {"q_hat"});
  c.v_hat = header.find("", {"v_hat"});
  if (c.q_hat >= 0 || c.v_hat >= 0) {
    c.q_hat = required("q_hat");
    c.v_hat = required("v_hat");
  }
  c.cluster = header.find("", {"cluster"});
  c.episode = header.find("", {"episode"});
  c.step = header.find("", {"step"});
  c.end = header.find("", {"end"});
  c.slates = header.find("", {"slate"}) >= 0 || header.find("", {"position"}) >= 0;
  c.item_behaviour = header.find("", {"behaviour_item"});
  c.item_target = header.find("", {"target_item"});
  if (c.slates) {
    for (const auto& [name, found] : {std::pair{"episode", c.episode},
                                      {"step", c.step},
                                      {"end", c.end},
                                      {"q_hat", c.q_hat},
                                      {"action", c.action}}) {
      if (found < 0) continue;
      fields.fail("header", fmt::format("'{}' in a log of slates", name),
                  "slate, position, reward, behaviour, target, behaviour_item, target_item, cluster");
    }
    c.episode = required("slate");
    c.step = required("position");
    if (c.item_behaviour >= 0 || c.item_target >= 0) {
      c.item_behaviour = required("behaviour_item");
      c.item_target = required("target_item");
    }
    return c;
  }
  if (c.item_behaviour >= 0 || c.item_target >= 0) {
    fields.fail("header", "probabilities of items", "them in logs of slates alone",
                "add the columns slate and position, or leave them out");
  }
  if (c.episode >= 0 || c.step >= 0 || c.end >= 0) {
    c.episode = required("episode");
    c.step = required("step");
    c.end = required("end");
  }
  return c;
}

using Row = std::vector<std::string_view>;

std::string_view cell_of(const Row& row, ColumnIndex column) { return row[static_cast<std::size_t>(column)]; }

double number(const FieldReader& fields, std::string_view text, std::string_view field) {
  const auto value = importers::parse_real(text);
  if (!value) fields.fail(std::string(field), importers::quote(text), "a finite number");
  return *value;
}

/// Names of clusters as numbers, in the order of their first row.
class ClusterNames {
 public:
  UserId number_of(const FieldReader& fields, std::string_view text) {
    const std::string name(fields.id(text, "cluster"));
    return numbers_.try_emplace(name, static_cast<UserId>(numbers_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, UserId> numbers_;  // looked up, never walked
};

/// Actions counted by context, where nobody wrote down how likely they were.
class ActionFrequencies {
 public:
  void add(const FieldReader& fields, const Columns& columns, const Row& row) {
    if (columns.behaviour >= 0) return;
    const std::string context(columns.context < 0 ? "" : fields.id(cell_of(row, columns.context), "context"));
    const std::size_t place = number_of(contexts_, context);
    // Ids have no control characters, so the two cannot run into one another.
    const std::string pair =
        context + '\x1f' + std::string(fields.id(cell_of(row, columns.action), "action"));
    of_row_.emplace_back(place, number_of(pairs_, pair));
    rows_of_context_.resize(contexts_.size(), 0.0);
    rows_of_pair_.resize(pairs_.size(), 0.0);
    rows_of_context_[place] += 1.0;
    rows_of_pair_[of_row_.back().second] += 1.0;
  }

  template <class Log>
  void fill(Log& log) const {
    if (of_row_.empty()) return;
    for (const auto& [context, pair] : of_row_) {
      log.behaviour.push_back(rows_of_pair_[pair] / rows_of_context_[context]);
    }
    log.estimated_contexts = static_cast<std::int64_t>(contexts_.size());
  }

 private:
  using Numbers = std::unordered_map<std::string, std::size_t>;  // looked up, never walked
  static std::size_t number_of(Numbers& numbers, const std::string& name) {
    return numbers.try_emplace(name, numbers.size()).first->second;
  }

  Numbers contexts_, pairs_;
  std::vector<double> rows_of_context_, rows_of_pair_;
  std::vector<std::pair<std::size_t, std::size_t>> of_row_;  // context, pair
};

/// The columns that a row of either kind adds.
template <class Log>
void add_values(Log& log, const FieldReader& fields, const Columns& columns, const Row& row) {
  log.reward.push_back(number(fields, cell_of(row, columns.reward), "reward"));
  if (columns.behaviour >= 0) {
    log.behaviour.push_back(number(fields, cell_of(row, columns.behaviour), "behaviour"));
  }
  log.target.push_back(number(fields, cell_of(row, columns.target), "target"));
  if (columns.q_hat < 0) return;
  log.q_hat.push_back(number(fields, cell_of(row, columns.q_hat), "q_hat"));
  log.v_hat.push_back(number(fields, cell_of(row, columns.v_hat), "v_hat"));
}

BanditLog read_decisions(FieldReader& fields, const Header& header, const Columns& columns) {
  BanditLog log;
  ClusterNames clusters;
  ActionFrequencies frequencies;
  for (Row row; fields.next(row, header.size(), header.layout());) {
    add_values(log, fields, columns, row);
    if (columns.cluster >= 0) {
      log.cluster.push_back(clusters.number_of(fields, cell_of(row, columns.cluster)));
    }
    frequencies.add(fields, columns, row);
  }
  frequencies.fill(log);
  return log;
}

StepEnd end_of(const FieldReader& fields, std::string_view text) {
  if (text.empty()) return StepEnd::none;
  if (text == "terminated") return StepEnd::terminated;
  if (text == "truncated") return StepEnd::truncated;
  fields.fail("end", importers::quote(text), "nothing, terminated or truncated");
}

/// Reads trajectories row by row: those of one stand together, their steps count from 0.
class TrajectoryRows {
 public:
  TrajectoryRows(FieldReader& fields, const Columns& columns) : fields_(fields), columns_(columns) {}

  void add(const Row& row) {
    const std::string_view name = fields_.id(cell_of(row, columns_.episode), unit());
    const bool first = log_.reward.empty() || name != episode_;
    if (first) begin(name, row);
    const std::int64_t expected = log_.steps() - log_.offsets.back();
    const std::int64_t step =
        fields_.integer(cell_of(row, columns_.step), place(), 0, std::numeric_limits<std::int64_t>::max());
    if (step != expected) {
      fields_.fail(place(), fmt::format("{}", step), fmt::format("{}", expected),
                   fmt::format("{}s of {} {} count from 0, one row each, in order", place(),
                               columns_.slates ? "a" : "an", unit()));
    }
    if (!first && columns_.cluster >= 0 &&
        clusters_.number_of(fields_, cell_of(row, columns_.cluster)) != log_.cluster.back()) {
      fields_.fail("cluster", importers::quote(cell_of(row, columns_.cluster)),
                   "that of the episode's first row");
    }
    add_values(log_, fields_, columns_, row);
    if (columns_.item_behaviour >= 0) {
      item_behaviour_.push_back(number(fields_, cell_of(row, columns_.item_behaviour), "behaviour_item"));
      item_target_.push_back(number(fields_, cell_of(row, columns_.item_target), "target_item"));
    }
    log_.end.push_back(columns_.slates ? StepEnd::none : end_of(fields_, cell_of(row, columns_.end)));
    frequencies_.add(fields_, columns_, row);
  }

  TrajectoryLog finish() {
    log_.offsets.push_back(log_.steps());
    frequencies_.fill(log_);
    return std::move(log_);
  }

  /// Of a log of slates: each ends with its last position, and nothing is discounted.
  SlateLog finish_slates() {
    SlateLog out{finish(), std::move(item_behaviour_), std::move(item_target_)};
    out.positions.gamma = 1.0;
    for (std::size_t i = 1; i < out.positions.offsets.size(); ++i) {
      if (out.positions.offsets[i] > 0) {
        out.positions.end[static_cast<std::size_t>(out.positions.offsets[i] - 1)] = StepEnd::terminated;
      }
    }
    return out;
  }

 private:
  std::string unit() const { return columns_.slates ? "slate" : "episode"; }
  std::string place() const { return columns_.slates ? "position" : "step"; }

  void begin(std::string_view name, const Row& row) {
    episode_ = name;
    if (!seen_.insert(episode_).second) {
      fields_.fail(unit(), importers::quote(name) + " again",
                   fmt::format("all rows of {} {} together", columns_.slates ? "a" : "an", unit()));
    }
    log_.offsets.push_back(log_.steps());
    if (columns_.cluster >= 0) {
      log_.cluster.push_back(clusters_.number_of(fields_, cell_of(row, columns_.cluster)));
    }
  }

  FieldReader& fields_;
  const Columns& columns_;
  TrajectoryLog log_;
  std::vector<double> item_behaviour_, item_target_;  ///< of slates, where they are logged
  std::string episode_;
  std::unordered_set<std::string> seen_;
  ClusterNames clusters_;
  ActionFrequencies frequencies_;
};

LoggedData read_lines(LineReader lines, const TableOptions& options) {
  FieldReader fields(lines, ",", true);
  Row names;
  if (!fields.next(names))
    fields.fail("header", "an empty file", "a header line with the names of the columns");
  const Header header(fields, {names.begin(), names.end()});
  const Columns columns = columns_of(fields, header);
  if (columns.behaviour < 0 && options.actions.space == ActionSpace::continuous) {
    fields.fail("behaviour", "no such column", "the density of every action",
                "frequencies can stand for the probabilities of discrete actions alone");
  }
  const RowPlace place{lines.file(), 2};  // empty lines are refused, so row i stands on line i + 2
  if (columns.episode < 0) {
    BanditLog log = read_decisions(fields, header, columns);
    log.actions = options.actions;
    check(log, place);
    return log;
  }
  TrajectoryRows rows(fields, columns);
  for (Row row; fields.next(row, header.size(), header.layout());) rows.add(row);
  if (columns.slates) {
    SlateLog log = rows.finish_slates();
    log.positions.actions = options.actions;
    check(log, place);
    return log;
  }
  TrajectoryLog log = rows.finish();
  log.actions = options.actions;
  log.gamma = options.gamma;
  check(log, place);
  return log;
}

}  // namespace

LoggedData read_table(const std::filesystem::path& file, const TableOptions& options) {
  return read_lines(LineReader(file), options);
}

LoggedData read_table(const std::string& name, std::string_view text, const TableOptions& options) {
  return read_lines(LineReader(name, text), options);
}

}  // namespace veer::ope
