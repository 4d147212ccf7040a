#include "agents/slate/slate_agent_file.h"

#include <numeric>
#include <optional>
#include <vector>

#include "agents/slate/hsrl/hsrl_policy.h"
#include "env/error.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer::slate {
namespace {

constexpr std::int32_t probe_rows = 4;

/// Histories of 0, 2, 4, 6 items.
struct ProbeHistories {
  std::vector<ItemId> items = std::vector<ItemId>(at(probe_rows * 8), no_item);
  std::vector<std::int32_t> sizes;

  explicit ProbeHistories(std::int32_t catalogue) {
    for (std::int32_t r = 0; r < probe_rows; ++r) {
      sizes.push_back(2 * r);
      for (std::int32_t t = 0; t < 2 * r; ++t) {
        items[at(8 * r + t)] = 1 + static_cast<ItemId>(uniform_below(
                                       static_cast<std::uint32_t>(catalogue),
                                       {0, at(r), static_cast<std::uint32_t>(t)}, Stream::generate));
      }
    }
  }
  View<const ItemId> history() const { return {items.data(), probe_rows, 8}; }
  View<const std::int32_t> size() const { return {sizes.data(), probe_rows, 1}; }
};

std::vector<float> probe_values(const HsrlModel& model) {
  const ProbeHistories probe(model.catalogue().items());
  HsrlModel::Reading reading;
  model.read(probe.history(), probe.size(), {}, reading);
  reading.states.insert(reading.states.end(), reading.log_p.begin(), reading.log_p.end());
  return reading.states;
}

std::vector<float> probe_values(const LatentModel& model) {
  const ProbeHistories probe(model.vectors().items());
  return model.read(probe.history(), probe.size(), {});
}

void fill_manifest(ModelManifest& manifest, const std::string& kind, const nn::HyperParameters& options,
                   std::int32_t items, std::int32_t slots, const NamedArrays& weights) {
  manifest.kind = kind;
  manifest.role = "agent";
  for (const auto& [name, value] : options) manifest.hyper_parameters[name] = value;
  manifest.hyper_parameters["items"] = nn::decimal(items);
  manifest.hyper_parameters["slots"] = nn::decimal(slots);
  manifest.parameters = 0;
  for (const auto& entry : weights.all()) manifest.parameters += entry.second.size();
}

void put_vectors(NamedArrays& out, View<const float> vectors) {
  out.set<float>("vectors", {vectors.data(), at(vectors.rows()) * at(vectors.width())},
                 {vectors.rows(), vectors.width()});
}

View<const float> vectors_of(const NamedArrays& arrays) {
  const auto values = arrays.get<float>("vectors");
  const std::vector<std::int64_t>& shape = arrays.at("vectors").shape;
  if (shape.size() != 2 || shape[0] < 2 || shape[1] < 1) {
    throw FormatError(Where{{}, 0, "vectors"}, Problem{"another shape", "[items + 1, width]", ""});
  }
  return {values.data(), static_cast<std::int32_t>(shape[0]), static_cast<std::int32_t>(shape[1])};
}

void require_kind(const ModelFile& file, const std::string& kind) {
  if (file.manifest.kind == kind) return;
  throw FormatError(Where{{}, 0, "kind"},
                    Problem{"\"" + file.manifest.kind + "\"", kind,
                            "name a file made by veer train hsrl or another slate agent"});
}

/// Runs `build`; options of a file that make no agent are a mistake of the file.
template <class Build>
auto from_file(const Build& build) {
  try {
    return build();
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  } catch (const DataError& error) {
    throw FormatError(error.what());
  }
}

LatentModel changed_latent(const LatentModel& model, const CatalogueChange& change) {
  const View<const float> known = model.vectors().view();
  if (change.added.rows() > 0 && change.added.width() != known.width()) {
    nn::reject_field("width of new items' vectors", std::to_string(change.added.width()),
                     std::to_string(known.width()) + ", the agent's");
  }
  std::vector<float> all(known.data(), known.data() + std::ptrdiff_t{known.rows()} * known.width());
  for (std::int32_t r = 0; r < change.added.rows(); ++r) {
    all.insert(all.end(), change.added.row(r).begin(), change.added.row(r).end());
  }
  const View<const float> vectors(all.data(), known.rows() + change.added.rows(), known.width());
  return model.on(std::make_shared<const ItemVectors>(vectors), {change.gone.begin(), change.gone.end()});
}

HsrlModel changed_hsrl(const HsrlModel& model, const CatalogueChange& change) {
  std::shared_ptr<const SemanticCatalogue> catalogue = model.shared_catalogue();
  std::vector<ItemId> added(at(change.added.rows()));
  std::iota(added.begin(), added.end(), catalogue->items() + 1);
  if (!change.gone.empty()) catalogue = catalogue->without_items(change.gone);
  if (!added.empty()) catalogue = catalogue->with_items(added, change.added);
  return model.on(std::move(catalogue));
}

}  // namespace

