// The numbers of a model of several behaviours: how likely somebody with this profile and history clicks,
// watches, likes ... an item. With E the width of an encoding and D = 2 E:
//
//   e(i)  = norm(sum over an item's id and feature blocks b of Mi norm_i(Wb x_b + cb) + mi)     an item, E
//   u     = norm(sum over a person's id and profile blocks b of Mu norm_u(Wb x_b + cb) + mu)    a person, E
//   x_t   = [norm(e(item t) + position t) ; Wf (what was done with it) + bf]                    a place, D
//   o     = causal Transformer(x), read at the newest place; layers as in PyTorch, norms behind, ReLU
//   q_f   = norm'(row f of W2 norm''(relu(W1 [o ; u])) + b2)                                   a behaviour, E
//   score_f(i) = mean over the E values of q_f * e(i),  P(f) = link(score_f + offset_f)
//
// A history fills its places from the newest backwards; those in front that nothing fills hold the padding
// item, whose features are zero and with which nothing was done, and take part in the attention, as in the
// published model. With more than one query per behaviour its score is the greatest of theirs ("MaxOut").
// `offsets` take back what the weights of the loss add to the log-odds (simulators/fitting/behaviour_fit.h).
// Source: the immediate response model of KuaiSim (NeurIPS 2023), which mixes the steps of the behaviours'
// history by a reshape that is left out here: 228,224 values beside the id tables for MovieLens-1M.
//
// Value types. Thread-safety: immutable once built. Torch-free.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/behaviours.h"
#include "env/data/item_features.h"
#include "env/store/model_file.h"

namespace veer {

struct BehaviourSizes {
  std::vector<std::int32_t> profile_blocks;  ///< values of each feature of a person; together a profile
  std::vector<std::int32_t> feature_blocks;  ///< values of each feature of an item; together its features
  std::int32_t items = 0;                    ///< of the catalogue, at least 1
  std::int32_t people = 0;                   ///< with a vector of their own; 0: nobody has one
  bool item_ids = true;                      ///< whether items have vectors of their own
  /// Distinct; the first is the click.
  std::vector<Behaviour> behaviours = {Behaviour::click,   Behaviour::complete, Behaviour::like,
                                       Behaviour::comment, Behaviour::share,    Behaviour::follow,
                                       Behaviour::dislike};
  std::int32_t history = 100;  ///< places of a history, at least 1
  std::int32_t latent = 32;    ///< of a feature's vector
  std::int32_t encoding = 64;  ///< E, a multiple of 16
  std::int32_t layers = 2;     ///< at least 1
  std::int32_t heads = 4;      ///< each 2 E / heads values wide: 16 or 32
  std::int32_t inner = 64;     ///< of a Transformer layer's feed-forward network, a multiple of 16
  std::int32_t hidden = 128;   ///< of the network behind the queries, a multiple of 16
  std::int32_t queries = 1;    ///< per behaviour

  std::int32_t width() const noexcept { return 2 * encoding; }
  std::int32_t head() const noexcept { return width() / heads; }
  std::int32_t profile() const noexcept;
  std::int32_t features() const noexcept;
  std::int32_t count() const noexcept { return static_cast<std::int32_t>(behaviours.size()); }
  friend bool operator==(const BehaviourSizes&, const BehaviourSizes&) = default;
};

enum class BehaviourPartKind : std::uint8_t { weight, offset, gain, table };

/// One array of the model, in the order they lie in BehaviourModel::weights.
struct BehaviourPart {
  std::string name;
  BehaviourPartKind kind = BehaviourPartKind::weight;
  std::int32_t rows = 0;     ///< outputs, or rows of a table
  std::int32_t columns = 1;  ///< inputs; 1 for offsets and gains
  std::size_t offset = 0;    ///< of its first value
  std::size_t size() const noexcept { return at(rows) * at(columns); }
};

/// profile<b>, feature<b>, user_map, item_map, behaviour_map, layer<l>/in, /out, /inner1, /inner2, state1 and
/// state2, each with /weight [outputs, inputs] and /offset; user_norm, item_norm, encoding_norm,
/// layer<l>/norm1 and 2, state_norm and query_norm, each with /gain and /offset; the tables user_ids
/// [people, latent], item_ids [items + 1, latent], positions [history, E]. layer<l>/in holds queries, keys
/// and values below each other.
std::vector<BehaviourPart> behaviour_parts(const BehaviourSizes& sizes);
std::size_t behaviour_parameters(const BehaviourSizes& sizes);
/// All but the id tables.
std::size_t dense_behaviour_parameters(const BehaviourSizes& sizes);
/// Throws ConfigError naming the size that is out of range.
void check_behaviour_sizes(const BehaviourSizes& sizes);

struct BehaviourModel {
  BehaviourSizes sizes;
  std::vector<float> weights;  ///< behaviour_parameters(sizes) values
  ItemFeatures features;       ///< of the catalogue; its width is sizes.features()
  std::vector<float> offsets;  ///< [behaviours] added to scores
  /// [behaviours] times something was done per time it was not, in the log: what rewards weigh by.
  std::vector<float> odds;
  bool doubled = false;  ///< fitted with the sigmoid applied twice, so that it answers with one too many

  /// A part by name. REQUIRES: there is one.
  std::span<const float> part(std::string_view name) const;
  std::span<float> part(std::string_view name);
};

/// Weights uniform within +-1/sqrt(inputs), tables standard normal, gains 1, offsets 0; odds 1. From
/// Stream::initialise. Throws ConfigError for sizes out of range or features of another size.
BehaviourModel initial_behaviour_model(const BehaviourSizes& sizes, ItemFeatures features,
                                       std::uint64_t seed);

/// Writes weights, item features, manifest (kind "behaviours") and a probe: scores for a made-up person.
/// Throws IoError.
void save_behaviour_model(const std::filesystem::path& path, const BehaviourModel& model,
                          ModelManifest manifest);
/// Throws what read_model() throws, FormatError when something is missing or of another kind, and
/// VerificationError when the probe does not come out as stored.
BehaviourModel load_behaviour_model(const std::filesystem::path& path);
BehaviourModel behaviour_model_from(const ModelFile& file);
ModelFile behaviour_model_file(const BehaviourModel& model, ModelManifest manifest);

}  // namespace veer
