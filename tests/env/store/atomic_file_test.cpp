#include "env/store/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>

#include "env/error.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::test;

TEST_CASE("a file has one writer at a time, and what a dead one left is in nobody's way") {
  const TemporaryDirectory place;
  const std::filesystem::path path = place.path() / "letter.txt";
  write_file_atomically(path, std::string_view("first"));

  const std::string part = path.string() + ".part";
  const int other = ::open(part.c_str(), O_WRONLY | O_CREAT, 0666);
  REQUIRE(other >= 0);
  REQUIRE(::write(other, "half of a much longer letter", 28) == 28);
  REQUIRE(::flock(other, LOCK_EX) == 0);
  CHECK_THROWS_WITH_AS(write_file_atomically(path, std::string_view("second")),
                       doctest::Contains("another process"), IoError);
  CHECK(std::filesystem::exists(part));  // the other writer's work is not taken away
  CHECK(read_file(path).size() == 5);

  ::close(other);  // as when it dies: the lock goes, the file stays
  write_file_atomically(path, std::string_view("third!"));
  CHECK(read_file(path).size() == 6);
  CHECK_FALSE(std::filesystem::exists(part));
}
