// Slate agents in model files of role "agent": kind "hsrl" (weights of the policy, semantic ids, codebooks
// and item vectors, so that items can join later) and kind "slate_agent" (a baseline: weights and item
// vectors). Critics are stored where acting needs them. Format: env/store/MODEL_FORMAT.md. Thread-safety:
// pure functions.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "agents/slate/hsrl/hsrl_model.h"
#include "agents/slate/latent/latent_model.h"
#include "env/policy.h"
#include "env/store/model_file.h"

namespace veer::slate {

/// `manifest` says where the agent comes from; kind, role, sizes and number of parameters are filled in here.
ModelFile hsrl_file(const HsrlModel& model, std::int32_t slots, ModelManifest manifest);
ModelFile latent_file(const LatentModel& model, std::int32_t slots, ModelManifest manifest);

/// Throw FormatError when the file holds another kind or arrays that do not fit, VerificationError when the
/// probe does not come out.
HsrlModel hsrl_from(const ModelFile& file);
LatentModel latent_from(const ModelFile& file);

/// Either kind as a policy of the slate width it was trained for. Throws what read_model() and the above
/// throw, with the file's name.
std::shared_ptr<const Policy> load_slate_agent(const std::filesystem::path& path, const std::string& name);

/// What became of the catalogue that an agent learned with. No weight moves: HSRL encodes new items with its
/// frozen codebooks, the baselines read their vectors.
struct CatalogueChange {
  std::span<const ItemId> gone;  ///< not shown any more; they may stand in histories
  View<const float> added;       ///< [new, features] vectors of the items behind the last one; may be empty
};
/// Throws ConfigError besides: for vectors of another width, an HSRL agent without codebooks, or too few
/// items left for a slate.
std::shared_ptr<const Policy> load_slate_agent(const std::filesystem::path& path, const std::string& name,
                                               const CatalogueChange& change);

}  // namespace veer::slate
