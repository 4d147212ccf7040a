// Published figures of other logs, from the real files (tests/env/data/real_files.h), and how long ten
// million events take.
#include <ctime>
#include <fstream>
#include <set>

#include "env/data/statistics.h"
#include "env/random.h"
#include "tests/env/data/real_files.h"

using namespace veer;
using namespace veer::testing;

namespace {

Sizes session_sizes(const char* folder, const std::string& file) {
  const Unpacked files(folder, {file});
  return files.there() ? sizes_of(import_dataset("sessions", files.path() / file)) : Sizes{};
}

}  // namespace

TEST_CASE("sessions of Retailrocket and YooChoose: the published sizes") {
  const Sizes skipped{};
  if (const Sizes found = session_sizes("retailrocket", "train_sessions.txt"); found != skipped)
    CHECK(found == Sizes{126168, 36968, 685984});
  // One session for all of its prefixes: 4,735 of 15,132 rows, 15,324 of 55,898.
  if (const Sizes found = session_sizes("retailrocket", "test_prefixes.tsv"); found != skipped)
    CHECK(found == Sizes{4735, 8777, 24602});
  if (const Sizes found = session_sizes("yoochoose", "yoochoose1_64_train_sessions.txt"); found != skipped)
    CHECK(found == Sizes{116167, 17376, 486026});
  if (const Sizes found = session_sizes("yoochoose", "yoochoose1_64_test_prefixes.tsv"); found != skipped)
    CHECK(found == Sizes{15324, 6751, 557248 - 486026});
}

TEST_CASE("purchases of the sampled sessions: dates with fractions of seconds") {
  const Unpacked files("yoochoose", {"rc15_sqn_sampled_buys.csv"});
  if (!files.there()) return;
  ImportOptions options;
  options.columns.user = "session_id";
  options.duplicates = Duplicates::keep_all;
  const Dataset data = import_dataset("csv", files.path() / "rc15_sqn_sampled_buys.csv", options);
  CHECK(sizes_of(data) == Sizes{16806, 6601, 43946});
  CHECK(statistics_of(data).first_time > 1396310400);  // 2014-04-01
}

TEST_CASE("MovieLens-1M: five stars are purchases") {
  const Unpacked files("ml-1m", {"ratings.dat", "movies.dat", "users.dat"});
  if (!files.there()) return;
  ImportOptions options;
  options.purchase_rating = 5;
  options.split = Split::chronological;
  const Dataset data = import_dataset("movielens", files.path(), options);
  CHECK(statistics_of(data).interactions_of_behaviour == std::vector<std::int64_t>{1000209 - 226310, 226310});
  // Whoever is tested was last seen no earlier than anybody who is not.
  std::int64_t newest_before = 0;
  std::int64_t oldest_tested = std::numeric_limits<std::int64_t>::max();
  for (std::size_t user = 0; user < data.parts.size(); ++user) {
    const std::int64_t last =
        data.interactions.times[static_cast<std::size_t>(data.interactions.offsets[user + 1]) - 1];
    if (data.parts[user] == Part::test) {
      oldest_tested = std::min(oldest_tested, last);
    } else {
      newest_before = std::max(newest_before, last);
    }
  }
  CHECK(oldest_tested >= newest_before);
  CHECK(data.users_of(Part::test).size() == 604);
}

TEST_CASE("ProRL's windows: every event once") {
  struct Published {
    const char* name;
    std::int64_t pairs;  // distinct (person, item) in the windows
    std::int64_t items, attributes;
  };
  for (const Published& published : {Published{"ml-1m", 46346, 2893, 18}, Published{"Steam", 53266, 3170, 59},
                                     Published{"Books", 43780, 5101, 35}}) {
    CAPTURE(published.name);
    const std::string name = published.name;
    const Unpacked files("prorl/" + name, {name + ".val", name + ".datamaps"});
    if (!files.there()) continue;
    const Dataset data = import_dataset("prorl", files.path() / (name + ".val"));
    const Sizes sizes = sizes_of(data);
    CHECK(sizes.items == published.items);
    CHECK(static_cast<std::int64_t>(data.catalogue.attribute_names.size()) == published.attributes);
    std::set<std::pair<std::string, ItemId>> pairs;
    for (UserId user = 0; user < data.interactions.users(); ++user) {
      const std::string& id = data.interactions.user_ids[static_cast<std::size_t>(user)];
      for (const ItemId item : data.interactions.of(user)) pairs.emplace(id.substr(0, id.rfind('/')), item);
    }
    CHECK(static_cast<std::int64_t>(pairs.size()) == published.pairs);
    // Nobody rates a film twice: each event of the windows is there once, however many windows it lies in.
    if (name == "ml-1m") CHECK(sizes.interactions == published.pairs);
  }
}

TEST_CASE("ten million events in the forms of Retailrocket and YooChoose: less than 30 s each") {
  const auto folder = std::filesystem::temp_directory_path() / "veer_ten_million_events";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  constexpr std::uint64_t events = 10'000'000;
  const auto words = [](std::uint64_t event) { return random_block({1, event, 0}, Stream::generate, 0); };
  {
    std::ofstream file(folder / "events.csv", std::ios::binary);
    file << "timestamp,visitorid,event,itemid,transactionid\n";
    for (std::uint64_t event = 0; event < events; ++event) {
      const PhiloxBlock draw = words(event);
      const std::uint64_t visitor = draw[0] % 2 == 0 ? draw[1] % 200'000 : draw[1] % 4'000'000;
      file << 1'430'622'004'384 + draw[2] % 4'000'000'000 << ',' << visitor
           << (draw[0] % 37 == 0 ? ",addtocart," : ",view,") << draw[3] % (1 + draw[3] / 20'000) << ",\n";
    }
  }
  {
    std::ofstream clicks(folder / "yoochoose-clicks.dat", std::ios::binary);
    std::ofstream buys(folder / "yoochoose-buys.dat", std::ios::binary);
    std::uint64_t session = 1;
    for (std::uint64_t event = 0; event < events; ++event) {
      const PhiloxBlock draw = words(event);
      session += draw[0] % 7 < 2 ? 1 : 0;
      (event % 28 == 0 ? buys : clicks)
          << session << ",2014-04-" << 10 + draw[1] % 20 << 'T' << 10 + draw[2] % 14 << ":51:09."
          << 100 + draw[3] % 900 << "Z," << 214'500'000 + draw[3] % (1 + draw[3] / 80'000)
          << (event % 28 == 0 ? ",1046,1\n" : ",0\n");
    }
  }
  for (const char* format : {"retailrocket", "yoochoose"}) {
    // Time of the processor: other work on the machine does not count. The import has one thread.
    const std::clock_t start = std::clock();
    const Dataset data = import_dataset(format, folder);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    MESSAGE(std::string(format) << ": " << seconds << " s, " << data.interactions.size()
                                << " interactions left");
    CHECK(seconds < 30);
    CHECK(data.interactions.size() > 5'000'000);
  }
  std::filesystem::remove_all(folder);
}
