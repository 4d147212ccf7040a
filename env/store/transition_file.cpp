#include "env/store/transition_file.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "env/batch.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/sealed_file.h"

namespace veer {
namespace {

constexpr std::string_view transition_kind = "transitions";

[[noreturn]] void reject_row(const std::string& name, std::size_t row, const char* column,
                             const std::string& found, const std::string& expected,
                             const std::string& hint = "") {
  throw DataError(Where{name, 0, std::string(column) + ", row " + std::to_string(row)},
                  Problem{found, expected, hint});
}

void check_values(const TransitionLog& log, const std::string& name) {
  const Transitions& t = log.transitions;
  const auto finite = [&](const char* column, const std::vector<float>& values, std::size_t width) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        reject_row(name, i / width, column, std::to_string(values[i]), "a finite number");
    }
  };
  finite("observed", t.observed, at(t.features));
  finite("next_observed", t.next_observed, at(t.features));
  finite("reward", t.reward, 1);
  finite("log_prob", t.log_prob, 1);
  for (std::size_t i = 0; i < t.action_reals.size(); ++i) {
    if (t.action_reals[i] >= -1.0F && t.action_reals[i] <= 1.0F) continue;
    reject_row(name, i / at(t.reals), "action", std::to_string(t.action_reals[i]), "-1 to 1");
  }
}

}  // namespace

void LoggedTransitions::gather(std::span<const std::int64_t> indices, Transitions& out) const {
  out.resize(static_cast<std::int32_t>(indices.size()), log_);
  for (std::size_t i = 0; i < indices.size(); ++i)
    out.copy_from(log_, indices[i], static_cast<std::int64_t>(i));
}

std::vector<std::vector<std::int32_t>> episodes_of(const TransitionLog& log, const std::string& name) {
  const Transitions& t = log.transitions;
  if (t.count == 0) throw DataError(Where{name, 0, "transitions"}, Problem{"none", "at least one", ""});
  check_values(log, name);
  std::unordered_map<EpisodeId, std::size_t> place;
  std::vector<std::vector<std::int32_t>> out;
  for (std::int32_t row = 0; row < t.count; ++row) {
    const auto [found, fresh] = place.try_emplace(t.episode[at(row)], out.size());
    if (fresh) out.emplace_back();
    out[found->second].push_back(row);
  }
  for (std::vector<std::int32_t>& rows : out) {
    std::ranges::sort(rows, {}, [&](std::int32_t row) { return t.step[at(row)]; });
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const std::size_t row = at(rows[k]);
      const std::string which = " of episode " + std::to_string(t.episode[row]);
      if (t.step[row] != k) {
        reject_row(name, row, "step", std::to_string(t.step[row]) + which, std::to_string(k),
                   "steps of an episode count from 0");
      }
      if (t.user[row] != t.user[at(rows.front())]) {
        reject_row(name, row, "user", std::to_string(t.user[row]) + which,
                   std::to_string(t.user[at(rows.front())]), "an episode is one person's");
      }
      const bool last = k + 1 == rows.size();
      if (has_ended(t.end[row]) == last) continue;
      reject_row(name, row, "end", last ? "an episode that stops without an end" : "a step after the end",
                 last ? "terminated or truncated" : "running",
                 "a log that was cut off has to say so: truncated");
    }
  }
  return out;
}

std::vector<double> discounted_returns(const TransitionLog& log,
                                       std::span<const std::vector<std::int32_t>> episodes, double discount) {
  std::vector<double> out;
  for (const std::vector<std::int32_t>& rows : episodes) {
    double sum = 0.0;
    for (std::size_t k = rows.size(); k-- > 0;) {
      sum = double{log.transitions.reward[at(rows[k])]} + discount * sum;
    }
    out.push_back(sum);
  }
  return out;
}

void close_episodes(Transitions& transitions) {
  std::unordered_map<EpisodeId, std::size_t> last;
  for (std::size_t row = 0; row < at(transitions.count); ++row) {
    const auto [found, fresh] = last.try_emplace(transitions.episode[row], row);
    if (!fresh && transitions.step[found->second] < transitions.step[row]) found->second = row;
  }
  for (const auto& [episode, row] : last) {
    if (!has_ended(transitions.end[row])) transitions.end[row] = EndReason::horizon;
  }
}

