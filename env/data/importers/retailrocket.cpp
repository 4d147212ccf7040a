// Retailrocket's recommender log, events.csv as published:
//   timestamp,visitorid,event,itemid,transactionid      milliseconds; event view, addtocart or transaction
// Read as the reference of SQN and SAC reads it (Xin et al., "Self-supervised reinforcement learning for
// recommender systems", SIGIR 2020): a visitor's whole history is one session, views are clicks, additions to
// the cart are purchases, and transactions, the rows with a transaction id, are left out. The defaults of the
// filters are the reference's: visitors with three events or more, and then items with three or more, each
// once. The paper tells them the other way round: filter_order items_first.
#include <limits>

#include "env/data/importers/columns.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {

SourceLog read_retailrocket(const Sources& sources, const std::string& main, const ImportOptions& options) {
  SourceLog log(options);
  const std::string file = main.empty() ? "events.csv" : main;
  log.name = "retailrocket";
  log.files = {file};
  log.behaviour_names.assign(click_and_purchase.begin(), click_and_purchase.end());

  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", false);
  log.log_file = lines.file();
  std::vector<std::string_view> values;
  if (!fields.next(values)) fields.fail("header", "an empty file", "the header line of events.csv");
  const Header header(fields, {values.begin(), values.end()});
  const auto column = [&](std::string_view name) { return at(header.require(name, name, {})); };
  const std::size_t time_column = column("timestamp");
  const std::size_t visitor_column = column("visitorid");
  const std::size_t event_column = column("event");
  const std::size_t item_column = column("itemid");
  const std::size_t transaction_column = column("transactionid");

  constexpr std::int64_t largest_id = std::numeric_limits<std::int64_t>::max();
  const std::string layout = header.layout();
  read_records(log.bad, [&] {
    if (!fields.next(values, header.size(), layout)) return false;
    const std::int64_t time = fields.time(values[time_column], "timestamp", TimeUnit::milliseconds);
    const std::string_view visitor = fields.number_id(values[visitor_column], "visitorid", 0, largest_id);
    const std::string_view item = fields.number_id(values[item_column], "itemid", 0, largest_id);
    const std::string_view event = values[event_column];
    const bool transaction = event == "transaction";
    if (!transaction && event != "view" && event != "addtocart")
      fields.fail("event", quote(event), "view, addtocart or transaction");
    if (transaction == values[transaction_column].empty()) {
      fields.fail("transactionid", quote(values[transaction_column]),
                  "an id with events of kind transaction, none with others");
    }
    if (transaction) return true;
    log.add_row(fields, visitor, item, "itemid", options.unknown_items);
    log.time.push_back(time);
    log.behaviour.push_back(event == "addtocart" ? 1 : 0);
    return true;
  });
  return log;
}

}  // namespace veer::importers
