#include "agents/irn/irn_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agents/irn/irn_person.h"
#include "env/error.h"
#include "env/nn/torch_runtime.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer::irn {
namespace {

/// Histories of several lengths, with and without a target, near it and far from it, of people known and not.
struct IrnProbe {
  std::int32_t width = 0;
  std::vector<ItemId> history, target;
  std::vector<std::int32_t> size, left;
  std::vector<UserId> user;

  std::vector<float> run(const IrnModel& model) const {
    return read_out(
        model, {{history.data(), static_cast<std::int32_t>(size.size()), width}, size, target, user, left});
  }
};

IrnProbe probe_of(const IrnConfig& config) {
  IrnProbe probe;
  probe.width = std::min(20, config.positions);
  for (std::int32_t row = 0; row < 8; ++row) {
    const StepKey key{0, static_cast<EpisodeId>(row), 0};
    std::uint32_t lane = 0;
    const auto draw = [&] {
      return 1 + static_cast<ItemId>(
                     uniform_below(static_cast<std::uint32_t>(config.items), key, Stream::generate, lane++));
    };
    const std::int32_t size = row * probe.width / 7;
    for (std::int32_t k = 0; k < probe.width; ++k) probe.history.push_back(k < size ? draw() : no_item);
    probe.size.push_back(size);
    probe.target.push_back(row == 3 ? no_item : draw());
    probe.left.push_back(1 + row);
    probe.user.push_back(row % 2 == 0 ? std::min(row, config.people) : config.people);
  }
  return probe;
}

IrnModel model_in(const ModelFile& file, const std::string& device) {
  if (file.manifest.kind != "irn") {
    throw FormatError(Where{{}, 0, "kind"},
                      {"\"" + file.manifest.kind + "\"", "irn",
                       "this file holds another kind of model; name one made by veer train irn"});
  }
  const IrnConfig config = IrnConfig::from_strings(file.manifest.hyper_parameters);
  IrnModel model = IrnModel::from_arrays(config, file.parameters, device);
  // The probe's own input is read, so that files stay loadable should the way it is drawn ever change.
  IrnProbe probe;
  const auto read = [&](const char* name, auto& out) {
    const auto values = file.probe.get<std::int32_t>(std::string("input/") + name);
    out.assign(values.begin(), values.end());
  };
  read("history", probe.history);
  read("size", probe.size);
  read("target", probe.target);
  read("steps_left", probe.left);
  read("user", probe.user);
  const std::size_t rows = probe.size.size();
  const auto within = [](const std::vector<std::int32_t>& values, std::int32_t most) {
    return std::ranges::all_of(values, [&](std::int32_t value) { return value >= 0 && value <= most; });
  };
  if (rows == 0 || probe.history.empty() || probe.history.size() % rows != 0 || probe.target.size() != rows ||
      probe.left.size() != rows || probe.user.size() != rows || !within(probe.history, config.items) ||
      !within(probe.target, config.items) || !within(probe.user, config.people) ||
      !within(probe.size, static_cast<std::int32_t>(probe.history.size() / rows))) {
    throw FormatError(Where{{}, 0, "probe/input"},
                      {"columns that do not fit each other or the catalogue",
                       "whole histories with a target, a person and a distance each",
                       {}});
  }
  probe.width = static_cast<std::int32_t>(probe.history.size() / rows);
  check_probe("readouts", file.probe.get<float>("output/readouts"), probe.run(model));
  return model;
}

}  // namespace

ModelFile to_model_file(const IrnModel& model, ModelManifest manifest) {
  const IrnConfig& config = model.config();
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "irn";
  file.manifest.role = "agent";
  file.manifest.hyper_parameters = config.to_strings();
  file.manifest.parameters = parameter_count(config);
  file.parameters = model.to_arrays();
  const IrnProbe probe = probe_of(config);
  const auto rows = static_cast<std::int64_t>(probe.size.size());
  file.probe.set<std::int32_t>("input/history", probe.history, {rows, probe.width});
  file.probe.set<std::int32_t>("input/size", probe.size);
  file.probe.set<std::int32_t>("input/target", probe.target);
  file.probe.set<std::int32_t>("input/steps_left", probe.left);
  file.probe.set<std::int32_t>("input/user", probe.user);
  file.probe.set<float>("output/readouts", probe.run(model), {rows, config.hidden + 1});
  return file;
}

IrnModel load_irn(const std::filesystem::path& path, const std::string& device,
                  const std::string& dataset_fingerprint) {
  const ModelFile file = read_model(path);
  const std::string resolved = nn::resolve_device(device);
  return with_file_name(path, [&] {
    require_dataset(file.manifest, dataset_fingerprint);
    return model_in(file, resolved);
  });
}

}  // namespace veer::irn
