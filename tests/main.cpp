#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/test.h"

#include "env/runtime.h"

int main(int argc, char** argv) {
  veer::Runtime runtime;
  doctest::Context context(argc, argv);
  int status = 0;
  runtime.run([&] { status = context.run(); });
  return status;
}
