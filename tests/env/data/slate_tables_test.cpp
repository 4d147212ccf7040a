#include "env/data/importers/slate_tables.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

/// A file that is gone at the end of the test.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "veer-table-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    std::ofstream(path()) << text;
  }
  ~TextFile() { std::filesystem::remove_all(directory_); }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  std::filesystem::path path() const { return directory_ / "table"; }

 private:
  std::filesystem::path directory_;
};

template <class Read>
void refuses(const std::string& text, const char* words, const Read& read) {
  const TextFile file(text);
  CAPTURE(text);
  try {
    read(file.path());
  } catch (const DataError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find(words) != std::string::npos);
    return;
  }
  FAIL("accepted");
}

}  // namespace

TEST_CASE("the item table of RL4RS") {
  const TextFile file(
      "item_id item_vec price location special_item\n"
      "2 0.5,-1,2.25 13.1 2 1\n"
      "1 -0.25,0,8 7.0 1 0\n");
  const ItemFeatures items = read_rl4rs_items(file.path());
  CHECK(items.items() == 2);
  CHECK(items.width == 3);
  CHECK(items.values == std::vector<float>{0, 0, 0, -0.25F, 0, 8, 0.5F, -1, 2.25F});

  const std::string header = "item_id item_vec price location special_item\n";
  const auto read = [](const auto& path) { return read_rl4rs_items(path); };
  refuses("1 0.5 7.0 1 0\n", "header", read);
  refuses(header, "no items", read);
  refuses(header + "1 0.5 7.0 1 0\n1 0.5 7.0 1 0\n", "1 again", read);
  refuses(header + "1 0.5 7.0 1 0\n3 0.5 7.0 1 0\n", "ids up to 3", read);
  refuses(header + "1 0.5 7.0 1 0\n2 0.5,1 7.0 1 0\n", "2 values; expected 1", read);
  refuses(header + "1 0.5,x 7.0 1 0\n", "item_vec", read);
  refuses(header + "1 0.5 7.0 4 0\n", "location", read);
  refuses(header + "1 0.5 7.0 1\n", ":2", read);
}

TEST_CASE("profiles of MovieLens-1M people, in the order of the data set") {
  const TextFile file("1::F::1::10::48067\n2::M::56::16::70072\n");
  const std::vector<std::string> ids{"2", "1"};
  const std::vector<float> profiles = read_movielens_profiles(file.path(), ids);
  REQUIRE(profiles.size() == 60);
  std::vector<float> expected(60, 0.0F);
  expected[6] = expected[8] = expected[9 + 16] = 1.0F;
  expected[30 + 0] = expected[30 + 7] = expected[30 + 9 + 10] = 1.0F;
  CHECK(profiles == expected);

  const auto read = [](const auto& path) {
    const std::vector<std::string> one{"1"};
    return read_movielens_profiles(path, one);
  };
  refuses("1::F::2::10::48067\n", "age", read);
  refuses("1::X::1::10::48067\n", "gender", read);
  refuses("1::F::1::21::48067\n", "occupation", read);
  refuses("1::F::1::10::1\n1::F::1::10::1\n", "again", read);
  refuses("2::F::1::10::48067\n", "no line for user \"1\"", read);
}

}  // namespace veer
