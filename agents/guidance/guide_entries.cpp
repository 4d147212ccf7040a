#include "agents/guidance/guide_entries.h"

#include <array>
#include <limits>
#include <utility>

#include "agents/guidance/averaged_person.h"
#include "agents/guidance/preference_guide.h"
#include "agents/guidance/reranked_next_item.h"
#include "agents/target_rule.h"
#include "env/data/dataset.h"
#include "env/error.h"
#include "env/nn/semantic_ids/k_means.h"

namespace veer {
namespace {

constexpr std::int32_t any_count = std::numeric_limits<std::int32_t>::max();

const PolicyParameter similarity_parameter{
    "similarity", "cosine|dot", "cosine",
    "how close items and people are to the target; dot is the papers' formula, cosine that of their codes"};

Similarity similarity_of(const PolicyParameters& parameters) {
  constexpr std::array<std::string_view, 2> choices{"dot", "cosine"};
  return static_cast<Similarity>(parameters.choice("similarity", 1, choices));
}

VectorGuideOptions guide_options(const PolicyContext& context, const PolicyParameters& parameters) {
  return {.name = parameters.option(),
          .horizon = context.world.horizon,
          .allow_target = allow_target(context, parameters)};
}

/// Reads model=FILE and lays the vectors out as a table.
struct GuideSource {
  GuideSource(const PolicyContext& context, const PolicyParameters& parameters, const LoadGuideModel& load)
      : model(load(context, model_file(parameters))) {
    const std::int32_t items = context.world.items;
    const auto width = static_cast<std::size_t>(model.people->width());
    if (model.table.size() != (at(items) + 1) * width) {
      throw ConfigError({.file = {}, .line = 0, .field = "policy " + parameters.word() + ", model"},
                        {.found = std::to_string(model.table.size() / width) + " item vectors",
                         .expected = std::to_string(at(items) + 1) + ", padding included, as the world has",
                         .hint = "fit the model to the world's data set"});
    }
    table = {model.table.data(), items + 1, model.people->width()};
  }

