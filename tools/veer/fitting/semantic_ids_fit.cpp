#include "tools/veer/fitting/semantic_ids_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/nn/semantic_ids/collision_report.h"
#include "env/nn/semantic_ids/published_ids.h"
#include "env/nn/semantic_ids/semantic_ids_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

/// Ids with where they come from, and what of the two sides has no partner on the other.
struct MadeIds {
  nn::SemanticIdModel model;
  ModelManifest manifest;
  std::vector<double> residual{};      // of a fit: before and after each level
  std::vector<std::string> without{};  // of an import: items of the data set
  std::vector<std::string> unknown{};  // of an import: items of the file
};

nn::CodebookOptions codebook_options(const SemanticIdOptions& options, const Session& session) {
  nn::CodebookOptions out;
  out.levels = options.levels.value_or(out.levels);
  out.k_means.clusters = options.codes.value_or(out.k_means.clusters);
  out.k_means.restarts = options.restarts.value_or(out.k_means.restarts);
  out.k_means.iterations = options.iterations.value_or(out.k_means.iterations);
  out.k_means.balanced = options.balanced;
  out.k_means.seed = session.common.seed;
  out.progress = [&session](std::int32_t level, const nn::KMeansResult& result) {
    session.console.note(fmt::format("level {}: {} codes, the best of the starts after {} iterations{}",
                                     level, result.used, result.iterations,
                                     result.converged ? "" : ", not converged: allow more --iterations"));
  };
  return out;
}

MadeIds fit_to_vectors(const SemanticIdOptions& options, const Dataset& data, const Session& session) {
  const LoadedModel source = load_user_model(options.vectors, data, "cpu");
  const View<const float> vectors(source.item_table.data(), data.catalogue.size() + 1, source.table_width);
  const nn::CodebookOptions fit_options = codebook_options(options, session);
  nn::CodebookFit fit = nn::fit_codebooks(vectors, fit_options);
  const std::int32_t first_digit = options.first_digit.value_or(nn::published_first_digit);
  nn::SemanticIds ids = nn::assign_ids({fit.codes.data(), data.catalogue.size() + 1, fit_options.levels},
                                       fit_options.k_means.clusters, first_digit);
  MadeIds made{{std::move(ids), std::move(fit.codebooks), first_digit}, {}, std::move(fit.residual)};
  made.manifest.fitted_on = source.manifest.fitted_on;
  made.manifest.seed = session.common.seed;
  auto& about = made.manifest.hyper_parameters;
  about["source"] = "item vectors of a " + source.manifest.kind;
  about["source_checksum"] = source.checksum;
  about["balanced"] = options.balanced ? "yes" : "no";
  about["restarts"] = std::to_string(fit_options.k_means.restarts);
  about["iterations"] = std::to_string(fit_options.k_means.iterations);
  for (std::size_t level = 0; level < made.residual.size(); ++level) {
    made.manifest.metrics[fmt::format("residual_{}", level)] = made.residual[level];
  }
  return made;
}

MadeIds import_published(const SemanticIdOptions& options, const Dataset& data) {
  const nn::PublishedIds published = nn::read_published_ids(options.published);
  nn::MappedIds mapped = [&] {
    try {
      return nn::map_published_ids(published, data.catalogue, options.codes.value_or(256));
    } catch (const DataError& error) {
      throw DataError(options.published + ": " + error.what());
    }
  }();
  MadeIds made{{std::move(mapped.ids), std::nullopt}, {}};
  made.manifest.fitted_on = "unknown (published)";
  made.manifest.hyper_parameters["source"] = "published file";
  made.manifest.hyper_parameters["source_checksum"] = sha256_of_file(options.published);
  for (const ItemId item : mapped.without) made.without.push_back(data.catalogue.ids[at(item)]);
  made.unknown = std::move(mapped.unknown);
  return made;
}

nlohmann::ordered_json json_of(const nn::CollisionReport& report, const MadeIds& made) {
  nlohmann::ordered_json out;
  for (std::size_t i = 0; i < report.digits.size(); ++i) {
    const nn::CollisionReport::Digit& digit = report.digits[i];
    nlohmann::ordered_json entry{{"codes_used", digit.codes_used},
                                 {"prefixes", digit.prefixes},
                                 {"most_children", digit.most_children},
                                 {"entropy", digit.entropy}};
    if (i + 1 < made.residual.size()) entry["residual"] = made.residual[i + 1];
    out["digits"].push_back(std::move(entry));
  }
  if (!made.residual.empty()) out["energy"] = made.residual.front();
  out["colliding_items"] = report.colliding_items;
  out["colliding_tuples"] = report.colliding_tuples;
  out["largest_collision"] = report.largest_collision;
  out["without_id"] = made.without;
  out["not_in_data"] = made.unknown;
  return out;
}

/// "in the file but not in the data set: 467 (33, 67, 109, ...)"
std::string list_text(const std::string& what, const std::vector<std::string>& ids) {
  std::string text = fmt::format("{}: {} (", what, grouped(static_cast<std::int64_t>(ids.size())));
  const std::size_t shown = std::min<std::size_t>(ids.size(), 5);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + shorten(ids[i], 40);
  return text + (shown < ids.size() ? ", ...)" : ")");
}

