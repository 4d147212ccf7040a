#include "env/store/run/segment_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "env/error.h"
#include "env/store/run/run_manifest.h"

namespace veer {

namespace {

constexpr std::string_view columns = "policy\tfirst\tlast\tsteps\tsha256\n";
constexpr std::int64_t most_steps = std::int64_t{1} << 53;

using Key = std::pair<std::int32_t, EpisodeId>;
Key key_of(const SegmentEntry& entry) { return {entry.policy, entry.first}; }

/// What is wrong with a line, as "found" and "expected".
using Complaint = std::pair<std::string, std::string>;

std::optional<std::int64_t> number(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool plain = error == std::errc() && end == digits.data() + digits.size() && value >= 0 &&
                     (digits.size() == 1 || digits.front() != '0');
  return plain ? std::optional(value) : std::nullopt;
}

/// Fills `entry` from one line without its newline.
std::optional<Complaint> read_line(std::string_view line, const RunHeader& header, SegmentEntry& entry) {
  std::array<std::string_view, 5> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t tab = line.find('\t');
    if ((tab == std::string_view::npos) != (i + 1 == fields.size())) {
      return Complaint{"another number of fields", "5 fields parted by tabs"};
    }
    fields[i] = line.substr(0, tab);
    line.remove_prefix(std::min(line.size(), fields[i].size() + 1));
  }
  const auto policy = number(fields[0]), first = number(fields[1]), last = number(fields[2]),
             steps = number(fields[3]);
  if (!policy || !first || !last || !steps || *steps > most_steps) {
    return Complaint{"something else", "whole numbers of policy, first, last and steps"};
  }
  const std::int64_t size = header.segment_episodes;
  if (*policy >= static_cast<std::int64_t>(header.policies.size()) || *first % size != 0 ||
      *first >= header.episodes || *last != *first + std::min(size, header.episodes - *first)) {
    return Complaint{fmt::format("policy {}, episodes {} to {}", *policy, *first, *last),
                     "a segment of this run"};
  }
  if (fields[4].size() != 64 || fields[4].find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return Complaint{fmt::format("'{}'", fields[4]), "64 lower-case hexadecimal digits"};
  }
  entry = {static_cast<std::int32_t>(*policy), static_cast<EpisodeId>(*first), static_cast<EpisodeId>(*last),
           *steps, std::string(fields[4])};
  return {};
}

struct Line {
  SegmentEntry entry;
  std::int64_t number = 0;
};

/// `complain(line number, complaint)` is told about every line that is wrong.
template <class Complain>
std::vector<SegmentEntry> read_list(std::string_view text, const RunHeader& header,
                                    const Complain& complain) {
  std::vector<Line> lines;
  if (!text.starts_with(columns)) complain(1, Complaint{"another first line", "the names of the columns"});
  std::int64_t number = 0;
  while (text.find('\n') != std::string_view::npos) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    if (++number == 1) continue;
    SegmentEntry entry;
    if (const auto complaint = read_line(line, header, entry)) {
      complain(number, *complaint);
    } else {
      lines.push_back({std::move(entry), number});
    }
  }
  std::ranges::stable_sort(lines, {}, [](const Line& line) { return key_of(line.entry); });
  std::vector<SegmentEntry> entries;
  for (Line& line : lines) {
    if (!entries.empty() && key_of(entries.back()) == key_of(line.entry)) {
      complain(line.number, Complaint{"a segment named twice", "every segment once"});
    } else {
      entries.push_back(std::move(line.entry));
    }
  }
  return entries;
}

}  // namespace

std::string segment_line(const SegmentEntry& entry) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", entry.policy, entry.first, entry.last, entry.steps,
                     entry.sha256);
}

std::string segment_list_text(std::span<const SegmentEntry> entries) {
  std::string text(columns);
  for (const SegmentEntry& entry : entries) text += segment_line(entry);
  return text;
}

std::vector<SegmentEntry> parse_segment_list(std::string_view text, const RunHeader& header,
                                             const std::string& name) {
  return read_list(text, header, [&](std::int64_t number, const Complaint& complaint) {
    throw FormatError(Where{name, number, ""}, Problem{complaint.first, complaint.second, mending_hint});
  });
}

std::vector<SegmentEntry> salvage_segment_list(std::string_view text, const RunHeader& header) {
  return read_list(text, header, [](std::int64_t, const Complaint&) {});
}

}  // namespace veer
