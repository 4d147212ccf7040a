#include "env/nn/torch_runtime.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/version.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "env/error.h"

namespace veer::nn {
namespace {

bool is_number(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0;
}

/// The instruction set that ATen's element-wise kernels were dispatched to, from its own report.
std::string cpu_capability() {
  const std::string report = at::show_config();
  const std::string label = "CPU capability usage: ";
  const auto start = report.find(label);
  if (start == std::string::npos) return "unknown";
  const auto first = start + label.size();
  return report.substr(first, report.find_first_of(" \n", first) - first);
}

std::string blas_name() {
  using Describe = char* (*)();
  if (auto describe = reinterpret_cast<Describe>(dlsym(RTLD_DEFAULT, "openblas_get_config"))) {
    std::string text = describe();
    text.erase(std::find_if(text.rbegin(), text.rend(), [](char c) { return c != ' '; }).base(), text.end());
    return text;
  }
  if (at::hasMKL()) return "MKL";
  return "a BLAS library that does not name itself (the reference BLAS is very slow)";
}

}  // namespace

void configure_libtorch() {
  at::set_num_threads(1);
  // LibTorch refuses a second call; asking for what is already set is no error.
  if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
}

bool blas_treats_places_alike() {
  constexpr std::int64_t rows = 128, depth = 64, columns = 100;
  const torch::InferenceMode inference;
  const torch::Tensor wave = torch::sin(torch::arange(depth, torch::kFloat32) * 1.7);
  const torch::Tensor a = wave.unsqueeze(0).repeat({rows, 1});
  const torch::Tensor b = torch::cos(wave * 3.1).unsqueeze(0).repeat({columns, 1});
  // As layers and catalogues multiply: with the second factor transposed. The last columns are edges anywhere.
  const torch::Tensor product = torch::matmul(a, b.t()).narrow(1, 0, 96);
  return (product == product[0][0]).all().item<bool>();
}

std::string resolve_device(const std::string& name) {
  if (name == "cpu") return name;
  const auto count = static_cast<int>(torch::cuda::is_available() ? torch::cuda::device_count() : 0);
  if (name == "auto") return count > 0 ? "cuda:0" : "cpu";
  int index = 0;
  const bool numbered = name.starts_with("cuda:") && is_number(std::string_view(name).substr(5), index);
  if (name != "cuda" && !numbered) {
    throw ConfigError(Where{{}, 0, "device"}, Problem{"\"" + name + "\"", "cpu, cuda, cuda:N or auto", ""});
  }
  if (index >= count) {
    throw DeviceError(
        describe(Where{{}, 0, "device"},
                 Problem{std::to_string(count) + " CUDA devices", name,
                         count == 0 ? "use --device cpu, or a LibTorch built for CUDA on a machine with a GPU"
                                    : "name one of cuda:0 to cuda:" + std::to_string(count - 1)}));
  }
  return "cuda:" + std::to_string(index);
}

std::string libtorch_version() {
  return std::string("LibTorch ") + TORCH_VERSION + " (CPU capability " + cpu_capability() + ", BLAS " +
         blas_name() + ")";
}

}  // namespace veer::nn
