#include "simulators/response/response_user.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "env/dropout_mask.h"
#include "env/error.h"
#include "simulators/item_standing.h"
#include "simulators/response/response_tables.h"

namespace veer {
namespace {

/// Room for a slate in whole vectors.
std::int32_t padded(std::int64_t count) noexcept {
  return response::padded(static_cast<std::int32_t>(count));
}
using response::width;

[[noreturn]] void reject(const char* field, const std::string& found, const std::string& expected,
                         const std::string& hint = {}) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("response people: ") + field},
                    {found, expected, hint});
}

struct ResponseScratch final : Workspace {
  ResponseScratch(const response::Tables& tables, std::int32_t slots)
      : person(tables.sizes()), scores(at(padded(tables.items() + 1))), slate(at(padded(slots))) {}
  response::Scratch person;
  std::vector<float> scores;  ///< of the whole catalogue
  std::vector<float> slate;   ///< whole vectors of slots
};

class ResponseUser final : public UserModel {
 public:
  ResponseUser(const ResponseModel& model, std::shared_ptr<const SlatePeople> people,
               const ResponseOptions& options)
      : tables_(model), people_(std::move(people)), options_(options) {
    if (people_->profile_width != model.sizes.profile) {
      reject("profile", std::to_string(people_->profile_width) + " values",
             std::to_string(model.sizes.profile) + " as the model reads", "were both made for one world?");
    }
    if (!(options.dropout >= 0.0F && options.dropout < 1.0F)) {
      reject("dropout", std::to_string(options.dropout), "0 or more, below 1");
    }
    if (!(options.correlation >= 0.0F))
      reject("correlation", std::to_string(options.correlation), "0 or more");
    if (!(options.examination >= 0.0F))
      reject("examination", std::to_string(options.examination), "0 or more");
    spec_ = {.kind = "response",
             .items = tables_.items(),
             .state_width = options.dropout > 0.0F ? model.sizes.hidden : width,
             .positions = model.sizes.history,
             .modifiers = {}};
    if (options.correlation > 0.0F) make_directions();
  }

