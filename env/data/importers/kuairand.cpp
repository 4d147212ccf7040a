// KuaiRand's logs of short videos, tables as published, with header lines and columns by name:
//   log_*.csv                   user_id, video_id, date, hourmin, time_ms, is_click, is_like, is_follow,
//   is_comment,
//                               is_forward, is_hate, long_view, play_time_ms, duration_ms, ..., tab
//   user_features*.csv          user_id, ...                          where present: who there is
//   video_features_basic*.csv   video_id, author_id, video_type, ..., tag   where present: attributes of
//   videos
// All log_*.csv of the directory are read, in the order of their names, or the one that is named. Every line
// is one interaction, whatever was done; its kind is the set of what was done, in the words of
// env/behaviours.h joined with '+': click, complete (long_view), like, comment, share (is_forward), follow,
// dislike (is_hate), or "none". Times are kept to the second and lines in their order, so nothing of a
// session is lost.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "env/behaviours.h"
#include "env/data/importers/columns.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

constexpr std::int64_t largest_kuairand_id = std::numeric_limits<std::int64_t>::max();

struct KuairandColumn {
  const char* name;
  Behaviour behaviour;
};
constexpr std::array<KuairandColumn, 7> done_columns = {{{"is_click", Behaviour::click},
                                                         {"long_view", Behaviour::complete},
                                                         {"is_like", Behaviour::like},
                                                         {"is_comment", Behaviour::comment},
                                                         {"is_forward", Behaviour::share},
                                                         {"is_follow", Behaviour::follow},
                                                         {"is_hate", Behaviour::dislike}}};

Header kuairand_header(FieldReader& fields, const std::string& file) {
  std::vector<std::string_view> names;
  if (!fields.next(names)) fields.fail("header", "an empty file", "the header line of " + file);
  return Header(fields, {names.begin(), names.end()});
}

/// Names of the directory that begin with `stem` and end with .csv, ascending.
std::vector<std::string> files_of(const Sources& sources, std::string_view stem) {
  std::vector<std::string> found;
  for (const std::string& name : sources.names()) {
    if (name.starts_with(stem) && name.ends_with(".csv")) found.push_back(name);
  }
  return found;
}

void read_videos(const Sources& sources, const std::string& file, const ImportOptions& options,
                 SourceLog& log) {
  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", true);
  const Header header = kuairand_header(fields, file);
  const auto video = at(header.require("video_id", "video_id", {}));
  const ColumnIndex type = header.find("", {"video_type"}), tag = header.find("", {"tag"});
  std::vector<std::string_view> values;
  std::vector<std::string> attributes;
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), header.layout())) return false;
    const std::string_view id = fields.number_id(values[video], "video_id", 0, largest_kuairand_id);
    attributes.clear();
    if (type >= 0 && !values[at(type)].empty()) {
      attributes.push_back("type " + std::string(fields.text(values[at(type)], "video_type")));
    }
    if (tag >= 0) {
      for (const std::string_view each : split_list(fields.text(values[at(tag)], "tag"), ',')) {
        attributes.push_back("tag " + std::string(each));
      }
    }
    log.table.add(fields, id, id, {attributes.begin(), attributes.end()}, *options.duplicates);
    return true;
  });
}

void read_people(const Sources& sources, const std::string& file, IdTable& known, SourceLog& log) {
  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", true);
  const Header header = kuairand_header(fields, file);
  const auto user = at(header.require("user_id", "user_id", {}));
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), header.layout())) return false;
    const std::int32_t before = known.size();
    known.add(fields.number_id(values[user], "user_id", 0, largest_kuairand_id));
    if (known.size() == before) {
      fields.fail("user_id", quote(values[user]) + " again", "one line for each user");
    }
    return true;
  });
}

/// Numbers of the sets of behaviours, in order of first appearance.
class Kinds {
 public:
  explicit Kinds(SourceLog& log) : log_(log) { numbers_.fill(-1); }

  std::uint8_t number_of(std::uint8_t answer) {
    std::int32_t& number = numbers_[answer];
    if (number < 0) {
      std::string name;
      for (const KuairandColumn& c : done_columns) {
        if (!did(answer, c.behaviour)) continue;
        name +=
            (name.empty() ? "" : "+") + std::string(behaviour_names[static_cast<std::size_t>(c.behaviour)]);
      }
      number = static_cast<std::int32_t>(log_.behaviour_names.size());
      log_.behaviour_names.push_back(name.empty() ? "none" : name);
    }
    return static_cast<std::uint8_t>(number);
  }

