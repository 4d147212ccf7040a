#include "agents/guidance/path_planner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "agents/baselines/seen_items.h"
#include "env/error.h"

namespace veer {
namespace {

/// Keys the noise of planning apart from the noise of the world: a planner must not foresee it.
constexpr std::uint64_t planning_seed = 0x706C616E6E696E67ULL;

/// Below this p(accept) counts as this: one item that surely is refused must not make all other differences
/// vanish.
constexpr double smallest_probability = 1e-12;

void check(bool holds, const PathPlannerOptions& options, const char* field, const std::string& found,
           const char* expected) {
  if (holds) return;
  throw ConfigError({.file = {}, .line = 0, .field = "policy " + options.name + ", " + field},
                    {.found = found, .expected = expected, .hint = {}});
}

std::vector<std::int32_t> row_range(std::int32_t first, std::size_t count) {
  std::vector<std::int32_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

constexpr std::int32_t round_up(std::int32_t rows) { return (rows + 31) / 32 * 32; }

}  // namespace

/// A path that is still being extended. Its state is a row of the private batch.
struct PathPlanner::Beam {
  std::vector<ItemId> items;
  double score = 0.0;
  double acceptance = 0.0;  ///< sum over the items
};

/// One more item at the end of a beam.
struct PathPlanner::Candidate {
  std::int32_t beam = 0;
  ItemId item = no_item;
  float interest = 0.0F;    ///< ln p(target) afterwards
  double acceptance = 0.0;  ///< sum over the items, this one included
  double score = 0.0;
};

/// Rows 0..width-1 and width..2 width-1 hold the beams in turn; the rest takes candidates.
struct PathPlanner::Scratch : SeenWorkspace {
  Scratch(std::int32_t items, const BatchShape& shape, std::unique_ptr<Workspace> for_model)
      : SeenWorkspace(items), batch(shape, 0), user(std::move(for_model)), shard(batch.shard(0)) {}

  Batch batch;
  std::unique_ptr<Workspace> user;
  Shard shard;
  std::vector<ItemId> proposals;
  std::vector<Candidate> candidates;
};

PathPlannerOptions greedy_reward_options() {
  PathPlannerOptions options;
  options.name = "greedy_reward";
  options.width = 1;
  options.lookahead = 1;
  return options;
}

PathPlanner::PathPlanner(const UserModel& model, const EnvSpec& world, const PathPlannerOptions& options)
    : model_(model), world_(world), options_(options) {
  check_sizes(options.name, world.items, world.horizon);
  check(world.slots == 1 && world.reals == 0, options, "world",
        std::to_string(world.slots) + " items and " + std::to_string(world.reals) + " reals per step",
        "a world that shows one item per step");
  check(model.spec().items == world.items, options, "planning model",
        "a model of " + std::to_string(model.spec().items) + " items",
        "the catalogue of the world; fit the model on the same data set");
  check(options.width >= 1 && options.width <= 65536, options, "width", std::to_string(options.width),
        "1 to 65536");
  check(options.shortlist >= 0, options, "m", std::to_string(options.shortlist), "at least 1, or all");
  check(options.lookahead >= 0, options, "lookahead", std::to_string(options.lookahead), "at least 0");
  check(options.chunk_rows >= 1, options, "chunk", std::to_string(options.chunk_rows), "at least 1");
  check(std::isfinite(options.interest_weight) && std::isfinite(options.acceptance_weight), options,
        "weights", "a weight that is not finite", "finite weights");
  check(options.modifiers.empty() || options.modifiers.size() == world.modifiers.size(), options, "modifiers",
        std::to_string(options.modifiers.size()) + " values", "one per modifier of the world, or none");
  if (options_.shortlist >= world.items) options_.shortlist = 0;
  spec_ = {.name = options.name,
           .action = ActionKind::path,
           .width = options.lookahead == 0 ? world.horizon : std::min(options.lookahead, world.horizon),
           .state_width = world.horizon,
           .closed_loop = options.closed_loop};
}

/// Of the private batch: two sets of beams and the candidates under way.
WorkspaceShape PathPlanner::model_shape() const noexcept {
  return {.rows = round_up(2 * options_.width + options_.chunk_rows),
          .history_capacity = world_.history_capacity,
          .slots = 1,
          .horizon = world_.horizon};
}

std::size_t PathPlanner::working_bytes(const WorkspaceShape&) const noexcept {
  return model_.cache_bytes(model_shape());
}

std::unique_ptr<Workspace> PathPlanner::make_workspace(const WorkspaceShape&) const {
  const std::int32_t rows = model_shape().rows;
  const BatchShape shape{.rows = rows,
                         .shard_rows = rows,
                         .history_capacity = world_.history_capacity,
                         .slots = 1,
                         .reals = 0,
                         .features = world_.features,
                         .user_state = model_.spec().state_width,
                         .policy_state = 0,
                         .plan = 0,
                         .modifiers = static_cast<std::int32_t>(world_.modifiers.size()),
                         .reward_terms = 0};
  auto for_model = model_.make_workspace(model_shape());
  auto scratch = std::make_unique<Scratch>(world_.items, shape, std::move(for_model));
  for (std::int32_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < world_.modifiers.size(); ++k) {
      scratch->shard.modifiers(row, static_cast<std::int32_t>(k)) =
          options_.modifiers.empty() ? 1.0F : options_.modifiers[k];
    }
  }
  return scratch;
}

void PathPlanner::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  for (const std::int32_t row : rows) {
    actions.log_prob(row) = 0.0F;
    actions.plan_size(row) = 0;
    if (seen.active(row) == 0) continue;
    const std::vector<ItemId> items = plan(row, seen, state);
    actions.plan_size(row) = static_cast<std::int32_t>(items.size());
    for (std::size_t k = 0; k < items.size(); ++k) {
      actions.items(row, static_cast<std::int32_t>(k)) = items[k];
      remember_shown(row, seen, state, items[k], static_cast<std::int32_t>(k));
    }
  }
}

