#include "env/store/run/segment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "env/data/sha256.h"
#include "env/store/atomic_file.h"
#include "env/store/run/run_manifest.h"
#include "env/store/sealed_file.h"

namespace veer {

namespace {

constexpr std::string_view kind_of_file = "segment";
constexpr int segment_format = 1;  // of one file; the directory has its own number
constexpr std::int64_t widest = 1 << 20;

/// A judge's name as the name of one group: '/' would make two, "." means the group itself.
std::string group_name(const std::string& judge) {
  const bool dots = judge.find_first_not_of('.') == std::string::npos;
  std::string name;
  for (const char c : judge) {
    const bool plain = c != '/' && c != '%' && static_cast<unsigned char>(c) >= 0x20 && !(dots && c == '.');
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return name;
}

template <class T>
std::optional<Flaw> find_size_flaw(const char* field, const std::vector<T>& column, std::int64_t rows,
                                   std::int64_t width = 1) {
  if (static_cast<std::int64_t>(column.size()) == rows * width) return {};
  return Flaw{field,
              {fmt::format("{} values", column.size()), fmt::format("{} rows of {}", rows, width), ""}};
}

std::optional<Flaw> find_column_flaw(const Trajectories& paths, bool with_steps) {
  const std::int64_t steps = paths.steps();
  const std::int64_t episodes = paths.episodes();
  if (paths.slots < 0 || paths.reals < 0 || paths.history_width < 0) {
    return Flaw{"slots", {"a negative width", "0 or more", ""}};
  }
  std::optional<Flaw> flaw;
  const auto check = [&](const char* field, const auto& column, std::int64_t rows, std::int64_t width = 1) {
    if (!flaw) flaw = find_size_flaw(field, column, rows, width);
  };
  if (with_steps) {
    check("step", paths.step, steps);
    check("user", paths.user, steps);
    check("target", paths.target, steps);
    check("items", paths.items, steps, paths.slots);
    check("feedback", paths.feedback, steps, paths.slots);
    check("probability", paths.probability, steps, paths.slots);
    check("log_prob", paths.log_prob, steps);
    check("action_reals", paths.action_reals, steps, paths.reals);
  }
  check("first_step", paths.first_step, episodes);
  check("length", paths.length, episodes);
  check("episode_user", paths.episode_user, episodes);
  check("episode_target", paths.episode_target, episodes);
  check("history", paths.history, episodes, paths.history_width);
  check("history_size", paths.history_size, episodes);
  check("end", paths.end, episodes);
  check("episode_return", paths.episode_return, episodes);
  for (const JudgeScores& judge : paths.judges) {
    if (with_steps) {
      check("judge acceptance", judge.acceptance, steps);
      check("judge interest", judge.interest, steps);
      check("judge rank", judge.rank, steps);
      if (!judge.acceptance_deviation.empty() || !judge.interest_deviation.empty()) {
        check("judge acceptance_deviation", judge.acceptance_deviation, steps);
        check("judge interest_deviation", judge.interest_deviation, steps);
      }
    }
    check("judge start_interest", judge.start_interest, episodes);
    check("judge start_rank", judge.start_rank, episodes);
  }
  return flaw;
}

/// The episode table on its own, and its agreement with the steps.
std::optional<Flaw> find_episode_flaw(const Trajectories& paths, const Segment& segment, bool with_steps) {
  std::int64_t next = 0;
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    const EpisodeId id = segment.first + e;
    const auto flaw = [&](const char* field, const std::string& found, const std::string& expected) {
      return Flaw{field, {fmt::format("{} in episode {}", found, id), expected, ""}};
    };
    if (paths.episode_id[e] != id) {
      return Flaw{"episode_id",
                  {std::to_string(paths.episode_id[e]), fmt::format("{}, ids without gaps", id), ""}};
    }
    const std::int32_t length = paths.length[e];
    if (length < 0 || (with_steps && length > paths.steps() - next)) {
      return flaw("length", std::to_string(length), "the number of its steps");
    }
    if (paths.first_step[e] != next)
      return flaw("first_step", std::to_string(paths.first_step[e]), std::to_string(next));
    if (paths.history_size[e] < 0 || paths.history_size[e] > paths.history_width) {
      return flaw("history_size", std::to_string(paths.history_size[e]),
                  fmt::format("0..{}", paths.history_width));
    }
    if (paths.end[e] > EndReason::horizon) {
      return flaw("end", std::to_string(static_cast<int>(paths.end[e])), "a known end reason");
    }
    for (std::int32_t k = 0; with_steps && k < length; ++k) {
      const auto s = static_cast<std::size_t>(next + k);
      if (paths.episode[s] != id || paths.step[s] != static_cast<std::uint32_t>(k) ||
          paths.user[s] != paths.episode_user[e] || paths.target[s] != paths.episode_target[e]) {
        return flaw("episode", fmt::format("step {} of another episode, user or target", k),
                    "what the episode table says");
      }
    }
    next += length;
  }
  if (with_steps && next != paths.steps()) {
    return Flaw{"length", {fmt::format("{} steps in all episodes", next), std::to_string(paths.steps()), ""}};
  }
  return {};
}

std::optional<Flaw> find_flaw_in(const Trajectories& paths, const Segment& segment,
                                 const std::vector<std::string>& judges, bool with_steps) {
  if (static_cast<EpisodeId>(paths.episodes()) != segment.last - segment.first) {
    return Flaw{"episode_id",
                {fmt::format("{} episodes", paths.episodes()),
                 fmt::format("{} to {}", segment.first, segment.last), ""}};
  }
  const bool same_judges =
      std::equal(paths.judges.begin(), paths.judges.end(), judges.begin(), judges.end(),
                 [](const JudgeScores& scores, const std::string& name) { return scores.judge == name; });
  if (!same_judges) {
    return Flaw{"judges",
                {fmt::format("scores of {} judges", paths.judges.size()),
                 fmt::format("the {} judges of the run in its order", judges.size()), ""}};
  }
  if (auto flaw = find_column_flaw(paths, with_steps)) return flaw;
  return find_episode_flaw(paths, segment, with_steps);
}

}  // namespace

std::optional<Flaw> find_flaw(const Trajectories& paths, const Segment& segment,
                              const std::vector<std::string>& judges) {
  return find_flaw_in(paths, segment, judges, true);
}

std::vector<std::byte> segment_bytes(const Trajectories& paths, const Segment& segment) {
  hdf5::File file = hdf5::File::create_in_memory("segment");
  file.set_attribute("policy", std::int64_t{segment.policy});
  file.set_attribute("first", segment.first);
  file.set_attribute("last", segment.last);
  file.set_attribute("slots", std::int64_t{paths.slots});
  file.set_attribute("reals", std::int64_t{paths.reals});
  file.set_attribute("history_width", std::int64_t{paths.history_width});

  hdf5::Group steps = file.create_group("steps");
  const std::int64_t n = paths.steps();
  steps.write("episode", paths.episode);
  steps.write("step", std::vector<std::int32_t>(paths.step.begin(), paths.step.end()));
  steps.write("user", paths.user);
  steps.write("target", paths.target);
  steps.write("items", paths.items, {n, paths.slots});
  steps.write("feedback", paths.feedback, {n, paths.slots});
  steps.write("probability", paths.probability, {n, paths.slots});
  steps.write("log_prob", paths.log_prob);
  steps.write("action_reals", paths.action_reals, {n, paths.reals});

  hdf5::Group episodes = file.create_group("episodes");
  episodes.write("episode", paths.episode_id);
  episodes.write("length", paths.length);
  episodes.write("user", paths.episode_user);
  episodes.write("target", paths.episode_target);
  episodes.write("history", paths.history, {paths.episodes(), paths.history_width});
  episodes.write("history_size", paths.history_size);
  std::vector<std::uint8_t> ends;
  for (const EndReason end : paths.end) ends.push_back(static_cast<std::uint8_t>(end));
  episodes.write("end", ends);
  episodes.write("return", paths.episode_return);

  for (const JudgeScores& scores : paths.judges) {
    hdf5::Group judge = file.create_group("judge/" + group_name(scores.judge));
    judge.write("acceptance", scores.acceptance);
    judge.write("interest", scores.interest);
    judge.write("rank", scores.rank);
    if (!scores.acceptance_deviation.empty()) {
      judge.write("acceptance_deviation", scores.acceptance_deviation);
      judge.write("interest_deviation", scores.interest_deviation);
    }
    hdf5::Group start = episodes.create_group("judge/" + group_name(scores.judge));
    start.write("start_interest", scores.start_interest);
    start.write("start_rank", scores.start_rank);
  }
  return seal(file, kind_of_file, segment_format);
}

Trajectories parse_segment(std::span<const std::byte> bytes, const Segment& segment,
                           const std::vector<std::string>& judges, const std::string& name,
                           SegmentPart part) {
  const hdf5::File file = unseal(bytes, name, kind_of_file, segment_format);
  const auto refuse = [&](const std::string& field, const std::string& found, const std::string& expected) {
    throw FormatError(Where{name, 0, field},
                      Problem{found, expected, "the file is damaged or belongs to another run"});
  };
  const std::int64_t policy = file.integer_attribute("policy");
  const EpisodeId first = file.unsigned_attribute("first");
  const EpisodeId last = file.unsigned_attribute("last");
  if (policy != segment.policy || first != segment.first || last != segment.last) {
    refuse("policy", fmt::format("policy {}, episodes {} to {}", policy, first, last),
           fmt::format("policy {}, episodes {} to {}", segment.policy, segment.first, segment.last));
  }
  const auto width = [&](const char* field) {
    const std::int64_t value = file.integer_attribute(field);
    if (value < 0 || value > widest) refuse(field, std::to_string(value), "a width in 0..2^20");
    return static_cast<std::int32_t>(value);
  };
  Trajectories paths;
  paths.slots = width("slots");
  paths.reals = width("reals");
  paths.history_width = width("history_width");

  const hdf5::Group episodes = file.group("episodes");
  paths.episode_id = episodes.read<EpisodeId>("episode");
  paths.length = episodes.read<std::int32_t>("length");
  paths.episode_user = episodes.read<UserId>("user");
  paths.episode_target = episodes.read<ItemId>("target");
  paths.history = episodes.read<ItemId>("history", {-1, paths.history_width});
  paths.history_size = episodes.read<std::int32_t>("history_size");
  for (const std::uint8_t end : episodes.read<std::uint8_t>("end"))
    paths.end.push_back(static_cast<EndReason>(end));
  paths.episode_return = episodes.read<float>("return");
  std::int64_t next = 0;
  for (const std::int32_t length : paths.length) {
    paths.first_step.push_back(next);
    next += length;
  }

  const bool with_steps = part == SegmentPart::everything;
  if (with_steps) {
    const hdf5::Group steps = file.group("steps");
    paths.episode = steps.read<EpisodeId>("episode");
    const auto numbers = steps.read<std::int32_t>("step");
    paths.step.assign(numbers.begin(), numbers.end());
    paths.user = steps.read<UserId>("user");
    paths.target = steps.read<ItemId>("target");
    paths.items = steps.read<ItemId>("items", {-1, paths.slots});
    paths.feedback = steps.read<std::uint8_t>("feedback", {-1, paths.slots});
    paths.probability = steps.read<float>("probability", {-1, paths.slots});
    paths.log_prob = steps.read<float>("log_prob");
    paths.action_reals = steps.read<float>("action_reals", {-1, paths.reals});
  }
  for (const std::string& judge : judges) {
    JudgeScores scores;
    scores.judge = judge;
    if (with_steps) {
      const hdf5::Group group = file.group("judge/" + group_name(judge));
      scores.acceptance = group.read<float>("acceptance");
      scores.interest = group.read<float>("interest");
      scores.rank = group.read<std::int32_t>("rank");
      if (group.contains("acceptance_deviation") || group.contains("interest_deviation")) {
        scores.acceptance_deviation = group.read<float>("acceptance_deviation");
        scores.interest_deviation = group.read<float>("interest_deviation");
      }
    }
    const hdf5::Group start = episodes.group("judge/" + group_name(judge));
    scores.start_interest = start.read<float>("start_interest");
    scores.start_rank = start.read<std::int32_t>("start_rank");
    paths.judges.push_back(std::move(scores));
  }
  if (const auto flaw = find_flaw_in(paths, segment, judges, with_steps)) {
    refuse(flaw->field, flaw->problem.found, flaw->problem.expected);
  }
  return paths;
}

Trajectories read_segment(const std::filesystem::path& directory, const SegmentEntry& entry,
                          const std::vector<std::string>& judges, SegmentPart part) {
  const std::filesystem::path path = segments_path(directory) / segment_name(entry.policy, entry.first);
  if (std::error_code refused; !std::filesystem::exists(path, refused) && !refused) {
    throw VerificationError(Where{path, 0, ""},
                            Problem{"no such file", "a segment, as segments.tsv says",
                                    "recording again with the same options computes it anew"});
  }
  const std::vector<std::byte> bytes = read_file(path);
  if (const std::string found = sha256_of(bytes); found != entry.sha256) {
    throw VerificationError(
        Where{path, 0, ""},
        Problem{"SHA-256 " + found, entry.sha256 + ", as segments.tsv says",
                "the file was damaged or exchanged; recording again with the same options computes it anew"});
  }
  Trajectories paths =
      parse_segment(bytes, {entry.policy, entry.first, entry.last}, judges, path.string(), part);
  if (part == SegmentPart::everything && paths.steps() != entry.steps) {
    throw FormatError(
        Where{path, 0, "steps"},
        Problem{std::to_string(paths.steps()), std::to_string(entry.steps) + ", as segments.tsv says", ""});
  }
  return paths;
}

void check_widths(const std::filesystem::path& directory, const SegmentEntry& entry,
                  const Trajectories& before, const Trajectories& paths) {
  const auto widths = [](const Trajectories& t) {
    return fmt::format("{}, {}, {}", t.slots, t.reals, t.history_width);
  };
  for (std::size_t j = 0; j < paths.judges.size(); ++j) {
    if (paths.steps() == 0 || before.steps() == 0) break;
    const bool now = !paths.judges[j].acceptance_deviation.empty();
    if (now == !before.judges[j].acceptance_deviation.empty()) continue;
    throw FormatError(Where{segments_path(directory) / segment_name(entry.policy, entry.first), 0,
                            "judge " + paths.judges[j].judge},
                      Problem{now ? "deviations of an ensemble" : "no deviations",
                              now ? "none" : "deviations, as in the segment before", ""});
  }
  if (widths(paths) == widths(before)) return;
  throw FormatError(Where{segments_path(directory) / segment_name(entry.policy, entry.first), 0,
                          "slots, reals, history_width"},
                    Problem{widths(paths), widths(before) + ", as in the segment before", ""});
}

}  // namespace veer
