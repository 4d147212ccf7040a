#include "env/nn/semantic_ids/semantic_ids_file.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/collision_report.h"

namespace veer::nn {
namespace {

constexpr const char* ids_kind = "semantic_ids";
constexpr const char* ids_role = "item_ids";
constexpr std::int32_t probe_rows = 16;
/// What two centres may differ in their distance and still both count as the nearest.
constexpr float distance_tolerance = 1e-3F;

[[noreturn]] void reject_file(const std::string& field, const std::string& found,
                              const std::string& expected) {
  throw FormatError(Where{{}, 0, field}, Problem{found, expected, ""});
}

bool fit_together(const SemanticIds& ids, const SemanticIdCodebooks& codebooks) {
  return codebooks.levels() + 1 == ids.layout().digits && codebooks.codes() == ids.layout().codes;
}

/// Vectors that walk through many centres: sums of one centre per level.
std::vector<float> probe_vectors(const SemanticIdCodebooks& codebooks) {
  std::vector<float> vectors(at(probe_rows) * at(codebooks.width()));
  std::vector<std::int32_t> codes(at(codebooks.levels()));
  for (std::int32_t row = 0; row < probe_rows; ++row) {
    for (std::int32_t level = 0; level < codebooks.levels(); ++level) {
      codes[at(level)] = (row * 17 + level * 5) % codebooks.centres(level).rows();
    }
    codebooks.decode(codes,
                     std::span(vectors).subspan(at(row) * at(codebooks.width()), at(codebooks.width())));
  }
  return vectors;
}

/// Up to probe_rows items with an id, spread over all of them.
std::vector<ItemId> probe_items(const SemanticIds& ids) {
  std::vector<ItemId> items;
  const std::int32_t rows = std::min(probe_rows, ids.with_id());
  for (std::int32_t i = 0; i < rows; ++i)
    items.push_back(ids.by_tokens()[at(i) * at(ids.with_id()) / at(rows)]);
  return items;
}

void write_metrics(const SemanticIds& ids, std::map<std::string, double>& metrics) {
  const CollisionReport report = collision_report(ids);
  metrics["colliding_items"] = report.colliding_items;
  metrics["colliding_tuples"] = report.colliding_tuples;
  metrics["largest_collision"] = report.largest_collision;
  for (std::size_t digit = 0; digit < report.digits.size(); ++digit) {
    const std::string name = "digit_" + std::to_string(digit);
    metrics[name + "_codes_used"] = report.digits[digit].codes_used;
    metrics[name + "_entropy"] = report.digits[digit].entropy;
    metrics[name + "_most_children"] = report.digits[digit].most_children;
    metrics[name + "_prefixes"] = report.digits[digit].prefixes;
  }
}

void check_table_probe(const SemanticIds& ids, const NamedArrays& probe) {
  const auto items = probe.get<ItemId>("input/items");
  const auto tokens = probe.get<std::int32_t>("output/tokens");
  const std::size_t digits = at(ids.layout().digits);
  if (tokens.size() != items.size() * digits) {
    reject_file("probe/output/tokens", std::to_string(tokens.size()) + " values",
                std::to_string(items.size() * digits));
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto row = tokens.subspan(i * digits, digits);
    if (items[i] >= 1 && items[i] <= ids.items() && ids.item(row) == items[i]) continue;
    throw VerificationError(Where{{}, 0, "probe/output/tokens"},
                            Problem{"tokens of item " + std::to_string(items[i]) + " that are not its own",
                                    "those of the table", "the file is damaged"});
  }
}

/// Walks the stored codes: each must be the nearest centre, or as near as rounding lets it be.
void check_codebook_probe(const SemanticIdCodebooks& codebooks, const NamedArrays& probe) {
  const auto vectors = probe.get<float>("input/vectors");
  const auto codes = probe.get<std::int32_t>("output/codes");
  const std::size_t width = at(codebooks.width()), levels = at(codebooks.levels());
  if (vectors.size() % width != 0 || codes.size() != vectors.size() / width * levels) {
    reject_file("probe/output/codes", std::to_string(codes.size()) + " values",
                std::to_string(levels) + " for each vector");
  }
  std::vector<float> left(width);
  for (std::size_t row = 0; row < vectors.size() / width; ++row) {
    std::copy_n(vectors.data() + row * width, width, left.begin());
    for (std::size_t level = 0; level < levels; ++level) {
      const std::int32_t code = codes[row * levels + level];
      const CentreBlocks& blocks = codebooks.blocks(static_cast<std::int32_t>(level));
      std::vector<float> distances(at(blocks.padded()));
      const float nearest = blocks.nearest(left.data(), distances.data()).distance;
      // Written so that a distance that is no number fails too.
      if (!(code >= 0 && code < blocks.centres() &&
            distances[at(code)] - nearest <= distance_tolerance * (1.0F + nearest))) {
        throw VerificationError(Where{{}, 0, "probe/output/codes"},
                                Problem{"code " + std::to_string(code) + " at level " + std::to_string(level),
                                        "the nearest centre", "the file is damaged"});
      }
      const auto centre = codebooks.centres(static_cast<std::int32_t>(level)).row(code);
      for (std::size_t j = 0; j < width; ++j) left[j] -= centre[j];
    }
  }
}

}  // namespace

ModelFile semantic_ids_file(const SemanticIdModel& model, ModelManifest manifest) {
  const SemanticIds& ids = model.ids;
  if (model.codebooks && !fit_together(ids, *model.codebooks)) {
    throw ConfigError("codebooks and ids do not belong together: their levels or codes differ");
  }
  ModelFile file;
  manifest.kind = ids_kind;
  manifest.role = ids_role;
  auto& about = manifest.hyper_parameters;
  about["items"] = std::to_string(ids.items());
  about["with_id"] = std::to_string(ids.with_id());
  about["digits"] = std::to_string(ids.layout().digits);
  about["codes"] = std::to_string(ids.layout().codes);
  write_metrics(ids, manifest.metrics);
  file.parameters.put_group("ids", ids.to_arrays());

  const std::vector<ItemId> items = probe_items(ids);
  std::vector<std::int32_t> tokens;
  for (const ItemId item : items)
    tokens.insert(tokens.end(), ids.tokens(item).begin(), ids.tokens(item).end());
  file.probe.set<ItemId>("input/items", items);
  file.probe.set<std::int32_t>("output/tokens", tokens);
  manifest.parameters = 0;
  if (model.codebooks) {
    const SemanticIdCodebooks& codebooks = *model.codebooks;
    about["first_digit"] = std::to_string(model.first_digit);
    about["width"] = std::to_string(codebooks.width());
    file.parameters.put_group("codebooks", codebooks.to_arrays());
    file.parameters.set_scalar<std::int32_t>("first_digit", model.first_digit);
    for (std::int32_t level = 0; level < codebooks.levels(); ++level) {
      manifest.parameters += std::int64_t{codebooks.centres(level).rows()} * codebooks.width();
    }
    const std::vector<float> vectors = probe_vectors(codebooks);
    std::vector<std::int32_t> codes(at(probe_rows) * at(codebooks.levels()));
    for (std::int32_t row = 0; row < probe_rows; ++row) {
      codebooks.encode(std::span(vectors).subspan(at(row) * at(codebooks.width()), at(codebooks.width())),
                       std::span(codes).subspan(at(row) * at(codebooks.levels()), at(codebooks.levels())));
    }
    file.probe.set<float>("input/vectors", vectors, {probe_rows, codebooks.width()});
    file.probe.set<std::int32_t>("output/codes", codes, {probe_rows, codebooks.levels()});
  }
  file.manifest = std::move(manifest);
  return file;
}

SemanticIdModel semantic_ids_from(const ModelFile& file) {
  if (file.manifest.kind != ids_kind) {
    throw FormatError(Where{{}, 0, "kind"}, Problem{"'" + file.manifest.kind + "'", "'semantic_ids'",
                                                    "veer fit semantic_ids makes such files"});
  }
  SemanticIdModel model{SemanticIds::from_arrays(file.parameters.group("ids")), std::nullopt,
                        published_first_digit};
  check_table_probe(model.ids, file.probe);
  const NamedArrays codebooks = file.parameters.group("codebooks");
  if (codebooks.all().empty()) return model;
  model.codebooks = SemanticIdCodebooks::from_arrays(codebooks);
  if (!fit_together(model.ids, *model.codebooks)) {
    reject_file("codebooks", "other levels or codes than the ids have",
                "a level for every digit but the last");
  }
  model.first_digit = file.parameters.scalar<std::int32_t>("first_digit");
  if (model.first_digit < 0 || model.first_digit >= model.ids.layout().codes) {
    reject_file("first_digit", std::to_string(model.first_digit),
                "0 to " + std::to_string(model.ids.layout().codes - 1));
  }
  check_codebook_probe(*model.codebooks, file.probe);
  return model;
}

SemanticIdModel load_semantic_ids(const std::filesystem::path& path, const std::string& dataset_fingerprint) {
  const ModelFile file = read_model(path);
  return with_file_name(path, [&] {
    require_dataset(file.manifest, dataset_fingerprint);
    return semantic_ids_from(file);
  });
}

}  // namespace veer::nn
