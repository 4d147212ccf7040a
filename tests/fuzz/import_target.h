// What the fuzz targets of the importers share: one input holds several files and a few options; the import
// must end in a sound data set or in one of the library's own errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "env/data/check.h"
#include "env/data/fingerprint.h"
#include "env/data/importers/importer.h"
#include "env/error.h"

namespace veer::fuzzing {

/// The first byte holds options; the rest is files, parted by '\x1D' (group separator).
inline void import_input(std::string_view format, std::initializer_list<const char*> names,
                         std::string_view main, std::string_view input, ImportOptions options = {}) {
  if (input.empty()) return;
  const auto flags = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  options.duplicates = static_cast<Duplicates>(flags & 3U);
  options.unknown_items = static_cast<UnknownItems>((flags >> 2 & 3U) % 3);
  options.k_core = static_cast<int>(flags >> 4 & 3U);
  if ((flags & 64U) != 0) options.min_rating = 2.5;
  if ((flags & 128U) != 0) options.time_unit = TimeUnit::nanoseconds;

  std::vector<SourceText> files;
  for (const char* name : names) {
    const std::size_t end = input.find('\x1D');
    files.push_back({name, input.substr(0, end)});
    if (end == std::string_view::npos) break;  // the other files are missing
    input.remove_prefix(end + 1);
  }
  try {
    const Dataset dataset = import_from_memory(format, files, main, options);
    if (find_fault(dataset) || fingerprint_of(dataset) != dataset.fingerprint) std::abort();
  } catch (const Error&) {
    // A clear message is the right answer to most inputs.
  }
}

}  // namespace veer::fuzzing
