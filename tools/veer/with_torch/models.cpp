#include "tools/veer/models.h"

#include "env/nn/sequence_model_file.h"
#include "env/nn/torch_runtime.h"
#include "simulators/sequence/sequence_user.h"

namespace veer::tools {

void load_sequence_model_into(LoadedModel& model, const ModelFile& file, const std::string& device) {
  nn::SequenceModel network = nn::from_model_file(file, nn::resolve_device(device));
  const NamedArrays weights = network.to_arrays();
  const auto table = weights.get<float>("item_embedding");
  model.table_width = network.config().hidden;
  model.item_table.assign(table.begin(), table.end());
  std::fill_n(model.item_table.begin(), model.table_width, 0.0F);
  model.users = make_sequence_user(std::move(network));
}

}  // namespace veer::tools
