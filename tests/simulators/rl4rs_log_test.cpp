#include "simulators/response/rl4rs_log.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

const std::string header =
    "timestamp@session_id@sequence_id@exposed_items@user_feedback@user_seqfeature@user_protrait@item_feature@"
    "behavior_policy_id\n";

SlateData read(const std::string& text, std::int32_t items = 283) {
  std::string pattern = (std::filesystem::temp_directory_path() / "veer-rl4rs-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const std::filesystem::path file = std::filesystem::path(pattern) / "log.csv";
  std::ofstream(file) << text;
  struct Remove {
    std::filesystem::path path;
    ~Remove() { std::filesystem::remove_all(path); }
  } const remove{pattern};
  return read_rl4rs_log(file, items);
}

}  // namespace

TEST_CASE("a log of RL4RS becomes people with a history and a slate each") {
  const SlateData data = read(header +
                              "1500000000@21@1@5,9,283@1,0,1@0,0,7,8@0,1,2.5@0.1,0.2;0.3,0.4;0.5,0.6@1\n"
                              "1500000001@17@2@1,2,3@0,0,0@@3,0,0@0.1,0.2;0.3,0.4;0.5,0.6@1\n");
  CHECK(data.log.slots == 3);
  CHECK(data.log.items == std::vector<ItemId>{5, 9, 283, 1, 2, 3});
  CHECK(data.log.clicks == std::vector<std::uint8_t>{1, 0, 1, 0, 0, 0});
  CHECK(data.people.size() == 2);
  CHECK(data.people.liked == std::vector<ItemId>{7, 8});
  CHECK(data.people.starts[0].liked == 2);
  CHECK(data.people.starts[1].liked == 0);
  CHECK(data.people.parts == std::vector<Part>{Part::train_plan, Part::test});
  CHECK(data.people.profile_width == 3);
  CHECK(data.people.profile(0)[2] == doctest::Approx(std::log(3.5)));
  CHECK(data.people.profile(1)[0] == doctest::Approx(std::log(4.0)));
}

TEST_CASE("lines that break the layout are refused by name") {
  const auto refuses = [](const std::string& text, const char* word) {
    CAPTURE(text);
    try {
      read(text);
    } catch (const DataError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(word) != std::string::npos);
      return;
    }
    FAIL("accepted");
  };
  const std::string good = "1@21@1@5,9@1,0@7@0,1@x@1\n";
  CHECK(read(header + good).log.size() == 1);
  refuses(good, "header");
  refuses(header, "no lines");
  refuses(header + "1@21@1@5,284@1,0@7@0,1@x@1\n", "exposed_items");
  refuses(header + "1@21@1@5,9@1,2@7@0,1@x@1\n", "user_feedback");
  refuses(header + "1@21@1@5,9@1@7@0,1@x@1\n", "user_feedback");
  refuses(header + "1@21@1@5,9@1,0@284@0,1@x@1\n", "user_seqfeature");
  refuses(header + "1@21@1@5,9@1,0@7@0,-1@x@1\n", "user_protrait");
  refuses(header + good + "1@21@1@5@1@7@0,1@x@1\n", "exposed_items");
  refuses(header + good + "1@21@1@5,9@1,0@7@0@x@1\n", "user_protrait");
  refuses(header + "1@x@1@5,9@1,0@7@0,1@x@1\n", "session_id");
  refuses(header + "1@21@1@5,9@1,0@7@0,1@x\n", ":2");
}

}  // namespace veer
