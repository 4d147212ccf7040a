#include "simulators/behaviours/behaviour_user.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "env/error.h"
#include "simulators/behaviours/behaviour_tables.h"
#include "simulators/item_standing.h"

namespace veer {
namespace {

using behaviour::Reader;

[[noreturn]] void reject_behaviour_user(const char* field, const std::string& found,
                                        const std::string& expected, const std::string& hint = {}) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("people of several behaviours: ") + field},
                    {found, expected, hint});
}

struct BehaviourScratch final : Workspace {
  BehaviourScratch(const behaviour::Tables& tables, std::int32_t people, std::int32_t slots)
      : reading(tables.sizes()),
        queries(at(people) * at(tables.query_width())),
        chance(at(slots) * at(tables.sizes().count())) {}
  behaviour::Scratch reading;
  std::vector<Reader> readers;
  std::vector<std::int32_t> rows;
  std::vector<float> queries;  ///< [rows, query_width]
  std::vector<float> chance;   ///< [slots, behaviours] of one row
  std::vector<float> scores, more;
};

class BehaviourUser final : public UserModel {
 public:
  BehaviourUser(const BehaviourModel& model, std::shared_ptr<const SlatePeople> people,
                const BehaviourOptions& options)
      : tables_(model), people_(std::move(people)), options_(options) {
    const BehaviourSizes& sizes = model.sizes;
    if (people_->profile_width != sizes.profile()) {
      reject_behaviour_user("profile", std::to_string(people_->profile_width) + " values",
                            std::to_string(sizes.profile()) + " as the model reads",
                            "were both made for one world?");
    }
    if (!(options.dropout >= 0.0F && options.dropout < 1.0F)) {
      reject_behaviour_user("dropout", std::to_string(options.dropout), "0 or more, below 1");
    }
    for (const auto& [name, value] :
         {std::pair("correlation", options.correlation), std::pair("examination", options.examination)}) {
      if (!(value >= 0.0F)) reject_behaviour_user(name, std::to_string(value), "0 or more");
    }
    spec_ = {.kind = "behaviours",
             .items = tables_.items(),
             .state_width = sizes.encoding + sizes.history,
             .positions = sizes.history,
             .modifiers = {}};
    if (options.correlation > 0.0F) make_directions();
  }

