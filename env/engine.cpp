#include "env/engine.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>

#include "env/error.h"
#include "env/loop/lanes.h"
#include "env/loop/lending_pool.h"
#include "env/loop/shard_diary.h"
#include "env/loop/stepper.h"
#include "env/runtime.h"

namespace veer {
namespace {

void check_fit(const Scenario& scenario, const PolicySpec& policy, const EngineOptions& options) {
  const EnvSpec& spec = scenario.spec();
  const auto fail = [](const std::string& where, const std::string& found, const std::string& expected) {
    throw ConfigError(Where{{}, 0, where}, Problem{found, expected, ""});
  };
  if (options.rows < 1) fail("rows in flight", std::to_string(options.rows), "at least 1");
  if (options.shard_rows < 32 || options.shard_rows % 32 != 0) {
    fail("shard rows", std::to_string(options.shard_rows), "a multiple of 32");
  }
  const UserModelSpec& users = scenario.users().spec();
  if (users.items != spec.items) {
    fail("user model " + users.kind, "a catalogue of " + std::to_string(users.items) + " items",
         std::to_string(spec.items) + ", the catalogue of scenario " + spec.id);
  }
  if (spec.history_capacity < spec.history_length) {
    fail("scenario " + spec.id, "room for " + std::to_string(spec.history_capacity) + " history items",
         "at least " + std::to_string(spec.history_length));
  }
  if (spec.horizon < 1) fail("scenario " + spec.id, "horizon " + std::to_string(spec.horizon), "at least 1");
  const bool wants_reals = policy.action == ActionKind::vector;
  if (wants_reals && spec.reals != policy.width) {
    fail("policy " + policy.name, std::to_string(policy.width) + " real numbers per action",
         std::to_string(spec.reals) + " (scenario " + spec.id + ")");
  }
  if (!wants_reals && spec.reals > 0) {
    fail("policy " + policy.name, "an action of items", "real numbers (scenario " + spec.id + ")");
  }
  const std::int32_t slots = policy.action == ActionKind::slate ? policy.width : 1;
  if (!wants_reals && spec.slots != slots) {
    fail("policy " + policy.name, std::to_string(slots) + " items per step",
         std::to_string(spec.slots) + " (scenario " + spec.id + ")");
  }
}

BatchShape shape_of(const Scenario& scenario, const PolicySpec& policy, const EngineOptions& options) {
  check_fit(scenario, policy, options);
  const EnvSpec& spec = scenario.spec();
  return {.rows = options.rows,
          .shard_rows = options.shard_rows,
          .history_capacity = spec.history_capacity,
          .slots = spec.slots,
          .reals = spec.reals,
          .features = spec.features,
          .user_state = scenario.users().spec().state_width,
          .policy_state = policy.state_width,
          .plan = policy.action == ActionKind::path ? policy.width : 0,
          .modifiers = static_cast<std::int32_t>(spec.modifiers.size()),
          .reward_terms = static_cast<std::int32_t>(scenario.rewards().size())};
}

}  // namespace

struct Engine::Impl {
  Impl(const Scenario& world, const PolicySpec& policy, const EngineOptions& given)
      : scenario(world),
        policy_spec(policy),
        options(given),
        shape(shape_of(world, policy, given)),
        stepper(world),
        batch(shape, given.seed) {}

  void check_policy(const Policy& policy) const {
    const PolicySpec& spec = policy.spec();
    // A narrower slate or vector would leave the other places as the step before filled them.
    const bool fills = spec.action == ActionKind::slate || spec.action == ActionKind::vector;
    if (spec.action != policy_spec.action || spec.width > std::max(policy_spec.width, shape.plan) ||
        (fills && spec.width != policy_spec.width) || spec.state_width > shape.policy_state) {
      throw ConfigError("policy " + spec.name +
                        ": found another action kind or width, or a wider state than policy " +
                        policy_spec.name + ", for which the engine was built; build an engine for it");
    }
  }

  /// Makes scratch fit the policy: kept for as many shards as the cache bound allows, lent to the others.
  void adopt(const std::shared_ptr<const Policy>& policy) {
    if (policy == current) return;
    check_policy(*policy);
    const std::size_t bytes = stepper.cache_bytes(*policy, shape.shard_rows);
    const std::int64_t count = bytes == 0 ? 0 : pieces_within(options.cache_mb, bytes, batch.shards());
    kept.clear();
    while (std::ssize(kept) < count) kept.push_back(stepper.make_scratch(*policy, shape.shard_rows));
    pool.emplace([this, policy] { return stepper.make_scratch(*policy, shape.shard_rows); });
    current = policy;
  }

