// The people and the model of a world of slates, from options: made up, or cut from a data set's ratings.
// Thread-safety: free functions; everything returned is immutable and shared.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/data/dataset.h"
#include "scenarios/slate/slate.h"
#include "scenarios/slate/slate_worlds.h"
#include "tools/veer/worlds/models.h"
#include "tools/veer/worlds/world_options.h"

namespace veer::tools {

struct SlateWorld {
  std::shared_ptr<const Dataset> data;  ///< of made-up people: what they liked
  LoadedModel users;                    ///< how they answer; its item table: the features of the items
  SlateParameters parameters;
  SlateMaterial material;                                      ///< what the parameters were made of,
  SlateChoices choices;                                        ///< and how
  std::vector<std::pair<std::string, std::string>> checksums;  ///< of files, by role
};

/// Without --data: the made-up people of the named world. With it: its people, who answer as the response
/// model of
/// --users says. Throws ConfigError for options that do not go together, and what reading files throws.
SlateWorld open_slates(const WorldOptions& options);

}  // namespace veer::tools
