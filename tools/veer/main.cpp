// The veer program. Everything it does is in tools/veer/program.h and the folders beside it.
#include <iostream>
#include <string>
#include <vector>

#include "tools/veer/program.h"

int main(int argc, char** argv) {
  veer::tools::Program program;
  return program.run(std::vector<std::string>(argv + 1, argv + argc), std::cout, std::cerr);
}
