#include "tools/veer/figures/watching/live_board.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <ostream>

#include "tools/veer/figures/watching/run_figures.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {

void RunningMean::add(const std::vector<float>& values, const std::vector<UserId>& people) {
  sums_.add(values, people);
  last_ = sums_.look();
}

double RunningMean::half_width() const noexcept {
  constexpr double normal_quantile = 1.959963984540054;  // 97.5 %
  return normal_quantile * last_.standard_error;
}

LiveBoard::LiveBoard(const Console& console, bool watch, const std::string& tensorboard)
    : console_(console), watch_(watch && !console.quiet()) {
  if (!tensorboard.empty()) events_.emplace(tensorboard);
}

LiveBoard::~LiveBoard() {
  if (pending_) show();
}

void LiveBoard::begin(const std::string& world) {
  if (pending_) show();
  world_ = world;
  rows_.clear();
  lines_ = 0;
}

void LiveBoard::add(const std::string& policy, const Trajectories& episodes) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& each) { return each.policy == policy; });
  if (row == rows_.end()) {
    if (pending_ && !console_.terminal()) show();  // the last word on the policy before
    row = rows_.insert(rows_.end(), {policy, 0, {}});
  }
  const std::vector<RunFigure> figures = run_figures(episodes);
  if (row->figures.empty()) {
    for (const RunFigure& figure : figures) row->figures.push_back({figure.judge, figure.name, {}});
  }
  for (std::size_t f = 0; f < figures.size(); ++f) {
    row->figures[f].running.add(figures[f].values, episodes.episode_user);
  }
  row->episodes += episodes.episodes();
  targets_ = std::any_of(episodes.episode_target.begin(), episodes.episode_target.end(),
                         [](ItemId target) { return target != no_item; });
  if (events_) file(*row);
  pending_ = watch_;
  const auto interval =
      console_.terminal() ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  if (watch_ && Clock::now() - shown_ >= interval) show();
}

std::size_t LiveBoard::leading(const Row& row) const {
  const auto found = std::find_if(row.figures.begin(), row.figures.end(), [&](const Figure& figure) {
    return figure.name == (targets_ ? "ioi" : "return");
  });
  return static_cast<std::size_t>(found - row.figures.begin());
}

void LiveBoard::file(const Row& row) {
  for (const Figure& figure : row.figures) {
    std::string tag = world_.empty() ? row.policy : world_ + "/" + row.policy;
    if (!figure.judge.empty()) tag += "/" + figure.judge;
    tag += "/" + figure.name;
    events_->add(tag, row.episodes, figure.running.mean());
    events_->add(tag + "_half_width", row.episodes, figure.running.half_width());
  }
  events_->flush();
}

std::string LiveBoard::text() const {
  std::vector<std::size_t> order(rows_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::size_t i) {
    const double mean = rows_[i].figures[leading(rows_[i])].running.mean();
    return std::isnan(mean) ? -std::numeric_limits<double>::infinity() : mean;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
  std::vector<std::string> header{world_.empty() ? "so far" : world_ + ", so far", "episodes"};
  for (const Figure& figure : rows_.front().figures) {
    // Other judges are for the table at the end.
    if (figure.judge == rows_.front().figures.front().judge || figure.judge.empty())
      header.push_back(figure.name);
  }
  Table table(header);
  for (const std::size_t i : order) {
    const Row& row = rows_[i];
    std::vector<std::string> cells{row.policy, fmt::format("{}", row.episodes)};
    for (const Figure& figure : row.figures) {
      if (figure.judge != row.figures.front().judge && !figure.judge.empty()) continue;
      const double mean = figure.running.mean(), half = figure.running.half_width();
      cells.push_back(std::isnan(mean)   ? "-"
                      : std::isnan(half) ? fmt::format("{:.3f}", mean)
                                         : fmt::format("{:.3f} ±{:.3f}", mean, half));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

void LiveBoard::show() {
  shown_ = Clock::now();
  pending_ = false;
  const std::string board = text();
  if (console_.terminal()) {
    // Over the table before, and over the line of progress below it.
    const std::string up = lines_ > 0 ? fmt::format("\033[{}A", lines_) : "";
    console_.err() << "\r\033[K" << up << "\033[J" << board << std::flush;
    lines_ = static_cast<int>(std::count(board.begin(), board.end(), '\n'));
  } else {
    console_.err() << board << std::flush;
  }
}

void add_watch_options(CLI::App& app, bool& watch, std::string& tensorboard) {
  app.add_flag(
      "--watch", watch,
      "the leaderboard of what is played so far, on stderr: in place on a terminal, elsewhere every ten "
      "seconds and when a policy is done");
  app.add_option("--tensorboard", tensorboard,
                 "directory of an event file with the running means, for TensorBoard")
      ->type_name("DIR");
}

}  // namespace veer::tools
