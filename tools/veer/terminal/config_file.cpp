#include "tools/veer/terminal/config_file.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "env/error.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

/// A file's name and its subcommand, for messages.
struct Source {
  std::filesystem::path file;
  std::string command;
};

Where where(const Source& source, const toml::node& node, const std::string& key) {
  return {source.file, static_cast<std::int64_t>(node.source().begin.line), key};
}

const CLI::App* find_command(const CLI::App& program, const std::string& name) {
  const auto found =
      program.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

/// The value as it would stand on a command line.
std::string value_text(const Source& source, const std::string& key, const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  throw ConfigError(
      where(source, node, key),
      {"a value that is no option's", "a text, a number, true or false, or a list of texts and numbers",
       "write it as on the command line, in quotes"});
}

bool stands_on_command_line(const CLI::Option& option, const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    for (const std::string& name : option.get_lnames()) {
      if (argument == "--" + name || argument.starts_with("--" + name + "=")) return true;
    }
    for (const std::string& name : option.get_snames()) {
      if (argument.starts_with("-" + name) && !argument.starts_with("--")) return true;
    }
    return false;
  });
}

const CLI::Option& option_of(const Source& source, const CLI::App& command, const std::string& key,
                             const toml::node& node) {
  const CLI::Option* option = command.get_option_no_throw("--" + key);
  if (option != nullptr && key != "help" && key != "config") return *option;
  throw ConfigError(where(source, node, key),
                    {"an unknown key", fmt::format("an option of veer {}", source.command),
                     fmt::format("veer {} --help lists them", source.command)});
}

/// Appends what the keys of one table say to `out`; nested tables are left to the caller.
void read_keys(const Source& source, const CLI::App& command, const toml::table& table,
               const std::vector<std::string>& arguments, std::vector<std::string>& out,
               OptionOrigins* origins) {
  for (const auto& [raw_key, node] : table) {
    const std::string key(raw_key.str());
    if (node.is_table()) continue;
    const CLI::Option& option = option_of(source, command, key, node);
    const bool overruled = stands_on_command_line(option, arguments);
    if (!overruled && origins != nullptr) origins->emplace("--" + key, where(source, node, key));
    const bool is_flag = option.get_items_expected_max() == 0;
    if (const auto* boolean = node.as_boolean(); boolean != nullptr || is_flag) {
      if (boolean == nullptr || !is_flag) {
        throw ConfigError(where(source, node, key), {is_flag ? "a value for a flag" : "true or false",
                                                     is_flag ? "true or false" : "a value", ""});
      }
      if (boolean->get() && !overruled) out.push_back("--" + key);
    } else if (const auto* list = node.as_array()) {
      for (const toml::node& element : *list) {
        const std::string value = value_text(source, key, element);
        if (!overruled) out.push_back(fmt::format("--{}={}", key, value));
      }
    } else {
      const std::string value = value_text(source, key, node);
      if (!overruled) out.push_back(fmt::format("--{}={}", key, value));
    }
  }
}

