// A TorchScript file as a policy. Unlike Veer's own model files a TorchScript file is a program: loading and
// running one runs whatever code its author put there, so it is loaded only when named.
//
// The file's forward() is called once per step with whole shards of B rows and must accept
//
//   history  int64 [B, H]  catalogue indices 1..N, oldest first, right-padded with 0; H: history capacity
//
//   length   int64 [B]     items in each history
//
//   target   int64 [B]     the item to guide towards, 0: none
//
//   step     int64 [B]     steps already taken in the episode
//
// and return one of
//
//   scores   float [B, N + 1]  logits; column 0 is ignored, minus infinity bars an item; a row of nothing
//                              but minus infinity ends the episode
//
//   items    int64 [B]         the recommendation, 0 ends the episode
//
// Thread-safety and ownership as in env/policy.h. Torch-free header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "env/policy.h"

namespace veer {

struct TorchScriptOptions {
  std::string name = "torchscript";
  std::string device = "cpu";          ///< as nn::resolve_device() returns it
  std::int32_t items = 0;              ///< N of the catalogue it will be asked about
  std::int32_t history_capacity = 20;  ///< H, for the trial call
};

/// Item policy. With scores, Mode::greedy takes the greatest and Mode::sample draws from their softmax
/// (Stream::policy, lane 0), log_prob accordingly; with items both modes take them, log_prob 0. The module is
/// put into evaluation mode and run without graph optimisation, so that its first calls and its later ones
/// compute the same. Throws IoError when the file cannot be read, FormatError when it is no TorchScript file,
/// ConfigError when a trial call with two rows shows that arguments or results are not the above; act()
/// throws PolicyError likewise.
std::unique_ptr<Policy> load_torchscript_policy(const std::filesystem::path& path,
                                                const TorchScriptOptions& options);

}  // namespace veer
