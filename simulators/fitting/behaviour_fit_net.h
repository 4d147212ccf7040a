// The model of behaviours as LibTorch sees it, and slates as its tensors. Needs LibTorch: include it from
// .cpp files only.
#pragma once

#include <torch/types.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "env/nn/training/dropout_masks_net.h"
#include "simulators/behaviours/behaviour_model.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct BehaviourBatch {
  torch::Tensor user;     ///< [n]
  torch::Tensor profile;  ///< [n, profile]
  torch::Tensor history;  ///< [n, history], the newest last, padding in front
  torch::Tensor done;     ///< [n, history, behaviours]
  torch::Tensor items;    ///< [n, slots]
  torch::Tensor answers;  ///< [n, slots, behaviours]
};

BehaviourBatch gather_behaviours(const SlateData& data, const BehaviourSizes& sizes,
                                 std::span<const std::int64_t> slates);

/// Views of the model's weights, so that updates of those show at once. The model must outlive it. Safe to
/// use from several threads while nobody updates.
class BehaviourNet {
 public:
  explicit BehaviourNet(BehaviourModel& model);

  const std::vector<torch::Tensor>& parts() const noexcept { return parts_; }
  /// [items + 1, E]
  torch::Tensor encode_items() const;
  /// [n, slots, behaviours], offsets left out, with the items as encode_items() has them. Everything at every
  /// place, as it is defined; masks are drawn in the order of behaviour::MaskPlan.
  torch::Tensor scores(const BehaviourBatch& batch, const torch::Tensor& items, float dropout,
                       nn::DropoutMasks& masks) const;

 private:
  const torch::Tensor& part(const std::string& name) const { return parts_[number_.at(name)]; }
  torch::Tensor linear(const torch::Tensor& x, const std::string& name) const;
  torch::Tensor norm(const torch::Tensor& x, const std::string& name) const;
  torch::Tensor encode(const torch::Tensor& values, const torch::Tensor& ids,
                       const std::vector<std::int32_t>& blocks, const char* block, const char* who) const;
  torch::Tensor layer(const torch::Tensor& x, const std::string& name, float dropout,
                      nn::DropoutMasks& masks) const;

  BehaviourSizes sizes_;
  torch::Tensor features_;
  std::vector<torch::Tensor> parts_;
  std::map<std::string, std::size_t> number_;
};

}  // namespace veer
