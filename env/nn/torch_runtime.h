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

/// Whether the BLAS behind LibTorch gives the same bits for a row or a column of a product wherever it stands in
/// it. OpenBLAS's kernels for AVX-512 do, those for AVX2 ("Haswell") do not: there a row's last bits change with
/// its place, so results depend on how many episodes are in flight, and equal items need not tie. Measured by a
/// small product; call after configure_libtorch().
bool blas_treats_places_alike();

/// "LibTorch 1.13.1 (CPU capability AVX512, BLAS ...)" for --version.
std::string libtorch_version();

}  // namespace veer::nn
