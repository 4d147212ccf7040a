#include "tools/bench/guidance.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "agents/generative/step_rewards.h"
#include "agents/prorl/advantages.h"
#include "agents/prorl/reward_centring.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/bench/guidance_work.h"
#include "tools/bench/path_score_straightforward.h"

namespace veer::bench {
namespace {

constexpr std::int32_t rollouts_each = 16;

/// Multiplications and additions of the policy's matrix products for these rollouts, attention left out.
double decoding_flops(const GuidanceWork& work, const WrittenPaths& paths) {
  const nn::Seq2SeqConfig& c = work.model().network.config();
  const double d = c.width, hk = c.heads_width(), f = c.inner;
  const double prompt_tokens = static_cast<double>(work.prompts().size()) * work.model().prompt_width();
  const double encoder = c.encoder_layers * (8.0 * d * hk + 4.0 * d * f) + c.decoder_layers * 4.0 * d * hk;
  const double decoder = c.decoder_layers * (8.0 * d * hk + 4.0 * d * hk + 4.0 * d * f) +
                         2.0 * d * work.model().ids->layout().codes;
  return prompt_tokens * encoder + static_cast<double>(paths.tokens.size()) * decoder;
}

/// The median time of `ways`, each once before, alternating.
std::vector<double> times_of(int repetitions, const std::vector<std::function<void()>>& ways) {
  std::vector<std::vector<double>> times(ways.size());
  for (int i = -1; i < repetitions; ++i) {
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const double taken = seconds_of(ways[way]);
      if (i >= 0) times[way].push_back(taken);
    }
  }
  std::vector<double> out;
  for (const auto& own : times) out.push_back(median(own));
  return out;
}

std::function<void()> with_intra_op(int threads, std::function<void()> work) {
  return [threads, work = std::move(work)] {
    const IntraOpThreads guard(threads);
    work();
  };
}

std::string case_name(std::int32_t prompts, std::int32_t items) {
  return std::to_string(prompts) + "x" + std::to_string(rollouts_each) + " paths of up to " +
         std::to_string(items) + " items";
}

double share_of_equal_paths(const WrittenPaths& a, const WrittenPaths& b) {
  std::int32_t equal = 0;
  for (std::int32_t r = 0; r < a.rows(); ++r) {
    const auto left = a.tokens_of(r), right = b.tokens_of(r);
    equal += std::equal(left.begin(), left.end(), right.begin(), right.end()) ? 1 : 0;
  }
  return static_cast<double>(equal) / std::max(1, a.rows());
}

BenchCase rollout_case(std::int32_t prompts, std::int32_t items, const BenchOptions& options) {
  const GuidanceWork work(prompts, items, options.seed);
  const PathWriter writer(work.model(), work.rules());
  const WriteOptions how{.per_prompt = rollouts_each};
  WrittenPaths ours, theirs;
  const auto plain = [&] { theirs = write_straightforwardly(work, rollouts_each); };
  const std::vector<double> times =
      times_of(std::min(options.repetitions, 3), {[&] { ours = writer.write_parallel(work.prompts(), how); },
                                                  with_intra_op(1, plain), with_intra_op(2, plain)});
  const double alone = seconds_of([&] { ours = writer.write(work.prompts().first(8), how); });
  const double gflops = decoding_flops(work, writer.write_parallel(work.prompts(), how)) / times[0] * 1e-9;
  ours = writer.write_parallel(work.prompts(), how);
  const auto rows = static_cast<double>(ours.rows());
  const double sgemm = sgemm_gflops();
  BenchCase out;
  out.name = case_name(prompts, items);
  out.unit = "rollouts/s";
  out.engine = rows / times[0];
  out.straightforward = rows / std::min(times[1], times[2]);
  out.ratio = out.engine / out.straightforward;
  const double equal = share_of_equal_paths(ours, theirs);
  out.agrees = equal >= 0.98;  // the same uniforms: only what lies on the edge of two tokens may differ
  out.figures = {{"tokens_per_rollout", static_cast<double>(ours.tokens.size()) / rows},
                 {"engine_one_thread_rollouts_per_s", 8.0 * rollouts_each / alone},
                 {"straightforward_1_thread_rollouts_per_s", rows / times[1]},
                 {"straightforward_2_threads_rollouts_per_s", rows / times[2]},
                 {"engine_gflops", gflops},
                 {"sgemm_one_thread_gflops", sgemm},
                 {"share_of_sgemm", gflops / (sgemm * options.threads)},
                 {"equal_paths_share", equal}};
  return out;
}

BenchCase update_case(std::int32_t prompts, std::int32_t items, const BenchOptions& options) {
  const GuidanceWork work(prompts, items, options.seed);
  const nn::SequenceModel network =
      nn::SequenceModel::initialise(nn::SequenceConfig::sasrec(movielens_items), options.seed, "cpu");
  const auto users = make_sequence_user(network);
  prorl::UpdateOptions how;
  how.rules = work.rules();
  how.divergence = prorl::Divergence::none;  // both sides: without a second forward pass
  prorl::ProRlUpdate learner(work.model(), *users, how);
  const PathWriter writer(work.model(), work.rules());
  const WrittenPaths paths = writer.write_parallel(work.prompts(), how.rollouts);
  const std::vector<float> advantages(at(paths.rows()) * (at(items) + 1), 1.0F);
  const auto plain = [&] {
    const WrittenPaths written = write_straightforwardly(work, rollouts_each);
    measure_straightforwardly(network, work, written);
    differentiate_straightforwardly(work, written, advantages);
  };
  const std::vector<double> times = times_of(std::min(options.repetitions, 3),
                                             {[&] { learner.update(work.prompts(), 1e-9F); },
                                              [&] { writer.write_parallel(work.prompts(), how.rollouts); },
                                              [&] { measure_steps(*users, work.prompts(), paths); },
                                              with_intra_op(1, plain), with_intra_op(2, plain)});
  // What the two sides measure is the same.
  const StepRewards rewards = measure_steps(*users, work.prompts(), paths);
  const PrefixFigures figures = measure_straightforwardly(network, work, paths);
  double apart = 0.0;
  for (std::int32_t r = 0; r < paths.rows(); ++r) {
    for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
      const std::size_t place = at(r) * (at(items) + 1) + at(k);
      const double gained = double{figures.interest[place + 1]} - double{figures.interest[place]};
      apart = std::max(apart, std::abs(gained - double{rewards.raw[0][rewards.place(r, k)]}));
      apart = std::max(
          apart, std::abs(double{figures.acceptance[place]} - double{rewards.raw[2][rewards.place(r, k)]}));
    }
  }
  BenchCase out;
  out.name = case_name(prompts, items);
  out.unit = "updates/s";
  out.engine = 1.0 / times[0];
  out.straightforward = 1.0 / std::min(times[3], times[4]);
  out.ratio = out.engine / out.straightforward;
  out.agrees = apart < 1e-3;
  out.figures = {{"share_of_decoding", times[1] / times[0]},
                 {"share_of_simulator", times[2] / times[0]},
                 {"share_of_backward_and_rest", 1.0 - (times[1] + times[2]) / times[0]},
                 {"straightforward_1_thread_updates_per_s", 1.0 / times[3]},
                 {"straightforward_2_threads_updates_per_s", 1.0 / times[4]},
                 {"largest_reward_difference", apart}};
  return out;
}

