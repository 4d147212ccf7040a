#include "env/nn/semantic_ids/published_ids.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <utility>

#include "env/error.h"
#include "env/store/atomic_file.h"

namespace veer::nn {
namespace {

/// Item ids in messages: as much of them as a line holds.
std::string quoted_id(const std::string& id) {
  std::size_t longest = 60;
  if (id.size() <= longest) return "'" + id + "'";
  while (longest > 0 && (static_cast<unsigned char>(id[longest]) & 0xC0U) == 0x80U) --longest;  // whole UTF-8
  return "'" + id.substr(0, longest) + "...'";
}

/// Takes the events of the parser and refuses the first that does not belong into such a file: nothing is
/// built for a document of another kind, however large or deep.
class PublishedHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit PublishedHandler(std::string name) : name_(std::move(name)) {}

  PublishedIds take() {
    if (published_.items.empty()) refuse_document("no items");
    return std::move(published_);
  }

  bool null() override { return refuse_value("null"); }
  bool boolean(bool) override { return refuse_value("a truth value"); }
  bool number_integer(number_integer_t value) override { return refuse_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return refuse_value(text); }
  bool string(string_t&) override { return refuse_value("a text"); }
  bool binary(binary_t&) override { return refuse_value("binary data"); }
  bool start_object(std::size_t) override {
    if (inside_ != Inside::document) return refuse_value("an object");
    inside_ = Inside::object;
    return true;
  }
  bool end_object() override {
    inside_ = Inside::end;
    return true;
  }
  bool key(string_t& id) override {
    published_.items.push_back(id);
    return true;
  }
  bool start_array(std::size_t) override {
    if (inside_ != Inside::object) return refuse_value("a list");
    inside_ = Inside::codes;
    codes_ = 0;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (inside_ != Inside::codes || value > at(std::numeric_limits<std::int32_t>::max())) {
      return refuse_value(std::to_string(value));
    }
    if (++codes_ > SemanticIdLayout::most_digits) {
      refuse("more than " + std::to_string(SemanticIdLayout::most_digits) + " codes", "a short list");
    }
    published_.codes.push_back(static_cast<std::int32_t>(value));
    return true;
  }
  bool end_array() override {
    inside_ = Inside::object;
    if (published_.items.size() == 1) published_.digits = codes_;
    if (codes_ == 0 || codes_ != published_.digits) {
      refuse(std::to_string(codes_) + " codes",
             published_.digits == 0
                 ? "at least one"
                 : std::to_string(published_.digits) + ", as the first item of the file has");
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string words =
        error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const auto end = words.find("] "); end != std::string::npos) words.erase(0, end + 2);
    throw FormatError(Where{name_, 0, ""}, Problem{words, "JSON", ""});
  }

 private:
  enum class Inside { document, object, codes, end };

  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const {
    throw DataError(Where{name_, 0, "item " + quoted_id(published_.items.back())},
                    Problem{found, expected, ""});
  }
  [[noreturn]] void refuse_document(const std::string& found) const {
    throw DataError(
        Where{name_, 0, ""},
        Problem{found, "an object from item ids to lists of codes, {\"1\": [82, 195, 247, 1]}", ""});
  }
  bool refuse_value(const std::string& found) const {
    if (inside_ == Inside::document || published_.items.empty()) refuse_document(found);
    refuse(found, inside_ == Inside::codes ? "a whole number from 0 on" : "a list of codes");
  }

  std::string name_;
  PublishedIds published_;
  Inside inside_ = Inside::document;
  std::int32_t codes_ = 0;  // of the item at hand
};

std::span<const std::int32_t> codes_of(const PublishedIds& published, std::size_t entry) {
  return std::span(published.codes).subspan(entry * at(published.digits), at(published.digits));
}

/// Throws when two neighbours in the order of `less` are equal in it.
template <class Less, class Complain>
void require_distinct(const PublishedIds& published, const Less& less, const Complain& complain) {
  std::vector<std::size_t> order(published.items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), less);
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (!less(order[i - 1], order[i])) complain(order[i - 1], order[i]);
  }
}

}  // namespace

PublishedIds parse_published_ids(std::string_view text, const std::string& name) {
  PublishedHandler handler(name);
  nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  PublishedIds published = handler.take();
  const auto where = [&](std::size_t entry) {
    return Where{name, 0, "item " + quoted_id(published.items[entry])};
  };
  require_distinct(
      published, [&](std::size_t a, std::size_t b) { return published.items[a] < published.items[b]; },
      [&](std::size_t, std::size_t b) {
        throw DataError(where(b), Problem{"its id twice", "one list of codes per item", ""});
      });
  require_distinct(
      published,
      [&](std::size_t a, std::size_t b) {
        const auto left = codes_of(published, a), right = codes_of(published, b);
        return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
      },
      [&](std::size_t a, std::size_t b) {
        throw DataError(where(b), Problem{"the codes of item " + quoted_id(published.items[a]),
                                          "codes that no other item has", ""});
      });
  return published;
}

PublishedIds read_published_ids(const std::filesystem::path& path) {
  return parse_published_ids(read_text(path), path.string());
}

MappedIds map_published_ids(const PublishedIds& published, const Catalogue& catalogue, std::int32_t codes) {
  const SemanticIdLayout layout{published.digits, codes};
  std::map<std::string_view, std::size_t> entries;
  for (std::size_t entry = 0; entry < published.items.size(); ++entry) {
    entries.emplace(published.items[entry], entry);
    for (const std::int32_t code : codes_of(published, entry)) {
      if (code < codes) continue;
      throw DataError(Where{{}, 0, "item " + quoted_id(published.items[entry])},
                      Problem{"code " + std::to_string(code), "codes below " + std::to_string(codes),
                              "say how many codes a digit has"});
    }
  }
  std::vector<std::int32_t> tokens((at(catalogue.size()) + 1) * at(layout.digits), SemanticIdLayout::pad);
  std::vector<bool> known(published.items.size());
  std::vector<ItemId> without;
  for (ItemId item = 1; item <= catalogue.size(); ++item) {
    const auto found = entries.find(catalogue.ids[at(item)]);
    if (found == entries.end()) {
      without.push_back(item);
      continue;
    }
    known[found->second] = true;
    const auto row = codes_of(published, found->second);
    for (std::int32_t digit = 0; digit < layout.digits; ++digit) {
      tokens[at(item) * at(layout.digits) + at(digit)] = layout.token(digit, row[at(digit)]);
    }
  }
  std::vector<std::string> unknown;
  for (std::size_t entry = 0; entry < known.size(); ++entry) {
    if (!known[entry]) unknown.push_back(published.items[entry]);
  }
  if (unknown.size() == known.size()) {
    throw DataError("none of the " + std::to_string(known.size()) + " items of the file, such as " +
                    quoted_id(published.items.front()) + ", is one of the data set's " +
                    std::to_string(catalogue.size()) +
                    "; expected the item ids of the source that the data set was imported from");
  }
  return {SemanticIds(layout, std::move(tokens)), std::move(without), std::move(unknown)};
}

}  // namespace veer::nn
