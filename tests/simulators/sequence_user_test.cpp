#include <torch/types.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "env/error.h"
#include "env/nn/sequence_model_file.h"
#include "env/nn/training/sequence_forward_net.h"
#include "simulators/sequence/sequence_user.h"
#include "tests/conformance/conformance.h"
#include "tests/env/nn/small_models.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr std::int32_t catalogue = 90;

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("veer-" + std::to_string(::getpid()) + "-" + name);
}

TEST_SUITE("sequence user") {
  TEST_CASE("SASRec and GRU4Rec people conform, on both kinds of kernels") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      for (const nn::Kernels kernels : {nn::Kernels::automatic, nn::Kernels::portable}) {
        CAPTURE(kind);
        const auto people = make_sequence_user(nn::small_model(kind, catalogue, 7, 30), kernels);
        CHECK(people->spec().kind == kind);
        conformance::check_user_model(*people, {.tolerance = 1e-4});
      }
    }
  }

  TEST_CASE("acceptance, interest and rank are those of the plain forward pass") {
    const nn::SequenceModel model = nn::small_model("sasrec", catalogue);
    const auto people = make_sequence_user(model);
    const std::vector<ItemId> history{3, 14, 15, 9}, path{26, 5, 35}, target{58};
    const std::vector<std::int32_t> size{4}, prompt{0}, length{3};
    const std::vector<UserId> user{0};
    const std::vector<std::uint8_t> accepted{1, 0, 1};
    std::vector<float> acceptance(3), interest(3), start(1);
    std::vector<std::int32_t> rank(3), start_rank(1);
    PathQuery query;
    query.history = {history.data(), 1, 4};
    query.history_size = size;
    query.user = user;
    query.target = target;
    query.prompt = prompt;
    query.items = {path.data(), 1, 3};
    query.accepted = {accepted.data(), 1, 3};
    query.length = length;
    const auto workspace = people->make_workspace({.rows = 1, .history_capacity = 7});
    people->score_paths(
        query, {{acceptance.data(), 1, 3}, {interest.data(), 1, 3}, {rank.data(), 1, 3}, start, start_rank},
        *workspace);
    const c10::InferenceMode guard;
    const torch::Tensor table = model.net().at("item_embedding");
    std::vector<std::int64_t> read{3, 14, 15, 9};
    const auto readout = [&] {
      const auto count = static_cast<std::int64_t>(read.size());
      return nn::encode(model.net(), torch::tensor(read).view({1, count})).select(1, count - 1);
    };
    const auto check_standing = [&](float found, std::int32_t found_rank) {
      const torch::Tensor logits = readout().mm(table.t())[0];
      CHECK(std::abs(found - torch::log_softmax(logits, 0)[58].item<float>()) < 1e-5F);
      CHECK(found_rank == logits.gt(logits[58]).sum().item<std::int64_t>() + 1);
    };
    check_standing(start[0], start_rank[0]);
    for (std::size_t k = 0; k < 3; ++k) {
      const float logit = readout()[0].dot(table[path[k]]).item<float>();
      CHECK(acceptance[k] == doctest::Approx(1.0F / (1.0F + std::exp(-logit))).epsilon(1e-5));
      if (accepted[k] != 0) read.push_back(path[k]);
      check_standing(interest[k], rank[k]);
    }
  }

  TEST_CASE("a saved model comes back with the same numbers; another data set or other weights are refused") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      CAPTURE(kind);
      const nn::SequenceModel model = nn::small_model(kind, catalogue);
      const std::filesystem::path path = temporary(std::string(kind) + ".model.h5");
      ModelManifest manifest;
      manifest.dataset_fingerprint = std::string(64, 'a');
      manifest.dataset_name = "test";
      save_sequence_user(path, model, manifest);
      const nn::SequenceModel loaded = load_sequence_model(path, "cpu", std::string(64, 'a'));
      const NamedArrays saved = model.to_arrays(), read = loaded.to_arrays();
      for (const auto& [name, array] : saved.all()) {
        CHECK(std::ranges::equal(saved.get<float>(name), read.get<float>(name)));
      }
      CHECK(load_sequence_user(path, "cpu", "")->spec().kind == kind);
      try {
        load_sequence_user(path, "cpu", std::string(64, 'b'));
        FAIL("another data set was accepted");
      } catch (const ConfigError& error) {
        const std::string text = error.what();
        CHECK(text.find(std::string(64, 'a')) != std::string::npos);
        CHECK(text.find(std::string(64, 'b')) != std::string::npos);
        CHECK(text.find(path.string()) != std::string::npos);
      }
      std::filesystem::remove(path);

      ModelFile file = nn::to_model_file(model, manifest);
      CHECK(file.manifest.parameters == nn::parameter_count(model.config()));
      const std::span<const float> old = file.parameters.get<float>("item_embedding");
      std::vector<float> values(old.begin(), old.end());
      for (std::size_t i = 32; i < values.size(); ++i) values[i] *= 1.02F;
      file.parameters.set<float>("item_embedding", values, {catalogue + 1, 32});
      CHECK_THROWS_AS(nn::from_model_file(file, "cpu"), VerificationError);
      file = nn::to_model_file(model, manifest);
      file.manifest.kind = "synthetic";
      CHECK_THROWS_AS(nn::from_model_file(file, "cpu"), FormatError);
      file = nn::to_model_file(model, manifest);
      std::vector<std::int32_t> target(8, catalogue + 1);
      file.probe.set<std::int32_t>("input/target", target);
      CHECK_THROWS_AS(nn::from_model_file(file, "cpu"), FormatError);
    }
  }
}

}  // namespace
}  // namespace veer
