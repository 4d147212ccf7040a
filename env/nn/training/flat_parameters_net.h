// The weights of a network in training: all parameters one behind the other, Adam's moments beside them, and
// the sum of the gradients of many shards. Needs LibTorch: include it from .cpp files only.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: gradients are
// added in the order of the shards, so the values after any number of steps do not depend on the number of
// threads.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/adam.h"

namespace veer::nn {

class FlatParameters {
 public:
  /// `values` holds one array per layout, as NetworkParameters::to_arrays gives them.
  FlatParameters(std::vector<ParameterLayout> layouts, const NamedArrays& values);

  /// The gradient that one shard writes: a view per parameter of memory that belongs to the shard.
  class Gradient {
   public:
    torch::Tensor view(const std::string& name);
    /// All parameters, one behind the other, in the order of the layouts.
    std::span<float> values() noexcept { return values_; }
    /// Copies the tensors that autograd found for the parameters of aliases(), in their order; an undefined
    /// tensor is a gradient of zero.
    void set(std::span<const torch::Tensor> found);

   private:
    friend class FlatParameters;
    Gradient(const FlatParameters& owner, std::vector<float>& values) : owner_(owner), values_(values) {}
    const FlatParameters& owner_;
    std::vector<float>& values_;
  };

  /// Tensors that share the memory of the weights and are leaves of an autograd graph of their own, so that
  /// shards never meet in a graph. Thread-safe between updates.
  NetworkParameters aliases() const;

  /// Computes the gradients of `shards` shards on all threads and adds them up. `work(shard, gradient)` must
  /// write every value of its gradient; what it returns is added up in order too.
  double accumulate(std::size_t shards, const std::function<double(std::size_t, Gradient&)>& work);

  /// Euclidean norm of the sum that accumulate() left.
  double gradient_norm() const;
  /// One step of Adam along that sum, multiplied by `scale` first.
  void update(const AdamOptions& options, float scale = 1.0F);
  /// Moments of zero and a step count of zero: a new optimiser over the same weights.
  void restart_optimiser() noexcept;

  /// Takes over the weights of another set with the same layouts; the optimiser stays: two optimisers can
  /// take turns on one network. Throws FormatError when sizes differ.
  void assign(const FlatParameters& other);
  /// Moves every value the share `rate` of the way to `other`'s: a slow copy. Throws as assign().
  void approach(const FlatParameters& other, float rate);

  /// All parameters, one behind the other, in the order of the layouts.
  std::span<const float> flat() const { return {values_.data_ptr<float>(), size()}; }
  NamedArrays values() const;
  /// Parameters ("parameters/..."), Adam's moments ("first_moment/...", "second_moment/...") and
  /// "adam_steps".
  NamedArrays state() const;
  /// Throws FormatError when names or shapes do not fit.
  void restore(const NamedArrays& state);
  std::int64_t steps() const noexcept { return steps_; }

 private:
  std::size_t size() const noexcept { return static_cast<std::size_t>(values_.numel()); }
  std::span<float> mutable_flat() { return {values_.data_ptr<float>(), size()}; }
  std::size_t index_of(const std::string& name) const;
  template <class Work>
  void for_each_block(const Work& work) const;
  void add_up(std::size_t count);
  void load(const NamedArrays& arrays, std::span<float> out) const;
  NamedArrays save(std::span<const float> flat_values) const;

  std::vector<ParameterLayout> layouts_;
  std::vector<std::int64_t> first_;   ///< where each parameter begins
  torch::Tensor values_;              ///< [P]
  std::vector<float> first_moment_;   ///< [P]
  std::vector<float> second_moment_;  ///< [P]
  std::int64_t steps_ = 0;
  /// [P] each, kept from step to step: the sum so far, then those of the shards in work.
  std::vector<std::vector<float>> gradients_;
};

}  // namespace veer::nn
