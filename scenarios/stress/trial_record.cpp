#include "scenarios/stress/trial_record.h"

#include <fmt/format.h>

#include "env/store/atomic_file.h"
#include "env/store/toml_text.h"

namespace veer::stress {
namespace {

constexpr std::int64_t most_bytes_of_trial = 2 << 20;

}  // namespace

std::string trial_record_text(const StressSuite& suite, const std::string& baseline) {
  return fmt::format("format = 1\nbaseline = {}\nsuite = {}\n", toml_string(baseline),
                     toml_lines(suite.text));
}

TrialRecord read_trial_record(std::string_view text, const std::filesystem::path& file) {
  TomlReader top(text, file.string(), "veer stress -o writes it; the same command writes it once more");
  TrialRecord out;
  top.integer("format", 1, 1);
  out.baseline = top.text("baseline");
  out.suite = read_suite(top.text("suite"), file.string() + " (suite)");
  top.expect_no_more();
  return out;
}

TrialRecord read_trial_record_file(const std::filesystem::path& file) {
  return read_trial_record(read_text(file, most_bytes_of_trial), file);
}

}  // namespace veer::stress
