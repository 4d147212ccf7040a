#include "tools/bench/slate_behaviours.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/baselines/slates.h"
#include "env/runtime.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/fitting/behaviour_fit_net.h"
#include "tools/bench/sgemm.h"
#include "tools/bench/slate_batches.h"
#include "tools/bench/slate_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t kuaisim_items = 3706, kuaisim_people = 6040, kuaisim_slots = 6;
constexpr float kuaisim_dropout = 0.1F;
/// The fastest arrangement of the published Python environment on two cores of this kind, user-steps/s, for
/// batches of 32, 256 and 2,048: nobody leaves, and with arrivals.
constexpr std::array<double, 3> staying = {996.0, 768.0, 538.0}, arriving = {829.0, 734.0, 548.0};

/// Multiply-adds of a user-step that nobody can avoid, when what depends on an item alone is tabulated and of
/// the last layer only the newest place is read.
double necessary_work(const BehaviourSizes& s, bool dropout) {
  const double h = s.history, e = s.encoding, d = 2 * e, heads = s.heads, f = s.count();
  // Queries, keys and values of the first layer are sums of tabulated ones but for what dropout drops in
  // front.
  double work = dropout ? h * e * 3 * d : 0.0;
  for (std::int32_t l = 0; l + 1 < s.layers; ++l) {
    if (l > 0) work += h * d * 3 * d;
    work += h * (h + 1) / 2 * d * 2 + h * d * d + 2 * h * d * s.inner;
  }
  // The last: a query, its directions, scores and mean of places, the values of these, and the end of the
  // block.
  work += d * d + d * d + 2 * h * heads * d + d * d + d * d + 2 * d * s.inner;
  return work + (d + e) * s.hidden + s.hidden * f * e + kuaisim_slots * f * e;
}

std::shared_ptr<const BehaviourModel> kuaisim_model() {
  BehaviourSizes sizes;
  sizes.profile_blocks = {7, 2};
  sizes.feature_blocks = {18};
  sizes.items = kuaisim_items;
  sizes.people = kuaisim_people + 1;
  sizes.behaviours = {Behaviour::click, Behaviour::like, Behaviour::complete};
  ItemFeatures features{18, std::vector<float>(at(kuaisim_items + 1) * 18, 0.0F)};
  for (ItemId i = 1; i <= kuaisim_items; ++i) {
    for (std::int32_t g = 0; g < 2; ++g) {
      const auto genre = uniform_below(18, {7, static_cast<EpisodeId>(i), 0}, Stream::generate,
                                       static_cast<std::uint32_t>(g));
      features.values[at(i) * 18 + genre] = 1.0F;
    }
  }
  return std::make_shared<const BehaviourModel>(initial_behaviour_model(sizes, std::move(features), 7));
}

/// Everybody has a hundred items behind them.
std::shared_ptr<const SlatePeople> kuaisim_crowd(const BehaviourSizes& sizes) {
  auto people = std::make_shared<SlatePeople>();
  people->profile_width = sizes.profile();
  people->profiles.assign(at(kuaisim_people) * at(sizes.profile()), 0.0F);
  people->offsets = {0};
  for (UserId user = 0; user < kuaisim_people; ++user) {
    const StepKey key{11, static_cast<EpisodeId>(user), 0};
    float* profile = people->profiles.data() + at(user) * at(sizes.profile());
    profile[uniform_below(7, key, Stream::generate, 1000)] = 1.0F;
    profile[7 + uniform_below(2, key, Stream::generate, 1001)] = 1.0F;
    for (std::int32_t t = 0; t < sizes.history; ++t) {
      const auto lane = static_cast<std::uint32_t>(t);
      people->liked.push_back(1 +
                              static_cast<ItemId>(uniform_below(kuaisim_items, key, Stream::generate, lane)));
      people->done.push_back(
          static_cast<std::uint8_t>(1 | (uniform(key, Stream::generate, 200 + lane) < 0.5F ? 8 : 0) |
                                    (uniform(key, Stream::generate, 400 + lane) < 0.25F ? 4 : 0)));
    }
    people->offsets.push_back(std::ssize(people->liked));
    people->starts.push_back({user, sizes.history});
  }
  return people;
}

/// The same steps through LibTorch, everything at every place, item encodings tabulated.
class TorchBehaviours {
 public:
  TorchBehaviours(const SlateScenario& world, std::shared_ptr<const BehaviourModel> model, float dropout,
                  std::int32_t rows, std::uint64_t seed)
      : probability(at(rows) * at(kuaisim_slots)),
        world_(world),
        model_(*model),
        net_(model_),
        dropout_(dropout),
        seed_(seed),
        lives_(at(rows)) {
    const c10::InferenceMode guard;
    items_ = net_.encode_items();
    for (std::size_t r = 0; r < lives_.size(); ++r) {
      lives_[r].episode = r;
      begin(lives_[r]);
    }
  }

