#include "agents/hierarchy/manager_worker.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer::hierarchy {
namespace {

constexpr std::int32_t goal_candidates = 10;
constexpr float candidate_deviation = 0.5F;  ///< HIRO: half the reach of a goal

std::int32_t seen_width(const HierarchyOptions& o) { return 2 * o.dimensions + 1; }

Td3Options worker_options(const HierarchyOptions& o) {
  return {.state = seen_width(o) + (o.has_manager ? o.dimensions : 0),
          .action = o.dimensions,
          .hidden = o.hidden,
          .rate = o.rate};
}
Td3Options manager_options(const HierarchyOptions& o) {
  return {.state = seen_width(o), .action = o.dimensions, .hidden = o.hidden, .rate = o.rate};
}

void check_hierarchy(const HierarchyOptions& o) {
  const auto check = [](const char* field, double value, bool fits, const char* expected) {
    if (fits) return;
    throw ConfigError({{}, 0, std::string("hierarchy: ") + field}, {std::to_string(value), expected, ""});
  };
  check("dimensions", o.dimensions, o.dimensions >= 2, "2 or more");
  check("span", o.span, o.span >= 1, "1 or more");
  check("hidden", o.hidden, o.hidden >= 1, "1 or more");
  check("batch", o.batch, o.batch >= 1, "1 or more");
  check("discount", double{o.discount}, o.discount >= 0.0F && o.discount < 1.0F, "0 up to, not with, 1");
  check("updates", o.updates, o.updates >= 0, "0 or more");
  check("remembered", o.remembered, o.remembered >= 1, "1 or more");
}

std::span<const float> part_of(const std::vector<float>& values, std::int32_t row, std::int32_t width) {
  return std::span(values).subspan(at(std::int64_t{row} * width), at(width));
}

void append(std::vector<float>& to, std::span<const float> values) {
  to.insert(to.end(), values.begin(), values.end());
}

class HierarchyPolicy final : public Policy {
 public:
  HierarchyPolicy(const HierarchyOptions& options, std::optional<Actor> manager, Actor worker, bool by_lot)
      : options_(options), manager_(std::move(manager)), worker_(std::move(worker)), by_lot_(by_lot) {
    spec_.name = options.has_manager ? "manager_worker" : "flat";
    spec_.action = ActionKind::vector;
    spec_.width = options.dimensions;
    spec_.state_width = options.has_manager ? 2 * options.dimensions : 0;  // goal, x when it was set
  }
  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    const std::size_t width = at(options_.dimensions);
    DenseNetwork::Pass pass;
    std::vector<float> input;
    for (const std::int32_t row : rows) {
      const std::span<const float> features = seen.features.row(row);
      const StepKey key = seen.key(row);
      input.assign(features.begin(), features.end());
      if (manager_) {
        const std::span<float> goal = state.values.row(row).first(width);
        const std::span<float> before = state.values.row(row).subspan(width, width);
        if (key.step % static_cast<std::uint32_t>(options_.span) == 0) {
          manager_->act(features, goal, pass);
          explore(key, mode, 0, goal);
        } else {
          move_goal(before, features.first(width), goal);
        }
        std::ranges::copy(features.first(width), before.begin());
        append(input, goal);
      }
      const std::span<float> direction = actions.reals.row(row);
      worker_.act(input, direction, pass);
      explore(key, mode, options_.dimensions, direction);
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  void explore(const StepKey& key, Mode mode, std::int32_t lane, std::span<float> action) const {
    if (mode != Mode::sample) return;
    for (std::size_t d = 0; d < action.size(); ++d) {
      const auto own = static_cast<std::uint32_t>(lane) + static_cast<std::uint32_t>(d);
      const float moved = by_lot_ ? 2.0F * uniform(key, Stream::explore, own) - 1.0F
                                  : action[d] + options_.exploration * normal(key, Stream::explore, own);
      action[d] = std::clamp(moved, -1.0F, 1.0F);
    }
  }

  PolicySpec spec_;
  HierarchyOptions options_;
  std::optional<Actor> manager_;
  Actor worker_;
  bool by_lot_;
};

}  // namespace

void move_goal(std::span<const float> before, std::span<const float> after, std::span<float> goal) noexcept {
  for (std::size_t d = 0; d < goal.size(); ++d) goal[d] += before[d] - after[d];
}

std::int32_t flat_width_like(const HierarchyOptions& options) {
  HierarchyOptions whole = options, flat = options;
  whole.has_manager = true;
  flat.has_manager = false;
  const auto wanted = static_cast<std::int64_t>(HierarchyLearner(whole, 1).parameters());
  std::int32_t best = 1;
  std::int64_t least = wanted;
  for (std::int32_t hidden = 1; hidden <= 4 * options.hidden; ++hidden) {
    flat.hidden = hidden;
    const std::int64_t off =
        std::abs(static_cast<std::int64_t>(Td3(worker_options(flat), 1, 0).parameters()) - wanted);
    if (off >= least) continue;
    least = off;
    best = hidden;
  }
  return best;
}

HierarchyLearner::HierarchyLearner(const HierarchyOptions& options, std::uint64_t seed)
    : options_((check_hierarchy(options), options)),
      seed_(seed),
      manager_(options.has_manager ? std::optional(Td3(manager_options(options), seed, 1)) : std::nullopt),
      worker_(worker_options(options), seed, 0) {}

std::size_t HierarchyLearner::parameters() const noexcept {
  return worker_.parameters() + (manager_ ? manager_->parameters() : 0);
}

void HierarchyLearner::remember(const TransitionSource& source) {
  std::vector<std::int64_t> all(at(source.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  Transitions found;
  source.gather(all, found);
  const std::int32_t width = options_.dimensions, memory = options_.has_manager ? 2 * width : 0;
  if (found.features != seen_width(options_) || found.reals != width || found.policy_state != memory ||
      found.reward_terms < 1) {
    throw ConfigError(
        {{}, 0, "hierarchy"},
        {std::to_string(found.features) + " features and " + std::to_string(found.reals) + " reals",
         std::to_string(seen_width(options_)) + " and " + std::to_string(width),
         "the world has interests of another width"});
  }
  steps_ += found.count;
  std::map<EpisodeId, std::vector<std::int32_t>> by_episode;  // in the order of their steps
  for (std::int32_t i = 0; i < found.count; ++i) {
    std::vector<std::int32_t>& places = by_episode[found.episode[at(i)]];
    if (found.step[at(i)] == places.size()) places.push_back(i);
  }
  for (const auto& [id, places] : by_episode) {
    if (places.empty() || !has_ended(found.end[at(places.back())])) continue;
    Episode episode;
    episode.steps = static_cast<std::int32_t>(places.size());
    episode.terminated = is_terminated(found.end[at(places.back())]);
    for (const std::int32_t i : places) {
      append(episode.seen, part_of(found.observed, i, found.features));
      append(episode.direction, part_of(found.action_reals, i, width));
      if (memory > 0) append(episode.goal, part_of(found.memory, i, memory).first(at(width)));
      episode.reward.push_back(found.reward[at(i)]);
      episode.taken.push_back(found.terms[at(std::int64_t{i} * found.reward_terms)]);
    }
    append(episode.seen, part_of(found.next_observed, places.back(), found.features));
    if (std::ssize(episodes_) < options_.remembered) {
      episodes_.push_back(std::move(episode));
    } else {
      episodes_[at(next_ % options_.remembered)] = std::move(episode);
    }
    ++next_;
  }
}

Td3Batch HierarchyLearner::worker_batch(const StepKey& key) const {
  const std::int32_t width = options_.dimensions, seen = seen_width(options_);
  Td3Batch out{.count = options_.batch};
  for (std::int32_t i = 0; i < options_.batch; ++i) {
    const auto lane = static_cast<std::uint32_t>(2 * i);
    const Episode& e =
        episodes_[uniform_below(static_cast<std::uint32_t>(episodes_.size()), key, Stream::shuffle, lane)];
    const auto t = static_cast<std::int32_t>(
        uniform_below(static_cast<std::uint32_t>(e.steps), key, Stream::shuffle, lane + 1));
    const std::span<const float> now = part_of(e.seen, t, seen), next = part_of(e.seen, t + 1, seen);
    const std::span<const float> goal = part_of(e.goal, t, width);
    std::vector<float> after(goal.begin(), goal.end());
    move_goal(now.first(at(width)), next.first(at(width)), after);
    float squares = 0.0F;
    for (const float left : after) squares += left * left;
    append(out.state, now);
    append(out.state, goal);
    append(out.action, part_of(e.direction, t, width));
    append(out.next_state, next);
    append(out.next_state, after);
    out.gain.push_back(options_.take * e.taken[at(t)] - options_.closeness * std::sqrt(squares));
    out.discount.push_back(e.terminated && t + 1 == e.steps ? 0.0F : options_.discount);
  }
  return out;
}

Td3Batch HierarchyLearner::span_batch(const StepKey& key, double& replaced) const {
  const std::int32_t width = options_.dimensions, seen = seen_width(options_);
  Td3Batch out{.count = options_.batch};
  for (std::int32_t i = 0; i < options_.batch; ++i) {
    const auto lane = static_cast<std::uint32_t>(2 * i);
    const Episode& e =
        episodes_[uniform_below(static_cast<std::uint32_t>(episodes_.size()), key, Stream::shuffle, lane)];
    // The manager acts at the beginnings of spans, the flat agent at every step.
    const std::int32_t apart = manager_ ? options_.span : 1;
    const auto places = static_cast<std::uint32_t>((e.steps + apart - 1) / apart);
    const std::int32_t t =
        apart * static_cast<std::int32_t>(uniform_below(places, key, Stream::shuffle, lane + 1));
    const std::int32_t past = std::min(t + options_.span, e.steps);
    float gain = 0.0F, discount = 1.0F;
    for (std::int32_t k = t; k < past; ++k) {
      gain += discount * e.reward[at(k)];
      discount *= options_.discount;
    }
    append(out.state, part_of(e.seen, t, seen));
    append(out.next_state, part_of(e.seen, past, seen));
    out.gain.push_back(gain);
    out.discount.push_back(e.terminated && past == e.steps ? 0.0F : discount);
    if (!manager_) {
      append(out.action, part_of(e.direction, t, width));
      continue;
    }
    const std::vector<float> goal =
        relabelled_goal(e, t, {key.seed, key.episode, key.step * 4096U + static_cast<std::uint32_t>(i)});
    replaced += std::ranges::equal(goal, part_of(e.goal, t, width)) ? 0.0 : 1.0 / options_.batch;
    append(out.action, goal);
  }
  return out;
}

std::vector<float> HierarchyLearner::relabelled_goal(const Episode& episode, std::int32_t first,
                                                     const StepKey& draw) const {
  const std::int32_t width = options_.dimensions, seen = seen_width(options_);
  const std::int32_t past = std::min(first + options_.span, episode.steps);
  const std::span<const float> from = part_of(episode.seen, first, seen);
  const std::span<const float> to = part_of(episode.seen, past, seen);
  const std::span<const float> old = part_of(episode.goal, first, width);
  const Actor worker = worker_.actor();
  DenseNetwork::Pass pass;
  std::vector<float> best, goal(at(width)), candidate(at(width)), said(at(width)), input;
  double least = 0.0;
  for (std::int32_t c = 0; c < goal_candidates; ++c) {
    for (std::size_t d = 0; d < candidate.size(); ++d) {
      const auto lane = static_cast<std::uint32_t>(c * width) + static_cast<std::uint32_t>(d);
      const float noise = c < 2 ? 0.0F : candidate_deviation * normal(draw, Stream::negative, lane);
      candidate[d] = c == 0 ? old[d] : std::clamp(to[d] - from[d] + noise, -1.0F, 1.0F);
    }
    // The log-likelihood of normal actions around the worker's, but for what all candidates share.
    goal = candidate;
    double off = 0.0;
    for (std::int32_t t = first; t < past; ++t) {
      const std::span<const float> now = part_of(episode.seen, t, seen);
      if (t > first)
        move_goal(part_of(episode.seen, t - 1, seen).first(at(width)), now.first(at(width)), goal);
      input.assign(now.begin(), now.end());
      append(input, goal);
      worker.act(input, said, pass);
      const std::span<const float> did = part_of(episode.direction, t, width);
      for (std::size_t d = 0; d < said.size(); ++d)
        off += double{said[d] - did[d]} * double{said[d] - did[d]};
    }
    if (!best.empty() && off >= least) continue;
    least = off;
    best = candidate;
  }
  return best;
}

UpdateStats HierarchyLearner::update(const TransitionSource& source) {
  remember(source);
  if (steps_ < options_.warm_up || episodes_.empty()) return {};
  double worker_loss = 0.0, manager_loss = 0.0, replaced = 0.0;
  std::int32_t of_manager = 0;
  for (std::int32_t u = 0; u < options_.updates; ++u, ++updates_) {
    const StepKey key{seed_, 0, static_cast<std::uint32_t>(updates_)};
    if (!manager_) {
      worker_loss += worker_.update(span_batch(key, replaced));
      continue;
    }
    worker_loss += worker_.update(worker_batch(key));
    if (updates_ % options_.span != 0) continue;
    manager_loss += manager_->update(span_batch({seed_, 1, key.step}, replaced));
    ++of_manager;
  }
  UpdateStats out{{"critic_loss", worker_loss / std::max(1, options_.updates)}};
  if (of_manager > 0) {
    out["manager_loss"] = manager_loss / of_manager;
    out["relabelled"] = replaced / of_manager;
  }
  return out;
}

std::shared_ptr<const Policy> HierarchyLearner::snapshot() const {
  return std::make_shared<const HierarchyPolicy>(options_,
                                                 manager_ ? std::optional(manager_->actor()) : std::nullopt,
                                                 worker_.actor(), steps_ < options_.warm_up);
}

void HierarchyLearner::save(NamedArrays& out) const {
  worker_.save(out, "worker");
  if (manager_) manager_->save(out, "manager");
  Episode all;
  std::vector<std::int32_t> lengths;
  std::vector<std::uint8_t> terminated;
  for (const Episode& e : episodes_) {
    lengths.push_back(e.steps);
    terminated.push_back(e.terminated ? 1 : 0);
    append(all.seen, e.seen);
    append(all.direction, e.direction);
    append(all.goal, e.goal);
    append(all.reward, e.reward);
    append(all.taken, e.taken);
  }
  out.set<std::int32_t>("episodes/steps", lengths);
  out.set<std::uint8_t>("episodes/terminated", terminated);
  out.set<float>("episodes/seen", all.seen);
  out.set<float>("episodes/direction", all.direction);
  out.set<float>("episodes/goal", all.goal);
  out.set<float>("episodes/reward", all.reward);
  out.set<float>("episodes/taken", all.taken);
  out.set_scalar<std::int64_t>("next", next_);
  out.set_scalar<std::int64_t>("steps", steps_);
  out.set_scalar<std::int64_t>("updates", updates_);
}

void HierarchyLearner::load(const NamedArrays& from) {
  worker_.load(from, "worker");
  if (manager_) manager_->load(from, "manager");
  const std::span<const std::int32_t> lengths = from.get<std::int32_t>("episodes/steps");
  const std::span<const std::uint8_t> terminated = from.get<std::uint8_t>("episodes/terminated");
  std::map<std::string, std::span<const float>> left;
  for (const char* name : {"seen", "direction", "goal", "reward", "taken"}) {
    left[name] = from.get<float>(std::string("episodes/") + name);
  }
  const auto next_of = [&](const char* name, std::int64_t rows, std::int32_t width) {
    std::span<const float>& rest = left[name];
    const std::size_t count = at(rows) * at(width);
    if (rows < 0 || count > rest.size()) {
      throw FormatError({{}, 0, std::string("episodes/") + name},
                        {"fewer values than its episodes have", "all of them", "the file is damaged"});
    }
    const std::vector<float> taken(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
    rest = rest.subspan(count);
    return taken;
  };
  episodes_.clear();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    Episode e;
    e.steps = lengths[i];
    e.terminated = i < terminated.size() && terminated[i] != 0;
    e.seen = next_of("seen", std::int64_t{e.steps} + 1, seen_width(options_));
    e.direction = next_of("direction", e.steps, options_.dimensions);
    e.goal = next_of("goal", e.steps, manager_ ? options_.dimensions : 0);
    e.reward = next_of("reward", e.steps, 1);
    e.taken = next_of("taken", e.steps, 1);
    episodes_.push_back(std::move(e));
  }
  next_ = from.scalar<std::int64_t>("next");
  steps_ = from.scalar<std::int64_t>("steps");
  updates_ = from.scalar<std::int64_t>("updates");
}

}  // namespace veer::hierarchy
