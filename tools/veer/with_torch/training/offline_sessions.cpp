#include "tools/veer/training/offline_sessions.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "env/error.h"
#include "tools/veer/terminal/checks.h"

namespace veer::tools {

void add_session_options(CLI::App& app, SessionChoice& choice) {
  const std::string group = "Sessions";
  app.add_option("--cut-sessions", choice.options.longest,
                 "cut longer sequences into sessions of so many events; 0: a person is one session")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_flag("--drop-longer", choice.options.drop_longer,
               "leave longer sequences out instead of cutting them, as in the released code of PRL")
      ->group(group);
  app.add_option("--purchase", choice.options.purchase,
                 "behaviour that counts as a purchase; others are clicks")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(group);
  app.add_option("--click-reward", choice.options.rewards.click, "what a click is worth")
      ->capture_default_str()
      ->group(group);
  app.add_option("--purchase-reward", choice.options.rewards.purchase, "what a purchase is worth")
      ->capture_default_str()
      ->group(group);
  app.add_option("--reward", choice.rewards,
                 "NAME=VALUE: what another behaviour is worth, instead of a click's; to be repeated")
      ->type_name("R")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
}

offline::SessionOptions session_options(const SessionChoice& choice) {
  offline::SessionOptions out = choice.options;
  for (const std::string& word : choice.rewards) {
    const auto equals = word.find('=');
    std::size_t read = 0;
    float value = 0.0F;
    try {
      if (equals != std::string::npos) value = std::stof(word.substr(equals + 1), &read);
    } catch (const std::exception&) {
      read = 0;
    }
    if (equals == std::string::npos || equals == 0 || read == 0 || !(value >= 0.0F && std::isfinite(value)) ||
        equals + 1 + read != word.size()) {
      throw ConfigError({{}, 0, "--reward"},
                        {"'" + word + "'", "NAME=VALUE with a value of 0 or more, such as cart=0.5", ""});
    }
    out.rewards.named[word.substr(0, equals)] = value;
  }
  return out;
}

}  // namespace veer::tools
