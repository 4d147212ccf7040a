#include "simulators/fidelity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer {
namespace {

constexpr std::array<std::int32_t, 3> cutoffs = {5, 10, 20};
constexpr std::size_t covered = 10;  ///< length of the list that coverage counts

/// What one case leaves behind.
struct Outcome {
  std::int32_t rank = 0;
  double negative_log_likelihood = 0.0;
  double accepted = 0.0;  ///< acceptance probability of the item that came next
  double sampled = -1.0;  ///< the same of the unseen item; -1: the person has seen everything
  std::array<ItemId, covered> first{};
};

double logistic(float score) { return 1.0 / (1.0 + std::exp(-static_cast<double>(score))); }

double log_sum_exp(std::span<const float> scores) {
  const float top = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const float score : scores) sum += std::exp(static_cast<double>(score - top));
  return std::log(sum) + static_cast<double>(top);
}

std::int32_t rank_of(std::span<const float> scores, ItemId target) {
  const float own = scores[static_cast<std::size_t>(target)];
  std::int32_t rank = 1;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    rank += static_cast<std::int32_t>(scores[i] > own ||
                                      (scores[i] == own && i < static_cast<std::size_t>(target)));
  }
  return rank;
}

/// The ten best items by insertion into a short list: most items fail the first comparison.
std::array<ItemId, covered> first_items(std::span<const float> scores) {
  std::array<ItemId, covered> best{};
  std::array<float, covered> values;
  values.fill(-std::numeric_limits<float>::infinity());
  for (std::size_t i = 1; i < scores.size(); ++i) {
    if (!(scores[i] > values.back())) continue;
    std::size_t place = covered - 1;
    for (; place > 0 && scores[i] > values[place - 1]; --place) {
      values[place] = values[place - 1];
      best[place] = best[place - 1];
    }
    values[place] = scores[i];
    best[place] = static_cast<ItemId>(i);
  }
  return best;
}

Outcome judge(std::span<const float> scores, std::span<const ItemId> log, const NextItemCase& which,
              std::uint64_t seed) {
  const ItemId target = log[static_cast<std::size_t>(which.position)];
  for (std::size_t i = 1; i < scores.size(); ++i) {
    if (!std::isnan(scores[i])) continue;
    throw DataError(Where{{}, 0, "score of item " + std::to_string(i)},
                    Problem{"NaN", "a number", "the model's weights are damaged or its training diverged"});
  }
  Outcome outcome;
  outcome.rank = rank_of(scores, target);
  outcome.negative_log_likelihood =
      log_sum_exp(scores) - static_cast<double>(scores[static_cast<std::size_t>(target)]);
  outcome.accepted = logistic(scores[static_cast<std::size_t>(target)]);
  const StepKey key{seed, static_cast<EpisodeId>(which.user), static_cast<std::uint32_t>(which.position)};
  const ItemId other = unseen_item(log, static_cast<std::int32_t>(scores.size()) - 1, key);
  if (other != no_item) outcome.sampled = logistic(scores[static_cast<std::size_t>(other)]);
  outcome.first = first_items(scores);
  return outcome;
}

/// Mann-Whitney: pairs (yes, no) in the right order, ties half.
double area_under_curve(std::span<const double> yes, std::vector<double> no) {
  if (yes.empty() || no.empty()) return 0.5;
  std::sort(no.begin(), no.end());
  double pairs = 0.0;
  for (const double p : yes) {
    const auto [low, high] = std::equal_range(no.begin(), no.end(), p);
    pairs += static_cast<double>(low - no.begin()) + 0.5 * static_cast<double>(high - low);
  }
  return pairs / (static_cast<double>(yes.size()) * static_cast<double>(no.size()));
}

Calibration calibrate(std::span<const Outcome> outcomes) {
  std::vector<double> accepted;
  std::vector<double> sampled;
  for (const Outcome& outcome : outcomes) {
    accepted.push_back(outcome.accepted);
    if (outcome.sampled >= 0.0) sampled.push_back(outcome.sampled);
  }
  return calibration_of(accepted, sampled);
}

