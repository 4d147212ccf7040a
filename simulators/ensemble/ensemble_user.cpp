#include "simulators/ensemble/ensemble_user.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "env/error.h"
#include "simulators/history_reader.h"
#include "simulators/next_item.h"

namespace veer {
namespace {

/// Sums in double: the mean of equal floats is that float, and its deviation 0.
struct Moments {
  double mean = 0.0;
  double deviation = 0.0;
};

/// value(m) for m in 0..count-1.
template <class Value>
Moments moments(std::size_t count, const Value& value) {
  double sum = 0.0, squares = 0.0;
  for (std::size_t m = 0; m < count; ++m) sum += double{value(m)};
  const double mean = sum / static_cast<double>(count);
  for (std::size_t m = 0; m < count; ++m) squares += (double{value(m)} - mean) * (double{value(m)} - mean);
  return {mean, std::sqrt(squares / static_cast<double>(count))};
}

/// ln mean_m exp(value(m)), exact where all are equal.
template <class Value>
float log_mean(std::size_t count, const Value& value) {
  float largest = value(0);
  for (std::size_t m = 1; m < count; ++m) largest = std::max(largest, value(m));
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (std::size_t m = 0; m < count; ++m) sum += std::exp(double{value(m)} - largest);
  return static_cast<float>(largest + std::log(sum / static_cast<double>(count)));
}

struct Member {
  std::shared_ptr<const UserModel> model;
  const HistoryReader* reader = nullptr;  ///< null: it reads for itself
  const NextItemChooser* chooser = nullptr;
  std::size_t reads_with = 0;  ///< the first member that reads histories alike; itself when there is none
  std::int32_t first = 0;      ///< column of user_state where its state begins
};

struct EnsembleWorkspace final : Workspace {
  std::vector<std::unique_ptr<Workspace>> members;
  std::vector<std::vector<float>> readouts;  ///< by the member that reads
  std::vector<float> reals, more_reals;      ///< [members, values] of what is being averaged
  std::vector<std::int32_t> ranks;
  std::vector<std::uint8_t> feedback;
};

template <class T>
View<T> block(std::vector<T>& values, std::size_t member, std::int32_t rows, std::int32_t width) {
  const auto size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
  return {values.data() + member * size, rows, width};
}

class Ensemble : public UserModel {
 public:
  explicit Ensemble(std::vector<Member> members) : members_(std::move(members)) {
    spec_ = {.kind = "ensemble", .items = members_.front().model->spec().items, .modifiers = {}};
    spec_.members = static_cast<std::int32_t>(members_.size());
    bool bounded = true;
    for (Member& member : members_) {
      const UserModelSpec& spec = member.model->spec();
      member.first = spec_.state_width;
      spec_.state_width += spec.state_width;
      spec_.positions = std::max(spec_.positions, spec.positions);
      bounded = bounded && spec.positions > 0;
      for (const std::string& knob : spec.modifiers) {
        if (std::ranges::find(spec_.modifiers, knob) == spec_.modifiers.end())
          spec_.modifiers.push_back(knob);
      }
    }
    if (!bounded) spec_.positions = 0;
  }

  const UserModelSpec& spec() const noexcept override { return spec_; }

  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    auto workspace = std::make_unique<EnsembleWorkspace>();
    for (const Member& member : members_) workspace->members.push_back(member.model->make_workspace(shape));
    workspace->readouts.resize(members_.size());
    return workspace;
  }
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    std::size_t bytes = 0;
    for (const Member& member : members_) bytes += member.model->cache_bytes(shape);
    return bytes;
  }
  /// Members score one after the other.
  std::size_t scoring_bytes(std::int32_t paths, std::int32_t history,
                            std::int32_t path_length) const noexcept override {
    std::size_t bytes = 0;
    for (const Member& member : members_) {
      bytes = std::max(bytes, member.model->scoring_bytes(paths, history, path_length));
    }
    return bytes;
  }

