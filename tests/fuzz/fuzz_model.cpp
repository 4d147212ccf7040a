// Reading model files from memory. The first byte chooses: the rest as the file itself, or as a recipe for an
// HDF5 file with a correct seal in which members are missing, doubled, of other types and shapes. The bytes
// behind a seal are not mutated: hostile HDF5 structures crash libhdf5 itself, and the seal keeps accidental
// ones away from it.
#include <string>
#include <vector>

#include "env/error.h"
#include "env/store/model_file.h"
#include "env/store/sealed_file.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;
using fuzz::Input;

const char* const places[] = {"manifest", "manifest/hyper_parameters", "manifest/metrics", "parameters",
                              "probe",    "parameters/layers",         "probe/input"};
const char* const names[] = {"kind",      "role", "dataset_fingerprint", "dataset_name",
                             "fitted_on", "seed", "parameters",          "weight",
                             "layers",    "x"};

void write_array(Input& input, hdf5::Group& group, const std::string& name) {
  const ArrayType type = static_cast<ArrayType>(input.choice(6));
  std::vector<std::int64_t> shape;
  std::int64_t count = 1;
  for (std::uint32_t rank = input.choice(10); rank > 0; --rank) {
    shape.push_back(input.choice(6));
    count = std::min<std::int64_t>(count * shape.back(), 1 << 16);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_of(type));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(input.number<std::uint8_t>());
  group.write(name, type, shape, bytes);
}

void write_something(Input& input, hdf5::File& file) {
  hdf5::Group group = file.create_group(places[input.choice(7)]);
  const std::string name = input.choice(4) == 0 ? input.text(20) : names[input.choice(10)];
  switch (input.choice(7)) {
    case 0:
      group.set_attribute(name, std::string_view(input.text(200)));
      break;
    case 1:
      group.set_attribute(name, input.number<std::int64_t>());
      break;
    case 2:
      group.set_attribute(name, input.number<std::uint64_t>());
      break;
    case 3:
      group.set_attribute(name, input.number<double>());
      break;
    case 4:
      group.write_text(name, input.text(200));
      break;
    case 5:
      group.create_group(name);
      break;
    default:
      write_array(input, group, name);
  }
}

std::vector<std::byte> built_from(Input& input) {
  hdf5::File file = hdf5::File::create_in_memory("recipe");
  const auto leave_out = input.number<std::uint16_t>();
  const auto keeps = [&](int bit) { return (leave_out >> bit & 1) == 0; };
  try {
    const auto write_parts = [&](hdf5::Group& group) {
      hdf5::Group manifest = group.create_group("manifest");
      for (int i = 0; i < 5; ++i) {
        if (keeps(i)) manifest.set_attribute(names[i], "some text");
      }
      if (keeps(5)) manifest.set_attribute("seed", std::uint64_t{3});
      if (keeps(6)) manifest.set_attribute("parameters", std::int64_t{4});
      for (int i = 1; i < 5; ++i) {
        if (keeps(6 + i)) group.create_group(places[i]);
      }
    };
    write_parts(file);
    // Members of an ensemble: up to three, numbered with a gap or without.
    const int first = leave_out >> 13 & 1;
    for (int m = 0; m < (leave_out >> 11 & 3); ++m) {
      hdf5::Group member = file.create_group("members/00" + std::to_string(first + m));
      write_parts(member);
    }
  } catch (const Error&) {
    fuzz::require(false);
  }
  while (!input.empty()) {
    try {
      write_something(input, file);
    } catch (const Error&) {  // a name taken twice, or one that HDF5 refuses
    }
  }
  return seal(file, "model", model_format);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool raw = input.choice(2) == 0;
  std::vector<std::byte> bytes;
  if (raw) {
    const auto rest = input.rest();
    bytes.assign(rest.begin(), rest.end());
  } else {
    bytes = built_from(input);
  }
  ModelFile model;
  try {
    model = parse_model(bytes, "input");
  } catch (const Error&) {
    return 0;
  }
  // What can be read can be written, and is then the same.
  const std::vector<std::byte> again = model_bytes(model);
  fuzz::require(model_bytes(parse_model(again, "again")) == again);
  return 0;
}
