#include "env/store/model_file.h"

#include <cmath>
#include <fstream>
#include <limits>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/sealed_file.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/test.h"

using namespace veer;
using test::TemporaryDirectory;

namespace {

ModelFile example_model() {
  ModelFile model;
  model.manifest.kind = "gru4rec";
  model.manifest.role = "user_model";
  model.manifest.hyper_parameters = {{"width", "64"}, {"dropout", "0.1"}, {"note", ""}};
  model.manifest.dataset_fingerprint = std::string(64, 'b');
  model.manifest.dataset_name = "ml-1m";
  model.manifest.fitted_on = "train_plan";
  model.manifest.seed = 18'000'000'000'000'000'000ULL;
  model.manifest.parameters = 6'002;
  model.manifest.metrics = {{"mrr@10", 0.0931}, {"recall@10", 0.2214}};
  std::vector<float> weights(6'000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i));
  model.parameters.set<float>("item_embedding.weight", weights, {100, 60});
  model.parameters.set<float>("layers/0.bias", std::vector<float>{0.25F, -0.25F});
  model.parameters.set_scalar<std::int64_t>("optimiser/step", 17);
  model.parameters.set<std::uint8_t>("nothing", {});
  model.probe.set<std::int32_t>("input/history", std::vector<std::int32_t>{3, 1, 2});
  model.probe.set<float>("output/logits", std::vector<float>{0.5F, 1.5F});
  return model;
}

void check_equal(const NamedArrays& a, const NamedArrays& b) {
  REQUIRE(a.all().size() == b.all().size());
  for (const auto& entry : a.all()) {
    const std::string& name = entry.first;
    const NamedArray& array = entry.second;
    CAPTURE(name);
    CHECK(array.type == b.at(name).type);
    CHECK(array.shape == b.at(name).shape);
    CHECK(array.bytes == b.at(name).bytes);
  }
}

template <class E>
std::string message_of(const std::filesystem::path& path) {
  try {
    read_model(path);
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a model is read back as it was written") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "x.model.h5";
  const ModelFile model = example_model();
  write_model(path, model);
  const ModelFile back = read_model(path);
  CHECK(back.manifest.kind == model.manifest.kind);
  CHECK(back.manifest.role == model.manifest.role);
  CHECK(back.manifest.hyper_parameters == model.manifest.hyper_parameters);
  CHECK(back.manifest.dataset_fingerprint == model.manifest.dataset_fingerprint);
  CHECK(back.manifest.dataset_name == model.manifest.dataset_name);
  CHECK(back.manifest.fitted_on == model.manifest.fitted_on);
  CHECK(back.manifest.seed == model.manifest.seed);
  CHECK(back.manifest.parameters == model.manifest.parameters);
  CHECK(back.manifest.metrics == model.manifest.metrics);
  check_equal(back.parameters, model.parameters);
  check_equal(back.probe, model.probe);
}

TEST_CASE("equal models give equal bytes, and a model may be replaced") {
  CHECK(model_bytes(example_model()) == model_bytes(example_model()));
  const TemporaryDirectory directory;
  const auto path = directory.path() / "x.model.h5";
  write_model(path, example_model());
  ModelFile other = example_model();
  other.manifest.seed = 5;
  write_model(path, other);
  CHECK(read_model(path).manifest.seed == 5);
  CHECK_FALSE(std::filesystem::exists(directory.path() / "x.model.h5.part"));
}

TEST_CASE("a parameter that is no number is named by file, array and index") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "diverged.model.h5";
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    ModelFile model = example_model();
    std::vector<float> weights(6'000, 1.0F);
    weights[17 * 60 + 3] = bad;
    model.parameters.set<float>("item_embedding.weight", weights, {100, 60});
    write_model(path, model);
    const std::string message = message_of<DataError>(path);
    CAPTURE(message);
    CHECK(holds(message, "diverged.model.h5"));
    CHECK(holds(message, "parameters/item_embedding.weight[17, 3]"));
    CHECK(holds(message, std::isnan(bad) ? "nan" : "-inf"));
  }
}

TEST_CASE("missing, empty, truncated, foreign and other files are told apart") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "x.model.h5";
  CHECK(holds(message_of<IoError>(path), "No such file"));
  CHECK(holds(message_of<IoError>(directory.path()), "directory"));
  const auto bytes = model_bytes(example_model());
  for (const std::size_t size : {std::size_t{0}, std::size_t{300}, std::size_t{512}, std::size_t{4'000}}) {
    write_file_atomically(path, std::span(bytes).first(size));
    CHECK(holds(message_of<FormatError>(path), "truncated"));
  }
  write_file_atomically(path, std::string(10'000, 'z'));
  CHECK(holds(message_of<FormatError>(path), "none of Veer's"));
  hdf5::File plain = hdf5::File::create_in_memory("plain");
  plain.write("x", std::vector<float>(500, 1.0F));
  write_file_atomically(path, plain.image());
  CHECK(holds(message_of<FormatError>(path), "none of Veer's"));
  write_sealed(path, plain, "dataset", 1);
  CHECK(holds(message_of<FormatError>(path), "Veer dataset 1"));
  write_sealed(path, plain, "model", model_format);
  CHECK(holds(message_of<FormatError>(path), "manifest"));
  auto flipped = bytes;
  flipped[bytes.size() / 2] ^= std::byte{0x10};
  write_file_atomically(path, flipped);
  CHECK(holds(message_of<VerificationError>(path), "SHA-256"));
}

TEST_CASE("one changed byte anywhere is an error") {
  const auto bytes = model_bytes(example_model());
  for (std::size_t offset = 0; offset < bytes.size(); offset += 7) {
    auto damaged = bytes;
    damaged[offset] ^= std::byte{0x81};
    CAPTURE(offset);
    CHECK_THROWS_AS(parse_model(damaged, "damaged"), Error);
  }
}

TEST_CASE("names the format cannot hold are refused before anything is written") {
  for (const std::string name : {"a//b", "/a", "a/./b", "."}) {
    ModelFile model = example_model();
    model.parameters.set<float>(name, std::vector<float>{1.0F});
    CHECK_THROWS_AS(model_bytes(model), DataError);
  }
  ModelFile model = example_model();
  model.parameters.set<float>("layers", std::vector<float>{1.0F});  // "layers/0.bias" is there too
  CHECK_THROWS_AS(model_bytes(model), FormatError);
}

TEST_CASE("a model that cannot be written is an error that leaves nothing behind") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "file";
  write_file_atomically(file, std::string_view("text"));
  CHECK_THROWS_AS(write_model(file / "x.model.h5", example_model()), IoError);
  CHECK_THROWS_AS(write_model(directory.path() / "no" / "x.model.h5", example_model()), IoError);
  CHECK_THROWS_AS(write_model(directory.path(), example_model()), IoError);
  std::filesystem::path part = directory.path();
  part += ".part";
  CHECK_FALSE(std::filesystem::exists(part));
}