  const UserModelSpec& spec() const noexcept override { return spec_; }

  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return std::make_unique<ResponseScratch>(tables_, shape.slots);
  }

  /// The state is what the profile says: all of it, or as far as dropout does not change it. The history is
  /// read anew before each answer, since every click changes what all of it means.
  void begin(Rows rows, Shard& shard, Workspace& workspace) const override {
    auto& scratch = static_cast<ResponseScratch&>(workspace);
    for (const std::int32_t row : rows) {
      const std::span<const float> profile = people_->profile(shard.user(row));
      float* state = shard.user_state.row(row).data();
      if (options_.dropout > 0.0F) {
        tables_.read_hidden(profile, state);
      } else {
        tables_.read_profile(profile, scratch.person, state);
      }
    }
  }

  void choose(Rows rows, Shard& shard, Workspace& workspace) const override {
    auto& scratch = static_cast<ResponseScratch&>(workspace);
    for (const std::int32_t row : rows) {
      const std::span<const ItemId> items = shard.items.row(row);
      const std::span<float> out = shard.probability.row(row);
      if (std::ranges::all_of(items, [](ItemId item) { return item == no_item; })) {
        std::ranges::fill(out, 0.0F);
        std::ranges::fill(shard.feedback.row(row), feedback::refused);
        continue;
      }
      float q[width];
      read(row, shard, scratch, q);
      answer(items, q, scratch, out);
      draw(shard.key(row), items, out, shard.feedback.row(row));
    }
  }

  /// Clicked items stand in the history already: that is all there is to it.
  void advance(Rows, Shard&, Workspace&) const override {}

  void measure(Rows rows, Shard& shard, Workspace& workspace) const override {
    auto& scratch = static_cast<ResponseScratch&>(workspace);
    for (const std::int32_t row : rows) {
      ItemStanding result;
      if (shard.target(row) != no_item) {
        score_all(row, shard, scratch);
        result = standing_among(std::span(scratch.scores).first(at(tables_.items() + 1)), shard.target(row));
      }
      shard.interest(row) = result.log_probability;
      shard.rank(row) = result.rank;
    }
  }

  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::ranges::copy(shard.user_state.row(from[i]), shard.user_state.row(to[i]).begin());
    }
  }

  void propose(Rows rows, Shard& shard, Workspace& workspace, View<ItemId> out) const override {
    auto& scratch = static_cast<ResponseScratch&>(workspace);
    std::vector<ItemId> order;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      score_all(rows[i], shard, scratch);
      best_items(std::span(scratch.scores).first(at(tables_.items() + 1)), order,
                 out.row(static_cast<std::int32_t>(i)));
    }
  }

  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override;

 private:
  void make_directions() {
    directions_.resize(at(tables_.items() + 1) * at(width));
    for (ItemId i = 0; i <= tables_.items(); ++i) {
      const float* e = tables_.item(i);
      const float length = std::sqrt(response::dot16(e, e));
      for (std::int32_t d = 0; d < width; ++d) {
        directions_[at(i) * at(width) + at(d)] = length > 0.0F ? e[d] / length : 0.0F;
      }
    }
  }

  /// u under this step's dropout mask.
  void read_dropped(const float* hidden, const StepKey& key, ResponseScratch& scratch, float* u) const {
    fill_dropout_mask(key, 0, options_.dropout, scratch.person.mask);
    tables_.read_person(hidden, scratch.person.mask.data(), scratch.person, u);
  }

  void read(std::int32_t row, const Shard& shard, ResponseScratch& scratch, float* q) const {
    const std::span<const ItemId> history = shard.history.row(row).first(at(shard.history_size(row)));
    const float* u = shard.user_state.row(row).data();
    float dropped[width];
    if (options_.dropout > 0.0F) {
      read_dropped(u, shard.key(row), scratch, dropped);
      u = dropped;
    }
    tables_.read_history(u, history, scratch.person, q);
  }

  void score_all(std::int32_t row, const Shard& shard, ResponseScratch& scratch) const {
    float q[width];
    read(row, shard, scratch, q);
    tables_.all_scores(q, scratch.scores);
  }

  /// Probabilities of a slate, slate effects included; 0 where nothing is shown.
  void answer(std::span<const ItemId> items, const float* q, ResponseScratch& scratch,
              std::span<float> out) const {
    std::vector<float>& slate = scratch.slate;
    for (std::size_t k = 0; k < items.size(); ++k) slate[k] = tables_.score(items[k], q);
    switch (options_.link) {
      case ResponseLink::doubled:
        response::logistic(slate.data(), padded(std::ssize(items)));
        [[fallthrough]];
      case ResponseLink::soft:
        response::logistic(slate.data(), padded(std::ssize(items)));
        break;
      case ResponseLink::saturated:
        for (float& p : slate) p = std::clamp(p, 0.0F, 1.0F);
    }
    if (options_.correlation > 0.0F) subtract_correlation(items, slate);
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (options_.examination > 0.0F) {
        slate[k] *= std::pow(static_cast<float>(k + 1), -options_.examination);
      }
      out[k] = items[k] == no_item ? 0.0F : slate[k];
    }
  }

  void subtract_correlation(std::span<const ItemId> items, std::vector<float>& slate) const {
    // The mean cosine with all items of the slate is the product with the mean of their directions.
    float mean[width] = {};
    std::int32_t shown = 0;
    for (const ItemId item : items) {
      if (item == no_item) continue;
      for (std::int32_t d = 0; d < width; ++d) mean[d] += directions_[at(item) * at(width) + at(d)];
      ++shown;
    }
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (items[k] == no_item) continue;
      const float* direction = directions_.data() + at(items[k]) * at(width);
      const float cosine = response::dot16(direction, mean) / static_cast<float>(shown);
      slate[k] = std::clamp(slate[k] - options_.correlation * cosine, 0.0F, 1.0F);
    }
  }

  static void draw(const StepKey& key, std::span<const ItemId> items, std::span<const float> probability,
                   std::span<std::uint8_t> out) noexcept {
    PhiloxBlock words{};
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (k % 4 == 0) words = random_block(key, Stream::choice, static_cast<std::uint32_t>(k / 4));
      out[k] = items[k] != no_item && word_to_uniform(words[k % 4]) < probability[k] ? feedback::accepted
                                                                                     : feedback::refused;
    }
  }

  response::Tables tables_;
  std::shared_ptr<const SlatePeople> people_;
  ResponseOptions options_;
  UserModelSpec spec_;
  std::vector<float> directions_;  ///< [N + 1, 16] of length 1; only with correlation
};