std::vector<std::byte> transition_bytes(const TransitionLog& log) {
  (void)episodes_of(log, "transitions");
  const TransitionManifest& m = log.manifest;
  const Transitions& t = log.transitions;
  hdf5::File file = hdf5::File::create_in_memory("transitions");
  file.write_text("scenario", m.scenario);
  file.write_text("world", m.world);
  file.write_text("regime", m.regime);
  file.write_text("policy", m.policy);
  file.write_text("fingerprint", m.fingerprint);
  file.set_attribute("grows", std::int64_t{m.grows ? 1 : 0});
  file.set_attribute("has_densities", std::int64_t{m.has_densities ? 1 : 0});
  file.set_attribute("largest_reward", m.largest_reward);
  file.set_attribute("horizon", std::int64_t{m.horizon});
  file.set_attribute("seed", m.seed);
  hdf5::Group columns = file.create_group("columns");
  const std::int64_t n = t.count;
  columns.write("episode", t.episode);
  columns.write("step", std::vector<std::int64_t>(t.step.begin(), t.step.end()));
  columns.write("user", t.user);
  columns.write("observed", t.observed, {n, t.features});
  columns.write("next_observed", t.next_observed, {n, t.features});
  columns.write("action", t.action_reals, {n, t.reals});
  columns.write("log_prob", t.log_prob);
  columns.write("reward", t.reward);
  std::vector<std::uint8_t> ends;
  for (const EndReason end : t.end) ends.push_back(static_cast<std::uint8_t>(end));
  columns.write("end", ends);
  return seal(file, transition_kind, transition_format);
}

TransitionLog parse_transitions(std::span<const std::byte> bytes, const std::string& name) {
  const hdf5::File file = unseal(bytes, name, transition_kind, transition_format);
  TransitionLog log;
  TransitionManifest& m = log.manifest;
  m.scenario = file.read_text("scenario");
  m.world = file.read_text("world");
  m.regime = file.read_text("regime");
  m.policy = file.read_text("policy");
  m.fingerprint = file.read_text("fingerprint");
  m.grows = file.integer_attribute("grows") != 0;
  m.has_densities = file.integer_attribute("has_densities") != 0;
  m.largest_reward = file.real_attribute("largest_reward");
  m.horizon =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(file.integer_attribute("horizon"), 0, 1 << 30));
  m.seed = file.unsigned_attribute("seed");
  const hdf5::Group columns = file.group("columns");
  const auto width = [&](const char* column) {
    const std::vector<std::int64_t> shape = columns.info(column).shape;
    if (shape.size() != 2 || shape[1] < 1 || shape[1] > (1 << 16)) {
      throw FormatError(Where{name, 0, column}, Problem{"another shape", "[rows, 1 to 65,536]", ""});
    }
    return static_cast<std::int32_t>(shape[1]);
  };
  const std::int64_t rows = columns.info("observed").shape.empty() ? 0 : columns.info("observed").shape[0];
  BatchShape shape;
  shape.slots = 0;
  shape.features = width("observed");
  shape.reals = width("action");
  Transitions& t = log.transitions;
  if (rows < 1 || rows >= (std::int64_t{1} << 31)) {
    throw FormatError(Where{name, 0, "observed"},
                      Problem{std::to_string(rows) + " rows", "1 to 2,147,483,647", ""});
  }
  t.resize(static_cast<std::int32_t>(rows), shape);
  t.episode = columns.read<EpisodeId>("episode", {rows});
  const std::vector<std::int64_t> steps = columns.read<std::int64_t>("step", {rows});
  for (std::size_t row = 0; row < steps.size(); ++row) {
    if (steps[row] < 0 || steps[row] >= rows) {
      throw FormatError(Where{name, 0, "step, row " + std::to_string(row)},
                        Problem{std::to_string(steps[row]), "0 to " + std::to_string(rows - 1), ""});
    }
    t.step[row] = static_cast<std::uint32_t>(steps[row]);
  }
  t.user = columns.read<UserId>("user", {rows});
  t.observed = columns.read<float>("observed", {rows, t.features});
  t.next_observed = columns.read<float>("next_observed", {rows, t.features});
  t.action_reals = columns.read<float>("action", {rows, t.reals});
  t.log_prob = columns.read<float>("log_prob", {rows});
  t.reward = columns.read<float>("reward", {rows});
  const std::vector<std::uint8_t> ends = columns.read<std::uint8_t>("end", {rows});
  for (std::size_t row = 0; row < ends.size(); ++row) {
    if (ends[row] > static_cast<std::uint8_t>(EndReason::horizon)) {
      throw FormatError(Where{name, 0, "end, row " + std::to_string(row)},
                        Problem{std::to_string(ends[row]), "a reason that TRANSITION_FORMAT.md names", ""});
    }
    t.end[row] = static_cast<EndReason>(ends[row]);
  }
  (void)episodes_of(log, name);
  return log;
}

void write_transitions(const std::filesystem::path& path, const TransitionLog& log) {
  write_file_atomically(path, transition_bytes(log));
}

TransitionLog read_transitions(const std::filesystem::path& path) {
  return parse_transitions(read_file(path), path.string());
}

}  // namespace veer