  void step() {
    constexpr std::int64_t together = 32;
    const std::int64_t rows = std::ssize(lives_);
    parallel_for((rows + together - 1) / together, [&](std::int64_t task) {
      const std::int64_t first = task * together;
      step_few(std::span(lives_).subspan(at(first), at(std::min(together, rows - first))), at(first));
    });
  }

  std::vector<float> probability;  ///< [rows, slots] of the last step, without slate effects

 private:
  struct Life {
    EpisodeId episode = 0;
    std::uint32_t step = 0;
    UserId user = 0;
    float patience = 0.0F;
    std::vector<ItemId> history;
    std::vector<std::uint8_t> done;
  };

  void begin(Life& life) const {
    const SlateParameters& p = world_.parameters();
    const auto count = static_cast<std::uint32_t>(p.people->starts.size());
    const SlateStart& start =
        p.people->starts[uniform_below(count, {seed_, life.episode, 0}, Stream::begin_episode)];
    life.user = start.user;
    life.step = 0;
    life.patience = p.patience;
    const std::span<const ItemId> liked = p.people->history(start, p.history);
    life.history.assign(liked.begin(), liked.end());
    life.done.resize(liked.size());
    p.people->done_with(start.user, liked, life.done);
  }

  void step_few(std::span<Life> few, std::size_t first) {
    const c10::InferenceMode guard;
    const BehaviourSizes& s = model_.sizes;
    const auto n = static_cast<std::int64_t>(few.size());
    const std::int64_t h = s.history, f = s.count();
    BehaviourBatch batch{torch::empty({n}, torch::kInt64),
                         torch::empty({n, s.profile()}),
                         torch::zeros({n, h}, torch::kInt64),
                         torch::zeros({n, h, f}),
                         torch::empty({n, kuaisim_slots}, torch::kInt64),
                         {}};
    std::vector<StepKey> keys;
    for (std::int64_t i = 0; i < n; ++i) {
      const Life& life = few[at(i)];
      keys.push_back({seed_, life.episode, life.step});
      batch.user.data_ptr<std::int64_t>()[i] = life.user;
      std::ranges::copy(world_.parameters().people->profile(life.user),
                        batch.profile.data_ptr<float>() + i * s.profile());
      const std::int64_t before = h - std::ssize(life.history);
      for (std::int64_t t = before; t < h; ++t) {
        batch.history.data_ptr<std::int64_t>()[i * h + t] = life.history[at(t - before)];
        for (std::int64_t b = 0; b < f; ++b) {
          batch.done.data_ptr<float>()[(i * h + t) * f + b] =
              did(life.done[at(t - before)], s.behaviours[at(b)]) ? 1.0F : 0.0F;
        }
      }
      const std::vector<ItemId> slate = random_slate(keys.back(), s.items, kuaisim_slots);
      std::ranges::copy(slate, batch.items.data_ptr<std::int64_t>() + i * kuaisim_slots);
    }
    const std::string device = "cpu";
    nn::DropoutMasks masks(keys, device);
    const torch::Tensor chance = torch::sigmoid(net_.scores(batch, items_, dropout_, masks)).contiguous();
    const float* p = chance.data_ptr<float>();
    for (std::int64_t i = 0; i < n; ++i) {
      Life& life = few[at(i)];
      float clicks = 0.0F;
      for (std::int32_t k = 0; k < kuaisim_slots; ++k) {
        std::uint8_t answer = 0;
        for (std::int64_t b = 0; b < f; ++b) {
          const auto lane = static_cast<std::uint32_t>(b * kuaisim_slots + k);
          if (uniform(keys[at(i)], Stream::choice, lane) < p[(i * kuaisim_slots + k) * f + b]) {
            answer = static_cast<std::uint8_t>(answer | bit_of(s.behaviours[at(b)]));
          }
        }
        probability[(first + at(i)) * kuaisim_slots + at(k)] = p[(i * kuaisim_slots + k) * f];
        if (!did(answer, Behaviour::click)) continue;
        clicks += 1.0F;
        const auto item = static_cast<ItemId>(batch.items.data_ptr<std::int64_t>()[i * kuaisim_slots + k]);
        life.history.erase(life.history.begin());
        life.done.erase(life.done.begin());
        life.history.push_back(item);
        life.done.push_back(answer);
      }
      ++life.step;
      life.patience -= std::clamp(2.0F - clicks / kuaisim_slots, 0.0F, 2.0F);
      if (!patience_is_over(life.patience)) continue;
      life.episode += lives_.size();
      begin(life);
    }
  }

  const SlateScenario& world_;
  BehaviourModel model_;
  BehaviourNet net_;
  float dropout_;
  std::uint64_t seed_;
  torch::Tensor items_;
  std::vector<Life> lives_;
};

