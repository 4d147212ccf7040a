// Both files of the challenge in the published form: sessions, kinds, the sample.
#include <algorithm>

#include "env/data/check.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

const std::string clicks =
    "1,2014-04-07T10:51:09.277Z,5002,0\n"
    "1,2014-04-07T10:54:09.868Z,5000,0\n"
    "1,2014-04-07T10:54:46.998Z,5006,S\n"
    "2,2014-04-07T13:56:37.614Z,6742,0\n"
    "2,2014-04-07T13:57:19.373Z,6742,0\n"
    "3,2014-04-02T13:17:46.940Z,6742,0\n"
    "3,2014-04-02T13:16:46.940Z,5002,0\n"
    "3,2014-04-02T13:18:46.940Z,6742,0\n";
const std::string buys =
    "2,2014-04-07T13:58:00.000Z,6742,1046,1\n"
    "3,2014-04-02T13:18:46.940Z,6742,0,2\n"
    "4,2014-04-02T13:18:46.940Z,6742,0,2\n";

Dataset import_both(const std::string& click_text, const std::string& buy_text,
                    const ImportOptions& options = {}) {
  return import_texts("yoochoose", {{"yoochoose-clicks.dat", click_text}, {"yoochoose-buys.dat", buy_text}},
                      "", options);
}

}  // namespace

TEST_CASE("yoochoose: sessions of three clicks, purchases behind clicks of the same moment") {
  const Dataset data = import_both(clicks, buys);
  // Session 2 has three events but two clicks; session 4 has none.
  CHECK(data.interactions.user_ids == std::vector<std::string>{"1", "3"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "5000", "5002", "5006", "6742"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{2, 1, 3});
  CHECK(items_of(data, 1) == std::vector<ItemId>{2, 4, 4, 4});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 1});
  CHECK(data.interactions.times == std::vector<std::int64_t>{1396867869, 1396868049, 1396868086, 1396444606,
                                                             1396444666, 1396444726, 1396444726});
  CHECK(data.provenance.filters == "k-core=0 min-session=3 duplicates=keep-all unknown-items=error");
  CHECK(data.provenance.origin == "yoochoose-clicks.dat,yoochoose-buys.dat");
  CHECK_FALSE(find_fault(data).has_value());
  ImportOptions one_click;
  one_click.min_session = 1;
  CHECK(import_both(clicks, buys, one_click).interactions.user_ids ==
        std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("yoochoose: a sample is a function of the seed, not of the order of the file") {
  std::string forward;
  std::string backward;
  for (int session = 1; session <= 400; ++session) {
    for (int click = 0; click < 3; ++click) {
      const std::string line = std::to_string(session) + ",2014-04-0" + std::to_string(click + 1) +
                               "T00:00:00.000Z," + std::to_string(7 + session % 5) + ",0\n";
      forward += line;
      backward.insert(0, line);
    }
  }
  ImportOptions options;
  options.sample_sessions = 100;
  const Dataset sample = import_both(forward, "1,2014-04-09T00:00:00Z,8,0,1\n", options);
  CHECK(sample.interactions.users() == 100);
  CHECK(sample.provenance.filters ==
        "k-core=0 min-session=3 sample-sessions=100 duplicates=keep-all unknown-items=error");
  CHECK(import_both(backward, "1,2014-04-09T00:00:00Z,8,0,1\n", options).fingerprint == sample.fingerprint);
  // Every half of the ids gives about half of the sample: 50 expected, standard deviation 4.3.
  const auto& ids = sample.interactions.user_ids;
  const auto low =
      std::count_if(ids.begin(), ids.end(), [](const std::string& id) { return std::stoi(id) <= 200; });
  CHECK(std::abs(low - 50) < 18);
  options.split_seed = 2;
  CHECK(import_both(forward, "1,2014-04-09T00:00:00Z,8,0,1\n", options).interactions.user_ids != ids);
  options.sample_sessions = 400;
  CHECK(import_both(forward, "", options).interactions.users() == 400);
  options.sample_sessions = -1;
  check_message(message_of<ConfigError>([&] { import_both(forward, "", options); }),
                {"sample-sessions", "-1"});
}

TEST_CASE("yoochoose: what is wrong is named, in the file it stands in") {
  const auto failure = [](const std::string& click_text, const std::string& buy_text) {
    return message_of<DataError>([&] { import_both(click_text, buy_text); });
  };
  check_message(failure("1,2014-04-07T10:51:09.277Z,2\n", buys),
                {"yoochoose-clicks.dat:1", "3 fields", "category"});
  check_message(failure(clicks, buys + "1,2014-04-07,2,1046\n"),
                {"yoochoose-buys.dat:4", "4 fields", "quantity"});
  check_message(failure("1,2014-02-30T10:51:09.277Z,2,0\n", buys),
                {"yoochoose-clicks.dat:1", "time", "2014-02-30"});
  check_message(failure("1,2014-04-07T10:51:09.277Z,,0\n", buys),
                {"yoochoose-clicks.dat:1", "item", "\"\"", "an integer"});
  check_message(message_of<IoError>([] {
                  import_texts("yoochoose", {{"yoochoose-clicks.dat", clicks}});
                }),
                {"yoochoose-buys.dat"});
  check_message(message_of<ConfigError>([] {
                  import_texts("yoochoose", {{"x.dat", clicks}}, "x.dat");
                }),
                {"x.dat", "yoochoose-buys.dat", "sessions"});

  // Duplicates are looked for only on demand, and named by file and line across both files.
  ImportOptions strict;
  strict.duplicates = Duplicates::error;
  strict.min_session = 0;
  CHECK_NOTHROW(
      import_both(clicks, buys, strict));  // a click and a purchase of the same moment are two things
  check_message(message_of<DataError>([&] { import_both(clicks, buys + buys, strict); }),
                {"yoochoose-buys.dat:4", "user \"2\"", "as on line 1"});
}
