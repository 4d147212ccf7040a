#include "tools/veer/worlds/models.h"

#include "env/nn/sequence_model_file.h"
#include "env/nn/torch_runtime.h"
#include "simulators/sequence/sequence_user.h"
#include "simulators/shift/shift_user.h"

namespace veer::tools {

void load_sequence_model_into(LoadedModel& model, const ModelFile& file, const std::string& device,
                              const UserModel* like) {
  if (file.manifest.kind == "shift_user") {
    shift::ShiftModel people = shift::shift_model_from(file);
    model.table_width = people.base.config().hidden;
    model.item_table = shift::item_vectors(people.base);
    std::fill_n(model.item_table.begin(), model.table_width, 0.0F);
    if (const auto* other = dynamic_cast<const shift::ShiftUser*>(like)) {
      model.users = std::make_shared<const shift::ShiftUser>(std::move(people), *other);
    } else {
      model.users = std::make_shared<const shift::ShiftUser>(std::move(people));
    }
    return;
  }
  nn::SequenceModel network = nn::from_model_file(file, nn::resolve_device(device));
  const NamedArrays weights = network.to_arrays();
  const auto table = weights.get<float>("item_embedding");
  model.table_width = network.config().hidden;
  model.item_table.assign(table.begin(), table.end());
  std::fill_n(model.item_table.begin(), model.table_width, 0.0F);
  model.users = make_sequence_user(std::move(network));
}

}  // namespace veer::tools