  void begin(Rows rows, Shard& shard, Workspace& workspace) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      if (members_[m].reader == nullptr) {
        members_[m].model->begin(rows, own, *scratch.members[m]);
      } else {
        members_[m].reader->begin_read(rows, read(m, rows, shard.history, shard.history_size, scratch), own);
      }
    }
  }

  void choose(Rows rows, Shard& shard, Workspace& workspace) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    const std::int32_t slots = shard.items.width();
    const auto cells = static_cast<std::size_t>(shard.rows()) * static_cast<std::size_t>(slots);
    scratch.reals.resize(cells * members_.size());
    scratch.feedback.resize(cells);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      own.probability = block(scratch.reals, m, shard.rows(), slots);
      own.feedback = block(scratch.feedback, 0, shard.rows(), slots);  // what one alone would answer
      members_[m].model->choose(rows, own, *scratch.members[m]);
    }
    for (const std::int32_t row : rows) {
      const StepKey key = shard.key(row);
      for (std::int32_t slot = 0; slot < slots; ++slot) {
        const auto cell = static_cast<std::size_t>(row * slots + slot);
        const auto p = static_cast<float>(
            moments(members_.size(), [&](std::size_t m) { return scratch.reals[m * cells + cell]; }).mean);
        const bool yes = uniform(key, Stream::choice, static_cast<std::uint32_t>(slot)) < p;
        shard.probability(row, slot) = p;
        shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
      }
    }
  }

  void advance(Rows rows, Shard& shard, Workspace& workspace) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      members_[m].model->advance(rows, own, *scratch.members[m]);
    }
  }

  void measure(Rows rows, Shard& shard, Workspace& workspace) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    const auto cells = static_cast<std::size_t>(shard.rows());
    scratch.reals.resize(cells * members_.size());
    scratch.ranks.resize(cells * members_.size());
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      own.interest = block(scratch.reals, m, shard.rows(), 1);
      own.rank = block(scratch.ranks, m, shard.rows(), 1);
      members_[m].model->measure(rows, own, *scratch.members[m]);
    }
    std::vector<std::int32_t> ranks(members_.size());
    for (const std::int32_t row : rows) {
      const auto cell = static_cast<std::size_t>(row);
      shard.interest(row) =
          log_mean(members_.size(), [&](std::size_t m) { return scratch.reals[m * cells + cell]; });
      for (std::size_t m = 0; m < ranks.size(); ++m) ranks[m] = scratch.ranks[m * cells + cell];
      shard.rank(row) = median_rank(ranks);
    }
  }

  void copy_state(Rows from, Rows to, Shard& shard, Workspace& workspace) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      members_[m].model->copy_state(from, to, own, *scratch.members[m]);
    }
  }

  void propose(Rows rows, Shard& shard, Workspace& workspace, View<ItemId> out) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    const auto count = static_cast<std::int32_t>(rows.size());
    const std::size_t cells = rows.size() * static_cast<std::size_t>(out.width());
    std::vector<ItemId> proposed(cells * members_.size());
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Shard own = shard_of(shard, m);
      members_[m].model->propose(rows, own, *scratch.members[m], block(proposed, m, count, out.width()));
    }
    std::vector<std::int32_t> taken(static_cast<std::size_t>(spec_.items) + 1, -1);  // the row that has it
    for (std::int32_t i = 0; i < count; ++i) {
      const std::span<ItemId> to = out.row(i);
      std::ranges::fill(to, no_item);
      std::size_t filled = 0;
      for (std::size_t k = 0; k < members_.size() * to.size() && filled < to.size(); ++k) {
        const auto place = static_cast<std::int32_t>(k / members_.size());
        const ItemId item = block(proposed, k % members_.size(), count, out.width())(i, place);
        if (item == no_item || std::exchange(taken[static_cast<std::size_t>(item)], i) == i) continue;
        to[filled++] = item;
      }
    }
  }

  void score_paths(const PathQuery& query, const PathScores& out, Workspace& workspace) const override;

 protected:
  /// The workspace, whose parts belong to the shard from now on.
  static EnsembleWorkspace& claim(Workspace& workspace, const Shard& shard) {
    auto& own = static_cast<EnsembleWorkspace&>(workspace);
    if (own.owner != shard.index) disown(own);
    own.owner = shard.index;
    return own;
  }
  static void disown(EnsembleWorkspace& workspace) {
    for (const auto& member : workspace.members) member->owner = -1;
  }
  /// The shard as one member sees it: its own columns of the state, everything else shared.
  Shard shard_of(const Shard& shard, std::size_t m) const {
    Shard own = shard;
    const View<float> all = shard.user_state;
    own.user_state = View<float>(all.data() + members_[m].first, all.rows(),
                                 members_[m].model->spec().state_width, all.stride());
    return own;
  }
  const std::vector<Member>& members() const { return members_; }

 private:
  /// The read-outs of member m, made when the first member that reads alike asks.
  View<const float> read(std::size_t m, Rows rows, View<const ItemId> history, View<const std::int32_t> size,
                         EnsembleWorkspace& scratch) const {
    const std::size_t by = members_[m].reads_with;
    const HistoryReader& reader = *members_[by].reader;
    std::vector<float>& values = scratch.readouts[by];
    const auto floats =
        static_cast<std::size_t>(history.rows()) * static_cast<std::size_t>(reader.readout_width());
    if (values.size() < floats) values.resize(floats);
    const View<float> readouts(values.data(), history.rows(), reader.readout_width());
    if (by == m) reader.read(rows, history, size, readouts, *scratch.members[by]);
    return readouts;
  }

  std::vector<Member> members_;
  UserModelSpec spec_;
};

