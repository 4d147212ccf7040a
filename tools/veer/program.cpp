#include "tools/veer/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <utility>

#include "env/error.h"
#include "env/runtime.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/config_file.h"
#include "tools/veer/worlds/learned.h"

namespace veer::tools {
namespace {

void add_common_options(CLI::App& command, CommonOptions& common) {
  const std::string group = "Common options";
  command
      .add_option("--config", common.config,
                  "TOML file of options without dashes, such as episodes = 100; the command line wins")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--json", common.json, "results as one JSON document")->group(group);
  command.add_flag("--quiet", common.quiet, "nothing on stderr but errors")->group(group);
  command.add_option("--seed", common.seed, "all randomness follows from it")
      ->check(unsigned_number())
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", common.threads, "0: one per core; results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  command.add_option("--device", common.device, "where models run: cpu, cuda, cuda:N or auto")
      ->capture_default_str()
      ->group(group);
}

/// --json and --quiet are wanted before the command line is known to be sound.
bool asked_for(const std::vector<std::string>& arguments, const std::string& flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

/// CLI11 would say of an unknown command only that it did not expect it. Throws ConfigError naming those that
/// exist.
void require_known_command(const CLI::App& program, const std::vector<std::string>& arguments) {
  const CLI::App* family = &program;
  for (const std::string& argument : arguments) {
    const auto known = family->get_subcommands([](const CLI::App*) { return true; });
    if (known.empty()) return;
    if (argument.starts_with("-")) continue;
    std::string names;
    const CLI::App* found = nullptr;
    for (const CLI::App* each : known) {
      names += (names.empty() ? "" : ", ") + each->get_name();
      if (each->get_name() == argument) found = each;
    }
    if (found == nullptr) {
      throw ConfigError("found the command '" + argument + "'; expected one of " + names);
    }
    family = found;
  }
}

/// What CLI11 found wrong, with the line of the file when the option came from there.
std::string usage_message(const CLI::ParseError& error, const OptionOrigins& origins) {
  const std::string complaint = error.what();
  for (const auto& [option, origin] : origins) {
    if (complaint.starts_with(option + ":") || complaint.find(": " + option + " = ") != std::string::npos) {
      return fmt::format("{}:{}: {}", origin.file.string(), origin.line, complaint);
    }
  }
  return complaint;
}

}  // namespace

Program::Program()
    : app_(std::make_unique<CLI::App>(
          "Veer plays recommender policies against simulated people whose taste shifts.", "veer")) {
  app_->require_subcommand(1);
  app_->set_version_flag("--version", version_text, "versions of this program and of what it stands on");
  app_->get_formatter()->column_width(34);
  app_->footer(
      "Exit codes: 0 success, 1 failed while running, 2 usage, 3 data or format, 4 device unavailable,\n"
      "5 a gate failed or a verification mismatched, 130 interrupted.\n"
      "Example: veer demo\n\n"
      "With data of one's own, in this order (veer COMMAND --help has every option, and more examples):\n"
      "  veer import movielens ml-1m -o ml-1m.h5 --k-core 5\n"
      "  veer fit sasrec  --data ml-1m.h5 --people train_plan  --budget 30m -o plan.model.h5\n"
      "  veer fit gru4rec --data ml-1m.h5 --people train_judge --budget 30m --seed 2 -o judge.model.h5\n"
      "  veer evaluate --data ml-1m.h5 --users plan.model.h5 --judge gru4rec=judge.model.h5 \\\n"
      "    --policy random --policy nearest --policy beam -o run\n"
      "  veer guide --data ml-1m.h5 --users plan.model.h5 --policy beam");
  add_import(*this);
  add_info(*this);
  add_fit(*this);
  add_train(*this);
  add_log(*this);
  add_evaluate(*this);
  add_compare(*this);
  add_score(*this);
  add_diff(*this);
  add_export(*this);
  add_report(*this);
  add_ope(*this);
  add_ope_trust(*this);
  add_stress(*this);
  add_rank(*this);
  add_guide(*this);
  add_study(*this);
  add_validate(*this);
  add_bench(*this);
  add_demo(*this);
}

Program::~Program() = default;

CLI::App& Program::add(const std::string& name, const std::string& description, const std::string& example,
                       Action action) {
  return add_below(*app_, name, description, example, std::move(action));
}

CLI::App& Program::add_family(const std::string& name, const std::string& description,
                              const std::string& footer) {
  CLI::App& family = *app_->add_subcommand(name, description);
  family.require_subcommand(1);
  family.footer(footer);
  return family;
}

CLI::App& Program::add_below(CLI::App& family, const std::string& name, const std::string& description,
                             const std::string& example, Action action) {
  CLI::App& command = *family.add_subcommand(name, description);
  command.footer("Example: " + example);
  command.option_defaults()->always_capture_default(false);
  add_common_options(command, common_);
  command.final_callback([this, action = std::move(action)] { chosen_ = action; });
  return command;
}

void Program::parse(std::vector<std::string> arguments, OptionOrigins& origins) {
  require_known_command(*app_, arguments);
  arguments = with_config_file(*app_, arguments, &origins);
  for (std::size_t i = 0; i < arguments.size(); ++i) {  // CLI11 would take the next option for an empty value
    if (!arguments[i].starts_with("--") || arguments[i].find('=') != arguments[i].size() - 1) continue;
    arguments[i].pop_back();
    arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(++i), "");
  }
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  app_->parse(std::move(arguments));
}

int Program::run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err) {
  const Console console(
      console_for_this_process(asked_for(arguments, "--json"), asked_for(arguments, "--quiet")), out, err);
  const auto fail = [&](ExitCode code, const std::string& message) {
    out.flush();
    err << "veer: " << message << std::endl;
    return static_cast<int>(code);
  };
  OptionOrigins origins;
  try {
    parse(std::move(arguments), origins);
    const Console settled(console_for_this_process(common_.json, common_.quiet), out, err);
    Runtime runtime({.threads = common_.threads, .handle_signals = true});
    configure_learned();
    runtime.run([&] { chosen_(Session{common_, settled}); });
    out.flush();
    if (!out) return fail(ExitCode::failure, "standard output could not be written");
    return static_cast<int>(ExitCode::success);
  } catch (const CLI::Success& wish) {  // --help, --version
    app_->exit(wish, out, err);
    return static_cast<int>(ExitCode::success);
  } catch (const CLI::ParseError& error) {
    return fail(ExitCode::usage, fmt::format("{}\nveer --help and veer COMMAND --help say more",
                                             usage_message(error, origins)));
  } catch (const Error& error) {
    return fail(error.exit_code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::failure,
                "out of memory; fewer rows, a smaller catalogue or a smaller --cache-mb need less");
  } catch (const std::exception& error) {
    return fail(ExitCode::failure, plain_message(error));
  }
}

}  // namespace veer::tools
