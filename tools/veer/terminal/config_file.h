// --config FILE: the options of a subcommand from a TOML file. A pure function of the file and the command
// line.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace veer {
struct Where;
}

namespace veer::tools {

/// Where in the file an option, as "--episodes", was given its values.
using OptionOrigins = std::map<std::string, Where>;

/// The command line with what the file named by --config adds to it. Keys are option names without dashes, at
/// the top of the file or in a table named after a subcommand ([train] for every agent of veer train); tables
/// of other subcommands are checked and left out. An array repeats its option, true sets a flag. What stands
/// on the command line wins over the file. Throws ConfigError naming file, line and key for unknown keys and
/// values of the wrong type, IoError for an unreadable file. `arguments` excludes the program's name; without
/// --config it is returned as it is. `origins`, if any, learns which options came from the file.
std::vector<std::string> with_config_file(const CLI::App& program, const std::vector<std::string>& arguments,
                                          OptionOrigins* origins = nullptr);

}  // namespace veer::tools