/// What all members say about every cell of the outputs that are wanted.
void Ensemble::score_paths(const PathQuery& query, const PathScores& out, Workspace& workspace) const {
  auto& scratch = static_cast<EnsembleWorkspace&>(workspace);
  scratch.owner = -1;
  disown(scratch);
  const auto prompts = static_cast<std::int32_t>(query.target.size());
  const std::int32_t paths = query.items.rows(), length = query.items.width();
  const auto cells = static_cast<std::size_t>(paths) * static_cast<std::size_t>(length);
  const std::size_t count = members_.size();
  const bool accepts = !out.acceptance.empty() || !out.acceptance_deviation.empty();
  const bool measures = !out.interest.empty() || !out.interest_deviation.empty();
  if (accepts) scratch.reals.resize(cells * count);
  if (measures) scratch.more_reals.resize(cells * count);
  if (!out.rank.empty()) scratch.ranks.resize(cells * count);
  std::vector<float> start_interest(out.start_interest.size() * count);
  std::vector<std::int32_t> start_rank(out.start_rank.size() * count);
  std::vector<std::int32_t> all(query.target.size());
  std::iota(all.begin(), all.end(), 0);
  const View<const std::int32_t> sizes(query.history_size.data(), prompts, 1);
  for (std::size_t m = 0; m < count; ++m) {
    PathScores own;
    if (accepts) own.acceptance = block(scratch.reals, m, paths, length);
    if (measures) own.interest = block(scratch.more_reals, m, paths, length);
    if (!out.rank.empty()) own.rank = block(scratch.ranks, m, paths, length);
    own.start_interest =
        std::span(start_interest).subspan(m * out.start_interest.size(), out.start_interest.size());
    own.start_rank = std::span(start_rank).subspan(m * out.start_rank.size(), out.start_rank.size());
    if (members_[m].reader == nullptr) {
      members_[m].model->score_paths(query, own, *scratch.members[m]);
    } else {
      members_[m].reader->score_read(read(m, all, query.history, sizes, scratch), query, own);
    }
  }

  std::vector<std::int32_t> ranks(count);
  for (std::int32_t path = 0; path < paths; ++path) {
    for (std::int32_t k = 0; k < query.length[static_cast<std::size_t>(path)]; ++k) {
      const auto cell =
          static_cast<std::size_t>(path) * static_cast<std::size_t>(length) + static_cast<std::size_t>(k);
      const auto acceptance = [&](std::size_t m) { return scratch.reals[m * cells + cell]; };
      const auto interest = [&](std::size_t m) { return scratch.more_reals[m * cells + cell]; };
      if (accepts) {
        const Moments found = moments(count, acceptance);
        if (!out.acceptance.empty()) out.acceptance(path, k) = static_cast<float>(found.mean);
        if (!out.acceptance_deviation.empty()) {
          out.acceptance_deviation(path, k) = static_cast<float>(found.deviation);
        }
      }
      if (!out.interest.empty()) out.interest(path, k) = log_mean(count, interest);
      if (!out.interest_deviation.empty()) {
        out.interest_deviation(path, k) = static_cast<float>(moments(count, interest).deviation);
      }
      if (!out.rank.empty()) {
        for (std::size_t m = 0; m < count; ++m) ranks[m] = scratch.ranks[m * cells + cell];
        out.rank(path, k) = median_rank(ranks);
      }
    }
  }
  for (std::size_t p = 0; p < out.start_interest.size(); ++p) {
    const std::size_t stride = out.start_interest.size();
    out.start_interest[p] = log_mean(count, [&](std::size_t m) { return start_interest[m * stride + p]; });
  }
  for (std::size_t p = 0; p < out.start_rank.size(); ++p) {
    for (std::size_t m = 0; m < count; ++m) ranks[m] = start_rank[m * out.start_rank.size() + p];
    out.start_rank[p] = median_rank(ranks);
  }
}

