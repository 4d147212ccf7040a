// RecBole's atomic files of arbitrary content.
#include "tests/fuzz/import_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  veer::fuzzing::import_input("recbole", {"x.inter", "x.item", "x.user"}, "x.inter",
                              std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
