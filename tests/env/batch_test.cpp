#include "env/batch.h"

#include <map>
#include <string>
#include <vector>

#include "tests/test.h"

using namespace veer;

TEST_CASE("a batch pads its last shard and gives each shard its own rows") {
  Batch batch({.rows = 130, .shard_rows = 64, .history_capacity = 3, .slots = 2, .user_state = 5}, 1);
  CHECK(batch.shards() == 3);
  CHECK(batch.padded_rows() == 192);
  for (std::int32_t s = 0; s < 3; ++s) {
    Shard shard = batch.shard(s);
    CHECK(shard.rows() == 64);
    CHECK(shard.items.width() == 2);
    CHECK(shard.user_state.width() == 5);
    CHECK(shard.features.empty());
    CHECK(reinterpret_cast<std::uintptr_t>(shard.user_state.data()) % 64 == 0);
    for (std::int32_t r = 0; r < 64; ++r) shard.user(r) = s * 64 + r;
  }
  for (std::int32_t s = 0; s < 3; ++s) CHECK(batch.shard(s).user(5) == s * 64 + 5);
}

TEST_CASE("a full history slides") {
  Batch batch({.rows = 1, .shard_rows = 32, .history_capacity = 3}, 1);
  Shard shard = batch.shard(0);
  for (ItemId item = 1; item <= 5; ++item) append_history(shard, 0, item);
  CHECK(shard.history_size(0) == 3);
  CHECK(shard.history(0, 0) == 3);
  CHECK(shard.history(0, 1) == 4);
  CHECK(shard.history(0, 2) == 5);
  CHECK(shard.history(1, 0) == 0);
}

TEST_CASE("every column is visited once, and copying a row copies all of them") {
  Batch batch({.rows = 2,
               .shard_rows = 32,
               .history_capacity = 2,
               .slots = 2,
               .reals = 1,
               .features = 1,
               .user_state = 1,
               .policy_state = 1,
               .plan = 2,
               .modifiers = 1,
               .reward_terms = 1},
              1);
  std::map<std::string, std::size_t> sizes;
  batch.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    CHECK(sizes.emplace(name, bytes.size()).second);
    // Row 0 of every column gets ones.
    const std::size_t row = bytes.size() / 32;
    for (std::size_t i = 0; i < row; ++i) bytes[i] = std::byte{1};
  });
  CHECK(sizes.at("history") == 32 * 2 * 4);
  CHECK(sizes.at("episode") == 32 * 8);
  Shard shard = batch.shard(0);
  const std::vector<std::int32_t> from{0}, to{1};
  copy_rows(shard, from, to);
  batch.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    CAPTURE(name);
    const std::size_t row = bytes.size() / 32;
    CHECK(row > 0);
    for (std::size_t i = 0; i < row; ++i) CHECK(bytes[row + i] == std::byte{1});
    CHECK(bytes[2 * row] == std::byte{0});
  });
}
