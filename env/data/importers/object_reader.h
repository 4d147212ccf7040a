// Files of objects, one a line, as review logs are published: JSON, or a dict as Python prints it
// ({u'product_id': u'70', 'early_access': False}). Not thread-safe; the LineReader must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/fields.h"
#include "env/data/importers/line_reader.h"

namespace veer::importers {

class ObjectReader {
 public:
  /// Values of these keys are handed out; the others are passed over without being decoded.
  ObjectReader(LineReader& lines, std::vector<std::string_view> keys);

  /// Reads the next object; false after the last. Throws BadLine for a line that is none.
  bool next();
  /// The value of keys[key]: the text of a string, the characters of a number, list or object. Null when the
  /// object does not have it, or has null or None there. Valid until the next call of next().
  const std::string* value(std::size_t key) const noexcept { return found_[key] ? &values_[key] : nullptr; }
  /// As value(), and a BadLine when there is none.
  std::string_view require(std::size_t key) const;

  const FieldReader& fields() const noexcept { return fields_; }

 private:
  [[noreturn]] void fail() const;
  void take_value(std::string_view& text, std::size_t key);
  std::string_view take_raw_string(std::string_view& text) const;
  std::string_view take_raw_nested(std::string_view& text) const;

  LineReader& lines_;
  FieldReader fields_;
  std::vector<std::string_view> keys_;
  std::vector<std::string> values_;
  std::vector<bool> found_;
};

}  // namespace veer::importers
