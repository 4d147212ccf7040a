#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/test.h"

#include "env/runtime.h"

int main(int argc, char** argv) {
  // Three workers on any machine, so that tests of thread counts 1, 2 and 3 mean something.
  veer::Runtime runtime({.threads = 3});
  doctest::Context context(argc, argv);
  int status = 0;
  runtime.run([&] { status = context.run(); });
  return status;
}