  /// Runs work(shard, scratch) for every shard of the resident batch, in parallel.
  template <class Work>
  void for_each_shard(const Work& work) {
    parallel_for(batch.shards(), [&](std::int64_t i) {
      const auto index = static_cast<std::int32_t>(i);
      Shard shard = batch.shard(index);
      if (static_cast<std::size_t>(index) < kept.size()) {
        work(shard, kept[static_cast<std::size_t>(index)]);
      } else {
        ShardScratch scratch = pool->take();
        scratch.disown();
        work(shard, scratch);
        pool->put_back(std::move(scratch));
      }
    });
  }

  std::int32_t first_row(const Shard& shard) const { return shard.index * shape.shard_rows; }

  /// Rows of a fresh batch need the policy to begin; reset() has no policy yet, so the first step does it.
  void begin_if_needed(Shard& shard, const Policy& policy, ShardScratch& scratch) const {
    if (!pending_begin) return;
    std::vector<std::int32_t> rows;
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      if (first_row(shard) + row >= shape.rows) continue;
      shard.episode(row) = static_cast<EpisodeId>(first_row(shard) + row);
      rows.push_back(row);
    }
    stepper.begin(rows, shard, policy, scratch);
  }

  /// Phase 6: the step counter moves on, ended rows begin their next episode or rest.
  void finish_step(Shard& shard, const Policy& policy, ShardScratch& scratch) const {
    std::vector<std::int32_t> ended;
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      if (shard.active(row) == 0) continue;
      ++shard.step(row);
      if (!has_ended(shard.end(row))) continue;
      if (options.autoreset == Autoreset::disabled) {
        shard.active(row) = 0;
        continue;
      }
      shard.episode(row) += static_cast<EpisodeId>(shape.rows);
      ended.push_back(row);
    }
    stepper.begin(ended, shard, policy, scratch);
  }

  void play(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch, ShardDiary& diary,
            std::span<const EpisodeId> ids, const std::function<void(std::int64_t)>& finished) const;

  const Scenario& scenario;
  PolicySpec policy_spec;
  EngineOptions options;
  BatchShape shape;
  Stepper stepper;
  Batch batch;
  std::shared_ptr<const Policy> current;
  std::vector<ShardScratch> kept;
  std::optional<LendingPool<ShardScratch>> pool;
  bool pending_begin = true;
};

