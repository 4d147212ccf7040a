// Stress suites of arbitrary content: a suite that is read is within its bounds and names lines that exist;
// what is refused is refused by file. The same of the record of a trial, which holds a suite.
#include <algorithm>
#include <string>
#include <string_view>

#include "env/error.h"
#include "scenarios/stress/suite.h"
#include "scenarios/stress/trial_record.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

void check(const stress::StressSuite& suite, std::string_view text) {
  const auto lines = std::ranges::count(text, '\n') + 1;
  fuzz::require(!suite.tests.empty());
  for (const stress::StressTest& test : suite.tests) {
    fuzz::require(!test.name.empty() && test.name.find('/') == std::string::npos &&
                  test.name.find('.') == std::string::npos);
    fuzz::require(!test.perturbations.empty() && test.line > 0 && test.line <= lines);
    for (const stress::Perturbation& each : test.perturbations) {
      fuzz::require(each.share > 0.0F && each.share <= 1.0F);
      fuzz::require(each.intensity >= -10.0F && each.intensity <= 100.0F);
      if (each.kind == stress::PerturbationKind::delayed_feedback) {
        fuzz::require(each.intensity >= 1.0F &&
                      each.intensity == static_cast<float>(static_cast<int>(each.intensity)));
      }
      fuzz::require((each.kind == stress::PerturbationKind::cohort_mix) == !each.group.empty());
      for (const std::uint32_t step : {0U, 1U, 9'999U}) {
        const float level = each.schedule.level(step);
        fuzz::require(level >= 0.0F && level <= 1.0F);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(stress::read_suite(text, "suite.toml"), text);
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("suite.toml"));
  }
  try {
    const stress::TrialRecord trial = stress::read_trial_record(text, "trial.toml");
    check(trial.suite, trial.suite.text);
    // What was read can be written and read again.
    const std::string again = stress::trial_record_text(trial.suite, trial.baseline);
    fuzz::require(stress::read_trial_record(again, "trial.toml").baseline == trial.baseline);
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("trial.toml"));
  }
  return 0;
}