/// Line `number` (1-based) of the text without surrounding blanks; empty behind the last one.
std::string line_of(const std::string& text, std::size_t number) {
  std::istringstream lines(text);
  std::string line;
  for (std::size_t i = 0; i < number; ++i) {
    if (!std::getline(lines, line)) return {};
  }
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

/// What is wrong with a line, in the words of somebody who writes such files. `complaint` is the parser's,
/// whose kinds of mistakes are told apart here; one that is not known is passed on.
Problem explain(const std::string& line, const std::string& complaint) {
  const std::string found = line.empty() ? "the end of the file" : "'" + shorten(line, 60) + "'";
  const auto about = [&](const char* part) { return complaint.find(part) != std::string::npos; };
  const char* const value = "a text in quotes, a number, true, false or a list of them in [ ]";
  if (about("utf-8")) return {"bytes that are no UTF-8", "a TOML file, which is text", ""};
  if (about("redefine existing table")) return {found + " a second time", "every table once", ""};
  if (about("redefine existing")) {
    return {found + ", a key that stands there already", "every key once",
            "an option that may be repeated takes a list: policy = [\"random\", \"beam\"]"};
  }
  if (about("table header")) return {found, "a subcommand in brackets, such as [evaluate]", ""};
  if (about("array")) return {found, "the ] that ends the list", ""};
  if (about("string")) return {found, "a text that ends with its quote on the same line", ""};
  if (about("expected value, saw")) return {found, std::string(value) + " behind the =", ""};
  if (about("parsing value") || about("parsing boolean") || about("parsing integer") ||
      about("parsing float")) {
    return {found, value, "a text needs quotes: policy = \"beam:width=4\""};
  }
  if (about("expected '='") || about("expected keys"))
    return {found, "OPTION = VALUE, such as episodes = 1000", "write the option without dashes"};
  if (about("comment or whitespace")) return {found, "one option per line", ""};
  return {found, "TOML", complaint};
}

toml::table parse(const std::filesystem::path& file) {
  const bool directory = std::filesystem::is_directory(file);
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (directory || !stream.is_open() || stream.bad()) {
    throw IoError({file, 0, "--config"}, {directory ? "a directory" : "a file that cannot be read",
                                          "a TOML file", "check the path and permissions"});
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    throw ConfigError({file, static_cast<std::int64_t>(line), ""},
                      explain(line_of(text, line), std::string(error.description())));
  }
}

/// The file named by --config, nothing when there is none.
std::optional<std::string> config_argument(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  return std::nullopt;
}

/// The command that the arguments choose, below its family if it has one, and where its name stands.
struct Chosen {
  const CLI::App* command = nullptr;
  std::size_t place = 0;
  std::string table;  ///< "evaluate", or the family's name: "train"
};
Chosen chosen_command(const CLI::App& program, const std::vector<std::string>& arguments) {
  Chosen out;
  const CLI::App* family = &program;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("-")) continue;
    const CLI::App* found = find_command(*family, arguments[i]);
    if (found == nullptr) break;
    if (out.command == nullptr) out.table = arguments[i];
    out.command = family = found;
    out.place = i;
  }
  return out;
}

}  // namespace

std::vector<std::string> with_config_file(const CLI::App& program, const std::vector<std::string>& arguments,
                                          OptionOrigins* origins) {
  const std::optional<std::string> named = config_argument(arguments);
  const Chosen chosen = chosen_command(program, arguments);
  if (!named || chosen.command == nullptr) return arguments;
  const std::string& file = *named;
  if (file.empty()) throw ConfigError({"", 0, "--config"}, {"no name", "the name of a TOML file", ""});

  const toml::table table = parse(file);
  const CLI::App& command = *chosen.command;
  const std::string& own = arguments[chosen.place];
  std::vector<std::string> added;
  read_keys({file, own}, command, table, arguments, added, origins);
  for (const auto& [raw_key, node] : table) {
    const auto* section = node.as_table();
    if (section == nullptr) continue;
    const std::string name(raw_key.str());
    const CLI::App* owner = find_command(program, name);
    if (owner != nullptr && name == chosen.table) owner = &command;
    if (owner == nullptr) {
      throw ConfigError(where({file, name}, node, name),
                        {"a table of this name", "one named after a subcommand", ""});
    }
    std::vector<std::string> others;
    const bool used = owner == &command;
    // Which agent a family's table is for is not known where another command was chosen.
    const bool family = !owner->get_subcommands([](const CLI::App*) { return true; }).empty();
    if (family) continue;
    read_keys({file, name}, *owner, *section, arguments, used ? added : others, used ? origins : nullptr);
    for (const auto& [inner_key, inner] : *section) {
      if (inner.is_table()) {
        throw ConfigError(where({file, name}, inner, name + "." + std::string(inner_key.str())),
                          {"a table inside a subcommand's table", "options only", ""});
      }
    }
  }
  const auto behind = arguments.begin() + static_cast<std::ptrdiff_t>(chosen.place) + 1;
  std::vector<std::string> out(arguments.begin(), behind);
  out.insert(out.end(), added.begin(), added.end());
  out.insert(out.end(), behind, arguments.end());
  return out;
}

}  // namespace veer::tools