/// Puts what is observed of a row into row 0 of the private batch.
void PathPlanner::load(std::int32_t row, const Observation& seen, Scratch& scratch) const {
  Shard& shard = scratch.shard;
  shard.seed = seen.seed ^ planning_seed;
  shard.episode(0) = seen.episode(row);
  shard.step(0) = seen.step(row);
  shard.active(0) = 1;
  shard.user(0) = seen.user(row);
  shard.target(0) = seen.target(row);
  std::ranges::copy(seen.history.row(row), shard.history.row(0).begin());
  shard.history_size(0) = seen.history_size(row);
  std::ranges::copy(seen.features.row(row), shard.features.row(0).begin());
}

/// Fills scratch.candidates, beam by beam. The beams stand in rows first_row, first_row + 1, ...
void PathPlanner::shortlist(const std::vector<Beam>& beams, std::int32_t first_row, Scratch& scratch) const {
  scratch.candidates.clear();
  SeenItems& seen = scratch.seen;
  // Wide enough that `shortlist` items are left when all that may not be shown again are dropped.
  std::int32_t width = 0;
  if (options_.shortlist > 0) {
    const std::int64_t wanted =
        std::int64_t{options_.shortlist} + world_.history_capacity + world_.horizon + 1;
    width = static_cast<std::int32_t>(std::min<std::int64_t>(wanted, world_.items));
    scratch.proposals.assign(beams.size() * static_cast<std::size_t>(width), no_item);
    const View<ItemId> out(scratch.proposals.data(), static_cast<std::int32_t>(beams.size()), width);
    model_.propose(row_range(first_row, beams.size()), scratch.shard, *scratch.user, out);
  }
  for (std::size_t b = 0; b < beams.size(); ++b) {
    std::vector<ItemId> added;
    for (const ItemId item : beams[b].items) {
      if (seen.contains(item)) continue;
      seen.add(item);
      added.push_back(item);
    }
    const auto take = [&](ItemId item) {
      if (item == no_item || seen.contains(item)) return false;
      scratch.candidates.push_back({.beam = static_cast<std::int32_t>(b), .item = item});
      return true;
    };
    if (options_.shortlist == 0) {
      for (ItemId item = 1; item <= world_.items; ++item) take(item);
    } else {
      const ItemId* proposed = scratch.proposals.data() + b * static_cast<std::size_t>(width);
      std::int32_t taken = 0;
      for (std::int32_t k = 0; k < width && taken < options_.shortlist; ++k)
        taken += take(proposed[k]) ? 1 : 0;
    }
    for (const ItemId item : added) seen.remove(item);
  }
}