Engine::Engine(const Scenario& scenario, const PolicySpec& policy, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(scenario, policy, options)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;

const BatchShape& Engine::shape() const noexcept { return impl_->shape; }
Batch& Engine::batch() noexcept { return impl_->batch; }

void Engine::reset() {
  impl_->pending_begin = true;
  for (ShardScratch& scratch : impl_->kept) scratch.disown();
}

void Engine::step(const std::shared_ptr<const Policy>& policy, Mode mode) {
  Impl& impl = *impl_;
  impl.adopt(policy);
  impl.for_each_shard([&](Shard& shard, ShardScratch& scratch) {
    impl.begin_if_needed(shard, *policy, scratch);
    impl.stepper.step(shard, *policy, mode, scratch);
    impl.finish_step(shard, *policy, scratch);
  });
  impl.pending_begin = false;
}

void Engine::collect(const std::shared_ptr<const Policy>& policy, Mode mode, Rollout& rollout) {
  Impl& impl = *impl_;
  if (rollout.rows() != impl.shape.rows) {
    throw ConfigError("rollout: found " + std::to_string(rollout.rows()) + " rows; expected " +
                      std::to_string(impl.shape.rows) + ", the rows of the engine");
  }
  impl.adopt(policy);
  impl.for_each_shard([&](Shard& shard, ShardScratch& scratch) {
    impl.begin_if_needed(shard, *policy, scratch);
    for (std::int32_t t = 0; t < rollout.steps(); ++t) {
      rollout.store_before(t, impl.first_row(shard), shard);
      impl.stepper.step(shard, *policy, mode, scratch);
      rollout.store_after(t, impl.first_row(shard), shard);
      impl.finish_step(shard, *policy, scratch);
    }
  });
  impl.pending_begin = false;
}

void Engine::Impl::play(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch,
                        ShardDiary& diary, std::span<const EpisodeId> ids,
                        const std::function<void(std::int64_t)>& finished) const {
  std::size_t next = 0;
  std::vector<std::int32_t> fresh;
  const auto deal = [&](std::int32_t row) {
    shard.active(row) = 0;
    if (next >= ids.size()) return;
    shard.episode(row) = ids[next++];
    fresh.push_back(row);
  };
  const auto begin_fresh = [&] {
    stepper.begin(fresh, shard, policy, scratch);
    for (const std::int32_t row : fresh) diary.begin(row, shard);
    fresh.clear();
  };
  for (std::int32_t row = 0; row < shard.rows(); ++row) deal(row);
  begin_fresh();
  std::size_t played = 0;
  while (played < ids.size()) {
    if (interrupted()) throw Interrupted("interrupted during evaluation");
    stepper.step(shard, policy, mode, scratch);
    std::int64_t ended = 0;
    for (std::int32_t row = 0; row < shard.rows(); ++row) {
      if (shard.active(row) == 0) continue;
      diary.note(row, shard);
      if (has_ended(shard.end(row))) {
        diary.finish(row, shard);
        ++ended;
        deal(row);
      } else {
        ++shard.step(row);
      }
    }
    begin_fresh();
    played += static_cast<std::size_t>(ended);
    if (ended > 0 && finished) finished(ended);
  }
}

Trajectories Engine::evaluate(const Policy& policy, Mode mode, std::span<const EpisodeId> ids,
                              const std::function<void(std::int64_t)>& on_progress) {
  const Impl& impl = *impl_;
  impl.check_policy(policy);
  Trajectories result;
  result.seed = impl.options.seed;
  result.slots = impl.shape.slots;
  result.reals = impl.shape.reals;
  result.history_width = impl.scenario.spec().history_length;
  result.modifier_width = impl.shape.modifiers;
  if (ids.empty()) return result;

  BatchShape shape = impl.shape;
  shape.rows =
      static_cast<std::int32_t>(std::min<std::int64_t>(shape.rows, static_cast<std::int64_t>(ids.size())));
  Batch batch(shape, impl.options.seed);
  LendingPool<ShardScratch> pool([&] { return impl.stepper.make_scratch(policy, shape.shard_rows); });
  std::vector<Trajectories> parts(static_cast<std::size_t>(batch.shards()));
  std::mutex progress_mutex;
  std::int64_t total = 0;
  const auto finished = [&](std::int64_t count) {
    const std::lock_guard lock(progress_mutex);
    total += count;
    if (on_progress) on_progress(total);
  };

  parallel_for_lanes(batch.shards(), shards_at_once(policy), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    const std::size_t first = ids.size() * index / parts.size();
    const std::size_t last = ids.size() * (index + 1) / parts.size();
    Shard shard = batch.shard(static_cast<std::int32_t>(i));
    ShardDiary diary(shape, impl.scenario.spec());
    ShardScratch scratch = pool.take();
    scratch.disown();
    impl.play(shard, policy, mode, scratch, diary, ids.subspan(first, last - first), finished);
    pool.put_back(std::move(scratch));
    parts[index] = in_order_of_ids(diary.done);
  });
  for (const Trajectories& part : parts) result.append(part);
  result.seed = impl.options.seed;
  return result;
}

std::int64_t Engine::shards_at_once(const Policy& policy) const {
  return lanes_within(impl_->options.cache_mb, impl_->stepper.working_bytes(policy, impl_->shape.shard_rows),
                      std::numeric_limits<std::int32_t>::max());
}

void Engine::save(NamedArrays& out) {
  impl_->batch.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    out.set("batch/" + std::string(name),
            std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  });
  out.set_scalar<std::uint8_t>("pending_begin", impl_->pending_begin ? 1 : 0);
}

void Engine::load(const NamedArrays& in) {
  impl_->batch.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    const std::span<const std::uint8_t> saved = in.get<std::uint8_t>("batch/" + std::string(name));
    if (saved.size() != bytes.size()) {
      throw FormatError(Where{{}, 0, "batch/" + std::string(name)},
                        Problem{std::to_string(saved.size()) + " bytes", std::to_string(bytes.size()),
                                "the checkpoint belongs to an engine of another shape"});
    }
    std::ranges::copy(std::as_bytes(saved), bytes.begin());
  });
  impl_->pending_begin = in.scalar<std::uint8_t>("pending_begin") != 0;
  for (ShardScratch& scratch : impl_->kept) scratch.disown();
}

}  // namespace veer
