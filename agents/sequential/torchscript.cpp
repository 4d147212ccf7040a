#include "agents/sequential/torchscript.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/policy_error.h"

namespace veer {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

const char* const expected_call =
    "forward(history int64 [B, H], length int64 [B], target int64 [B], step int64 [B]) returning float "
    "scores "
    "[B, N + 1] or int64 items [B]";

/// The first line of what LibTorch says, without its stack.
std::string first_line(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

std::string describe_tensor(const torch::Tensor& tensor) {
  std::string text = std::string(torch::toString(tensor.scalar_type())) + " [";
  for (std::int64_t i = 0; i < tensor.dim(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(tensor.size(i));
  return text + "]";
}

class TorchScript final : public Policy {
 public:
  TorchScript(torch::jit::Module module, std::filesystem::path path, const TorchScriptOptions& options)
      : module_(std::move(module)), path_(std::move(path)), device_(options.device), items_(options.items) {
    spec_.name = options.name;
    spec_.action = ActionKind::item;
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode mode) const override {
    const c10::InferenceMode guard;
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t width = seen.history.width();
    const auto ids = torch::dtype(torch::kInt64).device(torch::kCPU);
    torch::Tensor history = torch::empty({count, width}, ids), length = torch::empty({count}, ids);
    torch::Tensor target = torch::empty({count}, ids), step = torch::empty({count}, ids);
    auto* to = history.data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int32_t row = rows[i];
      to = std::ranges::copy(seen.history.row(row), to).out;
      length.data_ptr<std::int64_t>()[i] = seen.history_size(row);
      target.data_ptr<std::int64_t>()[i] = seen.target(row);
      step.data_ptr<std::int64_t>()[i] = seen.step(row);
    }
    try {
      answer_with(call(history, length, target, step), rows, seen, actions, mode);
    } catch (const ConfigError& error) {
      // The trial call went well: what is wrong now is the policy's conduct, not the command.
      throw PolicyError(error.what());
    }
  }

  void answer_with(torch::Tensor answer, Rows rows, const Observation& seen, Actions& actions,
                   Mode mode) const {
    if (answer.scalar_type() == torch::kInt64) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        // Rows without an episode hold no target: what the file makes of them is nobody's mistake.
        const bool active = seen.active(rows[i]) != 0;
        actions.items(rows[i], 0) = active ? checked(answer.data_ptr<std::int64_t>()[i]) : no_item;
        actions.log_prob(rows[i]) = 0.0F;
      }
      return;
    }
    float* scores = answer.data_ptr<float>();
    for (std::size_t i = 0; i < rows.size(); ++i, scores += items_ + 1) {
      const std::span<float> row(scores, static_cast<std::size_t>(items_) + 1);
      const float u = mode == Mode::sample ? uniform(seen.key(rows[i]), Stream::policy) : -1.0F;
      const auto [item, log_prob] =
          seen.active(rows[i]) != 0 ? choose(row, u) : std::pair<ItemId, float>{no_item, 0.0F};
      actions.items(rows[i], 0) = item;
      actions.log_prob(rows[i]) = log_prob;
    }
  }

  /// Runs the file and checks what comes back; the result is on the CPU, contiguous and the caller's own.
  torch::Tensor call(const torch::Tensor& history, const torch::Tensor& length, const torch::Tensor& target,
                     const torch::Tensor& step) const {
    c10::IValue result;
    try {
      const torch::jit::GraphOptimizerEnabledGuard as_written(false);
      torch::jit::Module module = module_;  // a handle; forward() is not const
      result =
          module.forward({history.to(device_), length.to(device_), target.to(device_), step.to(device_)});
    } catch (const c10::Error& error) {
      throw mismatch("an error inside the file: " + first_line(error));
    } catch (const std::exception& error) {  // what the script itself raised
      const std::string text = error.what();
      throw mismatch("an error inside the file: " + text.substr(0, text.find('\n')));
    }
    if (!result.isTensor()) throw mismatch("a result of type " + result.tagKind());
    const torch::Tensor tensor = result.toTensor();
    const std::int64_t rows = length.size(0);
    const bool is_items =
        tensor.scalar_type() == torch::kInt64 && tensor.dim() == 1 && tensor.size(0) == rows;
    const bool is_scores = tensor.scalar_type() == torch::kFloat32 && tensor.dim() == 2 &&
                           tensor.size(0) == rows && tensor.size(1) == items_ + 1;
    if (!is_items && !is_scores) {
      throw mismatch(describe_tensor(tensor) + " for B = " + std::to_string(rows) +
                     " rows and N = " + std::to_string(items_) + " items");
    }
    torch::Tensor host = torch::empty(tensor.sizes(), torch::dtype(tensor.scalar_type()).device(torch::kCPU));
    host.copy_(tensor);
    return host;
  }

 private:
  ConfigError mismatch(const std::string& found) const {
    return ConfigError(Where{path_, 0, "forward"},
                       {found, expected_call, "export the module with these arguments"});
  }

  ItemId checked(std::int64_t item) const {
    if (item < 0 || item > items_) {
      throw ConfigError(Where{path_, 0, "forward"},
                        {"item " + std::to_string(item), "0 (stop) to " + std::to_string(items_),
                         "items are catalogue indices, not ids of the data's source"});
    }
    return static_cast<ItemId>(item);
  }

  /// The greatest score, or with u >= 0 a draw by inverse CDF in item order; and its log-softmax.
  std::pair<ItemId, float> choose(std::span<float> scores, float u) const {
    if (std::ranges::any_of(scores, [](float s) { return std::isnan(s) || s == -minus_infinity; })) {
      throw mismatch("a score that is not a number or infinite");
    }
    scores[0] = minus_infinity;
    const auto top =
        static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    const float largest = scores[top];
    if (largest == minus_infinity) return {no_item, 0.0F};
    std::vector<float> mass(scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) mass[i] = scores[i] - largest;
    nn::exponentials(mass, mass);
    double total = 0.0;
    for (const float m : mass) total += m;
    std::size_t item = top;
    if (u >= 0.0F) {
      double passed = 0.0;
      for (std::size_t i = 1; i < mass.size(); ++i) {
        if (mass[i] == 0.0F) continue;
        item = i;
        passed += mass[i];
        if (passed > u * total) break;
      }
    }
    return {static_cast<ItemId>(item), static_cast<float>(scores[item] - largest - std::log(total))};
  }

  torch::jit::Module module_;
  std::filesystem::path path_;
  torch::Device device_;
  std::int32_t items_;
  PolicySpec spec_;
};

}  // namespace

