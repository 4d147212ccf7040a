#include "tools/veer/figures/methods/episode_figures.h"

#include "env/data/support.h"
#include "env/error.h"
#include "rewards/fusion_score.h"
#include "rewards/path_score.h"
#include "rewards/session_score.h"
#include "rewards/slate_score.h"

namespace veer::tools {
namespace {

template <class Metric>
struct MetricFigure {
  Metric metric;
  const char* title;
  int decimals;
  bool compared;
};

constexpr MetricFigure<PathMetric> path_figures[] = {{PathMetric::ioi, "IoI", 3, true},
                                                     {PathMetric::ior, "IoR", 1, true},
                                                     {PathMetric::ctr, "CTR", 3, true},
                                                     {PathMetric::coherence, "Coherence", 3, false},
                                                     {PathMetric::length, "Length", 2, false},
                                                     {PathMetric::off_data, "Off data", 3, false},
                                                     {PathMetric::holds_target, "Target", 3, false},
                                                     {PathMetric::holds_history, "History", 3, false},
                                                     {PathMetric::holds_repeat, "Repeat", 3, false}};

constexpr MetricFigure<SessionMetric> session_figures[] = {
    {SessionMetric::worth, "Return", 3, true},         {SessionMetric::length, "Length", 2, true},
    {SessionMetric::purchases, "Purchases", 3, true},  {SessionMetric::taken, "Taken", 2, false},
    {SessionMetric::take_rate, "Take rate", 3, false}, {SessionMetric::purchase_rate, "Bought", 3, false},
    {SessionMetric::left, "Left", 3, false},           {SessionMetric::diversity, "Diversity", 3, false},
    {SessionMetric::repeats, "Repeats", 3, false},     {SessionMetric::rarity, "Rarity", 2, false}};

constexpr MetricFigure<SlateMetric> slate_figures[] = {{SlateMetric::reward, "Reward", 3, true},
                                                       {SlateMetric::depth, "Depth", 2, true},
                                                       {SlateMetric::per_slate, "Per slate", 3, false},
                                                       {SlateMetric::click_rate, "Clicks", 3, true},
                                                       {SlateMetric::diversity, "Diversity", 3, false}};

constexpr MetricFigure<FusionMetric> fusion_figures[] = {
    {FusionMetric::worth, "Return", 3, true},        {FusionMetric::pages, "Pages", 2, true},
    {FusionMetric::per_page, "Per page", 3, false},  {FusionMetric::click, "Clicks", 3, false},
    {FusionMetric::complete, "Completed", 3, false}, {FusionMetric::like, "Likes", 3, false},
    {FusionMetric::gift, "Gifts", 3, false},         {FusionMetric::dislike, "Dislikes", 3, false},
    {FusionMetric::left, "Left", 3, false}};

constexpr double worst_share = 0.2;
constexpr double tail_share = 0.1;

/// Tails of the first figure, whose values stand once more at the end of EpisodeFigures::values.
void add_tails(std::vector<Figure>& figures) {
  const int decimals = figures.front().decimals;
  figures.push_back({"worst_tenth", "Worst 10 %", decimals, false, tail_share, TailUnit::people});
  figures.push_back({"cvar", "CVaR 10 %", decimals, false, tail_share, TailUnit::episodes});
}

constexpr std::string_view path_legend =
    "Target, History, Repeat: shares of paths that hold the target, an item of the history, an item twice. "
    "Off "
    "data:\nshare of steps that no log of the people whom models may learn from takes.\n";
constexpr std::string_view session_legend =
    "Return: sum of rewards; Length: items shown until the person left or the horizon; Purchases, Taken: "
    "items\n"
    "bought, taken (bought or not); Take rate, Bought: their shares of what was shown; Left: share of people "
    "who\n"
    "ran out of patience; Diversity: share of pairs of shown items without an attribute in common; Repeats: "
    "share\n"
    "of what was shown that they knew; Rarity: mean of -log2 of an item's share of all interactions, bits;\n"
    "Coverage: share of the catalogue that was shown in all episodes together; Gini: 0 all items alike, 1 "
    "one\n"
    "item only.\n";

constexpr std::string_view slate_legend =
    "Reward: sum over the episode; Depth: slates until the person left; Per slate: reward of one; Clicks: "
    "share of\n"
    "what was shown that was clicked; Diversity: 1 less the mean cosine within a slate, by the item vectors "
    "of the\n"
    "people's model; Worst 20 %: mean reward of the fifth of the people who fared worst; Coverage: share of "
    "the\n"
    "catalogue shown in all episodes together; Gini: 0 all items alike, 1 one item only.\n";

constexpr std::string_view fusion_legend =
    "Return: sum over the session; Pages: shown until the person left or the horizon; Per page: return of "
    "one; Clicks,\nCompleted, Likes, Gifts, Dislikes: shares of the videos shown; Left: share of people who "
    "ran out of patience; Worst\n20 %: mean return of the fifth of the people who fared worst; Coverage: "
    "share of the catalogue shown in all sessions\ntogether; Gini: 0 all videos alike, 1 one video only.\n";

constexpr std::string_view retention_legend =
    "Return: minus a tenth of the days until the person came back, summed over sessions (-2.1 over six: 3.5 "
    "days "
    "each);\nPages: of all sessions; Per page: return of one; Clicks, Completed, Likes, Gifts, Dislikes: "
    "shares of "
    "the videos shown;\nWorst 20 %: mean return of the fifth of the people who fared worst; Coverage: share "
    "of the "
    "catalogue shown in all\nsessions together; Gini: 0 all videos alike, 1 one video only.\n";

template <class Metric, std::size_t n>
std::vector<Figure> titles_of(const MetricFigure<Metric> (&list)[n]) {
  std::vector<Figure> out;
  for (const auto& each : list) {
    out.push_back({std::string(name_of(each.metric)), each.title, each.decimals, each.compared});
  }
  return out;
}

template <class Metric, std::size_t n, class Scores>
EpisodeFigures values_of(const MetricFigure<Metric> (&list)[n], const Scores& scores) {
  EpisodeFigures out;
  for (const auto& each : list) {
    const std::span<const float> values = scores.of(each.metric);
    out.values.emplace_back(values.begin(), values.end());
  }
  for (int tail = 0; tail < 2; ++tail) out.values.push_back(std::vector<float>(out.values.front()));
  return out;
}

}  // namespace

FigureSet::FigureSet(const std::string& scenario, const Dataset& data, View<const float> item_vectors)
    : data_(data), attributes_(data.catalogue), vector_width_(item_vectors.width()) {
  for (std::int32_t row = 0; row < item_vectors.rows(); ++row) {
    const std::span<const float> vector = item_vectors.row(row);
    item_vectors_.insert(item_vectors_.end(), vector.begin(), vector.end());
  }
  if (scenario == "guidance-v1") {
    figures_ = titles_of(path_figures);
    legend_ = path_legend;
    transitions_ = std::make_unique<const TransitionCounts>(learnable_transitions(data));
  } else if (scenario == "session-v1") {
    kind_ = Kind::sessions;
    figures_ = titles_of(session_figures);
    whole_ = {{"coverage", "Coverage", 3, false}, {"gini", "Gini", 3, false}};
    legend_ = session_legend;
  } else if (scenario == "slate-v1") {
    kind_ = Kind::slates;
    figures_ = titles_of(slate_figures);
    whole_ = {{"worst_fifth", "Worst 20 %", 3, false},
              {"coverage", "Coverage", 3, false},
              {"gini", "Gini", 3, false}};
    legend_ = slate_legend;
  } else if (scenario == "fusion-v1") {
    kind_ = Kind::feeds;
    figures_ = titles_of(fusion_figures);
    whole_ = {{"worst_fifth", "Worst 20 %", 3, false},
              {"coverage", "Coverage", 3, false},
              {"gini", "Gini", 3, false}};
    legend_ = fusion_legend;
  } else if (scenario == "retention-v1") {
    kind_ = Kind::feeds;
    figures_ = titles_of(fusion_figures);
    whole_ = {{"worst_fifth", "Worst 20 %", 3, false},
              {"coverage", "Coverage", 3, false},
              {"gini", "Gini", 3, false}};
    legend_ = retention_legend;
  } else {
    throw ConfigError(
        {{}, 0, "scenario"},
        {"'" + scenario + "'", "guidance-v1, session-v1, slate-v1, fusion-v1 or retention-v1", ""});
  }
  add_tails(figures_);
}

EpisodeFigures FigureSet::of(const Trajectories& paths, std::size_t judge) const {
  if (kind_ == Kind::slates) {
    const std::int32_t rows = vector_width_ == 0 ? 0 : data_.catalogue.size() + 1;
    const SlateScores scores = score_slates(paths, {item_vectors_.data(), rows, vector_width_});
    EpisodeFigures out = values_of(slate_figures, scores);
    const Coverage coverage = coverage_of(paths, data_.catalogue.size());
    out.whole = {worst_people(scores.of(SlateMetric::reward), paths.episode_user, worst_share),
                 coverage.share, coverage.gini};
    return out;
  }
  if (kind_ == Kind::feeds) {
    const FusionScores scores = score_fusion(paths);
    EpisodeFigures out = values_of(fusion_figures, scores);
    const Coverage coverage = coverage_of(paths, data_.catalogue.size());
    out.whole = {worst_people(scores.of(FusionMetric::worth), paths.episode_user, worst_share),
                 coverage.share, coverage.gini};
    return out;
  }
  if (kind_ == Kind::paths)
    return values_of(path_figures, score_episodes(paths, paths.judges[judge], attributes_,
                                                  step_support(*transitions_, paths)));
  EpisodeFigures out = values_of(session_figures, score_sessions(paths, data_.catalogue, attributes_));
  const Coverage coverage = coverage_of(paths, data_.catalogue.size());
  out.whole = {coverage.share, coverage.gini};
  return out;
}

}  // namespace veer::tools
