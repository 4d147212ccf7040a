#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "agents/fusion/learning/fused_parts_net.h"
#include "env/runtime.h"

namespace veer::fusion {

namespace {

std::vector<std::int32_t> widths_from(std::int32_t inputs, std::int32_t hidden, std::int32_t count,
                                      std::int32_t outputs) {
  std::vector<std::int32_t> widths{inputs};
  widths.insert(widths.end(), at(count), hidden);
  widths.push_back(outputs);
  return widths;
}

UpdateStats summed(const std::vector<UpdateStats>& parts) {
  UpdateStats sums;
  for (const UpdateStats& part : parts) {
    for (const auto& [name, value] : part) sums[name] += value;
  }
  return sums;
}

/// A network to pack anew.
struct Stale {
  nn::PackedDense& net;
  const nn::FlatParameters& from;
  bool backward = false;
  bool second = false;  ///< of a set's twins
};

void pack_all(std::initializer_list<Stale> nets) {
  parallel_for(static_cast<std::int64_t>(nets.size()), [&](std::int64_t i) {
    const Stale& stale = nets.begin()[i];
    const std::size_t size = at(stale.net.parameters());
    stale.net.pack(stale.from.flat().subspan(stale.second ? size : 0, size), stale.backward);
  });
}

}  // namespace

bool has_fused_updates(FusionKind kind) noexcept {
  return kind == FusionKind::ddpg || kind == FusionKind::td3 || kind == FusionKind::td3_bc ||
         kind == FusionKind::cql;
}

FusedUpdates::Impl::Impl(const FusionOptions& options, const StateScale& scale)
    : o(options),
      mean(scale.mean),
      deviation(scale.deviation),
      actor(widths_from(o.features, o.hidden, actor_layers(o) - 1,
                        o.is_stochastic() ? 2 * o.weights : o.weights)),
      slow_actor(actor),
      q1(widths_from(o.features + o.weights, o.hidden, 2, 1)),
      q2(q1),
      slow_q1(q1),
      slow_q2(q1) {}

FusedUpdates::FusedUpdates(const FusionOptions& options, const StateScale& scale)
    : impl_(std::make_unique<Impl>(options, scale)) {}
FusedUpdates::~FusedUpdates() = default;

UpdateStats FusedUpdates::learn_critic(const Transitions& batch, const FusionDraws& draws, FusionSets sets) {
  Impl& m = *impl_;
  // CQL's targets are what the actor itself would do next, those of the others what its slow copy would.
  const bool own = m.o.kind == FusionKind::cql;
  const Stale acts{own ? m.actor : m.slow_actor, own ? std::as_const(sets.actor) : sets.slow_actor};
  if (m.o.has_twin()) {
    pack_all({acts,
              {m.slow_q1, sets.slow_critic},
              {m.q1, sets.critic, true},
              {m.slow_q2, sets.slow_critic, false, true},
              {m.q2, sets.critic, true, true}});
  } else {
    pack_all({acts, {m.slow_q1, sets.slow_critic}, {m.q1, sets.critic, true}});
  }
  std::vector<UpdateStats> figures(m.shards(batch));
  sets.critic.accumulate(figures.size(), [&](std::size_t shard, nn::FlatParameters::Gradient& gradient) {
    const std::int32_t first = static_cast<std::int32_t>(shard) * m.rows_of_shard();
    const std::int32_t end = std::min(batch.count, first + m.rows_of_shard());
    const std::int32_t tile = m.o.kind == FusionKind::cql ? conservative_rows : fused_shard_rows;
    return m.pool.with([&](FusedScratch& scratch) {
      for (std::int32_t row = first; row < end; row += tile) {
        const UpdateStats found = m.critic_tile(batch, draws, row, std::min(tile, end - row), row > first,
                                                gradient.values(), scratch);
        for (const auto& [name, value] : found) figures[shard][name] += value;
      }
      return 0.0;
    });
  });
  sets.critic.update({.learning_rate = m.o.critic_rate});
  return summed(figures);
}

UpdateStats FusedUpdates::learn_actor(const Transitions& batch, const FusionDraws& draws, FusionSets sets) {
  Impl& m = *impl_;
  const bool soft = m.o.kind == FusionKind::cql;
  const Stale acts{m.actor, sets.actor, true}, one{m.q1, sets.critic, true};
  if (soft) {
    pack_all({acts, one, {m.q2, sets.critic, true, true}});
  } else {
    pack_all({acts, one});
  }
  const double critic_scale =
      m.o.kind == FusionKind::td3_bc ? double{m.o.imitation} / std::max(1e-6, m.mean_absolute_q(batch)) : 1.0;
  const double heat = soft ? std::exp(double{sets.temperature.flat()[0]}) : 0.0;
  std::vector<UpdateStats> figures(m.shards(batch));
  sets.actor.accumulate(figures.size(), [&](std::size_t shard, nn::FlatParameters::Gradient& gradient) {
    const std::int32_t first = static_cast<std::int32_t>(shard) * m.rows_of_shard();
    return m.pool.with([&](FusedScratch& scratch) {
      figures[shard] =
          m.actor_shard(batch, draws, critic_scale, heat, first,
                        std::min(m.rows_of_shard(), batch.count - first), gradient.values(), scratch);
      return 0.0;
    });
  });
  sets.actor.update({.learning_rate = m.o.actor_rate});
  const UpdateStats sums = summed(figures);
  if (soft) {
    // The entropy that is aimed at: minus one nat per weight.
    const double missing = -sums.at("entropy") / batch.count - static_cast<double>(m.o.weights);
    sets.temperature.accumulate(1, [&](std::size_t, nn::FlatParameters::Gradient& gradient) {
      gradient.values()[0] = static_cast<float>(-missing);
      return 0.0;
    });
    sets.temperature.update({.learning_rate = m.o.actor_rate});
  }
  return sums;
}

}  // namespace veer::fusion
