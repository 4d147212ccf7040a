// Next-item networks (SASRec, GRU4Rec): sizes, weights, and how they travel to and from files. Torch-free header.
// Source: RecBole's SASRec and GRU4Rec as ProRL (arXiv 2605.28293) uses them for its simulators.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "env/named_arrays.h"

namespace veer::nn {

struct SequenceConfig {
  std::string kind = "sasrec";        ///< "sasrec" or "gru4rec"
  std::int32_t items = 0;             ///< N; the item table has N + 1 rows, row 0 is padding
  std::int32_t hidden = 64;           ///< width of item vectors and of the read-out
  std::int32_t layers = 2;            ///< SASRec: blocks; GRU4Rec: 1
  std::int32_t heads = 2;             ///< SASRec
  std::int32_t inner = 256;           ///< SASRec: feed-forward width; GRU4Rec: 128, the GRU's width
  std::int32_t positions = 50;        ///< longest history the network reads
  float dropout = 0.5F;               ///< SASRec: hidden dropout; GRU4Rec: embedding dropout (0.3)
  float attention_dropout = 0.5F;     ///< SASRec

  static SequenceConfig sasrec(std::int32_t items);
  static SequenceConfig gru4rec(std::int32_t items);
  std::map<std::string, std::string> to_strings() const;
  static SequenceConfig from_strings(const std::map<std::string, std::string>&);  ///< throws FormatError
};

/// Number of values in all parameters.
std::int64_t parameter_count(const SequenceConfig& config);

struct SequenceNet;  // sequence_net.h, needs LibTorch

/// Weights on a device. Immutable after construction, cheap to copy, safe to share.
class SequenceModel {
 public:
  /// Fresh weights drawn from Philox (Stream::initialise). `device` as resolve_device() returns it.
  static SequenceModel initialise(const SequenceConfig&, std::uint64_t seed, const std::string& device);
  /// Throws FormatError when a name or shape does not fit the configuration.
  static SequenceModel from_arrays(const SequenceConfig&, const NamedArrays&, const std::string& device);
  explicit SequenceModel(std::shared_ptr<const SequenceNet> net);

  NamedArrays to_arrays() const;
  const SequenceConfig& config() const noexcept;
  const std::string& device() const noexcept;
  const SequenceNet& net() const noexcept { return *net_; }

 private:
  std::shared_ptr<const SequenceNet> net_;
};

}  // namespace veer::nn