Fidelity summarise(std::span<const Outcome> outcomes, std::int32_t items) {
  Fidelity result;
  result.cases = static_cast<std::int64_t>(outcomes.size());
  const auto cases = static_cast<double>(outcomes.size());
  for (std::size_t c = 0; c < cutoffs.size(); ++c) {
    RankingAccuracy& accuracy = result.ranking[c];
    accuracy.k = cutoffs[c];
    for (const Outcome& outcome : outcomes) {
      if (outcome.rank > accuracy.k) continue;
      accuracy.recall += 1.0;
      accuracy.ndcg += 1.0 / std::log2(static_cast<double>(outcome.rank) + 1.0);
      accuracy.mrr += 1.0 / static_cast<double>(outcome.rank);
    }
    accuracy.recall /= cases;
    accuracy.ndcg /= cases;
    accuracy.mrr /= cases;
  }
  std::vector<std::uint8_t> shown(static_cast<std::size_t>(items) + 1, 0);
  for (const Outcome& outcome : outcomes) {
    result.mean_rank += static_cast<double>(outcome.rank) / cases;
    result.negative_log_likelihood += outcome.negative_log_likelihood / cases;
    for (const ItemId item : outcome.first) shown[static_cast<std::size_t>(item)] = 1;
  }
  result.coverage = static_cast<double>(std::accumulate(shown.begin() + 1, shown.end(), std::int64_t{0})) /
                    static_cast<double>(items);
  result.calibration = calibrate(outcomes);
  return result;
}

}  // namespace

Calibration calibration_of(std::span<const double> accepted, std::span<const double> sampled) {
  Calibration result;
  std::array<double, 10> predicted{};
  std::array<std::int64_t, 10> happened{};
  const auto add = [&](double probability, bool yes) {
    const auto bin = std::min<std::size_t>(9, static_cast<std::size_t>(probability * 10.0));
    ++result.bins[bin].count;
    predicted[bin] += probability;
    happened[bin] += yes ? 1 : 0;
    (yes ? result.mean_accepted : result.mean_sampled) += probability;
  };
  for (const double probability : accepted) add(probability, true);
  for (const double probability : sampled) add(probability, false);
  const auto all = static_cast<double>(accepted.size() + sampled.size());
  for (std::size_t b = 0; b < result.bins.size(); ++b) {
    CalibrationBin& bin = result.bins[b];
    if (bin.count == 0) continue;
    const auto count = static_cast<double>(bin.count);
    bin.predicted = predicted[b] / count;
    bin.observed = static_cast<double>(happened[b]) / count;
    result.expected_error += count * std::abs(bin.predicted - bin.observed) / all;
  }
  result.mean_accepted /= static_cast<double>(std::max<std::size_t>(accepted.size(), 1));
  result.mean_sampled /= static_cast<double>(std::max<std::size_t>(sampled.size(), 1));
  result.auc = area_under_curve(accepted, {sampled.begin(), sampled.end()});
  return result;
}

ItemId unseen_item(std::span<const ItemId> log, std::int32_t items, const StepKey& key) {
  constexpr std::uint32_t attempts =
      1000;  // of a person who has seen 99 % of the catalogue, 1 in 23,000 is given up
  for (std::uint32_t lane = 0; lane < attempts; ++lane) {
    const auto item = static_cast<ItemId>(
        1 + uniform_below(static_cast<std::uint32_t>(items), key, Stream::negative, lane));
    if (std::find(log.begin(), log.end(), item) == log.end()) return item;
  }
  return no_item;
}

std::vector<NextItemCase> leave_one_out_cases(const Interactions& log, std::int32_t from_end) {
  std::vector<NextItemCase> cases;
  for (UserId user = 0; user < log.users(); ++user) {
    const auto size = static_cast<std::int32_t>(log.of(user).size());
    if (size >= 3 && size - 1 - from_end >= 1) cases.push_back({user, size - 1 - from_end});
  }
  return cases;
}

