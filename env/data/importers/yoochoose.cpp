// The log of the RecSys Challenge 2015, a directory with both files as published, without header lines:
//   yoochoose-clicks.dat  session,time,item,category          2014-04-07T10:51:09.277Z
//   yoochoose-buys.dat    session,time,item,price,quantity
// Categories, prices and quantities are dropped. Clicks and purchases of one session within one microsecond:
// the clicks come first. As in the reference of SQN and SAC, sessions need three clicks or more, whatever
// they bought, and items are not filtered; it then draws 200,000 sessions (sample_sessions).
#include <limits>

#include "env/data/importers/sources.h"

namespace veer::importers {
namespace {

constexpr std::int64_t largest_number = std::numeric_limits<std::int64_t>::max();
constexpr const char* clicks_file = "yoochoose-clicks.dat";
constexpr const char* buys_file = "yoochoose-buys.dat";

void read_events(const Sources& sources, const char* file, std::size_t columns, std::string_view layout,
                 std::uint8_t behaviour, const ImportOptions& options, SourceLog& log) {
  log.files.emplace_back(file);
  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", false);
  std::vector<std::string_view> values;
  read_records(log.bad, [&] {
    if (!fields.next(values, columns, layout)) return false;
    const std::string_view session = fields.number_id(values[0], "session", 0, largest_number);
    const std::int64_t time = fields.time(values[1], "time", TimeUnit::seconds);
    const std::string_view item = fields.number_id(values[2], "item", 0, largest_number);
    log.add_row(fields, session, item, "item", options.unknown_items);
    log.time.push_back(time);
    log.behaviour.push_back(behaviour);
    return true;
  });
}

}  // namespace

SourceLog read_yoochoose(const Sources& sources, const std::string& main, const ImportOptions& options) {
  if (!main.empty() && main != clicks_file && main != buys_file) {
    throw ConfigError(
        Where{sources.directory() / main, 0, ""},
        Problem{"another file", "the directory with yoochoose-clicks.dat and yoochoose-buys.dat",
                "veer import sessions reads sessions that somebody prepared"});
  }
  SourceLog log(options);
  log.name = "yoochoose";
  log.log_file = sources.directory() / clicks_file;
  log.behaviour_names.assign(click_and_purchase.begin(), click_and_purchase.end());
  log.sessions_count_clicks = true;
  read_events(sources, clicks_file, 4, "session, time, item, category", 0, options, log);
  read_events(sources, buys_file, 5, "session, time, item, price, quantity", 1, options, log);
  return log;
}

}  // namespace veer::importers
