// From codes to ids and on: the last digit, items that join and leave, the report, published files, model
// files.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/collision_report.h"
#include "env/nn/semantic_ids/item_changes.h"
#include "env/nn/semantic_ids/published_ids.h"
#include "env/nn/semantic_ids/semantic_ids_file.h"
#include "env/random.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::nn;
using test::TemporaryDirectory;

namespace {

using Tuple = std::vector<std::int32_t>;

/// Random vectors, some of them equal; row 0 is padding.
std::vector<float> drawn_vectors(std::int32_t items, std::int32_t width, std::uint64_t seed) {
  std::vector<float> values(at(items + 1) * at(width));
  for (ItemId item = 1; item <= items; ++item) {
    const auto like = static_cast<EpisodeId>(item % 5 == 0 ? item - 1 : item);
    for (std::int32_t j = 0; j < width; ++j) {
      values[at(item) * at(width) + at(j)] =
          normal({seed, like, 0}, Stream::generate, static_cast<std::uint32_t>(j));
    }
  }
  return values;
}

struct Fitted {
  std::vector<float> vectors;
  CodebookFit fit;
  SemanticIds ids;

  View<const float> rows(std::int32_t first, std::int32_t count) const {
    return {vectors.data() + at(first) * 6, count, 6};
  }
};

Fitted fitted_ids(std::int32_t items, std::int32_t first_digit = published_first_digit) {
  std::vector<float> vectors = drawn_vectors(items, 6, 2);
  CodebookOptions options;
  options.levels = 2;
  options.k_means.clusters = 12;
  CodebookFit fit = fit_codebooks({vectors.data(), items + 1, 6}, options);
  SemanticIds ids = assign_ids({fit.codes.data(), items + 1, 2}, 12, first_digit);
  return {std::move(vectors), std::move(fit), std::move(ids)};
}

std::vector<ItemId> counted(ItemId first, ItemId last) {
  std::vector<ItemId> items;
  for (ItemId item = first; item <= last; ++item) items.push_back(item);
  return items;
}

Tuple tokens_of(const SemanticIds& ids, ItemId item) {
  return {ids.tokens(item).begin(), ids.tokens(item).end()};
}

template <class E, class Work>
std::string words_of(const Work& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("items with the same codes count up in the last digit") {
  const std::vector<std::int32_t> codes{9, 9, 3, 1, 3, 1, 0, 2, 3, 1};  // items 1, 2 and 4 agree
  const SemanticIds ids = assign_ids({codes.data(), 5, 2}, 4);
  const SemanticIdLayout& layout = ids.layout();
  CHECK(layout == SemanticIdLayout{3, 4});
  CHECK(tokens_of(ids, 1) == Tuple{layout.token(0, 3), layout.token(1, 1), layout.token(2, 1)});
  CHECK(tokens_of(ids, 2) == Tuple{layout.token(0, 3), layout.token(1, 1), layout.token(2, 2)});
  CHECK(tokens_of(ids, 3) == Tuple{layout.token(0, 0), layout.token(1, 2), layout.token(2, 1)});
  CHECK(tokens_of(ids, 4) == Tuple{layout.token(0, 3), layout.token(1, 1), layout.token(2, 3)});
  const SemanticIds from_zero = assign_ids({codes.data(), 5, 2}, 4, 0);
  CHECK(tokens_of(from_zero, 1).back() == layout.token(2, 0));
  CHECK(tokens_of(from_zero, 4).back() == layout.token(2, 2));
}

TEST_CASE("more equal items than the last digit can tell apart are refused in words") {
  const std::vector<std::int32_t> codes{0, 1, 1, 1, 1, 1};
  CHECK(assign_ids({codes.data(), 4, 1}, 4).with_id() == 3);     // digits 1, 2, 3
  CHECK(assign_ids({codes.data(), 5, 1}, 4, 0).with_id() == 4);  // digits 0 to 3
  const std::string words = words_of<DataError>([&] { assign_ids({codes.data(), 5, 1}, 4); });
  CHECK(mentions(words, "item 4"));
  CHECK(mentions(words, "3 other items with the same codes"));
  CHECK(mentions(words, "take more levels or more codes"));
  CHECK(mentions(words_of<ConfigError>([&] { assign_ids({codes.data(), 2, 1}, 4, 4); }), "first digit"));
  CHECK_THROWS_AS(assign_ids({codes.data(), 2, 1}, 4, -1), ConfigError);
}

TEST_CASE("adding items, all at once or one by one, gives what assigning all gives") {
  for (const std::int32_t first : {0, 1}) {
    const Fitted all = fitted_ids(90, first);
    const SemanticIds none({3, 12}, std::vector<std::int32_t>(3));
    const SemanticIds at_once = add_items(none, all.fit.codebooks, counted(1, 90), all.rows(1, 90), first);
    CHECK(at_once == all.ids);
    SemanticIds one_by_one = none;
    for (ItemId item = 1; item <= 90; ++item) {
      const std::vector<ItemId> items{item};
      one_by_one = add_items(one_by_one, all.fit.codebooks, items, all.rows(item, 1), first);
    }
    CHECK(one_by_one == all.ids);
  }
}

TEST_CASE("items join and leave and nobody else's id changes") {
  const Fitted world = fitted_ids(60);
  const std::vector<ItemId> gone{3, 9, 10, 60};
  const SemanticIds fewer = remove_items(world.ids, gone);
  CHECK(fewer.items() == 60);
  CHECK(fewer.with_id() == 56);
  for (ItemId item = 1; item <= 60; ++item) {
    const bool left = std::count(gone.begin(), gone.end(), item) > 0;
    CHECK(fewer.has(item) == !left);
    if (!left) CHECK(tokens_of(fewer, item) == tokens_of(world.ids, item));
    if (left) CHECK(fewer.item(world.ids.tokens(item)) == no_item);
  }
  // New items beyond the catalogue, with a gap, among them twins of old ones.
  std::vector<ItemId> fresh{62, 65, 63, 3};
  std::vector<float> vectors = drawn_vectors(2, 6, 77);
  for (const ItemId twin : {1, 20, 3}) {
    const auto row = world.rows(twin, 1).row(0);
    vectors.insert(vectors.end(), row.begin(), row.end());
  }
  const View<const float> rows(vectors.data() + 12, 4, 6);
  const SemanticIds more = add_items(fewer, world.fit.codebooks, fresh, rows);
  CHECK(more.items() == 65);
  CHECK(more.with_id() == 60);
  for (ItemId item = 1; item <= 60; ++item) {
    if (item != 3) CHECK(tokens_of(more, item) == tokens_of(fewer, item));
  }
  CHECK(!more.has(61));
  CHECK(!more.has(64));
  for (const ItemId item : fresh) CHECK(more.item(more.tokens(item)) == item);
  // A twin shares all tokens but the last; an item that comes back takes its free place again.
  const Tuple old_id = tokens_of(more, 1), twin = tokens_of(more, 65);
  CHECK(std::equal(old_id.begin(), old_id.end() - 1, twin.begin()));
  CHECK(old_id.back() != twin.back());
  CHECK(tokens_of(more, 3) == tokens_of(world.ids, 3));
  CHECK(remove_items(more, fresh).with_id() == 56);
}

TEST_CASE("changes that make no sense are refused") {
  const Fitted world = fitted_ids(20);
  const std::vector<ItemId> two{21, 22}, taken{5}, zero{0}, twice{21, 21};
  const SemanticIdCodebooks& codebooks = world.fit.codebooks;
  CHECK_THROWS_AS(add_items(world.ids, codebooks, two, world.rows(1, 1)), ConfigError);
  CHECK_THROWS_AS(add_items(world.ids, codebooks, two, {world.vectors.data(), 2, 5}), ConfigError);
  CHECK_THROWS_AS(add_items(world.ids, codebooks, zero, world.rows(1, 1)), ConfigError);
  CHECK_THROWS_AS(add_items(world.ids, codebooks, twice, world.rows(1, 2)), ConfigError);
  CHECK(mentions(words_of<ConfigError>([&] { add_items(world.ids, codebooks, taken, world.rows(1, 1)); }),
                 "5, which has an id"));
  const SemanticIds other({2, 12}, {0, 0, 1, 13});
  CHECK_THROWS_AS(add_items(other, codebooks, taken, world.rows(1, 1)), ConfigError);
  std::vector<float> broken(6, 1.0F);
  broken[2] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mentions(words_of<DataError>([&] {
                   add_items(world.ids, codebooks, {two.data(), 1}, {broken.data(), 1, 6});
                 }),
                 "item 21"));
  CHECK_THROWS_AS(remove_items(world.ids, zero), ConfigError);
  CHECK_THROWS_AS(remove_items(world.ids, two), ConfigError);
}

TEST_CASE("the report counts what a hand counts") {
  // First tokens a a a b; tuples (a,x,1) (a,x,2) (a,y,1) (b,x,1), and an item without an id.
  const SemanticIdLayout layout{3, 4};
  std::vector<std::int32_t> table(18);
  const std::vector<Tuple> codes{{0, 1, 1}, {0, 1, 2}, {0, 3, 1}, {2, 1, 1}};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::int32_t digit = 0; digit < 3; ++digit) {
      table[(i + 1) * 3 + at(digit)] = layout.token(digit, codes[i][at(digit)]);
    }
  }
  const CollisionReport report = collision_report(SemanticIds(layout, table));
  CHECK(report.items == 4);
  REQUIRE(report.digits.size() == 3);
  const auto check = [&](std::size_t digit, std::int32_t used, std::int32_t prefixes, std::int32_t most,
                         double bits) {
    CAPTURE(digit);
    CHECK(report.digits[digit].codes_used == used);
    CHECK(report.digits[digit].prefixes == prefixes);
    CHECK(report.digits[digit].most_children == most);
    CHECK(report.digits[digit].entropy == doctest::Approx(bits));
  };
  check(0, 2, 2, 2, 0.75 * std::log2(4.0 / 3.0) + 0.25 * 2.0);
  check(1, 2, 3, 2, 0.75 * (2.0 / 3.0 * std::log2(1.5) + 1.0 / 3.0 * std::log2(3.0)));
  check(2, 2, 4, 2, 0.5);
  CHECK(report.colliding_items == 2);
  CHECK(report.colliding_tuples == 1);
  CHECK(report.largest_collision == 2);
  double bits = 0.0;
  for (const auto& digit : report.digits) bits += digit.entropy;
  CHECK(bits == doctest::Approx(2.0));  // all digits together tell which of four items it is
  CHECK(collision_report(SemanticIds(layout, std::vector<std::int32_t>(6))).items == 0);
}

