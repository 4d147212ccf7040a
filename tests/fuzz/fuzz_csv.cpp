// Tables of arbitrary content, with or without a table of items. An input that begins with "i" has one.
#include "tests/fuzz/import_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  veer::ImportOptions options;
  if (input[0] == 'i') options.items_file = "items.csv";
  input.remove_prefix(1);
  veer::fuzzing::import_input("csv", {"log.csv", "items.csv"}, "log.csv", input, options);
  return 0;
}
