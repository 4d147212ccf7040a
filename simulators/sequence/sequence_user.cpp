#include "simulators/sequence/sequence_user.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/nn/inference/left_padded_paths.h"
#include "env/nn/inference/sequence_workspace.h"
#include "simulators/next_item.h"

namespace veer {
namespace {

float sigmoid(float x) noexcept { return 1.0F / (1.0F + std::exp(-x)); }

class SequenceUser : public UserModel, public NextItemChooser {
 public:
  SequenceUser(const nn::SequenceModel& model, nn::Kernels kernels)
      : encoder_(model, kernels), scorer_(model, kernels) {
    const nn::SequenceConfig& config = model.config();
    spec_ = {.kind = config.kind,
             .items = config.items,
             .state_width = encoder_.state_width(),
             .positions = config.positions,
             .modifiers = {}};
  }

  const UserModelSpec& spec() const noexcept override { return spec_; }

  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return std::make_unique<nn::SequenceWorkspace>(encoder_.make_cache(shape.rows, shape.history_capacity));
  }
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    return encoder_.cache_bytes(shape.rows, shape.history_capacity);
  }

  void begin(Rows rows, Shard& shard, Workspace& workspace) const override {
    encoder_.begin(rows, shard.history, shard.history_size, shard.user_state, cache_of(workspace, shard));
  }

  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const StepKey key = shard.key(row);
      const std::span<const float> readout = shard.user_state.row(row);
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const ItemId item = shard.items(row, slot);
        const float p = item == no_item ? 0.0F : sigmoid(scorer_.logit(readout, item));
        const bool yes = uniform(key, Stream::choice, static_cast<std::uint32_t>(slot)) < p;
        shard.probability(row, slot) = p;
        shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
      }
    }
  }

  void advance(Rows rows, Shard& shard, Workspace& workspace) const override {
    std::vector<std::int32_t> added;
    added.reserve(rows.size());
    for (const std::int32_t row : rows) {
      std::int32_t count = 0;
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const bool accepted = (shard.feedback(row, slot) & feedback::accepted) != 0;
        if (accepted && shard.items(row, slot) != no_item) ++count;
      }
      added.push_back(std::min(count, shard.history_size(row)));
    }
    encoder_.advance(rows, shard.history, shard.history_size, added, shard.user_state,
                     cache_of(workspace, shard));
  }

  void measure(Rows rows, Shard& shard, Workspace&) const override {
    const std::vector<float> readouts = gather(rows, shard);
    std::vector<ItemId> target;
    for (const std::int32_t row : rows) target.push_back(shard.target(row));
    std::vector<float> interest(rows.size());
    std::vector<std::int32_t> rank(rows.size());
    scorer_.measure(packed(readouts, rows.size()), target, interest, rank);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      shard.interest(rows[i]) = interest[i];
      shard.rank(rows[i]) = rank[i];
    }
  }

  void copy_state(Rows from, Rows to, Shard& shard, Workspace& workspace) const override {
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::ranges::copy(shard.user_state.row(from[i]), shard.user_state.row(to[i]).begin());
    }
    encoder_.copy(from, to, cache_of(workspace, shard));
  }

  void propose(Rows rows, Shard& shard, Workspace&, View<ItemId> out) const override {
    std::vector<float> readouts = gather(rows, shard);
    const auto width = static_cast<std::size_t>(scorer_.width());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const ItemId target = shard.target(rows[i]);
      if (target == no_item) continue;
      const std::span<float> readout(readouts.data() + i * width, width);
      const std::span<const float> goal = scorer_.item_vector(target);
      const float own = inverse_length(readout), towards = inverse_length(goal);
      for (std::size_t c = 0; c < width; ++c) readout[c] = readout[c] * own + goal[c] * towards;
    }
    scorer_.best(packed(readouts, rows.size()), {}, out);
  }

  void draw_next(Rows rows, const Shard& shard, Workspace&, View<const ItemId> excluded,
                 std::span<const float> uniforms, std::span<ItemId> out) const override {
    const std::vector<float> readouts = gather(rows, shard);
    std::vector<float> log_prob(rows.size());
    scorer_.pick(packed(readouts, rows.size()), excluded, uniforms, out, log_prob);
  }

  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override;
  std::size_t scoring_bytes(std::int32_t paths, std::int32_t history,
                            std::int32_t path_length) const noexcept override {
    return encoder_.path_bytes(paths, history, path_length);
  }

 protected:
  virtual nn::PathReadouts read_paths(const PathQuery& query) const { return encoder_.read_paths(query); }

 private:
  static nn::SequenceCache& cache_of(Workspace& workspace, const Shard& shard) {
    return static_cast<nn::SequenceWorkspace&>(workspace).cache(shard.index);
  }
  /// 1 / |v|, or 0 for the zero vector.
  static float inverse_length(std::span<const float> v) {
    double sum = 0.0;
    for (const float x : v) sum += double{x} * x;
    return sum > 0.0 ? static_cast<float>(1.0 / std::sqrt(sum)) : 0.0F;
  }
  std::vector<float> gather(Rows rows, const Shard& shard) const {
    const auto width = static_cast<std::size_t>(scorer_.width());
    std::vector<float> readouts;
    readouts.reserve(rows.size() * width);
    for (const std::int32_t row : rows) {
      const auto readout = shard.user_state.row(row).first(width);
      readouts.insert(readouts.end(), readout.begin(), readout.end());
    }
    return readouts;
  }
  View<const float> packed(const std::vector<float>& readouts, std::size_t rows) const {
    return {readouts.data(), static_cast<std::int32_t>(rows), scorer_.width()};
  }

  nn::SequenceEncoder encoder_;
  nn::CatalogueScorer scorer_;
  UserModelSpec spec_;
};