TEST_CASE("published ids are read and mapped by the source's item ids") {
  const PublishedIds published = parse_published_ids(
      R"({"1": [82, 195, 247, 1], "7": [3, 0, 255, 1],
          "1193": [3, 0, 255, 2], "x y": [0, 0, 0, 0]})",
      "a.sem_ids");
  CHECK(published.digits == 4);
  CHECK(published.items == std::vector<std::string>{"1", "7", "1193", "x y"});
  CHECK(published.codes[4] == 3);
  Catalogue catalogue;
  catalogue.ids = {"", "1193", "2", "1"};
  const MappedIds mapped = map_published_ids(published, catalogue);
  CHECK(mapped.ids.items() == 3);
  CHECK(tokens_of(mapped.ids, 3) == Tuple{83, 452, 760, 770});
  CHECK(mapped.ids.item(Tuple{4, 257, 768, 771}) == 1);
  CHECK(!mapped.ids.has(2));
  CHECK(mapped.without == std::vector<ItemId>{2});
  CHECK(mapped.unknown == std::vector<std::string>{"7", "x y"});
  CHECK(mentions(words_of<DataError>([&] { map_published_ids(published, catalogue, 255); }),
                 "item '7': found code 255; expected codes below 255"));
  catalogue.ids = {"", "8", "9"};
  CHECK(
      mentions(words_of<DataError>([&] { map_published_ids(published, catalogue); }), "none of the 4 items"));
}

