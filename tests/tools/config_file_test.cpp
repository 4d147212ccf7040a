#include "tools/veer/terminal/config_file.h"

#include <CLI/CLI.hpp>
#include <array>

#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"

using namespace veer;
using tests::ScratchFolder;
using tests::write_text;
using tools::with_config_file;

namespace {

/// A program of two subcommands, as the real one is built.
struct Example {
  CLI::App app{"example"};
  std::vector<std::string> policies;
  std::string output;
  int episodes = 0;
  bool json = false;
  std::string config;

  Example() {
    CLI::App* evaluate = app.add_subcommand("evaluate", "");
    evaluate->add_option("--policy", policies, "");
    evaluate->add_option("-o,--output", output, "");
    evaluate->add_option("--episodes", episodes, "");
    evaluate->add_flag("--json", json, "");
    evaluate->add_option("--config", config, "");
    CLI::App* fit = app.add_subcommand("fit", "");
    fit->add_option("--epochs", episodes, "");
    fit->add_option("--config", config, "");
  }
};

using Arguments = std::vector<std::string>;

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("keys of the file become options behind the subcommand") {
  Example example;
  ScratchFolder folder;
  write_text(folder / "c.toml",
             "episodes = 1_000\njson = true\n[evaluate]\npolicy = [\"random\", "
             "\"beam:width=4\"]\n[fit]\nepochs = 3\n");
  CHECK(with_config_file(example.app, {"evaluate", "--config", folder / "c.toml", "-o", "run"}) ==
        Arguments{"evaluate", "--episodes=1000", "--json", "--policy=random", "--policy=beam:width=4",
                  "--config", folder / "c.toml", "-o", "run"});
  tools::OptionOrigins origins;
  with_config_file(example.app, {"evaluate", "--config", folder / "c.toml", "--episodes", "5"}, &origins);
  CHECK(origins.size() == 2);  // neither what the command line overrules nor what is for another subcommand
  CHECK(origins.at("--policy").line == 4);
}

TEST_CASE("the command line wins over the file") {
  Example example;
  ScratchFolder folder;
  write_text(folder / "c.toml", "episodes = 10\noutput = \"from-file\"\n");
  const std::string config = "--config=" + (folder / "c.toml");
  CHECK(with_config_file(example.app, {"evaluate", config, "--episodes=5", "-orun"}) ==
        Arguments{"evaluate", config, "--episodes=5", "-orun"});
}

TEST_CASE("without --config nothing changes") {
  Example example;
  CHECK(with_config_file(example.app, {"evaluate", "--episodes", "5"}) ==
        Arguments{"evaluate", "--episodes", "5"});
}

TEST_CASE("an empty value stays the value of its option") {
  ScratchFolder folder;
  write_text(folder / "c.toml", "seed = \"\"\nthreads = 2\n");
  for (const Arguments& given : {Arguments{"--config", folder / "c.toml"}, Arguments{"--seed=", "--json"}}) {
    Arguments arguments{"evaluate", "--data", "d", "--users", "u", "--policy", "random"};
    arguments.insert(arguments.end(), given.begin(), given.end());
    CHECK(tests::run_veer(arguments).err.find("--seed: found ''") != std::string::npos);
  }
  write_text(folder / "empty.toml", "");
  Example example;
  CHECK_NOTHROW(with_config_file(example.app, {"evaluate", "--config", folder / "empty.toml"}));
  CHECK_THROWS_AS(with_config_file(example.app, {"evaluate", "--config="}), ConfigError);
}

TEST_CASE("unknown keys, wrong values and broken files are named with file and line") {
  Example example;
  ScratchFolder folder;
  const auto error_of = [&](const std::string& text) {
    write_text(folder / "c.toml", text);
    return message_of([&] { with_config_file(example.app, {"evaluate", "--config", folder / "c.toml"}); });
  };
  CHECK(error_of("episodes = 5\nepisods = 6\n")
            .starts_with((folder / "c.toml") + ":2: episods: found an unknown key"));
  CHECK(error_of("[fit]\nepisodes = 1\n").find(":2: episodes: found an unknown key") != std::string::npos);
  CHECK(error_of("[train]\n").find("train: found a table of this name") != std::string::npos);
  CHECK(error_of("json = \"yes\"\n").find("json: found a value for a flag") != std::string::npos);
  CHECK(error_of("episodes = true\n").find("episodes: found true or false") != std::string::npos);
  CHECK(error_of("episodes = 1979-05-27\n").find("episodes: found a value that is no option's") !=
        std::string::npos);
  CHECK(error_of("episodes = \n").find(":1: found") != std::string::npos);
  CHECK(error_of("[evaluate.deep]\nx = 1\n").find("evaluate.deep: found a table inside") !=
        std::string::npos);
  CHECK(error_of("config = \"other.toml\"\n").find("config: found an unknown key") != std::string::npos);
  CHECK(message_of([&] {
          with_config_file(example.app, {"evaluate", "--config", folder / "absent.toml"});
        }).find("absent.toml") != std::string::npos);
}

TEST_CASE("a file that is no TOML is told where, what stands there and what should") {
  Example example;
  ScratchFolder folder;
  const std::string file = folder / "c.toml";
  const std::vector<std::array<std::string, 3>> cases{
      {"json = true\nepisodes = \n", "2", "found 'episodes ='; expected a text in quotes, a number"},
      {"episodes 5\n", "1", "found 'episodes 5'; expected OPTION = VALUE"},
      {"= 5\n", "1", "found '= 5'; expected OPTION = VALUE"},
      {"--episodes 5\n", "1", "found '--episodes 5'; expected OPTION = VALUE"},
      {"json = true\npolicy = beam:width=4\n", "2",
       "found 'policy = beam:width=4'; expected a text in quotes"},
      {"policy = [random]\n", "1", "found 'policy = [random]'; expected a text in quotes"},
      {"json = truee\n", "1", "found 'json = truee'; expected a text in quotes, a number, true"},
      {"episodes = 5\nepisodes = 6\n", "2",
       "found 'episodes = 6', a key that stands there already; expected every"},
      {"policy = \"random\n", "1", "found 'policy = \"random'; expected a text that ends with its quote"},
      {"policy = [\"random\"\n\n", "2", "expected the ] that ends the list"},
      {"[evaluate\n", "1", "found '[evaluate'; expected a subcommand in brackets"},
      {"[fit]\n[fit]\n", "2", "found '[fit]' a second time; expected every table once"},
      {"episodes = 5 json = true\n", "1", "expected one option per line"},
      {"\xff\xfe\n", "1", "found bytes that are no UTF-8; expected a TOML file"},
  };
  for (const auto& [text, line, expected] : cases) {
    write_text(file, text);
    const std::string message = message_of([&] {
      with_config_file(example.app, {"evaluate", "--config", file});
    });
    CAPTURE(text);
    CAPTURE(message);
    CHECK(message.starts_with(file + ":" + line + ": found "));
    CHECK(message.find(expected) != std::string::npos);
    CHECK(message.find("Error while parsing") == std::string::npos);
  }
}
