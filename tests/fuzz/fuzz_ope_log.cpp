// Logs for off-policy evaluation of arbitrary content: what is read keeps its rules, what is refused is
// refused in words about the file.
#include <cmath>
#include <string>
#include <string_view>
#include <variant>

#include "env/error.h"
#include "scenarios/ope/log_table.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

template <class Log>
void check_columns(const Log& log) {
  const std::size_t rows = log.reward.size();
  fuzz::require(rows > 0 && log.behaviour.size() == rows && log.target.size() == rows);
  fuzz::require(log.q_hat.size() == log.v_hat.size() && (log.q_hat.empty() || log.q_hat.size() == rows));
  for (std::size_t i = 0; i < rows; ++i) {
    fuzz::require(std::isfinite(log.reward[i]));
    fuzz::require(log.behaviour[i] > 0.0 && log.behaviour[i] <= 1.0);
    fuzz::require(log.target[i] >= 0.0 && log.target[i] <= 1.0);
  }
}

struct Reader {
  void operator()(const ope::BanditLog& log) const {
    check_columns(log);
    fuzz::require(log.cluster.empty() || log.cluster.size() == log.reward.size());
  }
  void operator()(const ope::SlateLog& log) const {
    (*this)(log.positions);
    const std::size_t items = log.item_behaviour.size();
    fuzz::require(log.item_target.size() == items && (items == 0 || items == log.positions.reward.size()));
    fuzz::require(log.positions.steps() == log.positions.trajectories() * log.positions.longest());
  }
  void operator()(const ope::TrajectoryLog& log) const {
    check_columns(log);
    fuzz::require(log.offsets.front() == 0 && log.offsets.back() == log.steps());
    std::int64_t ends = 0;
    for (const ope::StepEnd end : log.end) ends += end != ope::StepEnd::none;
    fuzz::require(ends == log.trajectories() && log.longest() > 0);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    std::visit(Reader{}, ope::read_table("log.csv", text, {}));
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("log.csv"));
  }
  return 0;
}
