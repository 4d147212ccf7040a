// veer-plugin-host FILE.so: opens a plug-in (agents/external/veer_plugin.h) and speaks for it over standard
// input and output. Veer starts it; nobody else needs to.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agents/external/protocol.h"
#include "agents/external/veer_plugin.h"
#include "env/error.h"
#include "env/policy_error.h"

namespace {

using namespace veer::external;

struct Plugin {
  decltype(&veer_plugin_version) version = nullptr;
  decltype(&veer_plugin_open) open = nullptr;
  decltype(&veer_plugin_act) act = nullptr;
  decltype(&veer_plugin_close) close = nullptr;
};

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw veer::FormatError(std::string("the library exports no ") + name);
}

Plugin load(const char* file) {
  // A name without a slash would be looked for in the system's folders.
  const std::string path = std::strchr(file, '/') == nullptr ? std::string("./") + file : file;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw veer::FormatError(dlerror());
  Plugin out;
  find(library, "veer_plugin_version", out.version);
  find(library, "veer_plugin_open", out.open);
  find(library, "veer_plugin_act", out.act);
  find(library, "veer_plugin_close", out.close);
  if (out.version() != VEER_PLUGIN_VERSION) {
    throw veer::FormatError("the plug-in was built for version " + std::to_string(out.version()) +
                            " of veer_plugin.h; this is version " + std::to_string(VEER_PLUGIN_VERSION));
  }
  return out;
}

Answer answer_of(const Plugin& plugin, void* policy, const Question& q, const Greeting& world) {
  Answer out;
  out.items.assign(veer::at(q.rows) * veer::at(world.slots), 0);
  out.log_prob.assign(veer::at(q.rows), 0.0F);
  const veer_batch batch{q.rows,         q.greedy ? 1 : 0, q.episode.data(), q.step.data(),
                         q.user.data(),  q.target.data(),  q.history.data(), q.history_size.data(),
                         q.shown.data(), q.answers.data(), q.seed.data(),    q.uniforms.data()};
  veer_answer answer{out.items.data(), out.log_prob.data()};
  const int result = plugin.act(policy, &batch, &answer);
  if (result != 0) throw veer::PolicyError("veer_plugin_act returned " + std::to_string(result));
  return out;
}

/// A plug-in that never returns does not notice that nobody waits for it any more.
void end_with_parent() {
  std::thread([parent = getppid()] {
    while (getppid() == parent) std::this_thread::sleep_for(std::chrono::seconds(1));
    _exit(1);
  }).detach();
}

void serve(const char* file, std::FILE* out) {
  const auto say = [&](const std::string& line) {
    std::fputs((line + '\n').c_str(), out);
    std::fflush(out);
  };
  try {
    std::string line;
    if (!std::getline(std::cin, line)) return;
    const Greeting greeting = parse_greeting(line);
    std::vector<const char*> ids;
    for (const std::string& id : greeting.item_ids) ids.push_back(id.c_str());
    const veer_world world{greeting.scenario.c_str(),
                           greeting.options.c_str(),
                           greeting.sampled ? 1 : 0,
                           greeting.items,
                           greeting.slots,
                           greeting.history_capacity,
                           greeting.horizon,
                           ids.data()};
    const Plugin plugin = load(file);
    std::array<char, 1024> error{};
    const std::unique_ptr<void, decltype(plugin.close)> policy(
        plugin.open(&world, error.data(), error.size() - 1), plugin.close);
    if (policy == nullptr)
      throw veer::PolicyError(error[0] == '\0' ? "veer_plugin_open: NULL" : error.data());
    say(welcome_line());
    while (std::getline(std::cin, line)) {
      const Question question = parse_question(line, greeting);
      say(answer_line(question.number, answer_of(plugin, policy.get(), question, greeting), greeting.slots));
    }
  } catch (const std::exception& failure) {
    say(error_line(failure.what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("veer-plugin-host FILE.so: runs a plug-in for veer; see PLUGIN_FORMAT.md\n", stderr);
    return 2;
  }
  end_with_parent();
  std::ios::sync_with_stdio(false);
  // What the plug-in prints goes where it does no harm.
  std::FILE* out = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  if (out == nullptr) return 1;
  serve(argv[1], out);
  return 0;
}
