#include "tools/veer/worlds/models.h"

#include "env/error.h"

namespace veer::tools {

void load_sequence_model_into(LoadedModel&, const ModelFile& file, const std::string&, const UserModel*) {
  throw ConfigError("a model of kind '" + file.manifest.kind +
                    "' needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
}

}  // namespace veer::tools