  GuideModel model;
  View<const float> table;
};

double share(const PolicyParameters& parameters, const char* key, double fallback) {
  const double value = parameters.real(key, fallback);
  if (value < 0.0 || value > 1.0) parameters.reject(key, parameters.text(key, ""), "a number from 0 to 1");
  return value;
}

const PolicyParameter user_parameter{
    "user", "network|average", "network",
    "the person's vector: read anew by the network, or moved towards each item taken"};

bool averages(const PolicyParameters& parameters) {
  constexpr std::array<std::string_view, 2> choices{"network", "average"};
  return parameters.choice("user", 0, choices) == 1;
}

PolicyEntry ipg_entry(const LoadGuideModel& load) {
  return {
      .word = "ipg",
      .suffix = {},
      .summary =
          "Iterative preference guidance: the item with the greatest chance of being taken times the step "
          "towards the target that taking it is.",
      .needs = {.data = true, .target = true},
      .parameters = {model_parameter("a sasrec or gru4rec"),
                     {"gamma", "0..1", "0.8", "user=average: share of the old vector that stays"},
                     user_parameter,
                     similarity_parameter,
                     allow_target_parameter()},
      .make = [load](const PolicyContext& c, const PolicyParameters& p) {
        const auto gamma = static_cast<float>(share(p, "gamma", 0.8));
        const GuideSource source(c, p, load);
        std::shared_ptr<const PersonVectors> people = source.model.people;
        if (averages(p)) {
          people =
              std::make_shared<AveragedPerson>(people, source.table, AveragedPersonOptions{.inertia = gamma});
        }
        return std::make_shared<PreferenceGuide>(
            people, source.table,
            PreferenceGuideOptions{.guide = guide_options(c, p), .similarity = similarity_of(p)});
      }};
}

PolicyEntry itmprec_entry(const LoadGuideModel& load) {
  return {
      .word = "itmprec",
      .suffix = {},
      .summary =
          "As ipg, with a bonus for items whose intention (cluster of item vectors) goes with the person's.",
      .needs = {.data = true, .target = true},
      .parameters = {model_parameter("a sasrec or gru4rec"),
                     {"intents", "1..", "256", "clusters of item vectors, at most one per item"},
                     {"lambda", "0..", "0.1", "weight of the bonus"},
                     {"seed", "0..", "1", "of the clusters' starting points"},
                     {"arousal", "0..1", "0.2",
                      "user=average: least share of an item taken in the new vector"},
                     {"favourites", "1..", "10",
                      "user=average: items whose closeness to the target is the arousal"},
                     user_parameter,
                     similarity_parameter,
                     allow_target_parameter()},
      .make = [load](const PolicyContext& c, const PolicyParameters& p) {
        const std::int32_t clusters = p.integer("intents", std::min(256, c.world.items), 1, c.world.items);
        const double lambda = p.real("lambda", 0.1);
        if (lambda < 0.0) p.reject("lambda", p.text("lambda", ""), "a number from 0 on");
        const auto arousal = static_cast<float>(share(p, "arousal", 0.2));
        const std::int32_t favourites = p.integer("favourites", 10, 1, any_count);
        const auto seed = static_cast<std::uint64_t>(p.integer("seed", 1, 0, any_count));
        const GuideSource source(c, p, load);
        std::shared_ptr<const PersonVectors> people = source.model.people;
        if (averages(p)) {
          people = std::make_shared<AveragedPerson>(
              people, source.table,
              AveragedPersonOptions{.favourites = std::min(favourites, c.world.items),
                                    .least_arousal = arousal});
        }
        const View<const float> vectors(source.table.row(1).data(), c.world.items, source.table.width());
        const nn::KMeansResult found = nn::k_means(vectors, {.clusters = clusters, .seed = seed});
        return std::make_shared<PreferenceGuide>(
            people, source.table,
            PreferenceGuideOptions{.guide = guide_options(c, p),
                                   .similarity = similarity_of(p),
                                   .intent_weight = static_cast<float>(lambda)},
            Intents({found.centres.data(), found.used, source.table.width()},
                    ItemSpace(source.table, false)));
      }};
}

PolicyEntry rerank_entry(const LoadGuideModel& load) {
  return {.word = "rerank",
          .suffix = {},
          .summary = "Of the k items that a fitted network expects most, the one closest to the target.",
          .needs = {.data = true, .target = true},
          .parameters = {model_parameter("a sasrec or gru4rec"),
                         {"k", "1..", "50", "items to choose from; 1 guides nowhere"},
                         similarity_parameter,
                         allow_target_parameter()},
          .make = [load](const PolicyContext& c, const PolicyParameters& p) {
            const std::int32_t candidates = p.integer("k", 50, 1, any_count);
            const GuideSource source(c, p, load);
            return std::make_shared<RerankedNextItem>(
                source.model.people, source.table,
                RerankedNextItemOptions{
                    .guide = guide_options(c, p), .candidates = candidates, .similarity = similarity_of(p)});
          }};
}

}  // namespace

PolicyParameter model_parameter(std::string kinds) {
  return {"model", "file", "none: must be given", "model file of " + std::move(kinds)};
}

std::string model_file(const PolicyParameters& parameters) {
  std::string file = parameters.text("model", "");
  if (file.empty()) parameters.reject("model", "nothing", "a model file");
  return file;
}

PolicyEntry irn_entry(const LoadGuideModel& load) {
  return {.word = "irn",
          .suffix = {},
          .summary =
              "The influential recommender: a Transformer that reads history and target, and says what comes "
              "next.",
          .needs = {.data = true, .target = true},
          .parameters = {model_parameter("an irn (veer train irn)"), allow_target_parameter()},
          .make = [load](const PolicyContext& c, const PolicyParameters& p) {
            const GuideSource source(c, p, load);
            return std::make_shared<RerankedNextItem>(
                source.model.people, source.table,
                RerankedNextItemOptions{.guide = guide_options(c, p), .candidates = 1});
          }};
}

std::vector<PolicyEntry> guide_entries(const LoadGuideModel& load) {
  return {ipg_entry(load), itmprec_entry(load), rerank_entry(load)};
}

}  // namespace veer
