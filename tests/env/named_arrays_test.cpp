#include "env/named_arrays.h"

#include <vector>

#include "env/error.h"
#include "tests/test.h"

using namespace veer;

TEST_CASE("named arrays keep values, shapes, text and groups") {
  NamedArrays arrays;
  arrays.set("w", std::span<const float>(std::vector<float>{1, 2, 3, 4, 5, 6}), {2, 3});
  arrays.set_scalar<std::int64_t>("n", 7);
  arrays.set_text("kind", "sasrec");
  NamedArrays outer;
  outer.put_group("model", arrays);
  outer.set_scalar<double>("lr", 0.5);
  CHECK(outer.contains("model/w"));
  const NamedArrays back = outer.group("model");
  CHECK(back.all().size() == 3);
  CHECK(back.at("w").shape == std::vector<std::int64_t>{2, 3});
  CHECK(back.get<float>("w")[4] == 5.0F);
  CHECK(back.scalar<std::int64_t>("n") == 7);
  CHECK(back.text("kind") == "sasrec");
}

TEST_CASE("a missing array, a wrong type and a wrong size are named") {
  NamedArrays arrays;
  arrays.set_scalar<float>("x", 1.0F);
  CHECK_THROWS_WITH_AS(arrays.get<float>("y"), doctest::Contains("y"), FormatError);
  CHECK_THROWS_WITH_AS(arrays.get<double>("x"), doctest::Contains("f32"), FormatError);
  arrays.set<float>("none", std::span<const float>());
  CHECK_THROWS_WITH_AS(arrays.scalar<float>("none"), doctest::Contains("0 values"), FormatError);
  CHECK_THROWS_AS(arrays.put("z", {ArrayType::f32, {3}, std::vector<std::byte>(8)}), FormatError);
}