std::vector<std::pair<std::int32_t, std::int32_t>> cases(const BenchOptions& options) {
  if (options.quick) return {{8, 2}};
  return {{64, 3}, {16, 10}};
}

}  // namespace

BenchReport rollout(const BenchOptions& options) {
  BenchReport report;
  report.workload = "rollout";
  for (const auto& [prompts, items] : cases(options))
    report.cases.push_back(rollout_case(prompts, items, options));
  report.notes = {
      "Weights are random, so that nearly every path is as long as it may be; both sides draw the same "
      "paths.",
      "The straightforward way encodes the prompt once per rollout, keeps no keys and values, and scores the "
      "whole "
      "vocabulary; the faster of one and two threads inside an operation counts."};
  return report;
}

BenchReport prorl_step(const BenchOptions& options) {
  BenchReport report;
  report.workload = "prorl-step";
  for (const auto& [prompts, items] : cases(options))
    report.cases.push_back(update_case(prompts, items, options));
  report.notes = {
      "An update is rollouts, step rewards under a SASRec of 3,706 items, forward and backward pass, AdamW; "
      "without "
      "the divergence from the start on both sides.",
      "The straightforward way writes as in workload rollout, scores every prefix as a sequence of its own "
      "with a "
      "softmax and a sort of the catalogue, and differentiates with a prompt per rollout."};
  return report;
}

}  // namespace veer::bench
