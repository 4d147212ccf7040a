#include "scenarios/ope/trust_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "env/error.h"
#include "env/random.h"
#include "rewards/summary.h"
#include "scenarios/ope/selection.h"

namespace veer::ope {
namespace {

constexpr std::size_t figures_of_study = 5;
using StudyFigures = std::array<double, figures_of_study>;
constexpr double nothing_said = std::numeric_limits<double>::lowest();

/// Kendall, Spearman, regret@1, regret@k and SharpeRatio@k of one log's values.
StudyFigures figures_of(std::span<const double> truth, std::span<const double> values, double behaviour,
                        std::int64_t k) {
  const TopK one = top_k(truth, values, 1, behaviour, behaviour);
  const TopK several = top_k(truth, values, k, behaviour, behaviour);
  return {kendall(truth, values), spearman(truth, values), one.normalised_regret, several.normalised_regret,
          several.sharpe_population};
}

/// Means over the logs in which a figure is defined, for the candidates drawn.
StudyFigures means_of(std::span<const double> truth, const std::vector<std::vector<double>>& logs,
                      std::span<const std::size_t> drawn, double behaviour, std::int64_t k) {
  StudyFigures sums{};
  std::array<double, figures_of_study> counts{};
  std::vector<double> true_values, values;
  for (const std::size_t c : drawn) true_values.push_back(truth[c]);
  for (const std::vector<double>& log : logs) {
    values.clear();
    for (const std::size_t c : drawn) values.push_back(log[c]);
    const StudyFigures found = figures_of(true_values, values, behaviour, k);
    for (std::size_t f = 0; f < found.size(); ++f) {
      if (std::isnan(found[f])) continue;
      sums[f] += found[f];
      counts[f] += 1.0;
    }
  }
  for (std::size_t f = 0; f < sums.size(); ++f) {
    sums[f] = counts[f] == 0.0 ? std::numeric_limits<double>::quiet_NaN() : sums[f] / counts[f];
  }
  return sums;
}

}  // namespace

std::vector<StudyRow> study_table(std::span<const double> truth, std::size_t behaviour,
                                  std::span<const StudyLog> logs, const StudyOptions& options) {
  const std::size_t candidates = truth.size();
  if (options.k < 2 || at(options.k) > candidates) {
    throw ConfigError(Where{{}, 0, "k"},
                      {fmt::format("{}", options.k), fmt::format("2 to {} candidates", candidates), ""});
  }
  std::vector<StudyRow> rows;
  std::vector<std::vector<std::vector<double>>> values;  // [rows][logs][candidates]
  for (const StudyLog& log : logs) {
    for (const CandidateEstimates& each : log.estimates) {
      if (each.values.size() != candidates) {
        throw DataError(Where{{}, 0, each.estimator}, {fmt::format("{} values", each.values.size()),
                                                       fmt::format("{}, one per candidate", candidates), ""});
      }
      const auto same = [&](const StudyRow& row) {
        return row.regime == log.regime && row.steps == log.steps && row.estimator == each.estimator;
      };
      auto row = std::find_if(rows.begin(), rows.end(), same);
      if (row == rows.end()) {
        row = rows.emplace(rows.end());
        row->regime = log.regime;
        row->estimator = each.estimator;
        row->steps = log.steps;
        values.emplace_back();
      }
      values[at(row - rows.begin())].push_back(each.values);
    }
  }
  std::vector<std::size_t> everybody(candidates), drawn(candidates);
  for (std::size_t c = 0; c < candidates; ++c) everybody[c] = c;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    StudyRow& row = rows[r];
    row.logs = static_cast<std::int64_t>(values[r].size());
    double squares = 0.0, given = 0.0;
    for (std::vector<double>& log : values[r]) {
      for (std::size_t c = 0; c < candidates; ++c) {
        if (std::isfinite(log[c])) {
          squares += (log[c] - truth[c]) * (log[c] - truth[c]);
          given += 1.0;
        } else {
          log[c] = nothing_said;
        }
      }
    }
    row.said = given / (static_cast<double>(row.logs) * static_cast<double>(candidates));
    row.error = std::sqrt(squares / given);
    const std::array<StudyFigure*, figures_of_study> out{&row.kendall, &row.spearman, &row.regret1,
                                                         &row.regret_k, &row.sharpe_k};
    const StudyFigures means = means_of(truth, values[r], everybody, truth[behaviour], options.k);
    std::array<std::vector<double>, figures_of_study> replicates;
    for (std::int32_t replicate = 0; replicate < options.replicates; ++replicate) {
      for (std::size_t c = 0; c < candidates; ++c) {
        drawn[c] = uniform_below(static_cast<std::uint32_t>(candidates),
                                 {options.seed, static_cast<EpisodeId>(replicate), 0}, Stream::bootstrap,
                                 static_cast<std::uint32_t>(c));
      }
      const StudyFigures found = means_of(truth, values[r], drawn, truth[behaviour], options.k);
      for (std::size_t f = 0; f < found.size(); ++f) {
        if (!std::isnan(found[f])) replicates[f].push_back(found[f]);
      }
    }
    for (std::size_t f = 0; f < out.size(); ++f) {
      std::sort(replicates[f].begin(), replicates[f].end());
      const bool defined = !replicates[f].empty();
      *out[f] = {means[f], defined ? quantile_of(replicates[f], 0.025) : means[f],
                 defined ? quantile_of(replicates[f], 0.975) : means[f]};
    }
  }
  return rows;
}

}  // namespace veer::ope
