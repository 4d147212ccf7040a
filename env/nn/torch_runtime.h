// Process-wide LibTorch settings and device names. Torch-free header.
#pragma once

#include <string>

namespace veer::nn {

/// One intra-op and one inter-op thread, gradients as usual: TBB owns the cores. Call once, after Runtime is constructed
/// and before the first tensor operation.
void configure_libtorch();

/// "cpu", "cuda", "cuda:N" or "auto" (the first CUDA device if there is one) to "cpu" or "cuda:N".
/// Throws ConfigError for other words, DeviceError when the device is not there.
std::string resolve_device(const std::string& name);

/// "LibTorch 1.13.1 (CPU capability AVX512, BLAS ...)" for --version.
std::string libtorch_version();

}  // namespace veer::nn
