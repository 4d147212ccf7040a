#include "agents/generative/training_identity.h"

#include <array>
#include <cstdint>

#include "env/data/sha256.h"

namespace veer {
namespace {

void add_arrays(Sha256& hash, const NamedArrays& arrays) {
  for (const auto& [name, array] : arrays.all()) {
    hash.update(name);
    hash.update_values<std::int64_t>(array.shape);
    hash.update(array.bytes);
  }
}

void add_examples(Sha256& hash, std::span<const PathExample> examples) {
  for (const PathExample& example : examples) {
    const std::array<std::int64_t, 4> head{example.user, static_cast<std::int64_t>(example.history.size()),
                                           static_cast<std::int64_t>(example.path.size()), example.target};
    hash.update_values<std::int64_t>(head);
    hash.update_values(example.history);
    hash.update_values(example.path);
  }
}

}  // namespace

std::string material_digest(const PathModel& start, std::span<const PathExample> training,
                            std::span<const PathExample> validation) {
  Sha256 hash;
  add_arrays(hash, start.network.to_arrays());
  add_arrays(hash, start.ids->to_arrays());
  add_examples(hash, training);
  add_examples(hash, validation);
  return hash.finish();
}

}  // namespace veer