void print_ids(const Console& console, const std::string& output, const MadeIds& made, const Dataset& data) {
  const nn::CollisionReport report = nn::collision_report(made.model.ids);
  if (console.json()) {
    nlohmann::ordered_json out = describe_model(read_model(output).manifest);
    out["report"] = json_of(report, made);
    console.out() << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return;
  }
  const nn::SemanticIdLayout& layout = made.model.ids.layout();
  console.out() << fmt::format("{}: {} of {} items of {} have an id of {} tokens; vocabulary {}\n", output,
                               grouped(report.items), grouped(data.catalogue.size()), data.name,
                               layout.digits, grouped(layout.vocabulary()));
  std::vector<std::string> header{"digit", "codes used", "prefixes", "most children", "bits"};
  const bool fitted = !made.residual.empty();
  if (fitted) header.emplace_back("left of the vectors");
  Table table(header);
  for (std::size_t i = 0; i < report.digits.size(); ++i) {
    const nn::CollisionReport::Digit& digit = report.digits[i];
    std::vector<std::string> row{std::to_string(i), grouped(digit.codes_used), grouped(digit.prefixes),
                                 grouped(digit.most_children), fmt::format("{:.2f}", digit.entropy)};
    if (fitted) {
      const bool level = i + 1 < made.residual.size() && made.residual.front() > 0.0;
      row.push_back(level ? fmt::format("{:.1f} %", 100.0 * made.residual[i + 1] / made.residual.front())
                          : "");
    }
    table.add(std::move(row));
  }
  console.out() << table.text();
  console.out() << (report.colliding_items == 0
                        ? "no two items agree in all digits but the last\n"
                        : fmt::format(
                              "{} items share their first {} digits with another, at most {} the same\n",
                              grouped(report.colliding_items), layout.digits - 1,
                              grouped(report.largest_collision)));
  if (!made.without.empty()) {
    console.out() << list_text("not in the file, so without an id", made.without) << '\n';
  }
  if (!made.unknown.empty()) {
    console.out() << list_text("in the file but not in the data set", made.unknown) << '\n';
  }
}

void check_ids_options(const SemanticIdOptions& options) {
  if (options.vectors.empty() == options.published.empty()) {
    throw ConfigError(
        {{}, 0, options.vectors.empty() ? "--vectors" : "--published"},
        {options.vectors.empty() ? "neither --vectors nor --published" : "--vectors too",
         "one of them: a fitted model whose item vectors are quantised, or a .sem_ids file", ""});
  }
  if (options.published.empty()) return;
  const auto refuse = [](const char* option, bool given) {
    if (!given) return;
    throw ConfigError({{}, 0, option},
                      {"--published too", "--vectors", "published ids are taken as they are"});
  };
  refuse("--levels", options.levels.has_value());
  refuse("--restarts", options.restarts.has_value());
  refuse("--iterations", options.iterations.has_value());
  refuse("--first-digit", options.first_digit.has_value());
  refuse("--balanced", options.balanced);
}

}  // namespace

void add_semantic_id_options(CLI::App& app, SemanticIdOptions& options) {
  const std::string group = "Tokens of items (semantic_ids)";
  app.add_option("--vectors", options.vectors, "model file whose item vectors are quantised, or, for reward, read")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--published", options.published,
                 "instead: a .sem_ids file, JSON from the source's item ids to lists of codes")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--levels", options.levels,
                 "codes per item; one more digit tells apart items that agree in all; default: 3")
      ->check(CLI::Range(1, nn::SemanticIdLayout::most_digits - 1))
      ->type_name("N")
      ->group(group);
  app.add_option("--codes", options.codes, "different codes of a digit; default: 256")
      ->check(at_most(nn::SemanticIdLayout::most_codes, "take more levels instead"))
      ->type_name("N")
      ->group(group);
  app.add_flag("--balanced", options.balanced, "no code of a level gets more than its share of the items")
      ->group(group);
  app.add_option("--restarts", options.restarts,
                 "starts of k-means per level, the best of which stays; default: 4")
      ->check(positive())
      ->type_name("N")
      ->group(group);
  app.add_option("--iterations", options.iterations, "of k-means per start, at most; default: 100")
      ->check(positive())
      ->type_name("N")
      ->group(group);
  app.add_option("--first-digit", options.first_digit,
                 "what the digit that tells items apart counts from; default: 1, as in published files")
      ->check(not_negative())
      ->type_name("N")
      ->group(group);
}

void run_semantic_ids_fit(const SemanticIdOptions& options, const std::string& data_file,
                          const std::string& output, const Session& session) {
  check_ids_options(options);
  check_output("--output", output, "model");
  const Dataset data = read_dataset(data_file);
  MadeIds made =
      options.published.empty() ? fit_to_vectors(options, data, session) : import_published(options, data);
  made.manifest.dataset_fingerprint = data.fingerprint;
  made.manifest.dataset_name = data.name;
  write_model(output, nn::semantic_ids_file(made.model, made.manifest));
  print_ids(session.console, output, made, data);
}

}  // namespace veer::tools
