#include "tools/veer/worlds/learned.h"

#include <c10/util/Exception.h>

#include "env/nn/torch_runtime.h"

namespace veer::tools {

void configure_learned() { nn::configure_libtorch(); }

std::string learned_version() { return nn::libtorch_version(); }

std::string learned_remark() {
  if (nn::blas_treats_places_alike()) return {};
  return "this BLAS gives a row of a product other last bits by its place: a run of networks is the same "
         "again "
         "with the same --rows, but not with others or after an interruption";
}

std::string plain_message(const std::exception& error) {
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error))
    return torch_error->what_without_backtrace();
  return error.what();
}

std::string usable_device(const std::string& name) { return nn::resolve_device(name); }

}  // namespace veer::tools
