#include <torch/torch.h>

#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/test.h"

#include "env/nn/torch_runtime.h"
#include "env/runtime.h"

int main(int argc, char** argv) {
  veer::Runtime runtime;
  veer::nn::configure_libtorch();
  doctest::Context context(argc, argv);
  int status = 0;
  runtime.run([&] { status = context.run(); });
  return status;
}