void ResponseUser::score_paths(const PathQuery& query, const PathScores& out, Workspace&) const {
  ResponseScratch scratch(tables_, 1);
  const bool measures = !out.interest.empty() || !out.rank.empty();
  float q[width], u[width];
  std::vector<ItemId> history;
  std::vector<float> hidden(at(tables_.sizes().hidden));
  const auto read_after = [&](std::int32_t prompt, std::int32_t step) {
    const EpisodeId episode =
        query.episode.empty() ? static_cast<EpisodeId>(prompt) : query.episode[at(prompt)];
    if (options_.dropout > 0.0F) {
      const StepKey key{query.seed, episode, static_cast<std::uint32_t>(step)};
      read_dropped(hidden.data(), key, scratch, u);
    }
    tables_.read_history(u, history, scratch.person, q);
  };
  const auto stand = [&](ItemId target) {
    if (target == no_item) return ItemStanding{};
    tables_.all_scores(q, scratch.scores);
    return standing_among(std::span(scratch.scores).first(at(tables_.items() + 1)), target);
  };
  const auto start = [&](std::int32_t prompt) {
    const std::span<const ItemId> shown = query.history.row(prompt).first(at(query.history_size[at(prompt)]));
    history.assign(shown.begin(), shown.end());
    tables_.read_hidden(people_->profile(query.user[at(prompt)]), hidden.data());
    tables_.read_person(hidden.data(), nullptr, scratch.person, u);
    read_after(prompt, 0);
    return stand(query.target[at(prompt)]);
  };
  const bool starts = !out.start_interest.empty() || !out.start_rank.empty();
  for (std::int32_t p = 0; starts && p < query.history.rows(); ++p) {
    const ItemStanding begun = start(p);
    if (!out.start_interest.empty()) out.start_interest[at(p)] = begun.log_probability;
    if (!out.start_rank.empty()) out.start_rank[at(p)] = begun.rank;
  }
  for (std::size_t path = 0; path < query.prompt.size(); ++path) {
    const auto row = static_cast<std::int32_t>(path);
    const std::int32_t prompt = query.prompt[path];
    ItemStanding now = start(prompt);
    for (std::int32_t k = 0; k < query.length[path]; ++k) {
      const ItemId item = query.items(row, k);
      if (!out.acceptance.empty()) {
        answer(std::span(&item, 1), q, scratch, std::span(&out.acceptance(row, k), 1));
      }
      const bool accepted = query.accepted.empty() || query.accepted(row, k) != 0;
      if (item != no_item && accepted) history.push_back(item);
      read_after(prompt, k + 1);
      if (measures && item != no_item) now = stand(query.target[at(prompt)]);
      if (!out.interest.empty()) out.interest(row, k) = now.log_probability;
      if (!out.rank.empty()) out.rank(row, k) = now.rank;
    }
  }
}

}  // namespace

std::unique_ptr<UserModel> make_response_user(const std::shared_ptr<const ResponseModel>& model,
                                              std::shared_ptr<const SlatePeople> people,
                                              const ResponseOptions& options) {
  return std::make_unique<ResponseUser>(*model, std::move(people), options);
}

float click_probability(ResponseLink link, float score) noexcept {
  const auto sigmoid = [](float x) { return 1.0F / (1.0F + std::exp(-x)); };
  switch (link) {
    case ResponseLink::soft:
      return sigmoid(score);
    case ResponseLink::saturated:
      return std::clamp(score, 0.0F, 1.0F);
    case ResponseLink::doubled:
      break;
  }
  return sigmoid(sigmoid(score));
}

ResponseScorer::ResponseScorer(const std::shared_ptr<const ResponseModel>& model)
    : tables_(std::make_unique<const response::Tables>(*model)) {}
ResponseScorer::~ResponseScorer() = default;
ResponseScorer::ResponseScorer(ResponseScorer&&) noexcept = default;
ResponseScorer& ResponseScorer::operator=(ResponseScorer&&) noexcept = default;

void ResponseScorer::scores(std::span<const float> profile, std::span<const ItemId> history,
                            std::span<const ItemId> items, std::span<float> out) const {
  response::Scratch scratch(tables_->sizes());
  float u[width], q[width];
  tables_->read_profile(profile, scratch, u);
  tables_->read_history(u, history, scratch, q);
  for (std::size_t i = 0; i < items.size(); ++i) out[i] = tables_->score(items[i], q);
}

void ResponseScorer::all_scores(std::span<const float> profile, std::span<const ItemId> history,
                                std::span<float> out) const {
  response::Scratch scratch(tables_->sizes());
  float u[width], q[width];
  tables_->read_profile(profile, scratch, u);
  tables_->read_history(u, history, scratch, q);
  std::vector<float> scores(at(padded(tables_->items() + 1)));
  tables_->all_scores(q, scores);
  std::copy_n(scores.begin(), tables_->items() + 1, out.begin());
}

}  // namespace veer
