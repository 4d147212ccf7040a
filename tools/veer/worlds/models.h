// User models from files, whatever their kind, with what tables say about them.
// Thread-safety: free functions; loaded models are immutable and shared.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/store/model_file.h"
#include "env/user_model.h"

namespace veer::tools {

struct LoadedModel {
  std::shared_ptr<const UserModel> users;
  ModelManifest manifest;
  std::string checksum;           ///< SHA-256 of the file
  std::vector<float> item_table;  ///< [N+1, table_width], row 0 zero: item vectors of the model (of an
                                  ///< ensemble: of its first member), for policies that walk
  std::int32_t table_width = 0;
};

/// Reads the file, recomputes its probe, and checks that it was fitted on `data`. Throws ConfigError when it
/// belongs to another data set, FormatError for a kind that is no user model, DeviceError, and what reading
/// the file throws.
LoadedModel load_user_model(const std::filesystem::path& path, const Dataset& data,
                            const std::string& device);

/// "sasrec, fitted on train_judge, seed 2, long run B"; the grade where the model was validated. An ensemble
/// is "ensemble of 5 (sasrec), fitted on ...".
std::string fit_of(const ModelManifest& manifest);

/// For kinds that need LibTorch ("sasrec", "gru4rec", "shift_user"): fills users, item_table and table_width.
/// `like`: null, or a model to share arrays with where they are the same. Defined in with_torch and
/// without_torch.
void load_sequence_model_into(LoadedModel& model, const ModelFile& file, const std::string& device,
                              const UserModel* like);

}  // namespace veer::tools
