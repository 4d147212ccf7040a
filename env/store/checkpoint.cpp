#include "env/store/checkpoint.h"

#include "env/error.h"
#include "env/store/hdf5/array_group.h"
#include "env/store/sealed_file.h"

namespace veer {
namespace {

constexpr const char* checkpoint_kind = "checkpoint";
constexpr int checkpoint_version = 1;

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const NamedArrays& state) {
  hdf5::File file = hdf5::File::create_in_memory(checkpoint_kind);
  hdf5::Group arrays = file.create_group("state");
  write_arrays(arrays, state);
  write_sealed(path, file, checkpoint_kind, checkpoint_version);
}

NamedArrays read_checkpoint(const std::filesystem::path& path) {
  return read_arrays(read_sealed(path, checkpoint_kind, checkpoint_version).group("state"));
}

NamedArrays read_checkpoint(const std::filesystem::path& path, const std::string& identity) {
  NamedArrays state = read_checkpoint(path);
  if (const std::string found = state.text("identity"); found != identity) {
    throw ConfigError(Where{path, 0, "identity"},
                      Problem{"a checkpoint of another training:\n" + found, "one of:\n" + identity,
                              "name another checkpoint file, or remove this one"});
  }
  return state;
}

void throw_training_interrupted(const std::filesystem::path& checkpoint) {
  throw Interrupted(checkpoint.empty()
                        ? "interrupted; without a checkpoint file nothing was kept"
                        : "interrupted; the same command continues from " + checkpoint.string());
}

}  // namespace veer