TEST_CASE("published files that break their rules are refused by item or line") {
  const auto data_words = [](const std::string& text) {
    const std::string words = words_of<DataError>([&] { parse_published_ids(text, "a.sem_ids"); });
    CHECK(words.starts_with("a.sem_ids: "));
    return words;
  };
  CHECK(mentions(data_words(R"({"1": [1, 2], "2": [1]})"), "item '2': found 1 codes; expected 2"));
  CHECK(mentions(data_words(R"({"1": [1, 2], "2": [1, 3, 4]})"), "item '2': found 3 codes"));
  CHECK(mentions(data_words(R"({"1": []})"), "item '1': found 0 codes; expected at least one"));
  CHECK(mentions(data_words(R"({"1": [1, 2], "2": [1, 2]})"), "item '2': found the codes of item '1'"));
  CHECK(mentions(data_words(R"({"1": [1], "2": [3], "1": [2]})"), "item '1': found its id twice"));
  CHECK(mentions(data_words(R"({"1": [1, -2]})"), "found -2; expected a whole number"));
  CHECK(mentions(data_words(R"({"1": [1, 2.5]})"), "found 2.5"));
  CHECK(mentions(data_words(R"({"1": [1, 4294967297]})"), "found 4294967297"));
  CHECK(mentions(data_words(R"({"1": [1, 99999999999999999999999]})"), "item '1'"));
  CHECK(mentions(data_words(R"({"1": [1, "2"]})"), "found a text"));
  CHECK(mentions(data_words(R"({"1": [1, null]})"), "found null"));
  CHECK(mentions(data_words(R"({"1": [[1]]})"), "found a list"));
  CHECK(mentions(data_words(R"({"1": {"2": [1]}})"), "found an object; expected a list of codes"));
  CHECK(mentions(data_words(R"({"1": 5})"), "found 5; expected a list of codes"));
  CHECK(mentions(data_words(R"([1, 2])"), "found a list; expected an object"));
  CHECK(mentions(data_words("7"), "found 7; expected an object"));
  CHECK(mentions(data_words("{}"), "found no items"));
  CHECK(mentions(data_words(R"({"1": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]})"), "more than 16 codes"));
  CHECK(mentions(data_words(R"({")" + std::string(500, 'x') + R"(": 5})"), "xxx...'"));
  const auto format_words = [](const std::string& text) {
    return words_of<FormatError>([&] { parse_published_ids(text, "a.sem_ids"); });
  };
  CHECK(mentions(format_words("{\"1\": [1, 2],\n \"2\" [3]}"), "a.sem_ids: found parse error at line 2"));
  CHECK(mentions(format_words(""), "a.sem_ids"));
  CHECK(mentions(format_words(R"({"1": [1]} x)"), "a.sem_ids"));
  CHECK(mentions(format_words(R"({"1": [1)"), "a.sem_ids"));
  CHECK_THROWS_AS(read_published_ids("/nowhere/a.sem_ids"), IoError);
}

