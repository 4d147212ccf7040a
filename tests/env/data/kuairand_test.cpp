// KuaiRand's tables in the published form.
#include "env/behaviours.h"
#include "env/data/check.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

const std::string header =
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_"
    "view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n";

// Person 0 in the first file, out of order; person 3 in both.
const std::string first = header +
                          "0,7531,20220408,1400,1649400001500,1,0,0,0,0,0,1,9000,10000,0,0,0,0,1\n"
                          "0,20,20220408,1359,1649399990000,0,0,0,0,0,1,0,100,10000,0,0,0,0,1\n"
                          "3,20,20220408,1400,1649400005000,0,0,0,0,0,0,0,0,10000,0,0,0,0,4\n";
const std::string second = header +
                           "3,7531,20220422,900,1650589200000,1,1,1,1,1,0,1,8000,10000,5,0,1,0,1\n"
                           "0,33,20220422,901,1650589260000,1,0,0,0,0,0,1,8000,10000,0,0,0,1,0\n";
const std::string videos =
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,"
    "server_height,music_id,music_type,tag\n"
    "20,5,NORMAL,2022-04-01,LongImport,public,10000.0,720,1280,1,9.0,12\n"
    "33,6,AD,2022-04-01,LongImport,public,,720,1280,1,9.0,\n"
    "7531,5,NORMAL,2022-04-01,LongImport,public,10000.0,720,1280,1,9.0,\"12,65\"\n";
const std::string people =
    "user_id,user_active_degree,is_lowactive_period\n0,full_active,0\n3,high_active,0\n9,UNKNOWN,1\n";

Dataset import_all(const ImportOptions& options = {}) {
  const std::vector<SourceText> files = {{"log_standard_4_22_to_5_08_pure.csv", second},
                                         {"log_standard_4_08_to_4_21_pure.csv", first},
                                         {"user_features_pure.csv", people},
                                         {"video_features_basic_pure.csv", videos}};
  return import_from_memory("kuairand", files, "", options);
}

std::string failure(const std::string& rows) {
  const std::string text = header + rows;
  const std::vector<SourceText> files = {{"log_standard.csv", text}};
  return message_of<DataError>([&] { import_from_memory("kuairand", files, ""); });
}

