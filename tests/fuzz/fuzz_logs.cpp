// Logs in the published forms, of arbitrary content. The first byte of an input names the format, the second
// holds options.
#include <array>

#include "tests/fuzz/import_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 2) return 0;
  const char format = input[0];
  const auto flags = static_cast<unsigned char>(input[1]);
  input.remove_prefix(2);
  veer::ImportOptions options;
  options.skip_bad = (flags & 1U) != 0;
  if ((flags & 2U) != 0) options.split = veer::Split::chronological;
  if ((flags & 4U) != 0) options.filter_order = veer::FilterOrder::items_first;
  if ((flags & 8U) != 0) options.min_session = 1 + (flags >> 6);
  if ((flags & 16U) != 0) options.sample_sessions = 2;
  if ((flags & 32U) != 0) options.purchase_rating = 3;
  switch (format) {
    case 'r':
      veer::fuzzing::import_input("retailrocket", {"events.csv"}, "", input, options);
      break;
    case 'd':
      veer::fuzzing::import_input("kuairand", {"log_a.csv", "user_features.csv", "video_features_basic.csv"},
                                  "", input, options);
      break;
    case 'y':
      veer::fuzzing::import_input("yoochoose", {"yoochoose-clicks.dat", "yoochoose-buys.dat"}, "", input,
                                  options);
      break;
    case 's':
      veer::fuzzing::import_input("sessions", {"s.txt"}, "s.txt", input, options);
      break;
    case 'g':
      veer::fuzzing::import_input("steam", {"steam_reviews.json", "steam_games.json"}, "", input, options);
      break;
    case 'k':
      veer::fuzzing::import_input("steam", {"steam-200k.csv"}, "", input, options);
      break;
    case 'a':
      options.items_file = "meta.json";
      veer::fuzzing::import_input("amazon", {"books", "meta.json"}, "books", input, options);
      break;
    case 'b':
      veer::fuzzing::import_input("amazon", {"books"}, "books", input, options);
      break;
    default:
      veer::fuzzing::import_input("prorl", {"x.val", "x.datamaps"}, "x.val", input, options);
  }
  return 0;
}
