// MovieLens files of arbitrary content. An input that begins with "1" is the 1M edition, any other the 100K
// edition.
#include "tests/fuzz/import_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const bool is_1m = input[0] == '1';
  input.remove_prefix(1);
  if (is_1m) {
    veer::fuzzing::import_input("movielens", {"ratings.dat", "movies.dat", "users.dat"}, "", input);
  } else {
    veer::fuzzing::import_input("movielens", {"u.data", "u.item", "u.genre", "u.user"}, "", input);
  }
  return 0;
}