std::unique_ptr<Policy> load_torchscript_policy(const std::filesystem::path& path,
                                                const TorchScriptOptions& options) {
  const Where where{path, 0, {}};
  if (!std::ifstream(path)) {
    throw IoError(where, {"no readable file", "a TorchScript file", "check the path given to --policy"});
  }
  torch::jit::Module module;
  try {
    module = torch::jit::load(path.string(), torch::Device(options.device));
  } catch (const c10::Error& error) {
    throw FormatError(
        where, {first_line(error), "a TorchScript file", "save it with torch.jit.script(model).save()"});
  }
  module.eval();
  const auto method = module.find_method("forward");
  const std::size_t arguments = method ? method->function().getSchema().arguments().size() - 1 : 0;
  if (arguments != 4) {
    throw ConfigError(
        Where{path, 0, "forward"},
        {method ? std::to_string(arguments) + " arguments" : "no such method", expected_call, {}});
  }
  auto policy = std::make_unique<TorchScript>(std::move(module), path, options);
  const c10::InferenceMode guard;
  const auto ids = torch::dtype(torch::kInt64).device(torch::kCPU);
  torch::Tensor history = torch::zeros({2, options.history_capacity}, ids);
  history.select(1, 0).fill_(1);
  policy->call(history, torch::ones({2}, ids), torch::ones({2}, ids), torch::zeros({2}, ids));
  return policy;
}

}  // namespace veer