/// One whose members all say what comes next.
class ChoosingEnsemble final : public Ensemble, public NextItemChooser {
 public:
  using Ensemble::Ensemble;

  /// A draw from the mixture: the uniform number names the member, what is left of it that member's item.
  void draw_next(Rows rows, const Shard& shard, Workspace& workspace, View<const ItemId> excluded,
                 std::span<const float> uniforms, std::span<ItemId> out) const override {
    EnsembleWorkspace& scratch = claim(workspace, shard);
    const auto count = static_cast<double>(members().size());
    const auto member_of = [&](std::size_t i) { return static_cast<std::size_t>(uniforms[i] * count); };
    for (std::size_t m = 0; m < members().size(); ++m) {
      std::vector<std::int32_t> own_rows;
      std::vector<std::size_t> places;
      std::vector<float> rest;
      std::vector<ItemId> shut;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (member_of(i) != m) continue;
        own_rows.push_back(rows[i]);
        places.push_back(i);
        rest.push_back(static_cast<float>(double{uniforms[i]} * count - static_cast<double>(m)));
        if (excluded.empty()) continue;
        const auto row = excluded.row(static_cast<std::int32_t>(i));
        shut.insert(shut.end(), row.begin(), row.end());
      }
      if (own_rows.empty()) continue;
      std::vector<ItemId> drawn(own_rows.size());
      const Shard own = shard_of(shard, m);
      const View<const ItemId> own_excluded(shut.data(), static_cast<std::int32_t>(own_rows.size()),
                                            excluded.empty() ? 0 : excluded.width());
      members()[m].chooser->draw_next(own_rows, own, *scratch.members[m], own_excluded, rest, drawn);
      for (std::size_t i = 0; i < places.size(); ++i) out[places[i]] = drawn[i];
    }
  }
};

}  // namespace

std::int32_t median_rank(std::span<std::int32_t> ranks) {
  std::ranges::sort(ranks);
  const std::int32_t high = ranks[ranks.size() / 2], low = ranks[(ranks.size() - 1) / 2];
  return low + (high - low + 1) / 2;
}

std::unique_ptr<UserModel> make_ensemble(std::vector<std::shared_ptr<const UserModel>> models) {
  const auto reject = [](const std::string& found, const std::string& expected) {
    throw ConfigError({.file = {}, .line = 0, .field = "ensemble"}, {found, expected, {}});
  };
  if (models.empty()) reject("no member", "at least one");
  std::vector<Member> members;
  bool all_choose = true;
  for (std::shared_ptr<const UserModel>& model : models) {
    if (model == nullptr) reject("a member without a model", "a user model");
    const UserModelSpec& spec = model->spec();
    if (spec.members > 1) reject("a member that is an ensemble itself", "its members");
    if (!members.empty() && spec.items != members.front().model->spec().items) {
      reject("a " + spec.kind + " member of " + std::to_string(spec.items) + " items",
             std::to_string(members.front().model->spec().items) + " items like the first member");
    }
    Member member{.model = std::move(model), .reads_with = members.size()};
    member.reader = dynamic_cast<const HistoryReader*>(member.model.get());
    member.chooser = dynamic_cast<const NextItemChooser*>(member.model.get());
    all_choose = all_choose && member.chooser != nullptr;
    for (std::size_t m = 0; m < members.size() && member.reader != nullptr; ++m) {
      const bool alike =
          members[m].reader != nullptr && members[m].reader->reader_id() == member.reader->reader_id();
      if (alike) member.reads_with = std::min(member.reads_with, m);
    }
    members.push_back(std::move(member));
  }
  if (all_choose) return std::make_unique<ChoosingEnsemble>(std::move(members));
  return std::make_unique<Ensemble>(std::move(members));
}

}  // namespace veer
