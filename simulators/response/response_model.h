// The numbers of a response model: how likely somebody with this profile and history clicks an item.
//
//   u       = W2 dropout(relu(W1 profile + b1)) + b2                          a person, width 16
//   e(i)    = We features(i) + be                                             an item, width 16
//   S       = self-attention(e(history)), q = attention(u; S, S)              two heads, with output maps
//   q       = Wm [q ; u] + bm                                                 only with `merges_profile`
//   score_i = <e(i), q>,  P(click i) = link(score_i)
//
// The history has `history` places; those that nothing fills hold the padding item, whose features are zero,
// and take part in the attention, as in the published model. There are no positions: only which items a
// history holds counts, not their order. Items of a slate do not see each other.
// Source: the user response model of HAC (WWW 2023) and HSRL (arXiv 2510.09167): 17,952 parameters for RL4RS.
//
// Value types. Thread-safety: immutable once built. Torch-free.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/item_features.h"
#include "env/store/model_file.h"

namespace veer {

struct ResponseSizes {
  std::int32_t profile = 0;     ///< values of a profile, at least 1
  std::int32_t features = 0;    ///< values of an item, at least 1
  std::int32_t history = 50;    ///< places of a history, at least 1
  std::int32_t hidden = 256;    ///< of the profile's network, a multiple of 16
  bool merges_profile = false;  ///< the MovieLens-1M variant: q is read together with u
  static constexpr std::int32_t width = 16;
  static constexpr std::int32_t heads = 2;

  friend bool operator==(const ResponseSizes&, const ResponseSizes&) = default;
};

/// One weight matrix or vector of the model, in the order they lie in ResponseModel::weights.
struct ResponsePart {
  std::string_view name;
  std::int32_t rows = 0;     ///< outputs
  std::int32_t columns = 0;  ///< inputs; 1 for offsets
  std::size_t offset = 0;    ///< of its first value
  std::size_t size() const noexcept { return at(rows) * at(columns); }
};

/// Names: profile1, profile2, item, self_in, self_out, cross_in, cross_out, merge; each with /weight
/// [outputs, inputs] and /offset. *_in hold queries, keys and values below each other (48 outputs).
std::vector<ResponsePart> response_parts(const ResponseSizes& sizes);
std::size_t response_parameters(const ResponseSizes& sizes);
/// Throws ConfigError naming the size that is out of range.
void check_response_sizes(const ResponseSizes& sizes);

struct ResponseModel {
  ResponseSizes sizes;
  std::vector<float> weights;  ///< response_parameters(sizes) values
  ItemFeatures features;       ///< of the catalogue; features.width == sizes.features

  /// A part by name. REQUIRES: there is one.
  std::span<const float> part(std::string_view name) const;
  std::span<float> part(std::string_view name);
};

/// Uniform within +-1/sqrt(inputs) from Stream::initialise; offsets 0. Throws ConfigError for sizes out of
/// range or features of another width.
ResponseModel initial_response_model(const ResponseSizes& sizes, ItemFeatures features, std::uint64_t seed);

/// Writes weights, item features, manifest (kind "response") and a probe: the scores of three made-up people.
/// Throws IoError.
void save_response_model(const std::filesystem::path& path, const ResponseModel& model,
                         ModelManifest manifest);
/// Throws what read_model() throws, FormatError when something is missing or of another kind, and
/// VerificationError when the probe does not come out as stored.
ResponseModel load_response_model(const std::filesystem::path& path);
ResponseModel response_model_from(const ModelFile& file);
ModelFile response_model_file(const ResponseModel& model, ModelManifest manifest);

}  // namespace veer
