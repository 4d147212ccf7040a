#include "env/store/checkpoint.h"

#include "env/error.h"
#include "env/store/hdf5/array_group.h"
#include "env/store/sealed_file.h"

namespace veer {
namespace {

constexpr const char* kind = "checkpoint";
constexpr int version = 1;

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const NamedArrays& state) {
  hdf5::File file = hdf5::File::create_in_memory(kind);
  hdf5::Group arrays = file.create_group("state");
  write_arrays(arrays, state);
  write_sealed(path, file, kind, version);
}

NamedArrays read_checkpoint(const std::filesystem::path& path) {
  return read_arrays(read_sealed(path, kind, version).group("state"));
}

NamedArrays read_checkpoint(const std::filesystem::path& path, const std::string& identity) {
  NamedArrays state = read_checkpoint(path);
  if (const std::string found = state.text("identity"); found != identity) {
    throw ConfigError(Where{path, 0, "identity"},
                      Problem{"a checkpoint of another fit:\n" + found, "one of:\n" + identity,
                              "name another checkpoint file, or remove this one"});
  }
  return state;
}

void throw_fit_interrupted(const std::filesystem::path& checkpoint) {
  throw Interrupted(checkpoint.empty()
                        ? "fit interrupted; without a checkpoint file nothing was kept"
                        : "fit interrupted; the same command continues from " + checkpoint.string());
}

}  // namespace veer
