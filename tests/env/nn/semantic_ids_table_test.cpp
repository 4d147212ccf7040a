// The table of tokens and the trie of its prefixes: exact both ways, against plain enumeration.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/prefix_trie.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/random.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::nn;

namespace {

using Tuple = std::vector<std::int32_t>;

/// Ids by drawn codes, all different; every seventh item has none.
SemanticIds drawn_ids(std::int32_t items, const SemanticIdLayout& layout, std::uint64_t seed) {
  std::vector<std::int32_t> tokens(at(items + 1) * at(layout.digits));
  std::set<Tuple> taken;
  for (ItemId item = 1; item <= items; ++item) {
    if (item % 7 == 0) continue;
    Tuple tuple;
    for (std::uint32_t attempt = 0; tuple.empty() || !taken.insert(tuple).second; ++attempt) {
      tuple.clear();
      for (std::int32_t digit = 0; digit < layout.digits; ++digit) {
        const StepKey key{seed, static_cast<EpisodeId>(item), attempt};
        const auto code = uniform_below(static_cast<std::uint32_t>(layout.codes), key, Stream::generate,
                                        static_cast<std::uint32_t>(digit));
        tuple.push_back(layout.token(digit, static_cast<std::int32_t>(code)));
      }
    }
    std::copy(tuple.begin(), tuple.end(), tokens.begin() + item * layout.digits);
  }
  return {layout, tokens};
}

Tuple tuple_of(const SemanticIds& ids, ItemId item) {
  return {ids.tokens(item).begin(), ids.tokens(item).end()};
}

std::string refusal(const SemanticIdLayout& layout, std::vector<std::int32_t> tokens) {
  try {
    SemanticIds(layout, std::move(tokens));
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Every node below, its prefix in hand.
void walk(const PrefixTrie& trie, std::int32_t node, Tuple& prefix, std::map<Tuple, std::int32_t>& found) {
  REQUIRE(found.emplace(prefix, node).second);
  const auto tokens = trie.child_tokens(node);
  const auto nodes = trie.child_nodes(node);
  REQUIRE(tokens.size() == nodes.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) CHECK(tokens[i - 1] < tokens[i]);
    CHECK(trie.find_child(node, tokens[i]) == nodes[i]);
    prefix.push_back(tokens[i]);
    walk(trie, nodes[i], prefix, found);
    prefix.pop_back();
  }
}

}  // namespace

TEST_CASE("tokens are numbered as published") {
  const SemanticIdLayout layout;
  CHECK(layout.vocabulary() == 1027);
  CHECK(layout.user() == 1025);
  CHECK(layout.end() == 1026);
  // Item "1" of the published ML-1M file.
  const Tuple codes{82, 195, 247, 1}, tokens{83, 452, 760, 770};
  std::vector<std::int32_t> table(8);
  for (std::int32_t digit = 0; digit < 4; ++digit) {
    CHECK(layout.token(digit, codes[at(digit)]) == tokens[at(digit)]);
    CHECK(layout.code(digit, tokens[at(digit)]) == codes[at(digit)]);
    table[at(4 + digit)] = tokens[at(digit)];
  }
  const SemanticIds ids(layout, table);
  CHECK(ids.item(tokens) == 1);
  // Blocks neither overlap nor leave a gap: every token but pad, user and end is one digit's code.
  std::int32_t expected = SemanticIdLayout::pad;
  for (std::int32_t digit = 0; digit < layout.digits; ++digit) {
    for (std::int32_t code = 0; code < layout.codes; ++code) REQUIRE(layout.token(digit, code) == ++expected);
  }
  CHECK(layout.user() == expected + 1);
}

TEST_CASE("every item comes back from its tokens") {
  for (const SemanticIdLayout layout : {SemanticIdLayout{4, 8}, {2, 64}, {1, 1000}, {6, 3}}) {
    CAPTURE(layout.digits);
    const SemanticIds ids = drawn_ids(500, layout, 3);
    CHECK(ids.items() == 500);
    CHECK(ids.with_id() == 500 - 500 / 7);
    std::set<Tuple> tuples;
    for (ItemId item = 1; item <= ids.items(); ++item) {
      const Tuple tuple = tuple_of(ids, item);
      CHECK(ids.has(item) == (item % 7 != 0));
      if (ids.has(item)) {
        CHECK(ids.item(tuple) == item);
        CHECK(tuples.insert(tuple).second);
      } else {
        CHECK(tuple == Tuple(at(layout.digits), SemanticIdLayout::pad));
        CHECK(ids.item(tuple) == no_item);
      }
    }
    CHECK(!ids.has(no_item));
    CHECK(SemanticIds::from_arrays(ids.to_arrays()) == ids);
  }
}

TEST_CASE("a tuple that no item has gives no item") {
  const SemanticIdLayout layout{3, 5};
  const SemanticIds ids = drawn_ids(60, layout, 9);
  std::int32_t found = 0;
  for (std::int32_t a = -1; a <= layout.vocabulary(); ++a) {
    for (std::int32_t b = -1; b <= layout.vocabulary(); ++b) {
      for (std::int32_t c = -1; c <= layout.vocabulary(); ++c) {
        const ItemId item = ids.item(Tuple{a, b, c});
        if (item == no_item) continue;
        ++found;
        REQUIRE(tuple_of(ids, item) == Tuple{a, b, c});
      }
    }
  }
  CHECK(found == ids.with_id());
  const Tuple whole = tuple_of(ids, 1);
  CHECK(ids.item(std::span(whole).first(2)) == no_item);
  CHECK(ids.item({}) == no_item);
  CHECK(ids.item(Tuple{whole[0], whole[1], whole[2], whole[2]}) == no_item);
}

TEST_CASE("tables that are no bijection are refused in words") {
  const SemanticIdLayout layout{2, 4};
  CHECK(refusal(layout, {0, 0, 1, 5, 2, 5}).empty());
  CHECK(mentions(refusal(layout, {0, 0, 1, 5, 2, 6, 1, 5}), "items 1 and 3: found (1, 5) twice"));
  CHECK(mentions(refusal(layout, {0, 0, 1, 4}),
                 "item 1: found (1, 4); expected at digit 1 a token from 5 to 8"));
  CHECK(mentions(refusal(layout, {0, 0, 0, 5}), "expected at digit 0 a token from 1 to 4"));
  CHECK(mentions(refusal(layout, {0, 0, 1, 0}), "item 1"));
  CHECK(mentions(refusal(layout, {0, 0, 1, 9}), "item 1"));
  CHECK(mentions(refusal(layout, {1, 5}), "padding item"));
  CHECK(mentions(refusal(layout, {0, 0, 1}), "3 values"));
  CHECK(mentions(refusal(layout, {}), "0 values"));
  CHECK(mentions(refusal({0, 4}, {0}), "digits"));
  CHECK(mentions(refusal({17, 4}, std::vector<std::int32_t>(17)), "digits"));
  CHECK(mentions(refusal({2, 0}, {0, 0}), "codes"));
  CHECK(mentions(refusal({2, (1 << 16) + 1}, {0, 0}), "codes"));
}

TEST_CASE("damaged arrays of a table are format errors") {
  const SemanticIds ids = drawn_ids(10, {3, 9}, 1);
  const NamedArrays sound = ids.to_arrays();
  const auto refused = [&](const auto& damage) {
    NamedArrays arrays = sound;
    damage(arrays);
    CHECK_THROWS_AS(SemanticIds::from_arrays(arrays), FormatError);
  };
  refused([](NamedArrays& a) { a = {}; });
  refused([](NamedArrays& a) { a.set<std::int32_t>("layout", std::vector<std::int32_t>{3}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("layout", std::vector<std::int32_t>{-1, 9}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("layout", std::vector<std::int32_t>{3, 2}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("layout", std::vector<std::int32_t>{11, 9}); });
  refused([](NamedArrays& a) { a.set<float>("layout", std::vector<float>{3, 9}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("tokens", std::vector<std::int32_t>(33)); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("tokens", std::vector<std::int32_t>{}, {0, 3}); });
  refused([&](NamedArrays& a) {
    std::vector<std::int32_t> tokens(sound.get<std::int32_t>("tokens").begin(),
                                     sound.get<std::int32_t>("tokens").end());
    std::copy_n(tokens.begin() + 3, 3, tokens.begin() + 6);
    a.set<std::int32_t>("tokens", tokens, {11, 3});
  });
}

TEST_CASE("the trie holds every prefix once, and nothing else") {
  for (const SemanticIdLayout layout : {SemanticIdLayout{4, 6}, {3, 16}, {1, 500}}) {
    CAPTURE(layout.digits);
    const SemanticIds ids = drawn_ids(400, layout, 17);
    const PrefixTrie trie(ids);
    std::map<Tuple, std::vector<ItemId>> expected;  // by prefix: the items below
    for (ItemId item = 1; item <= ids.items(); ++item) {
      if (!ids.has(item)) continue;
      const Tuple tuple = tuple_of(ids, item);
      for (std::int32_t length = 0; length <= layout.digits; ++length) {
        expected[{tuple.begin(), tuple.begin() + length}].push_back(item);
      }
    }
    std::map<Tuple, std::int32_t> found;
    Tuple prefix;
    walk(trie, PrefixTrie::root, prefix, found);
    CHECK(found.size() == expected.size());
    CHECK(at(trie.nodes()) == expected.size());
    CHECK(trie.depth() == layout.digits);
    for (const auto& entry : found) {
      REQUIRE(expected.contains(entry.first));
      const std::vector<ItemId>& items = expected.at(entry.first);
      const bool leaf = entry.first.size() == at(layout.digits);
      CHECK(at(trie.leaves(entry.second)) == items.size());
      CHECK(trie.item(entry.second) == (leaf ? items.front() : no_item));
      CHECK(trie.child_tokens(entry.second).empty() == leaf);
      for (std::int32_t token = -1; token <= layout.vocabulary(); ++token) {
        Tuple longer = entry.first;
        longer.push_back(token);
        REQUIRE((trie.find_child(entry.second, token) >= 0) == expected.contains(longer));
      }
    }
  }
}

TEST_CASE("a trie of no ids is a root without children") {
  const SemanticIds none({3, 4}, std::vector<std::int32_t>(9));
  CHECK(none.items() == 2);
  CHECK(none.with_id() == 0);
  const PrefixTrie trie(none);
  CHECK(trie.nodes() == 1);
  CHECK(trie.leaves(PrefixTrie::root) == 0);
  CHECK(trie.item(PrefixTrie::root) == no_item);
  CHECK(trie.child_tokens(PrefixTrie::root).empty());
  CHECK(trie.find_child(PrefixTrie::root, 1) == -1);
}