std::vector<NextItemCase> last_item_cases(const Dataset& data, Part part, std::int32_t per_person) {
  std::vector<NextItemCase> cases;
  for (const UserId user : data.users_of(part)) {
    const auto size = static_cast<std::int32_t>(data.interactions.of(user).size());
    for (std::int32_t position = std::max(1, size - per_person); position < size; ++position) {
      cases.push_back({user, position});
    }
  }
  return cases;
}

const RankingAccuracy& Fidelity::at(std::int32_t k) const {
  for (const RankingAccuracy& accuracy : ranking) {
    if (accuracy.k == k) return accuracy;
  }
  throw ConfigError(Where{{}, 0, "k"}, Problem{std::to_string(k), "5, 10 or 20", ""});
}

std::map<std::string, double> Fidelity::to_metrics() const {
  std::map<std::string, double> metrics;
  for (const RankingAccuracy& accuracy : ranking) {
    const std::string k = std::to_string(accuracy.k);
    metrics["recall@" + k] = accuracy.recall;
    metrics["ndcg@" + k] = accuracy.ndcg;
    metrics["mrr@" + k] = accuracy.mrr;
  }
  metrics["cases"] = static_cast<double>(cases);
  metrics["mean_rank"] = mean_rank;
  metrics["nll"] = negative_log_likelihood;
  metrics["coverage@10"] = coverage;
  metrics["calibration_error"] = calibration.expected_error;
  metrics["auc"] = calibration.auc;
  metrics["acceptance_next"] = calibration.mean_accepted;
  metrics["acceptance_random"] = calibration.mean_sampled;
  return metrics;
}

Fidelity measure_fidelity(const Interactions& log, std::span<const NextItemCase> cases,
                          const NextItemScorer& scorer, const FidelityOptions& options) {
  if (cases.empty()) {
    throw ConfigError(
        Where{{}, 0, "cases"},
        Problem{"none", "at least one held-out interaction",
                "the data set has nobody in this part, or only people with too few interactions"});
  }
  const std::int32_t items = scorer.items();
  const std::int32_t positions = scorer.positions();
  const auto total = static_cast<std::int64_t>(cases.size());
  const std::int64_t shards = (total + options.shard_cases - 1) / options.shard_cases;
  std::vector<Outcome> outcomes(cases.size());
  parallel_for(shards, [&](std::int64_t shard) {
    const std::int64_t first = shard * options.shard_cases;
    const auto rows = static_cast<std::int32_t>(std::min<std::int64_t>(options.shard_cases, total - first));
    std::vector<ItemId> history(static_cast<std::size_t>(rows) * static_cast<std::size_t>(positions),
                                no_item);
    std::vector<std::int32_t> size(static_cast<std::size_t>(rows));
    const View<ItemId> histories(history.data(), rows, positions);
    for (std::int32_t row = 0; row < rows; ++row) {
      const NextItemCase& which = cases[static_cast<std::size_t>(first + row)];
      const std::int32_t kept = std::min(which.position, positions);
      const auto from =
          log.of(which.user)
              .subspan(static_cast<std::size_t>(which.position - kept), static_cast<std::size_t>(kept));
      std::copy(from.begin(), from.end(), histories.row(row).begin());
      size[static_cast<std::size_t>(row)] = kept;
    }
    std::vector<float> score(static_cast<std::size_t>(rows) * (static_cast<std::size_t>(items) + 1));
    const View<float> scores(score.data(), rows, items + 1);
    scorer.score(histories, size, scores);
    for (std::int32_t row = 0; row < rows; ++row) {
      const NextItemCase& which = cases[static_cast<std::size_t>(first + row)];
      outcomes[static_cast<std::size_t>(first + row)] =
          judge(scores.row(row), log.of(which.user), which, options.seed);
    }
  });
  return summarise(outcomes, items);
}

}  // namespace veer
