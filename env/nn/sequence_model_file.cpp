#include "env/nn/sequence_model_file.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "env/error.h"
#include "env/nn/inference/catalogue_scorer.h"
#include "env/nn/inference/sequence_encoder.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer::nn {
namespace {

/// Histories of many lengths, one of them longer than the positions, and a target for each.
struct ProbeInput {
  std::int32_t width = 0;
  std::vector<ItemId> history;
  std::vector<std::int32_t> size;
  std::vector<ItemId> target;

  std::int32_t rows() const { return static_cast<std::int32_t>(size.size()); }
};

ProbeInput probe_input(const SequenceConfig& config) {
  ProbeInput input;
  input.width = config.positions + 3;
  const std::array<std::int32_t, 8> sizes = {1,          2, 5, 10, 20, config.positions - 1, config.positions,
                                             input.width};
  for (std::uint64_t row = 0; row < sizes.size(); ++row) {
    const std::int32_t size = std::clamp(sizes[row], 1, input.width);
    const StepKey key{0, row, 0};
    for (std::int32_t t = 0; t < input.width; ++t) {
      const auto draw = uniform_below(static_cast<std::uint32_t>(config.items), key, Stream::generate,
                                      static_cast<std::uint32_t>(t));
      input.history.push_back(t < size ? static_cast<ItemId>(draw) + 1 : no_item);
    }
    input.size.push_back(size);
    input.target.push_back(
        static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(config.items), key, Stream::generate,
                                          static_cast<std::uint32_t>(input.width))) +
        1);
  }
  return input;
}

struct ProbeOutput {
  std::vector<float> readouts;  ///< [rows, d]
  std::vector<float> interest;  ///< [rows] natural log p(target)
};

ProbeOutput run_probe(const SequenceModel& model, const ProbeInput& input) {
  const SequenceEncoder encoder(model);
  const CatalogueScorer scorer(model);
  const std::int32_t rows = input.rows(), width = encoder.state_width(), d = model.config().hidden;
  std::vector<float> state(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
  std::vector<std::int32_t> all(static_cast<std::size_t>(rows)), rank(all.size());
  for (std::int32_t r = 0; r < rows; ++r) all[static_cast<std::size_t>(r)] = r;
  const View<float> states(state.data(), rows, width);
  const auto cache = encoder.make_cache(rows, input.width);
  encoder.begin(all, View<const ItemId>(input.history.data(), rows, input.width),
                View<const std::int32_t>(input.size.data(), rows, 1), states, *cache);
  ProbeOutput output;
  output.interest.resize(all.size());
  scorer.measure(View<const float>(states), input.target, output.interest, rank);
  for (std::int32_t r = 0; r < rows; ++r) {
    const auto row = states.row(r).first(static_cast<std::size_t>(d));
    output.readouts.insert(output.readouts.end(), row.begin(), row.end());
  }
  return output;
}

}  // namespace

ModelFile to_model_file(const SequenceModel& model, ModelManifest manifest) {
  const SequenceConfig& config = model.config();
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = config.kind;
  file.manifest.hyper_parameters = config.to_strings();
  file.manifest.parameters = parameter_count(config);
  file.parameters = model.to_arrays();
  const ProbeInput input = probe_input(config);
  const ProbeOutput output = run_probe(model, input);
  file.probe.set<std::int32_t>("input/history", input.history, {input.rows(), input.width});
  file.probe.set<std::int32_t>("input/size", input.size);
  file.probe.set<std::int32_t>("input/target", input.target);
  file.probe.set<float>("output/readouts", output.readouts, {input.rows(), config.hidden});
  file.probe.set<float>("output/interest", output.interest);
  return file;
}

SequenceModel from_model_file(const ModelFile& file, const std::string& device) {
  const std::string& kind = file.manifest.kind;
  if (kind != "sasrec" && kind != "gru4rec") {
    throw FormatError(Where{{}, 0, "kind"},
                      {"\"" + kind + "\"", "sasrec or gru4rec",
                       "this file holds another kind of model; name one made by veer fit"});
  }
  const SequenceConfig config = SequenceConfig::from_strings(file.manifest.hyper_parameters);
  SequenceModel model = SequenceModel::from_arrays(config, file.parameters, device);

  // The probe's own input is read, so that files stay loadable should the way it is drawn ever change.
  ProbeInput input;
  const std::span<const std::int32_t> history = file.probe.get<std::int32_t>("input/history");
  const std::span<const std::int32_t> size = file.probe.get<std::int32_t>("input/size");
  const std::span<const std::int32_t> target = file.probe.get<std::int32_t>("input/target");
  const auto bad = [&](const std::string& found, const std::string& expected) {
    return FormatError(Where{{}, 0, "probe/input"}, {found, expected, {}});
  };
  if (size.empty() || target.size() != size.size() || history.empty() || history.size() % size.size() != 0) {
    throw bad(std::to_string(history.size()) + " items in " + std::to_string(size.size()) + " histories",
              "whole histories with a target each");
  }
  input.width = static_cast<std::int32_t>(history.size() / size.size());
  input.history.assign(history.begin(), history.end());
  input.size.assign(size.begin(), size.end());
  input.target.assign(target.begin(), target.end());
  const auto known = [&](ItemId item) { return item >= 0 && item <= config.items; };
  if (!std::ranges::all_of(input.history, known) || !std::ranges::all_of(input.target, known)) {
    throw bad("an unknown item", "ids from 0 to " + std::to_string(config.items));
  }
  if (!std::ranges::all_of(input.size, [&](std::int32_t n) { return n >= 0 && n <= input.width; })) {
    throw bad("a history size outside its row", "0 to " + std::to_string(input.width));
  }
  const ProbeOutput output = run_probe(model, input);
  check_probe("readouts", file.probe.get<float>("output/readouts"), output.readouts);
  check_probe("interest", file.probe.get<float>("output/interest"), output.interest);
  return model;
}

}  // namespace veer::nn
