// veer info PATH
#include <CLI/CLI.hpp>
#include <array>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/model_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/sealed_file.h"
#include "env/store/transition_file.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

struct InfoCommand {
  std::string path;
  bool verify = false;
};

/// "dataset", "model", "run"; throws when the path is none of Veer's own.
std::string kind_of(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return "run";
  std::ifstream stream(path, std::ios::binary);
  std::array<char, seal_size> head{};
  stream.read(head.data(), head.size());
  if (!stream.is_open() || stream.bad()) {
    throw IoError({path, 0, ""},
                  {std::filesystem::exists(path, error) ? "a file that cannot be read" : "no such file",
                   "a dataset, a model, a log of decisions or a run directory", ""});
  }
  if (stream.gcount() == 0) {
    throw FormatError({path, 0, ""},
                      {"an empty file", "a dataset, a model, a log of decisions or a run directory",
                       "write it anew with veer import, fit or evaluate"});
  }
  const auto bytes = std::as_bytes(std::span(head)).first(static_cast<std::size_t>(stream.gcount()));
  std::string kind = sealed_kind(bytes);
  if (kind != "dataset" && kind != "model" && kind != "transitions") {
    throw FormatError({path, 0, ""},
                      {kind.empty() ? "a file that Veer did not write" : "a file of kind '" + kind + "'",
                       "a dataset, a model, a log of decisions or a run directory",
                       "veer import turns logs into datasets"});
  }
  return kind;
}

void run_info(const InfoCommand& command, const Session& session) {
  const std::string kind = kind_of(command.path);
  nlohmann::ordered_json description;
  if (kind == "dataset") {
    description = describe_dataset(read_dataset(command.path));
  } else if (kind == "model") {
    const ModelFile model = read_model(command.path);
    description = describe_model(model.manifest);
    for (std::size_t m = 0; m < model.members.size(); ++m) {
      const ModelManifest& member = model.members[m].manifest;
      if (session.console.json()) {
        description["members"].push_back(describe_model(member));
      } else {
        description["member " + std::to_string(m + 1)] = fit_of(member);
      }
    }
  } else if (kind == "transitions") {
    description = describe_transitions(read_transitions(command.path));
  } else {
    description = describe_run(read_run_summary(command.path));
    if (command.verify) {
      verify_run(command.path);
      description["verified"] = true;
    }
  }
  print_description(session.console, description);
}

}  // namespace

void add_info(Program& program) {
  auto command = std::make_shared<InfoCommand>();
  CLI::App& app = program.add("info", "Says what a dataset, a model, a log of decisions or a run holds.",
                              "veer info ml-1m.h5 --json\n         veer info run --verify",
                              [command](const Session& session) { run_info(*command, session); });
  app.add_option("PATH", command->path, "dataset file, model file, log of decisions or run directory")
      ->required();
  app.add_flag("--verify", command->verify,
               "recompute the checksums and the digest of a run (those of files always are)");
}

}  // namespace veer::tools