  const UserModelSpec& spec() const noexcept override { return spec_; }

  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return std::make_unique<BehaviourScratch>(tables_, std::max(shape.rows, 1), shape.slots);
  }

  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const std::span<float> state = shard.user_state.row(row);
      tables_.encode_person(shard.user(row), people_->profile(shard.user(row)), state.data());
      const std::span<const ItemId> history = shard.history.row(row).first(at(shard.history_size(row)));
      set_done(shard.user(row), history, state.subspan(at(tables_.sizes().encoding)));
    }
  }

  void choose(Rows rows, Shard& shard, Workspace& workspace) const override {
    auto& scratch = static_cast<BehaviourScratch&>(workspace);
    scratch.rows.clear();
    for (const std::int32_t row : rows) {
      const std::span<const ItemId> items = shard.items.row(row);
      if (std::ranges::any_of(items, [](ItemId item) { return item != no_item; })) {
        scratch.rows.push_back(row);
        continue;
      }
      std::ranges::fill(shard.probability.row(row), 0.0F);
      std::ranges::fill(shard.feedback.row(row), feedback::refused);
    }
    read(scratch.rows, shard, scratch);
    for (std::size_t i = 0; i < scratch.rows.size(); ++i) {
      const std::int32_t row = scratch.rows[i];
      const float* queries = scratch.queries.data() + i * at(tables_.query_width());
      answer(shard.items.row(row), queries, scratch);
      const std::span<float> out = shard.probability.row(row);
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = scratch.chance[k * behaviours_of_model()];
      draw(shard.key(row), scratch.chance, shard.feedback.row(row));
    }
  }

  void advance(Rows rows, Shard& shard, Workspace&) const override {
    const std::size_t encoding = at(tables_.sizes().encoding);
    for (const std::int32_t row : rows) {
      const std::span<float> done = shard.user_state.row(row).subspan(encoding);
      const std::span<const std::uint8_t> answers = shard.feedback.row(row);
      const std::span<const ItemId> items = shard.items.row(row);
      for (std::size_t k = 0; k < items.size(); ++k) {
        if (items[k] != no_item && (answers[k] & feedback::accepted) != 0) append_done(done, answers[k]);
      }
    }
  }

  void measure(Rows rows, Shard& shard, Workspace& workspace) const override {
    auto& scratch = static_cast<BehaviourScratch&>(workspace);
    for (const std::int32_t row : rows) {
      ItemStanding result;
      if (shard.target(row) != no_item) {
        score_all(row, shard, scratch);
        result = standing_among(scratch.scores, shard.target(row));
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
    auto& scratch = static_cast<BehaviourScratch&>(workspace);
    std::vector<ItemId> order;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      score_all(rows[i], shard, scratch);
      best_items(std::span(scratch.scores).first(at(tables_.items() + 1)), order,
                 out.row(static_cast<std::int32_t>(i)));
    }
  }

  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override;

 private:
  std::size_t behaviours_of_model() const noexcept { return at(tables_.sizes().count()); }

  /// Places as floats, the newest last; those in front of the history hold nothing.
  void set_done(UserId user, std::span<const ItemId> history, std::span<float> out) const {
    const std::size_t kept = std::min(history.size(), out.size());
    std::vector<std::uint8_t> done(history.size());
    people_->done_with(user, history, done);
    std::ranges::fill(out, 0.0F);
    for (std::size_t t = 0; t < kept; ++t) {
      const std::uint8_t answer = tables_.known(done[history.size() - kept + t]);
      out[out.size() - kept + t] = static_cast<float>(answer);
    }
  }

  void append_done(std::span<float> done, std::uint8_t answer) const {
    std::shift_left(done.begin(), done.end(), 1);
    done.back() = static_cast<float>(tables_.known(answer));
  }

  Reader reader_of(std::int32_t row, const Shard& shard) const {
    const auto size = static_cast<std::size_t>(shard.history_size(row));
    const std::size_t kept = std::min(size, at(tables_.sizes().history));
    const float* state = shard.user_state.row(row).data();
    return {.person = state,
            .history = shard.history.row(row).subspan(size - kept, kept),
            .done = state + tables_.sizes().encoding,
            .key = shard.key(row)};
  }

  /// Queries of these rows, one after another.
  void read(Rows rows, const Shard& shard, BehaviourScratch& scratch) const {
    scratch.readers.clear();
    for (const std::int32_t row : rows) scratch.readers.push_back(reader_of(row, shard));
    const std::size_t needed = rows.size() * at(tables_.query_width());
    if (scratch.queries.size() < needed) scratch.queries.resize(needed);
    tables_.read(scratch.readers, options_.dropout, scratch.reading, scratch.queries.data());
  }

  void score_all(std::int32_t row, const Shard& shard, BehaviourScratch& scratch) const {
    read(std::span(&row, 1), shard, scratch);
    scratch.scores.resize(at(tables_.items() + 1));
    tables_.click_scores(scratch.queries.data(), scratch.scores, scratch.more);
  }

  /// Probabilities [slots, behaviours] of a slate into scratch.chance, slate effects included; 0 where
  /// nothing is shown.
  void answer(std::span<const ItemId> items, const float* queries, BehaviourScratch& scratch) const {
    const std::size_t count = behaviours_of_model();
    if (scratch.chance.size() < items.size() * count) scratch.chance.resize(items.size() * count);
    const std::vector<float> costs = correlations(items);
    for (std::size_t k = 0; k < items.size(); ++k) {
      const float looked_at =
          options_.examination > 0.0F ? std::pow(static_cast<float>(k + 1), -options_.examination) : 1.0F;
      float kept = 1.0F;  // share of the probability that the company of the slate leaves
      for (std::size_t b = 0; b < count; ++b) {
        float& p = scratch.chance[k * count + b];
        p = 0.0F;
        if (items[k] == no_item) continue;
        const float score = tables_.score(items[k], static_cast<std::int32_t>(b), queries);
        p = click_probability(options_.link, score);
        if (costs.empty()) continue;
        if (b == 0 || options_.link == ResponseLink::doubled) {
          kept = p > 0.0F ? std::clamp(p - costs[k], 0.0F, 1.0F) / p : 0.0F;
        }
        p *= kept;
      }
      for (std::size_t b = 0; b < count; ++b) scratch.chance[k * count + b] *= looked_at;
    }
  }

  /// What the company of its slate takes from each item; empty: nothing.
  std::vector<float> correlations(std::span<const ItemId> items) const {
    if (directions_.empty()) return {};
    const std::size_t e = at(tables_.sizes().encoding);
    std::vector<float> mean(e, 0.0F), out(items.size(), 0.0F);
    std::int32_t shown = 0;
    for (const ItemId item : items) {
      if (item == no_item) continue;
      for (std::size_t d = 0; d < e; ++d) mean[d] += directions_[at(item) * e + d];
      ++shown;
    }
    float share = options_.correlation / static_cast<float>(std::max(shown, 1));
    if (options_.published_correlation) share /= static_cast<float>(e);
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (items[k] == no_item) continue;
      out[k] = share * behaviour::inner(directions_.data() + at(items[k]) * e, mean.data(),
                                        static_cast<std::int32_t>(e));
    }
    return out;
  }

  void make_directions() {
    const std::int32_t e = tables_.sizes().encoding;
    directions_.resize(at(tables_.items() + 1) * at(e));
    for (ItemId i = 0; i <= tables_.items(); ++i) {
      const float* from = tables_.item(i);
      const float length = std::sqrt(behaviour::inner(from, from, e));
      for (std::int32_t d = 0; d < e; ++d) {
        directions_[at(i) * at(e) + at(d)] = length > 0.0F ? from[d] / length : 0.0F;
      }
    }
  }

  /// Draw b * slots + k decides about behaviour b in slot k: clicks are drawn as other people's are.
  void draw(const StepKey& key, std::span<const float> chance, std::span<std::uint8_t> out) const noexcept {
    const std::size_t count = behaviours_of_model();
    std::ranges::fill(out, feedback::refused);
    PhiloxBlock words{};
    std::uint32_t lane = 0;
    for (std::size_t b = 0; b < count; ++b) {
      const std::uint8_t bit = bit_of(tables_.sizes().behaviours[b]);
      for (std::size_t k = 0; k < out.size(); ++k, ++lane) {
        if (lane % 4 == 0) words = random_block(key, Stream::choice, lane / 4);
        if (word_to_uniform(words[lane % 4]) < chance[k * count + b]) {
          out[k] = static_cast<std::uint8_t>(out[k] | bit);
        }
      }
    }
  }

  behaviour::Tables tables_;
  std::shared_ptr<const SlatePeople> people_;
  BehaviourOptions options_;
  UserModelSpec spec_;
  std::vector<float> directions_;  ///< [N + 1, E] of length 1; only with correlation
};

