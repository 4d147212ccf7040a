#include "tools/bench/slate_batches.h"

#include <algorithm>

#include "env/runtime.h"
#include "simulators/response/synthetic_response.h"
#include "tools/bench/workload.h"

namespace veer::bench {

SlateMaterial movielens_people(std::int32_t people) {
  SyntheticResponse made =
      make_synthetic_response(synthetic_item_features(movielens_items, 33, 7), {.people = people,
                                                                                .profile = 33,
                                                                                .slates_before = 14,
                                                                                .slates = 17,
                                                                                .merges_profile = true,
                                                                                .seed = 7});
  return {std::make_shared<const SlatePeople>(std::move(made.data.people)),
          std::make_shared<const ResponseModel>(std::move(made.truth)),
          {}};
}

SlateParameters movielens_session(const SlateMaterial& material, bool leaving, bool dropout) {
  SlateParameters p = slate_parameters(slate_world("ml1m-session"), material,
                                       {.dropout = dropout ? published_dropout : 0.0F});
  if (!leaving) {
    p.patience = 1e6F;
    p.horizon = 1'000'000;
  }
  return p;
}

SlateBatches::SlateBatches(const SlateScenario& world, const std::shared_ptr<const Policy>& policy,
                           std::int32_t rows, int threads, std::uint64_t seed, std::int32_t most)
    : policy_(policy), rows_(rows) {
  const std::int32_t shard = std::min(most, rows < 128 ? 32 : rows < 128 * threads ? 64 : 128);
  const int count = rows <= shard ? threads : 1;
  for (int i = 0; i < count; ++i) {
    engines_.push_back(std::make_unique<Engine>(
        world, policy->spec(),
        EngineOptions{.rows = rows, .shard_rows = shard, .seed = seed + static_cast<std::uint64_t>(i)}));
    engines_.back()->reset();
  }
}

void SlateBatches::step(int times) {
  parallel_for(std::ssize(engines_), [&](std::int64_t i) {
    for (int t = 0; t < times; ++t) engines_[at(i)]->step(policy_, Mode::sample);
  });
}

}  // namespace veer::bench
