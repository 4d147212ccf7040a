// Reading logs of decisions from memory: what is read keeps its rules and can be written again, what is
// refused is refused in words about the file. As in fuzz_model, bytes behind a seal are a recipe: values,
// shapes and missing members, with a correct seal.
#include <string>
#include <vector>

#include "env/error.h"
#include "env/store/sealed_file.h"
#include "env/store/transition_file.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;
using fuzz::Input;

std::vector<std::byte> built_from(Input& input) {
  hdf5::File file = hdf5::File::create_in_memory("recipe");
  const auto leave_out = input.number<std::uint32_t>();
  int bit = 0;
  const auto keeps = [&] { return (leave_out >> bit++ & 1) == 0; };
  for (const char* name : {"scenario", "world", "regime", "policy", "fingerprint"}) {
    if (keeps()) file.write_text(name, input.text(10));
  }
  for (const char* name : {"grows", "has_densities", "horizon"}) {
    if (keeps()) file.set_attribute(name, input.number<std::int64_t>());
  }
  if (keeps()) file.set_attribute("largest_reward", input.number<double>());
  if (keeps()) file.set_attribute("seed", input.number<std::uint64_t>());
  hdf5::Group columns = file.create_group("columns");
  const std::int64_t rows = input.choice(5), features = input.choice(3), reals = input.choice(3);
  const auto column = [&]<class T>(const char* name, std::vector<std::int64_t> shape, T) {
    if (!keeps()) return;
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    std::vector<T> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(input.number<T>());
    columns.write(name, values, shape);
  };
  column("episode", {rows}, EpisodeId{});
  column("step", {rows}, std::int64_t{});
  column("user", {rows}, UserId{});
  column("observed", {rows, features}, 0.0F);
  column("next_observed", {rows, features}, 0.0F);
  column("action", {rows, reals}, 0.0F);
  column("log_prob", {rows}, 0.0F);
  column("reward", {rows}, 0.0F);
  column("end", {rows}, std::uint8_t{});
  return seal(file, "transitions", transition_format);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::vector<std::byte> bytes;
  if (input.choice(2) == 0) {
    const auto rest = input.rest();
    bytes.assign(rest.begin(), rest.end());
  } else {
    try {
      bytes = built_from(input);
    } catch (const Error&) {  // text that HDF5 refuses
      return 0;
    }
  }
  TransitionLog log;
  try {
    log = parse_transitions(bytes, "input");
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).find("input") != std::string::npos);
    return 0;
  }
  for (const float action : log.transitions.action_reals) fuzz::require(action >= -1.0F && action <= 1.0F);
  const std::vector<std::byte> again = transition_bytes(log);
  fuzz::require(transition_bytes(parse_transitions(again, "again")) == again);
  return 0;
}