/// Carries candidates through the model into rows first_row, first_row + 1, ...; beams stand from row
/// first_parent on. With `score`, notes the interest afterwards and adds the acceptance score of the item.
void PathPlanner::extend(std::int32_t first_parent, std::int32_t first_row, std::span<Candidate> candidates,
                         bool score, Scratch& scratch) const {
  Shard& shard = scratch.shard;
  const std::vector<std::int32_t> rows = row_range(first_row, candidates.size());
  std::vector<std::int32_t> parents(candidates.size());
  std::ranges::transform(candidates, parents.begin(),
                         [&](const Candidate& c) { return first_parent + c.beam; });
  copy_rows(shard, parents, rows);
  model_.copy_state(parents, rows, shard, *scratch.user);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t row = rows[i];
    const std::int32_t size = shard.history_size(row);
    shard.items(row) = candidates[i].item;
    shard.last_item(row) = size > 0 ? shard.history(row, size - 1) : no_item;
    shard.interest_before(row) = shard.interest(row);
    shard.rank_before(row) = shard.rank(row);
    shard.probability(row) = 1.0F;
  }
  const bool reads_acceptance = score && options_.acceptance_weight != 0.0;
  if (reads_acceptance) model_.choose(rows, shard, *scratch.user);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t row = rows[i];
    if (reads_acceptance) {
      const double p = double{shard.probability(row)};
      candidates[i].acceptance +=
          options_.acceptance == AcceptanceScore::mean_log ? std::log(std::max(p, smallest_probability)) : p;
    }
    shard.feedback(row) = feedback::accepted;
    append_history(shard, row, candidates[i].item);
  }
  model_.advance(rows, shard, *scratch.user);
  if (score) model_.measure(rows, shard, *scratch.user);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (score) candidates[i].interest = shard.interest(rows[i]);
    ++shard.step(rows[i]);
  }
}

double PathPlanner::score_of(const Candidate& candidate, double start_interest, std::size_t length) const {
  const double gained = double{candidate.interest} - start_interest;
  const double score = options_.interest_weight * gained +
                       options_.acceptance_weight * candidate.acceptance / static_cast<double>(length);
  return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
}

std::vector<ItemId> PathPlanner::plan(std::int32_t row, const Observation& seen,
                                      const PolicyState& state) const {
  auto& scratch = static_cast<Scratch&>(state.workspace);
  scratch.seen.collect(row, seen, state);
  if (!options_.allow_target) scratch.seen.add(seen.target(row));
  load(row, seen, scratch);
  const std::vector<std::int32_t> first{0};
  model_.begin(first, scratch.shard, *scratch.user);
  model_.measure(first, scratch.shard, *scratch.user);
  const double start_interest = double{scratch.shard.interest(0)};

  const std::int32_t left = std::max(1, world_.horizon - static_cast<std::int32_t>(seen.step(row)));
  const std::int32_t depth = std::min(left, spec_.width);
  const std::int32_t candidate_row = 2 * options_.width;
  const auto chunk = static_cast<std::size_t>(scratch.shard.rows() - candidate_row);

  std::vector<Beam> beams(1);
  Beam best;  // of all depths, for may_stop
  std::int32_t bank = 0;
  for (std::int32_t step = 0; step < depth; ++step) {
    shortlist(beams, bank, scratch);
    std::vector<Candidate>& candidates = scratch.candidates;
    if (candidates.empty()) break;
    for (Candidate& c : candidates) c.acceptance = beams[static_cast<std::size_t>(c.beam)].acceptance;
    for (std::size_t done = 0; done < candidates.size(); done += chunk) {
      const std::size_t count = std::min(chunk, candidates.size() - done);
      extend(bank, candidate_row, std::span(candidates).subspan(done, count), true, scratch);
    }
    const auto length = static_cast<std::size_t>(step) + 1;
    for (Candidate& c : candidates) c.score = score_of(c, start_interest, length);

    const std::size_t kept = std::min(candidates.size(), static_cast<std::size_t>(options_.width));
    const auto better = [](const Candidate& a, const Candidate& b) {
      return std::tuple(-a.score, a.beam, a.item) < std::tuple(-b.score, b.beam, b.item);
    };
    std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(kept), better);
    candidates.resize(kept);

    std::vector<Beam> extended(kept);
    for (std::size_t b = 0; b < kept; ++b) {
      const Candidate& c = candidates[b];
      extended[b] = {beams[static_cast<std::size_t>(c.beam)].items, c.score, c.acceptance};
      extended[b].items.push_back(c.item);
    }
    if (step + 1 < depth) {
      const std::int32_t other = options_.width - bank;
      extend(bank, other, candidates, false, scratch);
      bank = other;
    }
    beams = std::move(extended);
    if (beams.front().score > best.score) best = beams.front();
  }
  return options_.may_stop ? best.items : beams.front().items;
}

}  // namespace veer
