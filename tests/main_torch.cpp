#include <torch/types.h>

#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/test.h"

#include <iostream>

#include "env/nn/torch_runtime.h"
#include "env/runtime.h"

int main(int argc, char** argv) {
  // Three workers on any machine, so that tests of thread counts 1, 2 and 3 mean something.
  veer::Runtime runtime({.threads = 3});
  veer::nn::configure_libtorch();
  veer::tests::places_alike = veer::nn::blas_treats_places_alike();
  if (!veer::tests::places_alike) {
    std::cout << "note: this BLAS gives a row of a product other bits by its place; checks of bits that depend on "
                 "no neighbours are left out\n";
  }
  doctest::Context context(argc, argv);
  int status = 0;
  runtime.run([&] { status = context.run(); });
  return status;
}
