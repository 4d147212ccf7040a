// Model files (x.model.h5): named parameters, a manifest, and a probe that proves a load. Format:
// MODEL_FORMAT.md. Loading reads numbers and text only: no file of Veer's own can run code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/named_arrays.h"

namespace veer {

inline constexpr int model_format = 1;

/// What a model file says about itself.
struct ModelManifest {
  std::string kind;                                     ///< "sasrec", "gru4rec", "synthetic", ...
  std::string role = "user_model";                      ///< or "agent", "item_ids"
  std::map<std::string, std::string> hyper_parameters;  ///< numbers as shortest round-trip decimals
  std::string dataset_fingerprint;
  std::string dataset_name;
  std::string fitted_on;  ///< which people: "all (leave-one-out)", "train_plan", "train_judge"
  std::uint64_t seed = 0;
  std::int64_t parameters = 0;  ///< number of trained values
  std::map<std::string, double> metrics;
};

struct ModelFile {
  ModelManifest manifest;
  NamedArrays parameters;
  NamedArrays probe;  ///< "input/..." and "output/...": recomputed by whoever builds the model from this file
  /// Of an ensemble: whole models, in order, but for the arrays in `parameters` above, which all have in
  /// common. Members have no members. simulators/ensemble/ensemble_file.h puts them together.
  std::vector<ModelFile> members{};
};

/// Writes atomically: the file appears whole or not at all; equal models give equal bytes. Throws IoError, or
/// DataError for a name or text the format cannot hold, or for members of members.
void write_model(const std::filesystem::path& path, const ModelFile& model);

/// Reads and checks checksum, structure, sizes and that every f32 parameter is finite. Throws FormatError,
/// DataError naming the file, the array and the index, or VerificationError when the content does not match
/// its checksum.
ModelFile read_model(const std::filesystem::path& path);

/// The same from and to the bytes of a file; `name` stands for the file in messages.
std::vector<std::byte> model_bytes(const ModelFile& model);
ModelFile parse_model(std::span<const std::byte> bytes, const std::string& name);

/// Throws ConfigError naming both fingerprints when the model was fitted on another data set than the one in
/// use. An empty `expected` accepts any.
void require_dataset(const ModelManifest& manifest, const std::string& expected);

/// Runs `work`, putting the file's name before what went wrong while a model was built from it.
template <class Work>
auto with_file_name(const std::filesystem::path& path, const Work& work) {
  const auto named = [&](const Error& error) { return path.string() + ": " + error.what(); };
  try {
    return work();
  } catch (const ConfigError& error) {
    throw ConfigError(named(error));
  } catch (const FormatError& error) {
    throw FormatError(named(error));
  } catch (const VerificationError& error) {
    throw VerificationError(named(error));
  }
}

}  // namespace veer