ModelFile hsrl_file(const HsrlModel& model, std::int32_t slots, ModelManifest manifest) {
  ModelFile file;
  const NamedArrays weights = model.weights();
  const SemanticCatalogue& catalogue = model.catalogue();
  fill_manifest(manifest, "hsrl", model.options().to_hyper_parameters(), catalogue.items(), slots, weights);
  manifest.hyper_parameters["first_digit"] = nn::decimal(catalogue.model().first_digit);
  file.manifest = std::move(manifest);
  file.parameters.put_group("policy", weights);
  file.parameters.put_group("ids", catalogue.model().ids.to_arrays());
  if (catalogue.model().codebooks) {
    file.parameters.put_group("codebooks", catalogue.model().codebooks->to_arrays());
  }
  put_vectors(file.parameters, catalogue.vectors());
  file.probe.set<float>("output/states", probe_values(model));
  return file;
}

ModelFile latent_file(const LatentModel& model, std::int32_t slots, ModelManifest manifest) {
  ModelFile file;
  file.parameters.put_group("policy", model.actor());
  file.parameters.put_group("critic", model.critic());
  fill_manifest(manifest, "slate_agent", model.options().to_hyper_parameters(), model.vectors().items(),
                slots, file.parameters);
  file.manifest = std::move(manifest);
  put_vectors(file.parameters, model.vectors().view());
  file.probe.set<float>("output/states", probe_values(model));
  return file;
}

HsrlModel hsrl_from(const ModelFile& file) {
  require_kind(file, "hsrl");
  return from_file([&] {
    nn::SemanticIdModel ids{nn::SemanticIds::from_arrays(file.parameters.group("ids")), {}};
    const NamedArrays books = file.parameters.group("codebooks");
    if (!books.all().empty()) ids.codebooks = nn::SemanticIdCodebooks::from_arrays(books);
    nn::read_decimal(file.manifest.hyper_parameters, "first_digit", ids.first_digit);
    const auto catalogue =
        std::make_shared<const SemanticCatalogue>(std::move(ids), vectors_of(file.parameters));
    HsrlModel model(HsrlOptions::from_hyper_parameters(file.manifest.hyper_parameters), catalogue,
                    file.parameters.group("policy"));
    check_probe("states", file.probe.get<float>("output/states"), probe_values(model));
    return model;
  });
}

LatentModel latent_from(const ModelFile& file) {
  require_kind(file, "slate_agent");
  return from_file([&] {
    const LatentOptions options = LatentOptions::from_hyper_parameters(file.manifest.hyper_parameters);
    LatentModel model(options, std::make_shared<const ItemVectors>(vectors_of(file.parameters)),
                      file.parameters.group("policy"), file.parameters.group("critic"));
    check_probe("states", file.probe.get<float>("output/states"), probe_values(model));
    return model;
  });
}

std::shared_ptr<const Policy> load_slate_agent(const std::filesystem::path& path, const std::string& name) {
  return load_slate_agent(path, name, CatalogueChange{});
}

std::shared_ptr<const Policy> load_slate_agent(const std::filesystem::path& path, const std::string& name,
                                               const CatalogueChange& change) {
  return with_file_name(path, [&]() -> std::shared_ptr<const Policy> {
    const ModelFile file = read_model(path);
    std::int32_t slots = 0;
    from_file([&] { nn::read_decimal(file.manifest.hyper_parameters, "slots", slots); });
    const bool changed = !change.gone.empty() || change.added.rows() > 0;
    if (file.manifest.kind == "slate_agent") {
      const LatentModel model = latent_from(file);
      if (changed) return make_latent_policy(changed_latent(model, change), slots, name);
      return from_file([&] { return make_latent_policy(model, slots, name); });
    }
    const HsrlModel model = hsrl_from(file);
    if (changed) return make_hsrl_policy(changed_hsrl(model, change), slots, name);
    return from_file([&] { return make_hsrl_policy(model, slots, name); });
  });
}

}  // namespace veer::slate
