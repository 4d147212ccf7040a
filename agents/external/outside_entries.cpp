#include "agents/external/outside_entries.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "agents/external/outside_policy.h"
#include "env/data/dataset.h"
#include "env/error.h"

namespace veer::external {
namespace {

std::vector<PolicyParameter> outside_parameters() {
  return {{"timeout", "seconds", "10", "for one answer, about a shard of up to 128 episodes"},
          {"start", "seconds", "60", "until the program says that it is ready"},
          {"processes", "0..4096", "0", "of this policy at once; 0: as many as threads play"}};
}

OutsideOptions outside_options(const PolicyContext& context, const PolicyParameters& parameters) {
  if (context.world.reals > 0) {
    throw ConfigError({{}, 0, "policy " + parameters.word()},
                      {"a world whose actions are real numbers", "one where items are shown", ""});
  }
  OutsideOptions out;
  out.name = parameters.option();
  out.timeout = parameters.real("timeout", 10.0);
  out.start = parameters.real("start", 60.0);
  for (const char* key : {"timeout", "start"}) {
    const double seconds = key == std::string_view("start") ? out.start : out.timeout;
    if (seconds <= 0.0 || seconds > 1e6) {
      parameters.reject(key, std::to_string(seconds), "more than 0 and at most 1000000 seconds");
    }
  }
  out.processes = parameters.integer("processes", 0, 0, 4096);
  const EnvSpec& world = context.world;
  out.world = {.scenario = world.id,
               .options = {},
               .sampled = world.acceptance == Acceptance::sampled,
               .items = world.items,
               .slots = world.slots,
               .history_capacity = world.history_capacity,
               .horizon = world.horizon,
               .item_ids = context.data->catalogue.ids};
  // A catalogue without names of its own.
  out.world.item_ids.resize(at(world.items) + 1);
  return out;
}

/// The program that plug-ins run in stands beside this one, or, for tests, above it.
std::string plugin_host() {
  constexpr const char* name = "veer-plugin-host";
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  for (const std::filesystem::path& folder : {self.parent_path(), self.parent_path().parent_path()}) {
    if (access((folder / name).c_str(), X_OK) == 0) return (folder / name).string();
  }
  return name;  // from PATH
}

/// `complete` adds to the options what the word's argument says: the command, and what a plug-in is told.
PolicyEntry outside_entry(std::string word, std::string summary, std::string argument,
                          void (*complete)(const std::string& argument, OutsideOptions& options)) {
  return {.word = std::move(word),
          .suffix = {},
          .summary = std::move(summary),
          .needs = {.data = true},
          .parameters = outside_parameters(),
          .make =
              [complete](const PolicyContext& context, const PolicyParameters& parameters) {
                OutsideOptions options = outside_options(context, parameters);
                complete(parameters.argument(), options);
                return make_outside_policy(options);
              },
          .argument = std::move(argument)};
}

void run_command(const std::string& argument, OutsideOptions& options) {
  options.command = {"/bin/sh", "-c", argument};
}

void host_plugin(const std::string& argument, OutsideOptions& options) {
  const std::size_t comma = argument.find(',');
  const std::string file = argument.substr(0, comma);
  if (access(file.c_str(), R_OK) != 0) {
    throw ConfigError({{}, 0, "policy plugin"},
                      {"no readable file '" + file + "'", "plugin:FILE.so,OPTIONS", ""});
  }
  if (comma != std::string::npos) options.world.options = argument.substr(comma + 1);
  options.command = {plugin_host(), file};
}

}  // namespace

std::vector<PolicyEntry> outside_entries() {
  return {outside_entry("process",
                        "A program in any language that answers lines of JSON; PLUGIN_FORMAT.md says which.",
                        "COMMAND", run_command),
          outside_entry("plugin",
                        "A shared library with the functions of veer_plugin.h, in a process of its own.",
                        "FILE.so[,OPTIONS]", host_plugin)};
}

std::vector<std::string> files_among(std::string_view argument) {
  std::vector<std::string> out;
  while (!argument.empty()) {
    const std::size_t end = argument.find_first_of(" ,");
    const std::string word(argument.substr(0, end));
    std::error_code ignored;
    if (!word.empty() && std::filesystem::is_regular_file(word, ignored)) out.push_back(word);
    argument.remove_prefix(end == std::string_view::npos ? argument.size() : end + 1);
  }
  return out;
}

}  // namespace veer::external
