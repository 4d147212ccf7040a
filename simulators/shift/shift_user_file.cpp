// A shift_user in a model file: the base network, the items' facts, the free numbers, and a scored path as
// probe.
#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/nn/sequence_layout.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {
namespace {

constexpr const char* base_prefix = "base.";

std::string to_text(float value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

class HyperParameters {
 public:
  explicit HyperParameters(const std::map<std::string, std::string>& from) : from_(from) {}

  const std::string& text(const std::string& name) const {
    const auto found = from_.find(name);
    if (found == from_.end()) {
      throw FormatError(where(name), {"nothing", "a value", "was the model written by another version?"});
    }
    return found->second;
  }
  template <class T>
  T number(const std::string& name, T least, T most) const {
    const std::string& text = this->text(name);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) {
      throw FormatError(
          where(name),
          {"'" + text + "'", "a number from " + std::to_string(least) + " to " + std::to_string(most), {}});
    }
    return value;
  }
  /// Those of the base network, without their prefix.
  std::map<std::string, std::string> base() const {
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : from_) {
      if (name.starts_with(base_prefix))
        out[name.substr(std::char_traits<char>::length(base_prefix))] = value;
    }
    return out;
  }

 private:
  static Where where(const std::string& name) { return {{}, 0, "hyper-parameter " + name}; }
  const std::map<std::string, std::string>& from_;
};

/// Fixed histories, a path and a target after each, and what the model says about them.
struct Probe {
  std::int32_t prompts = 4, history_width = 9, length = 6;
  std::vector<ItemId> history, path, target;
  std::vector<std::int32_t> size;
  std::vector<std::uint8_t> accepted;
  std::vector<float> acceptance, interest;
};

Probe probe_of(std::int32_t items) {
  Probe probe;
  for (std::int32_t p = 0; p < probe.prompts; ++p) {
    probe.size.push_back(2 * p + 1);
    for (std::int32_t t = 0; t < probe.history_width; ++t) {
      probe.history.push_back(t < probe.size.back() ? 1 + (p * 31 + t * 17) % items : no_item);
    }
    for (std::int32_t k = 0; k < probe.length; ++k) {
      probe.path.push_back(1 + (3 + p * 7 + k * 29) % items);
      probe.accepted.push_back((p + k) % 3 == 0 ? feedback::refused : feedback::accepted);
    }
    probe.target.push_back(1 + (p * 5) % items);
  }
  return probe;
}

void run(Probe& probe, const ShiftUser& users) {
  const auto cells = static_cast<std::size_t>(probe.prompts) * static_cast<std::size_t>(probe.length);
  probe.acceptance.assign(cells, 0.0F);
  probe.interest.assign(cells, 0.0F);
  std::vector<std::int32_t> rank(cells), prompt, length, start_rank(static_cast<std::size_t>(probe.prompts));
  std::vector<float> start(static_cast<std::size_t>(probe.prompts));
  std::vector<UserId> user;
  for (std::int32_t p = 0; p < probe.prompts; ++p) {
    prompt.push_back(p);
    length.push_back(probe.length);
    user.push_back(p);
  }
  const auto workspace = users.make_workspace({.rows = probe.prompts, .history_capacity = 16});
  users.score_paths({.seed = 3,
                     .history = {probe.history.data(), probe.prompts, probe.history_width},
                     .history_size = probe.size,
                     .user = user,
                     .target = probe.target,
                     .episode = {},
                     .prompt = prompt,
                     .items = {probe.path.data(), probe.prompts, probe.length},
                     .accepted = {probe.accepted.data(), probe.prompts, probe.length},
                     .length = length},
                    {.acceptance = {probe.acceptance.data(), probe.prompts, probe.length},
                     .interest = {probe.interest.data(), probe.prompts, probe.length},
                     .rank = {rank.data(), probe.prompts, probe.length},
                     .start_interest = start,
                     .start_rank = start_rank},
                    *workspace);
}

void expect_close(const char* name, std::span<const float> stored, std::span<const float> found) {
  const Where where{{}, 0, std::string("probe/output/") + name};
  if (stored.size() != found.size()) {
    throw FormatError(where, {std::to_string(stored.size()) + " values", std::to_string(found.size()), {}});
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::abs(found[i] - stored[i]) <= 1e-3F * (1.0F + std::abs(stored[i]))) continue;
    throw VerificationError(where, {std::to_string(found[i]) + " at index " + std::to_string(i),
                                    std::to_string(stored[i]) + " as stored when the model was saved",
                                    "the file was altered, or this build computes wrongly"});
  }
}

const char* word(TimeUnit time) { return time == TimeUnit::days ? "days" : "steps"; }

}  // namespace

std::vector<std::pair<std::string, double>> rate_values(const ShiftModel& model) {
  std::vector<std::pair<std::string, double>> out;
  const Parameters& parameters = model.parameters;
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const auto p = static_cast<Parameter>(i);
    if (info(p).matrix || !parameters.learned(p)) continue;
    double value = parameters.value(p);
    if (p == Parameter::acceptance_rate) value = 1.0 / (1.0 + std::exp(-value));  // as a share
    out.emplace_back(info(p).name, value);
    if (model.time == TimeUnit::days && (p == Parameter::forgetting || p == Parameter::boredom_recovery)) {
      out.emplace_back(std::string(info(p).name) + "_per_day", value / model.days_per_step);
    }
  }
  return out;
}

