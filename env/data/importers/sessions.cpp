// Sessions that somebody prepared, as text. Their order is all there is: no times, no names.
//   sessions   one a line: item ids separated by blanks, oldest first; the session is called by its line
//   prefixes   a header line that ends with "target" and "prefix", tabs between columns: in each row a prefix
//   of a
//              session and the item that followed. A session of n clicks has n - 1 such rows, the longest
//              first; a row whose prefix and target are the prefix of the row above tells nothing new.
#include <fmt/format.h>

#include <algorithm>

#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

class SessionReader {
 public:
  SessionReader(LineReader& lines, const ImportOptions& options, SourceLog& log)
      : fields_(lines, " ", false), options_(options), log_(log) {}

  const FieldReader& fields() const noexcept { return fields_; }

  /// The ids of `text`, checked.
  std::vector<std::string_view> ids_of(std::string_view text) const {
    std::vector<std::string_view> ids = split_list(text, ' ');
    for (const std::string_view id : ids) {
      if (id.find_first_of(",;|\t") != std::string_view::npos) {
        fields_.fail("item", quote(id), "item ids separated by blanks",
                     "veer import csv reads other separators, with one interaction a line");
      }
      fields_.text(id, "item");
    }
    return ids;
  }

  void add_session(const std::vector<std::string_view>& ids) {
    const std::string session = fmt::format("{}", fields_.lines().line());
    for (const std::string_view id : ids) log_.add_row(fields_, session, id, "item", options_.unknown_items);
  }

 private:
  FieldReader fields_;
  const ImportOptions& options_;
  SourceLog& log_;
};

void read_prefixes(LineReader& lines, std::size_t columns, const ImportOptions& options, SourceLog& log) {
  FieldReader rows(lines, "\t", false);
  SessionReader sessions(lines, options, log);
  std::vector<std::string_view> values;
  std::vector<std::string> above;  // the prefix of the row above
  read_records(log.bad, [&] {
    if (!rows.next(values, columns, "..., target, prefix")) return false;
    std::vector<std::string_view> ids = sessions.ids_of(values[columns - 1]);
    if (ids.empty()) rows.fail("prefix", quote(values[columns - 1]), "at least one item id");
    const std::vector<std::string> prefix(ids.begin(), ids.end());
    ids.push_back(rows.id(values[columns - 2], "target"));
    if (sessions.ids_of(ids.back()).size() != 1) rows.fail("target", quote(ids.back()), "one item id");
    if (!std::equal(ids.begin(), ids.end(), above.begin(), above.end())) sessions.add_session(ids);
    above = prefix;
    return true;
  });
}

}  // namespace

SourceLog read_sessions(const Sources& sources, const std::string& main, const ImportOptions& options) {
  if (main.empty()) {
    throw ConfigError(Where{sources.directory(), 0, ""},
                      Problem{"a directory", "the file with the sessions", ""});
  }
  SourceLog log(options);
  log.name = std::filesystem::path(main).stem().string();
  log.files = {main};
  LineReader lines = sources.open(main);
  log.log_file = lines.file();
  std::string_view line;
  if (LineReader first = sources.open(main); first.next(line) && line.ends_with("target\tprefix")) {
    const auto columns = static_cast<std::size_t>(std::count(line.begin(), line.end(), '\t')) + 1;
    lines.next(line);
    read_prefixes(lines, columns, options, log);
    return log;
  }
  SessionReader sessions(lines, options, log);
  read_records(log.bad, [&] {
    if (!lines.next(line)) return false;
    const std::vector<std::string_view> ids = sessions.ids_of(line);
    if (ids.empty()) lines.fail("", "a line of blanks", "at least one item id");
    sessions.add_session(ids);
    return true;
  });
  return log;
}

}  // namespace veer::importers
