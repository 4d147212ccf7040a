// Importing from directories and files on disk: which files are found, how the data set is named.
#include <filesystem>
#include <fstream>

#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

class Directory {
 public:
  explicit Directory(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / "veer_import_files_test" / name) {
    std::filesystem::remove_all(path_.parent_path());
    std::filesystem::create_directories(path_);
  }
  ~Directory() { std::filesystem::remove_all(path_.parent_path()); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("import from disk: movielens directory, with and without the last slash, or its ratings file") {
  const Directory directory("ml-tiny");
  directory.write("movies.dat", movies);
  directory.write("users.dat", users);
  const auto ratings_file = directory.write("ratings.dat", ratings);
  const Dataset data = import_dataset("movielens", directory.path());
  CHECK(data.name == "ml-tiny");
  CHECK(data.fingerprint == small_movielens().fingerprint);
  CHECK(import_dataset("movielens", directory.path() / "").name == "ml-tiny");
  CHECK(import_dataset("movielens", ratings_file).fingerprint == data.fingerprint);
  directory.write("ratings.dat", ratings + "1::2\n");
  check_message(message_of<DataError>([&] { import_dataset("movielens", directory.path()); }),
                {ratings_file.string() + ":6", "2 fields"});
}

TEST_CASE("import from disk: movielens has no columns to name") {
  const Directory directory("ml-columns");
  ImportOptions options;
  options.columns.user = "person";
  check_message(message_of<ConfigError>([&] { import_dataset("movielens", directory.path(), options); }),
                {"\"person\"", "movielens", "veer import csv"});
}

TEST_CASE("import from disk: recbole takes the file named after the directory") {
  const Directory directory("toy");
  const std::string header = "user_id:token,item_id:token,timestamp:float\n";
  directory.write("toy.inter", header + "1,2,3\n");
  const auto other = directory.write("other.inter", header + "1,2,3\n1,3,4\n");
  directory.write("toy.item", "item_id:token,title:token\n2,Two\n");
  const Dataset data = import_dataset("recbole", directory.path());
  CHECK(data.name == "toy");
  CHECK(data.provenance.origin == "toy.inter,toy.item");
  CHECK(data.catalogue.titles[1] == "Two");
  CHECK(import_dataset("recbole", other).interactions.size() == 2);
}

TEST_CASE("import from disk: csv with an item table elsewhere") {
  const Directory directory("shop");
  const auto log = directory.write("log.csv", "user,item,time\n1,a,5\n");
  ImportOptions options;
  options.items_file = directory.write("goods.csv", "id,title\na,Apple\n");
  const Dataset data = import_dataset("csv", log, options);
  CHECK(data.name == "log");
  CHECK(data.catalogue.titles[1] == "Apple");
  options.items_file = directory.path() / "missing.csv";
  check_message(message_of<IoError>([&] { import_dataset("csv", log, options); }),
                {"missing.csv", "No such file"});
  check_message(message_of<DataError>([&] { import_dataset("csv", directory.write("zero.csv", "")); }),
                {"zero.csv", "an empty file"});
}
