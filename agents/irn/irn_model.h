// The influential recommender network (IRN): a Transformer decoder that reads a history with the target at
// its end and says which item should come next on the way there. Sizes, weights, and how they travel to and
// from files. Torch-free header.
//
// Source: Zhu, Ge, Gu, Zhang, Zhao, Feng, "Influential recommender system" (ICDE 2023, arXiv 2211.10002) and
// the settings of its released code; that code's cross-attention to a memory of zeros, which adds a constant,
// is left out.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::irn {

struct IrnConfig {
  std::int32_t items = 0;       ///< N
  std::int32_t people = 0;      ///< U of the data set
  std::int32_t hidden = 64;     ///< d, even (the paper: 30)
  std::int32_t layers = 2;      ///< (6)
  std::int32_t heads = 2;       ///< (6)
  std::int32_t inner = 256;     ///< feed-forward width
  std::int32_t person = 10;     ///< width of a person's vector
  std::int32_t positions = 60;  ///< T, the target's place included
  float dropout = 0.05F;
  float person_dropout = 0.2F;   ///< share of examples read as of someone unknown
  float history_weight = 0.05F;  ///< w_h
  float target_weight = 1.0F;    ///< w_t
  /// 1: the target's column reads the history, as in the released code. What it read there the columns before
  /// it read again one layer up: in training every column then sees the items it is to predict. 0: it reads
  /// itself alone.
  std::int32_t target_reads_history = 0;

  nn::HyperParameters to_strings() const;
  static IrnConfig from_strings(const nn::HyperParameters&);  ///< throws FormatError
};

/// Throws ConfigError naming the field when the sizes make no network.
void check_config(const IrnConfig& config);

/// Names and shapes, every matrix [out, in]:
///   item_embedding [N+1, d], person_embedding [U, p], impression.weight [1, p], impression.bias [1]; per
///   layer i, layers.i.{query, key, value, output} [d, d], layers.i.inner [f, d], layers.i.outer [d, f], all
///   with .weight and .bias, and layers.i.{attention_norm, outer_norm} with .weight and .bias [d]; output
///   [N+1, d+1], whose last column is the items' bias.
std::vector<nn::ParameterLayout> parameter_layout(const IrnConfig& config);
std::int64_t parameter_count(const IrnConfig& config);

struct IrnNet;  // irn_net.h, needs LibTorch

/// Weights on a device. Immutable after construction, cheap to copy, safe to share.
class IrnModel {
 public:
  /// Fresh weights drawn from Philox (Stream::initialise). `device` as nn::resolve_device() returns it.
  static IrnModel initialise(const IrnConfig&, std::uint64_t seed, const std::string& device);
  /// Throws FormatError when a name or shape does not fit the configuration.
  static IrnModel from_arrays(const IrnConfig&, const NamedArrays&, const std::string& device);
  explicit IrnModel(std::shared_ptr<const IrnNet> net);

  NamedArrays to_arrays() const;
  const IrnConfig& config() const noexcept;
  const IrnNet& net() const noexcept { return *net_; }

 private:
  std::shared_ptr<const IrnNet> net_;
};

}  // namespace veer::irn