void SequenceUser::score_paths(const PathQuery& query, const PathScores& out, Workspace&) const {
  const nn::PathReadouts readouts = read_paths(query);
  const std::size_t prompts = query.history_size.size();
  std::vector<ItemId> target(query.target.begin(), query.target.end());
  target.resize(static_cast<std::size_t>(readouts.rows()));
  for (std::size_t path = 0; path < query.prompt.size(); ++path) {
    const std::int32_t end = path + 1 < query.prompt.size() ? readouts.first[path + 1] : readouts.rows();
    const ItemId wanted = query.target[static_cast<std::size_t>(query.prompt[path])];
    std::fill(target.begin() + readouts.first[path], target.begin() + end, wanted);
  }
  std::vector<float> interest(target.size());
  std::vector<std::int32_t> rank(target.size());
  const View<const float> rows = readouts.view();
  const bool measures =
      !out.interest.empty() || !out.rank.empty() || !out.start_interest.empty() || !out.start_rank.empty();
  if (measures) scorer_.measure(rows, target, interest, rank);
  if (!out.start_interest.empty()) std::copy_n(interest.begin(), prompts, out.start_interest.begin());
  if (!out.start_rank.empty()) std::copy_n(rank.begin(), prompts, out.start_rank.begin());
  for (std::size_t path = 0; path < query.prompt.size(); ++path) {
    const auto row = static_cast<std::int32_t>(path);
    std::int32_t at = query.prompt[path];  // the read-out before the item
    std::int32_t accepted = 0;
    for (std::int32_t k = 0; k < query.length[path]; ++k) {
      const ItemId item = query.items(row, k);
      if (!out.acceptance.empty()) {
        out.acceptance(row, k) = item == no_item ? 0.0F : sigmoid(scorer_.logit(rows.row(at), item));
      }
      const bool yes = query.accepted.empty() || (query.accepted(row, k) & feedback::accepted) != 0;
      if (yes && item != no_item) at = readouts.row(path, ++accepted);
      if (!out.interest.empty()) out.interest(row, k) = interest[static_cast<std::size_t>(at)];
      if (!out.rank.empty()) out.rank(row, k) = rank[static_cast<std::size_t>(at)];
    }
  }
}

class LeftPaddedUser final : public SequenceUser {
 public:
  explicit LeftPaddedUser(const nn::SequenceModel& model)
      : SequenceUser(model, nn::Kernels::automatic), model_(model) {
    if (model.config().kind != "sasrec") {
      throw ConfigError(Where{{}, 0, "left padding"},
                        Problem{"a network of kind " + model.config().kind, "sasrec",
                                "the released trainer reads no other network so"});
    }
  }

 private:
  nn::PathReadouts read_paths(const PathQuery& query) const override {
    return nn::read_left_padded_paths(model_, query);
  }

  nn::SequenceModel model_;
};

}  // namespace

std::unique_ptr<UserModel> make_left_padded_user(nn::SequenceModel model) {
  return std::make_unique<LeftPaddedUser>(model);
}

std::unique_ptr<UserModel> make_sequence_user(nn::SequenceModel model, nn::Kernels kernels) {
  return std::make_unique<SequenceUser>(model, kernels);
}

}  // namespace veer
