#include <fmt/format.h>
#include <tbb/version.h>

#include "env/store/hdf5/hdf5.h"
#include "tools/veer/program.h"
#include "tools/veer/worlds/learned.h"

namespace veer::tools {

std::string version_text() {
  return fmt::format("veer {}\n{}\nHDF5 {}\noneTBB {}\nbuilt with {}, C++{}", VEER_VERSION, learned_version(),
                     hdf5::library_version(), TBB_runtime_version(),
#if defined(__clang__)
                     "clang " __clang_version__,
#else
                     "GCC " __VERSION__,
#endif
                     __cplusplus / 100 % 100);
}

}  // namespace veer::tools