ModelFile shift_model_file(const ShiftModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "shift_user";
  file.manifest.role = "user_model";
  auto& h = file.manifest.hyper_parameters;
  for (const auto& [name, value] : model.base.config().to_strings()) h[base_prefix + name] = value;
  h["base.kind"] = model.base.config().kind;
  const Units& units = model.parameters.units();
  h["mechanisms"] = model.parameters.on().text();
  h["attributes"] = std::to_string(model.facts.attributes);
  h["recent_items"] = std::to_string(model.recent_items);
  h["time"] = word(model.time);
  h["days_per_step"] = to_text(model.days_per_step);
  h["acceptance_slope"] = to_text(model.acceptance_slope);
  h["acceptance_offset"] = to_text(model.acceptance_offset);
  h["unit.taste"] = to_text(units.taste);
  h["unit.item"] = to_text(units.item);
  h["unit.item_spread"] = to_text(units.item_spread);
  file.manifest.parameters =
      static_cast<std::int64_t>(model.parameters.size()) + nn::parameter_count(model.base.config());
  for (const auto& [name, value] : rate_values(model)) file.manifest.metrics["rate " + name] = value;

  file.parameters.put_group("base", model.base.to_arrays());
  model.parameters.save(file.parameters);
  file.parameters.set<float>("items/log_popularity", model.facts.log_popularity);
  file.parameters.set<std::int64_t>("items/attribute_offsets", model.facts.attribute_offsets);
  if (!model.facts.attribute_list.empty()) {
    file.parameters.set<std::int32_t>("items/attributes", model.facts.attribute_list);
  }

  Probe probe = probe_of(model.facts.items);
  run(probe, ShiftUser(model));
  file.probe.set<ItemId>("input/history", probe.history, {probe.prompts, probe.history_width});
  file.probe.set<std::int32_t>("input/size", probe.size);
  file.probe.set<ItemId>("input/path", probe.path, {probe.prompts, probe.length});
  file.probe.set<std::uint8_t>("input/accepted", probe.accepted);
  file.probe.set<ItemId>("input/target", probe.target);
  file.probe.set<float>("output/acceptance", probe.acceptance);
  file.probe.set<float>("output/interest", probe.interest);
  return file;
}

ShiftModel shift_model_from(const ModelFile& file) {
  if (file.manifest.kind != "shift_user") {
    throw FormatError(Where{{}, 0, "kind"}, {"'" + file.manifest.kind + "'", "'shift_user'",
                                             "name a model written by veer fit shift_user"});
  }
  const HyperParameters h(file.manifest.hyper_parameters);
  std::map<std::string, std::string> base_text = h.base();
  const nn::SequenceConfig config = nn::SequenceConfig::from_strings(base_text);
  const nn::SequenceModel base = nn::SequenceModel::from_arrays(config, file.parameters.group("base"), "cpu");

  ItemFacts facts;
  facts.items = config.items;
  facts.attributes = h.number<std::int32_t>("attributes", 0, most_attributes);
  const auto popularity = file.parameters.get<float>("items/log_popularity");
  const auto offsets = file.parameters.get<std::int64_t>("items/attribute_offsets");
  facts.log_popularity.assign(popularity.begin(), popularity.end());
  facts.attribute_offsets.assign(offsets.begin(), offsets.end());
  if (file.parameters.contains("items/attributes")) {
    const auto list = file.parameters.get<std::int32_t>("items/attributes");
    facts.attribute_list.assign(list.begin(), list.end());
  }
  check_facts(facts);

  constexpr float huge = 1e30F, tiny = 1e-30F;
  const Units units{h.number<float>("unit.taste", tiny, huge), h.number<float>("unit.item", tiny, huge),
                    h.number<float>("unit.item_spread", 0.0F, huge)};
  Parameters parameters(config.hidden, units, 0);
  parameters.load(file.parameters);
  try {
    parameters.set_on(Mechanisms::from_text(h.text("mechanisms")));
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  const std::string& time = h.text("time");
  if (time != "days" && time != "steps") {
    throw FormatError(Where{{}, 0, "hyper-parameter time"}, {"'" + time + "'", "'steps' or 'days'", {}});
  }
  ShiftModel model{base,
                   std::move(facts),
                   std::move(parameters),
                   h.number<float>("acceptance_slope", -huge, huge),
                   h.number<float>("acceptance_offset", -huge, huge),
                   h.number<std::int32_t>("recent_items", 0, 1000),
                   time == "days" ? TimeUnit::days : TimeUnit::steps,
                   h.number<float>("days_per_step", tiny, huge)};

  // The probe's own input is not read: it is a function of the catalogue's size, like the format's version.
  Probe probe = probe_of(config.items);
  run(probe, ShiftUser(model));
  expect_close("acceptance", file.probe.get<float>("output/acceptance"), probe.acceptance);
  expect_close("interest", file.probe.get<float>("output/interest"), probe.interest);
  return model;
}

}  // namespace veer::shift
