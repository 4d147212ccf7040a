#include "tools/veer/worlds/learned.h"

#include "env/error.h"

namespace veer::tools {

void configure_learned() {}

std::string learned_version() { return "LibTorch: none in this build"; }

std::string learned_remark() { return {}; }

std::string plain_message(const std::exception& error) { return error.what(); }

std::string usable_device(const std::string& name) {
  if (name == "cpu" || name == "auto") return "cpu";
  if (name == "cuda" || name.starts_with("cuda:")) {
    throw DeviceError("device " + name +
                      " cannot be used: this build has no LibTorch, so it runs on the CPU only");
  }
  throw ConfigError({{}, 0, "--device"}, {name, "cpu, cuda, cuda:N or auto", ""});
}

}  // namespace veer::tools