TEST_CASE("a model file gives the same ids and codebooks back, and refuses other content") {
  const TemporaryDirectory folder;
  const Fitted world = fitted_ids(50, 0);
  const SemanticIdModel model{world.ids, world.fit.codebooks, 0};
  ModelManifest about;
  about.dataset_fingerprint = std::string(64, 'a');
  about.fitted_on = "train_plan";
  about.hyper_parameters["source"] = "test";
  const ModelFile file = semantic_ids_file(model, about);
  CHECK(file.manifest.kind == "semantic_ids");
  CHECK(file.manifest.role == "item_ids");
  CHECK(file.manifest.parameters == 2 * 12 * 6);
  CHECK(file.manifest.hyper_parameters.at("with_id") == "50");
  CHECK(file.manifest.metrics.at("digit_2_prefixes") == 50.0);
  const auto path = folder.path() / "ids.model.h5";
  write_model(path, file);
  const SemanticIdModel back = load_semantic_ids(path, std::string(64, 'a'));
  CHECK(back.ids == model.ids);
  CHECK(back.first_digit == 0);
  REQUIRE(back.codebooks);
  CHECK(model_bytes(semantic_ids_file(back, about)) == model_bytes(file));
  CHECK(load_semantic_ids(path, "").ids == model.ids);
  const std::string words = words_of<ConfigError>([&] { load_semantic_ids(path, std::string(64, 'b')); });
  CHECK(words.starts_with(path.string()));
  CHECK(mentions(words, std::string(64, 'b')));

  // Without codebooks.
  const SemanticIdModel plain{world.ids, std::nullopt};
  const SemanticIdModel plain_back = semantic_ids_from(semantic_ids_file(plain, {}));
  CHECK(plain_back.ids == world.ids);
  CHECK(!plain_back.codebooks);
  CHECK_THROWS_AS(semantic_ids_file({SemanticIds({2, 12}, {0, 0}), world.fit.codebooks}, {}), ConfigError);

  const auto damaged = [&](const auto& damage) {
    ModelFile copy = file;
    damage(copy);
    return copy;
  };
  using Ints = std::vector<std::int32_t>;
  const auto ints = [&](const NamedArrays& arrays, const std::string& name) {
    const auto values = arrays.get<std::int32_t>(name);
    return Ints(values.begin(), values.end());
  };
  CHECK_THROWS_AS(semantic_ids_from(damaged([](ModelFile& f) { f.manifest.kind = "sasrec"; })), FormatError);
  CHECK_THROWS_AS(semantic_ids_from(damaged([](ModelFile& f) { f.probe = {}; })), FormatError);
  CHECK_THROWS_AS(semantic_ids_from(damaged([](ModelFile& f) { f.parameters = {}; })), FormatError);
  CHECK_THROWS_AS(semantic_ids_from(damaged(
                      [](ModelFile& f) { f.parameters.set_scalar<std::int32_t>("first_digit", 12); })),
                  FormatError);
  CHECK_THROWS_AS(semantic_ids_from(damaged(
                      [](ModelFile& f) { f.parameters.set_scalar<std::int32_t>("codebooks/codes", 13); })),
                  FormatError);
  CHECK_THROWS_AS(semantic_ids_from(damaged([&](ModelFile& f) {
                    Ints tokens = ints(f.probe, "output/tokens");
                    tokens.pop_back();
                    f.probe.set<std::int32_t>("output/tokens", tokens);
                  })),
                  FormatError);
  // Two items that changed places: a sound table, but not the one that was written.
  CHECK_THROWS_AS(semantic_ids_from(damaged([&](ModelFile& f) {
                    Ints tokens = ints(f.parameters, "ids/tokens");
                    const ItemId a = f.probe.get<ItemId>("input/items")[0], b = a == 50 ? 1 : a + 1;
                    std::swap_ranges(tokens.begin() + a * 3, tokens.begin() + a * 3 + 3,
                                     tokens.begin() + b * 3);
                    f.parameters.set<std::int32_t>("ids/tokens", tokens, {51, 3});
                  })),
                  VerificationError);
  for (const std::int32_t code : {-1, 12, 1'000'000}) {
    CHECK_THROWS_AS(semantic_ids_from(damaged([&](ModelFile& f) {
                      Ints codes = ints(f.probe, "output/codes");
                      codes[5] = code;
                      f.probe.set<std::int32_t>("output/codes", codes);
                    })),
                    VerificationError);
  }
  CHECK_THROWS_AS(semantic_ids_from(damaged([](ModelFile& f) {
                    const auto old = f.parameters.get<float>("codebooks/centres");
                    std::vector<float> centres(old.begin(), old.end());
                    std::reverse(centres.begin(), centres.begin() + 12 * 6);
                    f.parameters.set<float>("codebooks/centres", centres, {2, 12, 6});
                  })),
                  VerificationError);
}
