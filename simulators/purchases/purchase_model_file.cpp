#include "simulators/purchases/purchase_model_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "env/error.h"

namespace veer {
namespace {

constexpr std::int32_t probe_items = 8;

/// What a fixed history says about a few items, one of them from the history.
std::vector<float> purchase_probe(const PurchaseModel& model) {
  std::vector<ItemId> history, asked;
  for (std::int32_t i = 0; i < probe_items; ++i) {
    history.push_back(1 + (i * 17) % model.items());
    asked.push_back(1 + (i * 29 + 17) % model.items());
  }
  std::vector<float> out;
  for (const ItemId item : asked) out.push_back(model.probability(item, history));
  return out;
}

}  // namespace

ModelFile purchase_model_file(const PurchaseModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "purchases";
  file.manifest.role = "purchases";
  file.manifest.parameters = model.items() + 4;
  const PurchaseWeights& w = model.weights();
  file.parameters.set<float>("shares", model.shares());
  file.parameters.set<float>("weights", std::array{w.constant, w.share, w.taste, w.seen});
  file.parameters.set_scalar<std::int32_t>("window", model.window());
  file.probe.set<float>("output/probability", purchase_probe(model));
  return file;
}

PurchaseModel purchase_model_from(const ModelFile& file) {
  if (file.manifest.kind != "purchases") {
    throw FormatError({{}, 0, "kind"},
                      {"'" + file.manifest.kind + "'", "'purchases'", "veer fit purchases writes one"});
  }
  const std::span<const float> shares = file.parameters.get<float>("shares");
  const std::span<const float> w = file.parameters.get<float>("weights");
  if (w.size() != 4) throw FormatError({{}, 0, "weights"}, {std::to_string(w.size()) + " values", "4", ""});
  PurchaseModel model(std::vector<float>(shares.begin(), shares.end()), {w[0], w[1], w[2], w[3]},
                      file.parameters.scalar<std::int32_t>("window"));
  const std::span<const float> stored = file.probe.get<float>("output/probability");
  const std::vector<float> computed = purchase_probe(model);
  const auto close = [](float a, float b) { return std::abs(a - b) <= 1e-6F; };
  if (!std::equal(stored.begin(), stored.end(), computed.begin(), computed.end(), close)) {
    throw VerificationError({{}, 0, "probe output/probability"},
                            {"other probabilities than stored", "the stored ones",
                             "the file is damaged or was written by another version"});
  }
  return model;
}

PurchaseModel load_purchase_model(const std::filesystem::path& path, const std::string& dataset_fingerprint) {
  return with_file_name(path, [&] {
    const ModelFile file = read_model(path);
    PurchaseModel model = purchase_model_from(file);
    require_dataset(file.manifest, dataset_fingerprint);
    return model;
  });
}

}  // namespace veer