BenchCase measure_kuaisim(const std::shared_ptr<const BehaviourModel>& model,
                          const std::shared_ptr<const SlatePeople>& people, std::size_t size, bool leaving,
                          bool dropout, double sgemm, const BenchOptions& options) {
  const std::int32_t rows = std::array{32, 256, 2048}[size];
  SlateWorldEntry entry = slate_world("kuaisim-session");
  // The twin knows no slate effects; what they take is nothing beside the model.
  entry.response.correlation = 0.0F;
  SlateParameters p =
      slate_parameters(entry, {.people = people, .model = nullptr, .log = {}, .behaviours = model},
                       {.link = ResponseLink::soft, .dropout = dropout ? kuaisim_dropout : 0.0F});
  if (!leaving) {
    p.patience = 1e6F;
    p.horizon = 1'000'000;
  }
  const SlateScenario world(p);
  const auto policy = std::make_shared<const RandomSlates>("random", world.spec().items, p.slots);
  SlateBatches batches(world, policy, rows, options.threads, options.seed, 32);
  TorchBehaviours plain(world, model, dropout ? kuaisim_dropout : 0.0F, rows, options.seed);

  BenchCase result;
  // Before anything else both sides play the same episodes.
  batches.first().step(policy, Mode::sample);
  plain.step();
  double gap = 0.0;
  for (std::int32_t r = 0; r < rows; ++r) {
    const std::int32_t shard = batches.first().shape().shard_rows;
    const Shard found = batches.first().batch().shard(r / shard);
    for (std::int32_t k = 0; k < p.slots; ++k) {
      const float other = plain.probability[at(r) * at(p.slots) + at(k)];
      gap = std::max(gap, std::abs(double{found.probability(r % shard, k)} - double{other}));
    }
  }
  result.agrees = gap <= 1e-4;

  const int steps =
      static_cast<int>(std::max<std::int64_t>(1, (options.quick ? 2'048 : 16'384) / batches.people()));
  const int plain_steps = std::max(1, (options.quick ? 128 : 1'024) / rows);
  std::vector<double> processor;
  const auto [fast, straightforward] = alternate(
      options.repetitions,
      [&] {
        const double before = cpu_seconds();
        batches.step(steps);
        processor.push_back(cpu_seconds() - before);
      },
      [&] {
        for (int t = 0; t < plain_steps; ++t) plain.step();
      });
  result.name = "batch " + std::to_string(rows) + ", " + (leaving ? "leavers replaced" : "nobody leaves") +
                ", dropout " + (dropout ? "on" : "off");
  result.unit = "user-steps/s";
  result.engine = static_cast<double>(batches.people()) * steps / fast;
  result.straightforward = static_cast<double>(rows) * plain_steps / straightforward;
  result.ratio = result.engine / result.straightforward;
  const double published = (leaving ? arriving : staying)[size];
  const double operations = 2.0 * necessary_work(model->sizes, dropout);
  // What a core could do at that moment, too: on a machine that others use the rate of an hour ago says
  // little.
  const double sgemm_per_second = sgemm_rate_of_cpu(options.threads, 2);
  const double per_second = static_cast<double>(batches.people()) * steps / median(processor);
  result.figures = {{"user-steps per second of CPU time", per_second},
                    {"ratio to the published environment", result.engine / published},
                    {"share of the sgemm rate", result.engine * operations / sgemm},
                    {"share of the sgemm rate by CPU time", per_second * operations / sgemm_per_second},
                    {"necessary multiply-adds per user-step, millions", operations / 2e6},
                    {"sgemm GFLOP/s", sgemm / 1e9},
                    {"worst probability gap", gap}};
  return result;
}

}  // namespace

BenchReport kuaisim_step(const BenchOptions& options) {
  const auto model = kuaisim_model();
  const auto people = kuaisim_crowd(model->sizes);
  BenchReport report;
  report.workload = "kuaisim-step";
  const double sgemm = sgemm_rate(options.threads, options.repetitions);
  for (const auto& [leaving, dropout] :
       {std::pair(false, true), std::pair(false, false), std::pair(true, true)}) {
    for (std::size_t size = 0; size < 3; ++size) {
      report.cases.push_back(measure_kuaisim(model, people, size, leaving, dropout, sgemm, options));
    }
  }
  report.notes = {
      "people and weights are made up, of the sizes of the published MovieLens-1M environment; the "
      "straightforward side is LibTorch, 32 people at a time on every worker, all places in both layers, "
      "item "
      "encodings tabulated, the same dropout masks",
      "published: the fastest arrangement of the Python environment on two cores of this kind, user-steps/s "
      "for "
      "batches of 32, 256 and 2,048: 996, 768 and 538 when nobody leaves, 829, 734 and 548 with arrivals, "
      "dropout "
      "on",
      "a batch of 32 is one shard: as many are stepped side by side as there are workers, as the published "
      "figure is that of two processes",
      "positions count from the newest item, so every click moves all of them: nothing of a history can be "
      "kept "
      "from step to step",
      "necessary work counts products alone: of the last layer only what the newest place reads, of the "
      "first "
      "layer's queries, keys and values only what dropout keeps from being tabulated; exponentials, norms "
      "and "
      "the drawing of masks come on top"};
  return report;
}

}  // namespace veer::bench
