// Published files of semantic ids with arbitrary content: what is read is a bijection that maps onto a
// catalogue and back, what is refused is refused by file.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/prefix_trie.h"
#include "env/nn/semantic_ids/published_ids.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

void check_mapped(const nn::MappedIds& mapped, const nn::PublishedIds& published,
                  const Catalogue& catalogue) {
  const auto items = at(catalogue.size());
  fuzz::require(at(mapped.ids.with_id()) + mapped.without.size() == items);
  fuzz::require(at(mapped.ids.with_id()) + mapped.unknown.size() == published.items.size());
  for (ItemId item = 1; item <= mapped.ids.items(); ++item) {
    if (mapped.ids.has(item)) fuzz::require(mapped.ids.item(mapped.ids.tokens(item)) == item);
  }
  const nn::PrefixTrie trie(mapped.ids);
  fuzz::require(trie.leaves(nn::PrefixTrie::root) == mapped.ids.with_id());
}

void check(const nn::PublishedIds& published) {
  const std::size_t digits = at(published.digits);
  fuzz::require(digits > 0 && digits <= at(nn::SemanticIdLayout::most_digits));
  fuzz::require(!published.items.empty() && published.codes.size() == published.items.size() * digits);
  std::set<std::string> names;
  std::set<std::vector<std::int32_t>> tuples;
  std::int32_t most = 0;
  for (std::size_t i = 0; i < published.items.size(); ++i) {
    const auto row = published.codes.begin() + static_cast<std::ptrdiff_t>(i * digits);
    fuzz::require(names.insert(published.items[i]).second);
    fuzz::require(tuples.insert({row, row + published.digits}).second);
    fuzz::require(*std::min_element(row, row + published.digits) >= 0);
    most = std::max(most, *std::max_element(row, row + published.digits));
  }
  // A catalogue that has every other item of the file, and one that the file may not have.
  Catalogue catalogue;
  catalogue.ids = {"", "an item of no file"};
  for (std::size_t i = 0; i < published.items.size(); i += 2) catalogue.ids.push_back(published.items[i]);
  if (names.contains("an item of no file")) return;
  try {
    check_mapped(nn::map_published_ids(published, catalogue), published, catalogue);
    fuzz::require(most < 256);
  } catch (const DataError&) {
    fuzz::require(most >= 256);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(nn::parse_published_ids(text, "a.sem_ids"));
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("a.sem_ids: "));
  }
  return 0;
}
