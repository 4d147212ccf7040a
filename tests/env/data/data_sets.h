// Small data sets and error texts for the tests of this folder.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/error.h"
#include "tests/test.h"

namespace veer::testing {

/// Three movies, two users.
inline const std::string movies =
    "1::Heat (1995)::Action|Crime\n2::Am\xE9lie (2001)::Comedy\n10::Alien (1979)::Action\n";
inline const std::string users = "1::F::1::10::48067\n2::M::56::16::70072\n";
inline const std::string ratings = "1::10::5::100\n1::2::4::100\n1::1::3::50\n2::1::1::7\n2::2::2::8\n";

inline Dataset import_texts(std::string_view format, std::initializer_list<SourceText> files,
                            std::string_view main = "", const ImportOptions& options = {}) {
  return import_from_memory(format, std::vector<SourceText>(files), main, options);
}

inline Dataset small_movielens(const ImportOptions& options = {}) {
  return import_texts("movielens", {{"movies.dat", movies}, {"users.dat", users}, {"ratings.dat", ratings}},
                      "", options);
}

/// The message of the Error of exactly this type that `work` throws; "" and a failed check otherwise.
template <class Expected>
std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Expected& error) {
    return error.what();
  } catch (const std::exception& error) {
    FAIL_CHECK("another exception: " << error.what());
    return "";
  }
  FAIL_CHECK("no exception");
  return "";
}

/// Every part must stand in the message, in this order.
inline void check_message(const std::string& message, std::initializer_list<std::string_view> parts) {
  std::size_t from = 0;
  for (const std::string_view part : parts) {
    INFO(message);
    INFO(part);
    const std::size_t found = message.find(part, from);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) from = found + part.size();
  }
}

inline std::vector<ItemId> items_of(const Dataset& dataset, UserId user) {
  const auto items = dataset.interactions.of(user);
  return {items.begin(), items.end()};
}

}  // namespace veer::testing
