// The program behind main(): subcommands, their common options, and how errors become exit codes.
//
// Thread-safety: one Program at a time, on the main thread. Each subcommand lives in a file of its own and
// adds itself through the one list in program.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "tools/veer/terminal/config_file.h"
#include "tools/veer/terminal/console.h"

namespace CLI {
class App;
}

namespace veer::tools {

/// Options every subcommand has.
struct CommonOptions {
  std::string config;
  bool quiet = false;
  bool json = false;
  std::uint64_t seed = 1;
  int threads = 0;             ///< 0: one per core
  std::string device = "cpu";  ///< "cpu", "cuda", "cuda:N" or "auto"
};

/// What a subcommand works with once the command line is read.
struct Session {
  const CommonOptions& common;
  const Console& console;
};

using Action = std::function<void(const Session&)>;

class Program {
 public:
  Program();
  ~Program();

  /// A new subcommand with the common options. `example` is one command line, shown by its --help.
  CLI::App& add(const std::string& name, const std::string& description, const std::string& example,
                Action action);
  /// A subcommand that only chooses among those that are added below it: `veer train prorl`.
  CLI::App& add_family(const std::string& name, const std::string& description, const std::string& footer);
  CLI::App& add_below(CLI::App& family, const std::string& name, const std::string& description,
                      const std::string& example, Action action);

  /// Reads the command line (without the program's name), runs the subcommand inside a Runtime, writes
  /// results to `out` and all else to `err`, and returns the exit code (env/error.h).
  int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err);

 private:
  void parse(std::vector<std::string> arguments, OptionOrigins& origins);
  std::unique_ptr<CLI::App> app_;
  CommonOptions common_;
  Action chosen_;
};

// One per file of the same name.
void add_import(Program& program);
void add_info(Program& program);
void add_fit(Program& program);
void add_train(Program& program);
void add_log(Program& program);
void add_evaluate(Program& program);
void add_compare(Program& program);
void add_score(Program& program);
void add_diff(Program& program);
void add_export(Program& program);
void add_report(Program& program);
void add_ope(Program& program);
void add_ope_trust(Program& program);
void add_stress(Program& program);
void add_rank(Program& program);
void add_guide(Program& program);
void add_study(Program& program);
void add_validate(Program& program);
void add_bench(Program& program);
void add_demo(Program& program);

/// What --version prints: this program and what it stands on, one per line.
std::string version_text();

}  // namespace veer::tools