void BehaviourUser::score_paths(const PathQuery& query, const PathScores& out, Workspace&) const {
  const BehaviourSizes& sizes = tables_.sizes();
  BehaviourScratch scratch(tables_, 1, 1);
  scratch.scores.resize(at(tables_.items() + 1));
  const bool measures = !out.interest.empty() || !out.rank.empty();
  std::vector<float> person(at(sizes.encoding)), done(at(sizes.history));
  std::vector<ItemId> history;
  const auto read_after = [&](std::int32_t prompt, std::int32_t step) {
    const EpisodeId episode =
        query.episode.empty() ? static_cast<EpisodeId>(prompt) : query.episode[at(prompt)];
    const std::size_t kept = std::min(history.size(), at(sizes.history));
    const Reader reader{.person = person.data(),
                        .history = std::span(history).last(kept),
                        .done = done.data(),
                        .key = {query.seed, episode, static_cast<std::uint32_t>(step)}};
    tables_.read(std::span(&reader, 1), options_.dropout, scratch.reading, scratch.queries.data());
  };
  const auto stand = [&](ItemId target) {
    if (target == no_item) return ItemStanding{};
    tables_.click_scores(scratch.queries.data(), scratch.scores, scratch.more);
    return standing_among(scratch.scores, target);
  };
  const auto start = [&](std::int32_t prompt) {
    const std::span<const ItemId> shown = query.history.row(prompt).first(at(query.history_size[at(prompt)]));
    history.assign(shown.begin(), shown.end());
    set_done(query.user[at(prompt)], shown, done);
    tables_.encode_person(query.user[at(prompt)], people_->profile(query.user[at(prompt)]), person.data());
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
        answer(std::span(&item, 1), scratch.queries.data(), scratch);
        out.acceptance(row, k) = scratch.chance[0];
      }
      const std::uint8_t answered = query.accepted.empty() ? feedback::accepted : query.accepted(row, k);
      if (item != no_item && answered != feedback::refused) {
        history.push_back(item);
        append_done(done, static_cast<std::uint8_t>(answered | feedback::accepted));
      }
      read_after(prompt, k + 1);
      if (measures && item != no_item) now = stand(query.target[at(prompt)]);
      if (!out.interest.empty()) out.interest(row, k) = now.log_probability;
      if (!out.rank.empty()) out.rank(row, k) = now.rank;
    }
  }
}

}  // namespace

std::unique_ptr<UserModel> make_behaviour_user(const std::shared_ptr<const BehaviourModel>& model,
                                               std::shared_ptr<const SlatePeople> people,
                                               const BehaviourOptions& options) {
  return std::make_unique<BehaviourUser>(*model, std::move(people), options);
}

BehaviourScorer::BehaviourScorer(const BehaviourModel& model)
    : tables_(std::make_unique<const behaviour::Tables>(model)) {}
BehaviourScorer::~BehaviourScorer() = default;
BehaviourScorer::BehaviourScorer(BehaviourScorer&&) noexcept = default;
BehaviourScorer& BehaviourScorer::operator=(BehaviourScorer&&) noexcept = default;

void BehaviourScorer::scores(UserId user, std::span<const float> profile, std::span<const ItemId> history,
                             std::span<const std::uint8_t> done, std::span<const ItemId> items,
                             std::span<float> out) const {
  const BehaviourSizes& sizes = tables_->sizes();
  behaviour::Scratch scratch(sizes);
  std::vector<float> person(at(sizes.encoding)), sets(at(sizes.history), 0.0F),
      queries(at(tables_->query_width()));
  tables_->encode_person(user, profile, person.data());
  const std::size_t kept = std::min(history.size(), sets.size());
  for (std::size_t t = 0; t < kept; ++t) {
    sets[sets.size() - kept + t] = static_cast<float>(done[history.size() - kept + t]);
  }
  const Reader reader{.person = person.data(), .history = history.last(kept), .done = sets.data()};
  tables_->read(std::span(&reader, 1), 0.0F, scratch, queries.data());
  const std::size_t count = at(sizes.count());
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t b = 0; b < count; ++b) {
      out[i * count + b] = tables_->score(items[i], static_cast<std::int32_t>(b), queries.data());
    }
  }
}

}  // namespace veer
