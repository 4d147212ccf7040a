// What the two workloads of guidance by reward work on: a path model of the published sizes with random
// weights, prompts, and the straightforward way to do with them what the engine does. Torch-free header.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/generative/path_writer.h"
#include "agents/prorl/prorl_update.h"
#include "env/nn/sequence_model.h"

namespace veer::bench {

class GuidanceWork {
 public:
  GuidanceWork(std::int32_t prompts, std::int32_t most_items, std::uint64_t seed);

  const PathModel& model() const noexcept { return model_; }
  const PathRules& rules() const noexcept { return rules_; }
  std::span<const PathPrompt> prompts() const noexcept { return prompts_; }

 private:
  std::vector<std::vector<ItemId>> histories_;
  PathModel model_;
  PathRules rules_;
  std::vector<PathPrompt> prompts_;
};

/// Sampled paths as a script on the same library would write them: the prompt is encoded once for every
/// rollout, every token reads its whole path again, the whole vocabulary gets a softmax, what is illegal is
/// struck out. The same uniforms as PathWriter. Batches of 64 rollouts.
WrittenPaths write_straightforwardly(const GuidanceWork& work, std::int32_t per_prompt);

/// Interest, rank and acceptance [rows, most_items + 1] after every prefix: each prefix of each path is a
/// sequence of its own, the catalogue gets a softmax, ranks come from a full sort.
struct PrefixFigures {
  std::vector<float> interest, acceptance;
  std::vector<std::int64_t> rank;
};
PrefixFigures measure_straightforwardly(const nn::SequenceModel& users, const GuidanceWork& work,
                                        const WrittenPaths& paths);

/// Forward and backward pass over the rollouts with their advantages, every rollout with a prompt of its own,
/// in batches of 64; returns the norm of the gradient.
double differentiate_straightforwardly(const GuidanceWork& work, const WrittenPaths& paths,
                                       std::span<const float> advantages);

}  // namespace veer::bench
