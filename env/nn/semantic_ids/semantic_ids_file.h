// Semantic ids in a model file of kind "semantic_ids", role "item_ids": the table, the codebooks where there
// are any, and a probe that proves a load. Format: env/store/MODEL_FORMAT.md. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "env/nn/semantic_ids/item_changes.h"
#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/store/model_file.h"

namespace veer::nn {

struct SemanticIdModel {
  SemanticIds ids;
  std::optional<SemanticIdCodebooks>
      codebooks;  ///< none: the ids came from elsewhere, and no item can be added
  std::int32_t first_digit = published_first_digit;  ///< what the last digit counts from when items are added
};

/// `manifest` says where the ids come from: data set, seed, hyper-parameters of a fit. Kind, role, sizes,
/// number of parameters and the collision report as metrics are filled in here. Throws ConfigError when
/// codebooks and ids have different levels or codes.
ModelFile semantic_ids_file(const SemanticIdModel& model, ModelManifest manifest);

/// Throws FormatError when the file holds another kind of model or arrays that do not fit, VerificationError
/// when the probe does not come out.
SemanticIdModel semantic_ids_from(const ModelFile& file);

/// Reads a file and requires its data set (any, where `dataset_fingerprint` is empty). Throws what
/// read_model(), require_dataset() and semantic_ids_from() throw, with the file's name.
SemanticIdModel load_semantic_ids(const std::filesystem::path& path, const std::string& dataset_fingerprint);

}  // namespace veer::nn
