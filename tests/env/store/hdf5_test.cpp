#include "env/store/hdf5/hdf5.h"

#include <chrono>
#include <functional>
#include <limits>
#include <numeric>
#include <thread>

#include "env/error.h"
#include "env/store/sealed_file.h"
#include "tests/test.h"

using namespace veer;
using hdf5::File;

namespace {

/// One file with something of everything.
std::vector<std::byte> example() {
  File file = File::create_in_memory("example");
  std::vector<float> values(40'000);
  std::iota(values.begin(), values.end(), 0.5F);
  file.write("weights/layer", values, {200, 200});
  file.write("small", std::vector<std::int32_t>{1, -2, 3});
  file.write("empty", std::vector<std::int64_t>{});
  file.write("wide", std::vector<double>(3'000'000, 1.25), {1, 3'000'000});
  NamedArray scalar{ArrayType::u64, {}, std::vector<std::byte>(8)};
  scalar.bytes[7] = std::byte{0xff};
  file.write("scalar", scalar);
  file.write_text("text", "Ein Satz über Äpfel.\nUnd noch einer.\n");
  file.write_text("no_text", "");
  file.write_strings("names", std::vector<std::string>{"one", "", "three"});
  hdf5::Group group = file.create_group("about/deep");
  group.set_attribute("kind", "example");
  group.set_attribute("nothing", "");
  group.set_attribute("count", std::int64_t{-7});
  group.set_attribute("seed", std::numeric_limits<std::uint64_t>::max());
  group.set_attribute("share", 0.1);
  return file.image();
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("everything written is read back") {
  const auto bytes = example();
  const File file = File::open_image(bytes, "example");
  CHECK(file.members() == std::vector<std::string>{"about", "empty", "names", "no_text", "scalar", "small",
                                                   "text", "weights", "wide"});
  const auto layer = file.read<float>("weights/layer", {200, 200});
  CHECK(layer.size() == 40'000);
  CHECK(layer[39'999] == 39'999.5F);
  CHECK(file.info("weights/layer").shape == std::vector<std::int64_t>{200, 200});
  CHECK(file.read<std::int32_t>("small") == std::vector<std::int32_t>{1, -2, 3});
  CHECK(file.read<std::int64_t>("empty").empty());
  CHECK(file.read<double>("wide", {1, -1}).at(2'999'999) == 1.25);
  CHECK(file.read<std::uint64_t>("scalar", {}).at(0) == 0xff00000000000000ULL);
  CHECK(file.read_text("text") == "Ein Satz über Äpfel.\nUnd noch einer.\n");
  CHECK(file.read_text("no_text").empty());
  CHECK(file.read_strings("names") == std::vector<std::string>{"one", "", "three"});
  const hdf5::Group group = file.group("about/deep");
  CHECK(group.text_attribute("kind") == "example");
  CHECK(group.text_attribute("nothing").empty());
  CHECK(group.integer_attribute("count") == -7);
  CHECK(group.unsigned_attribute("seed") == std::numeric_limits<std::uint64_t>::max());
  CHECK(group.real_attribute("share") == 0.1);
  CHECK(group.attributes() == std::vector<std::string>{"count", "kind", "nothing", "seed", "share"});
  CHECK(file.is_group("about"));
  CHECK_FALSE(file.is_group("small"));
  CHECK_FALSE(file.contains("nowhere/at/all"));
}

TEST_CASE("equal content gives equal bytes, whenever it is written") {
  const auto first = example();
  std::this_thread::sleep_for(
      std::chrono::milliseconds(1100));  // a stored time would have a resolution of a second
  CHECK(first == example());
}

TEST_CASE("a wrong type, shape or name is an error that names file and member") {
  const File file = File::open_image(example(), "some/example.h5");
  const std::string type = message_of([&] { file.read<float>("small"); });
  CHECK(type.find("some/example.h5") != std::string::npos);
  CHECK(type.find("small") != std::string::npos);
  CHECK(type.find("i32[3]") != std::string::npos);
  CHECK(message_of([&] {
          file.read<float>("weights/layer", {200, 100});
        }).find("[200, 100]") != std::string::npos);
  CHECK(message_of([&] { file.read<float>("weights/layer"); }).find("f32[200, 200]") != std::string::npos);
  CHECK(message_of([&] { file.group("about").group("no"); }).find("about/no") != std::string::npos);
  CHECK_THROWS_AS(file.group("small"), FormatError);
  CHECK_THROWS_AS(file.read("about"), FormatError);
  CHECK_THROWS_AS(file.read("text"), FormatError);
  CHECK_THROWS_AS(file.read_text("small"), FormatError);
  CHECK_THROWS_AS(file.group("about/deep").integer_attribute("seed"), FormatError);
  CHECK_THROWS_AS(file.group("about/deep").text_attribute("count"), FormatError);
  CHECK_THROWS_AS(file.group("about/deep").real_attribute("absent"), FormatError);
  File copy = File::create_in_memory("copy");
  copy.write("x", std::vector<float>{1});
  CHECK_THROWS_AS(copy.write("x", std::vector<float>{1}), FormatError);
  CHECK_THROWS_AS(copy.write("y", std::vector<float>{1}, {2}), FormatError);
  CHECK_THROWS_AS(copy.write_text("t", std::string_view("a\0b", 3)), DataError);
  CHECK_THROWS_AS(copy.set_attribute("t", std::string(70'000, 'x')), DataError);
}

TEST_CASE("threads may use files of their own at the same time") {
  std::vector<std::vector<std::byte>> images(4);
  {
    std::vector<std::jthread> threads;
    for (auto& image : images) threads.emplace_back([&image] { image = example(); });
  }
  for (const auto& image : images) CHECK(image == images.front());
}

TEST_CASE("what is no whole HDF5 file is an error") {
  // Damage inside is left to the seal: libhdf5 itself does not survive everything.
  const auto whole = example();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{96}, whole.size() / 2, whole.size() - 1}) {
    CHECK_THROWS_AS(File::open_image(std::span(whole).first(size), "cut"), FormatError);
  }
  CHECK_THROWS_AS(File::open_image(std::vector<std::byte>(5'000, std::byte{'H'}), "foreign"), FormatError);
}

TEST_CASE("the seal tells truncated, foreign, damaged and outdated files apart") {
  File file = File::create_in_memory("sealed");
  file.write("x", std::vector<std::int32_t>{1, 2, 3});
  const auto bytes = seal(file, "model", 3);
  CHECK(sealed_kind(bytes) == "model");
  CHECK(unseal(bytes, "s", "model", 3).read<std::int32_t>("x") == std::vector<std::int32_t>{1, 2, 3});
  // HDF5 itself finds the file behind the seal.
  CHECK(File::open_image(bytes, "s").read<std::int32_t>("x").size() == 3);

  CHECK(message_of([&] { unseal(bytes, "s", "model", 4); }).find("another version") != std::string::npos);
  CHECK(message_of([&] { unseal(bytes, "s", "run", 3); }).find("Veer model 3") != std::string::npos);
  CHECK(message_of([&] { unseal(std::span(bytes).first(100), "s", "model", 3); }).find("truncated") !=
        std::string::npos);
  CHECK(message_of([&] {
          unseal(std::span(bytes).first(bytes.size() - 1), "s", "model", 3);
        }).find("truncated") != std::string::npos);
  const std::vector<std::byte> foreign(2'000, std::byte{'x'});
  CHECK(message_of([&] { unseal(foreign, "s", "model", 3); }).find("none of Veer's") != std::string::npos);
  for (std::size_t offset = 0; offset < bytes.size(); offset += 11) {
    auto damaged = bytes;
    damaged[offset] ^= std::byte{1};
    CHECK_THROWS_AS(unseal(damaged, "s", "model", 3), Error);
  }
}