 private:
  SourceLog& log_;
  std::array<std::int32_t, 256> numbers_{};
};

void read_interactions(const Sources& sources, const std::string& file, const IdTable* known_users,
                       const std::string& users_file, Kinds& kinds, const ImportOptions& options,
                       SourceLog& log) {
  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", true);
  const Header header = kuairand_header(fields, file);
  const auto column = [&](const char* name) { return at(header.require(name, name, {})); };
  const std::size_t user_column = column("user_id"), video_column = column("video_id");
  const std::size_t time_column = column("time_ms");
  std::array<std::size_t, done_columns.size()> done{};
  for (std::size_t b = 0; b < done.size(); ++b) done[b] = column(done_columns[b].name);
  // Read by nobody here, but a number where another one is expected means that columns have moved.
  struct Checked {
    const char* name;
    std::int64_t largest;
    ColumnIndex index = -1;
  };
  std::array<Checked, 5> checked = {{{"date", 99'999'999},
                                     {"hourmin", 2359},
                                     {"play_time_ms", largest_kuairand_id},
                                     {"duration_ms", largest_kuairand_id},
                                     {"tab", 1000}}};
  for (Checked& c : checked) c.index = header.find("", {c.name});
  std::vector<std::string_view> values;
  const std::string layout = header.layout();
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), layout)) return false;
    const std::string_view user = fields.number_id(values[user_column], "user_id", 0, largest_kuairand_id);
    if (known_users != nullptr && known_users->find(user) < 0) {
      fields.fail("user_id", quote(user), "a user of " + users_file,
                  "the files may be of different editions");
    }
    const std::string_view video = fields.number_id(values[video_column], "video_id", 0, largest_kuairand_id);
    const std::int64_t time = fields.time(values[time_column], "time_ms", TimeUnit::milliseconds);
    std::uint8_t answer = 0;
    for (std::size_t b = 0; b < done.size(); ++b) {
      if (fields.integer(values[done[b]], done_columns[b].name, 0, 1) == 1) {
        answer = static_cast<std::uint8_t>(answer | bit_of(done_columns[b].behaviour));
      }
    }
    for (const Checked& c : checked) {
      if (c.index >= 0) fields.integer(values[at(c.index)], c.name, 0, c.largest);
    }
    log.add_row(fields, user, video, "video_id", options.unknown_items);
    log.time.push_back(time);
    log.behaviour.push_back(kinds.number_of(answer));
    return true;
  });
}

/// The only file of a kind, or none.
std::optional<std::string> only_file(const Sources& sources, std::string_view stem) {
  const std::vector<std::string> found = files_of(sources, stem);
  if (found.size() > 1) {
    throw DataError(Where{sources.directory(), 0, ""},
                    Problem{fmt::format("{} and {}", found[0], found[1]), fmt::format("one {}*.csv", stem),
                            "keep one edition of KuaiRand in a directory"});
  }
  if (found.empty()) return std::nullopt;
  return found.front();
}

}  // namespace

SourceLog read_kuairand(const Sources& sources, const std::string& main, const ImportOptions& options) {
  std::vector<std::string> logs = main.empty() ? files_of(sources, "log_") : std::vector<std::string>{main};
  if (logs.empty()) {
    throw DataError(
        Where{sources.directory(), 0, ""},
        Problem{"no log_*.csv", "the directory data of KuaiRand-Pure, -1K or -27K, unpacked", ""});
  }
  SourceLog log(options);
  log.name = sources.directory_name().empty() ? "kuairand" : sources.directory_name();
  log.files = logs;
  if (const auto videos = only_file(sources, "video_features_basic")) {
    log.files.push_back(*videos);
    log.table_file = *videos;
    read_videos(sources, *videos, options, log);
  }
  IdTable users;
  const auto people = only_file(sources, "user_features");
  if (people) {
    log.files.push_back(*people);
    read_people(sources, *people, users, log);
  }
  Kinds kinds(log);
  for (const std::string& file : logs) {
    read_interactions(sources, file, people ? &users : nullptr, people.value_or(""), kinds, options, log);
  }
  return log;
}

}  // namespace veer::importers
