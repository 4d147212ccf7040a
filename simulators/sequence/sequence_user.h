// People as a next-item network sees them: the item table scores what they might take next, the read-out of
// their history says whether they take what they are shown. Source: ProRL (arXiv 2605.28293), evaluators
// SASRec and GRU4Rec.
//
//   p(item | history) = softmax(h . table) over all N + 1 rows; interest is its logarithm at the target
//   P(accept item) = sigmoid(h . table[item])
// where the second is what the papers call click-through rate.
//
// The acceptance of a network trained by softmax is not calibrated: compare it only under one and the same
// model. What enters the state is what enters the history: refused items leave no trace.
//
// Thread-safety and ownership as in env/user_model.h; the weights are shared. Torch-free header.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "env/nn/inference/catalogue_scorer.h"
#include "env/nn/sequence_model.h"
#include "env/store/model_file.h"
#include "env/user_model.h"

namespace veer {

/// The user model of these weights, on their device. spec().kind is the network's kind. propose() ranks items
/// by (h / |h| + g / |g|) . table with g the target's vector: near enough to the person to be accepted, and
/// in the target's direction; rows without a target are ranked by the person's own score.
std::unique_ptr<UserModel> make_sequence_user(nn::SequenceModel model,
                                              nn::Kernels kernels = nn::Kernels::automatic);

/// People whose score_paths() reads sequences as ProRL's released trainer does, padded on the wrong side
/// (env/nn/inference/left_padded_paths.h); they step like the others. Throws ConfigError for a network other
/// than SASRec.
std::unique_ptr<UserModel> make_left_padded_user(nn::SequenceModel model);

/// Writes weights, manifest and probe; see nn::to_model_file. Throws IoError.
void save_sequence_user(const std::filesystem::path& path, const nn::SequenceModel& model,
                        ModelManifest manifest);

/// Reads, checks the data set (unless `dataset_fingerprint` is empty) and recomputes the probe (tolerance
/// probe_tolerance). `device` as for nn::resolve_device(). Throws what read_model(),
/// nn::from_model_file() and require_dataset() throw, with the file's name.
nn::SequenceModel load_sequence_model(const std::filesystem::path& path, const std::string& device,
                                      const std::string& dataset_fingerprint);
std::unique_ptr<UserModel> load_sequence_user(const std::filesystem::path& path, const std::string& device,
                                              const std::string& dataset_fingerprint);

}  // namespace veer
