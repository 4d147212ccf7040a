#include <utility>

#include "env/error.h"
#include "env/nn/sequence_model_file.h"
#include "env/nn/torch_runtime.h"
#include "simulators/sequence/sequence_user.h"

namespace veer {
void save_sequence_user(const std::filesystem::path& path, const nn::SequenceModel& model,
                        ModelManifest manifest) {
  write_model(path, nn::to_model_file(model, std::move(manifest)));
}

nn::SequenceModel load_sequence_model(const std::filesystem::path& path, const std::string& device,
                                      const std::string& dataset_fingerprint) {
  const ModelFile file = read_model(path);
  const std::string resolved = nn::resolve_device(device);
  return with_file_name(path, [&] {
    require_dataset(file.manifest, dataset_fingerprint);
    return nn::from_model_file(file, resolved);
  });
}

std::unique_ptr<UserModel> load_sequence_user(const std::filesystem::path& path, const std::string& device,
                                              const std::string& dataset_fingerprint) {
  return make_sequence_user(load_sequence_model(path, device, dataset_fingerprint));
}

}  // namespace veer