bool names(const std::string& message, const std::string& text) {
  CAPTURE(message);
  return message.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("kuairand: each line is one interaction, of the kind that says all that was done") {
  const Dataset data = import_all();
  CHECK(data.interactions.user_ids == std::vector<std::string>{"0", "3"});
  CHECK(data.catalogue.ids == std::vector<std::string>{"", "20", "33", "7531"});
  CHECK(items_of(data, 0) == std::vector<ItemId>{1, 3, 2});
  CHECK(items_of(data, 1) == std::vector<ItemId>{1, 3});
  CHECK(data.interactions.behaviour_names ==
        std::vector<std::string>{"click+complete", "dislike", "none",
                                 "click+complete+like+comment+share+follow"});
  CHECK(data.interactions.behaviours == std::vector<std::uint8_t>{1, 0, 0, 2, 3});
  CHECK(data.interactions.times ==
        std::vector<std::int64_t>{1649399990, 1649400001, 1650589260, 1649400005, 1650589200});
  CHECK(data.provenance.source == "kuairand");
  CHECK(data.provenance.origin ==
        "log_standard_4_08_to_4_21_pure.csv,log_standard_4_22_to_5_08_pure.csv,"
        "video_features_basic_pure.csv,user_features_pure.csv");
  CHECK_FALSE(find_fault(data).has_value());
  // Tags and types of videos, in order of appearance.
  CHECK(data.catalogue.attribute_names ==
        std::vector<std::string>{"type NORMAL", "tag 12", "type AD", "tag 65"});
  const std::span<const std::int32_t> tags = data.catalogue.attributes_of(3);
  CHECK(std::vector<std::int32_t>(tags.begin(), tags.end()) == std::vector<std::int32_t>{0, 1, 3});
}

TEST_CASE("kuairand: one log alone, without tables") {
  const std::vector<SourceText> files = {{"log_random.csv", second}, {"log_standard.csv", first}};
  const Dataset data = import_from_memory("kuairand", files, "log_random.csv");
  CHECK(data.interactions.size() == 2);
  CHECK(data.catalogue.attribute_names.empty());
}

TEST_CASE("kuairand: columns are found by name") {
  const std::vector<SourceText> files = {
      {"log_x.csv",
       "time_ms,long_view,user_id,is_hate,is_forward,is_comment,is_follow,is_like,is_click,video_id\n"
       "1649400001500,0,4,0,1,0,0,0,1,8\n"}};
  const Dataset data = import_from_memory("kuairand", files, "");
  CHECK(data.interactions.user_ids == std::vector<std::string>{"4"});
  CHECK(data.catalogue.ids[1] == "8");
  CHECK(data.interactions.behaviour_names == std::vector<std::string>{"click+share"});
}

TEST_CASE("kuairand: bad lines are refused with file, line and field") {
  CHECK(names(failure("0,7,20220408,1400,1649400001500,2,0,0,0,0,0,1,9,10,0,0,0,0,1\n"),
              "log_standard.csv:2: is_click"));
  CHECK(names(failure("0,7,20220408,1400,1649400001500,1,0,0,0,0,0,,9,10,0,0,0,0,1\n"), "long_view"));
  CHECK(names(failure("0,7,20220408,1400,soon,1,0,0,0,0,0,1,9,10,0,0,0,0,1\n"), "time_ms"));
  CHECK(names(failure("0,x7,20220408,1400,1649400001500,1,0,0,0,0,0,1,9,10,0,0,0,0,1\n"), "video_id"));
  CHECK(names(failure("-1,7,20220408,1400,1649400001500,1,0,0,0,0,0,1,9,10,0,0,0,0,1\n"), "user_id"));
  CHECK(names(failure("0,7,20220408,2500,1649400001500,1,0,0,0,0,0,1,9,10,0,0,0,0,1\n"), "hourmin"));
  CHECK(names(failure("0,7,20220408,1400,1649400001500,1,0,0,0,0,0,1,-9,10,0,0,0,0,1\n"), "play_time_ms"));
  CHECK(names(failure("0,7,20220408\n"), "log_standard.csv:2"));
  CHECK(names(failure(""), "no interactions"));
  ImportOptions skip;
  skip.skip_bad = true;
  ImportReport report;
  const std::string text = first + "0,7,20220408,1400,soon,1,0,0,0,0,0,1,9,10,0,0,0,0,1\n";
  const std::vector<SourceText> files = {{"log_a.csv", text}};
  const Dataset data = import_from_memory("kuairand", files, "", skip, &report);
  CHECK(data.interactions.size() == 3);
  REQUIRE(report.skipped.size() == 1);
  CHECK(report.skipped[0].lines == 1);
}

TEST_CASE("kuairand: tables that do not fit the log are refused") {
  const auto message = [](const std::vector<SourceText>& files) {
    return message_of<DataError>([&] { import_from_memory("kuairand", files, ""); });
  };
  CHECK(names(message({{"log_a.csv", first}, {"user_features.csv", "user_id,x\n0,1\n"}}),
              "log_a.csv:4: user_id"));
  CHECK(names(message({{"log_a.csv", first}, {"user_features.csv", "user_id,x\n0,1\n0,1\n"}}),
              "user_features.csv:3: user_id"));
  CHECK(names(message({{"log_a.csv", first}, {"video_features_basic.csv", "video_id,tag\n20,1\n"}}),
              "log_a.csv:2: video_id"));
  CHECK(names(message({{"log_a.csv", "user_id,video_id\n"}}), "time_ms"));
  CHECK(names(message({{"x.csv", first}}), "no log_*.csv"));
  CHECK(names(
      message({{"log_a.csv", first}, {"user_features_1k.csv", people}, {"user_features_pure.csv", people}}),
      "one user_features*.csv"));
}
