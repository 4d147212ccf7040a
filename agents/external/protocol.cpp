#include "agents/external/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "env/policy_error.h"

namespace veer::external {
namespace {

using nlohmann::json;

[[noreturn]] void fault(const std::string& policy, const std::string& what, const std::string& found,
                        const std::string& expected, const std::string& hint = {}) {
  throw PolicyError({.file = {}, .line = 0, .field = fmt::format("policy {}: {}", policy, what)},
                    {.found = found, .expected = expected, .hint = hint});
}

/// The beginning of what was said, fit for a message: one line of printable ASCII.
std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string out;
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7F ? c : '?';
  }
  return fmt::format("\"{}{}\"", out, text.size() > longest ? "..." : "");
}

/// Parsed, or "discarded". NaN is no JSON, though Python writes it: told apart from other nonsense.
json parsed(std::string_view line, const std::string& policy) {
  json out = json::parse(line, nullptr, false);
  if (!out.is_discarded() && out.is_object()) {
    if (const auto error = out.find("error"); error != out.end()) {
      fault(policy, "gave up",
            error->is_string() ? excerpt(error->get_ref<const std::string&>()) : "an error", "an answer",
            "this is what the policy itself says");
    }
    return out;
  }
  if (line.find("NaN") != std::string_view::npos || line.find("Infinity") != std::string_view::npos) {
    fault(policy, "not a number", excerpt(line), "finite numbers");
  }
  fault(policy, "malformed answer", line.empty() ? "an empty line" : excerpt(line),
        "one JSON object on one line", "only answers may be written to standard output");
}

/// A list of `width` items, or, where width is 1, one item alone. Zero or an id of the catalogue each.
void read_items(const json& from, std::int32_t width, std::int32_t catalogue, const std::string& policy,
                std::int32_t* to) {
  const auto read_one = [&](const json& value) {
    if (value.is_null()) fault(policy, "not a number", "an item that is null", "an item from 1 to N, or 0");
    if (!value.is_number_integer()) {
      fault(policy, "malformed answer", fmt::format("the item {}", excerpt(value.dump())), "a whole number");
    }
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(catalogue)
                          : value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() <= catalogue;
    if (!fits) {
      fault(policy, "out of the catalogue", fmt::format("item {}", value.dump()),
            fmt::format("1 to {}, or 0 to stop", catalogue),
            "items are catalogue indices; the first line to the policy lists what they are called in the "
            "source");
    }
    return value.get<std::int32_t>();
  };
  if (width == 1 && !from.is_array()) {
    *to = read_one(from);
    return;
  }
  if (!from.is_array() || from.size() != static_cast<std::size_t>(width)) {
    fault(policy, "malformed answer", fmt::format("{} for one row", excerpt(from.dump())),
          fmt::format("a list of {} items", width));
  }
  for (std::int32_t k = 0; k < width; ++k) to[k] = read_one(from[at(k)]);
  const bool stops = std::all_of(to, to + width, [](std::int32_t item) { return item == no_item; });
  if (stops || width == 1) return;
  std::vector<std::int32_t> sorted(to, to + width);
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front() == no_item || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    fault(policy, "malformed answer", fmt::format("the slate {}", excerpt(from.dump())),
          "distinct items, or nothing but zeros to stop");
  }
}

/// A list of one entry per row.
const json& rows_of(const json& object, const char* key, std::int32_t rows, const std::string& policy) {
  const auto found = object.find(key);
  if (found == object.end()) {
    fault(policy, "malformed answer", fmt::format("no \"{}\"", key), fmt::format("a list of {}", rows));
  }
  if (!found->is_array() || found->size() != static_cast<std::size_t>(rows)) {
    fault(policy, "malformed answer",
          found->is_array() ? fmt::format("{} entries in \"{}\"", found->size(), key)
                            : fmt::format("\"{}\" that is no list", key),
          fmt::format("{}, one for each row asked about", rows));
  }
  return *found;
}

template <class T>
std::string list_of(const T* values, std::int32_t count) {
  return fmt::format("[{}]", fmt::join(values, values + count, ","));
}

/// "[[1,2],[3]]": sizes(row) of the `stride` values of each row.
template <class T, class Size>
std::string rows_text(const std::vector<T>& values, std::int32_t rows, std::int32_t stride, Size size) {
  std::string out = "[";
  for (std::int32_t r = 0; r < rows; ++r) {
    out += (r == 0 ? "" : ",") + list_of(values.data() + std::ptrdiff_t{r} * stride, size(r));
  }
  return out + "]";
}

std::int32_t taken(const Question& q, const Greeting& world, std::int32_t row) {
  return std::min(static_cast<std::int32_t>(q.step[at(row)]), world.horizon) * world.slots;
}

template <class T>
std::vector<T> numbers(const json& from, std::size_t count) {
  auto out = from.get<std::vector<T>>();
  if (out.size() != count)
    throw FormatError("question: found a column of another length; expected one per row");
  return out;
}

/// Lists of different lengths into rows of `stride`, padded with zeros.
template <class T>
std::vector<T> padded(const json& from, std::int32_t rows, std::int32_t stride,
                      std::vector<std::int32_t>* sizes = nullptr) {
  std::vector<T> out(at(rows) * at(stride), T{});
  if (from.size() != at(rows)) throw FormatError("question: found a column of another length");
  for (std::int32_t r = 0; r < rows; ++r) {
    const auto values = from[at(r)].get<std::vector<T>>();
    if (values.size() > at(stride)) throw FormatError("question: found a row longer than the world allows");
    std::copy(values.begin(), values.end(), out.begin() + std::ptrdiff_t{r} * stride);
    if (sizes != nullptr) sizes->push_back(static_cast<std::int32_t>(values.size()));
  }
  return out;
}

}  // namespace

std::string greeting_line(const Greeting& greeting) {
  nlohmann::ordered_json out{{"veer", protocol_version},
                             {"scenario", greeting.scenario},
                             {"options", greeting.options},
                             {"acceptance", greeting.sampled ? "sampled" : "always"},
                             {"items", greeting.items},
                             {"slots", greeting.slots},
                             {"history_capacity", greeting.history_capacity},
                             {"horizon", greeting.horizon},
                             {"item_ids", greeting.item_ids}};
  // Names that are no UTF-8 are shown as far as they are.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Greeting parse_greeting(std::string_view line) {
  try {
    const json in = json::parse(line);
    if (in.at("veer").get<int>() != protocol_version) {
      throw FormatError(
          fmt::format("greeting: found version {}; expected {}", in.at("veer").dump(), protocol_version));
    }
    Greeting out{.scenario = in.at("scenario").get<std::string>(),
                 .options = in.at("options").get<std::string>(),
                 .sampled = in.at("acceptance").get<std::string>() == "sampled",
                 .items = in.at("items").get<std::int32_t>(),
                 .slots = in.at("slots").get<std::int32_t>(),
                 .history_capacity = in.at("history_capacity").get<std::int32_t>(),
                 .horizon = in.at("horizon").get<std::int32_t>(),
                 .item_ids = in.at("item_ids").get<std::vector<std::string>>()};
    if (out.items < 1 || out.slots < 1 || out.history_capacity < 0 || out.horizon < 1 ||
        out.item_ids.size() != at(out.items) + 1) {
      throw FormatError("greeting: found sizes that no world has");
    }
    return out;
  } catch (const json::exception& error) {
    throw FormatError(fmt::format("greeting: found {}; expected what PLUGIN_FORMAT.md says", error.what()));
  }
}

std::string question_line(const Question& q, const Greeting& world) {
  const auto shown = [&](std::int32_t row) { return taken(q, world, row); };
  return fmt::format(
      R"({{"act":{},"mode":"{}","episode":{},"step":{},"user":{},"target":{},"history":{},"shown":{},)"
      R"("answers":{},"seed":{},"uniforms":{}}})",
      q.number, q.greedy ? "greedy" : "sample", list_of(q.episode.data(), q.rows),
      list_of(q.step.data(), q.rows), list_of(q.user.data(), q.rows), list_of(q.target.data(), q.rows),
      rows_text(q.history, q.rows, world.history_capacity,
                [&](std::int32_t row) { return q.history_size[at(row)]; }),
      rows_text(q.shown, q.rows, world.horizon * world.slots, shown),
      rows_text(q.answers, q.rows, world.horizon * world.slots, shown), list_of(q.seed.data(), q.rows),
      rows_text(q.uniforms, q.rows, world.slots, [&](std::int32_t) { return world.slots; }));
}

Question parse_question(std::string_view line, const Greeting& world) {
  try {
    const json in = json::parse(line);
    Question q;
    q.number = in.at("act").get<std::uint64_t>();
    q.greedy = in.at("mode").get<std::string>() == "greedy";
    q.episode = in.at("episode").get<std::vector<std::uint64_t>>();
    const std::size_t rows = q.episode.size();
    q.rows = static_cast<std::int32_t>(rows);
    q.step = numbers<std::uint32_t>(in.at("step"), rows);
    q.user = numbers<std::int32_t>(in.at("user"), rows);
    q.target = numbers<std::int32_t>(in.at("target"), rows);
    q.history = padded<std::int32_t>(in.at("history"), q.rows, world.history_capacity, &q.history_size);
    q.shown = padded<std::int32_t>(in.at("shown"), q.rows, world.horizon * world.slots);
    q.answers = padded<std::uint8_t>(in.at("answers"), q.rows, world.horizon * world.slots);
    q.seed = numbers<std::uint32_t>(in.at("seed"), rows);
    q.uniforms = padded<float>(in.at("uniforms"), q.rows, world.slots);
    return q;
  } catch (const json::exception& error) {
    throw FormatError(fmt::format("question: found {}; expected what PLUGIN_FORMAT.md says", error.what()));
  }
}

std::string answer_line(std::uint64_t number, const Answer& answer, std::int32_t slots) {
  const auto rows = static_cast<std::int32_t>(answer.log_prob.size());
  std::string out = fmt::format(R"({{"act":{},"items":)", number);
  out += slots == 1 ? list_of(answer.items.data(), rows)
                    : rows_text(answer.items, rows, slots, [&](std::int32_t) { return slots; });
  out += R"(,"log_prob":[)";
  for (std::int32_t r = 0; r < rows; ++r) {
    const float value = answer.log_prob[at(r)];
    out += (r == 0 ? "" : ",") + (std::isfinite(value) ? fmt::format("{}", value) : std::string("null"));
  }
  return out + "]}";
}

std::string welcome_line() { return fmt::format(R"({{"veer":{}}})", protocol_version); }

std::string error_line(std::string_view message) {
  return json{{"error", message}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

void check_welcome(std::string_view line, const std::string& policy) {
  const json in = parsed(line, policy);
  const auto version = in.find("veer");
  if (version == in.end() || !version->is_number_integer() || *version != protocol_version) {
    fault(policy, "malformed answer", excerpt(line), welcome_line(),
          "the first line of a policy repeats the version it was greeted with");
  }
}

Answer parse_answer(std::string_view line, std::uint64_t number, std::int32_t rows, const Greeting& world,
                    const std::string& policy) {
  const json in = parsed(line, policy);
  for (const auto& [key, value] : in.items()) {
    if (key == "act" || key == "items" || key == "log_prob") continue;
    fault(policy, "malformed answer", fmt::format("the key {}", excerpt(key)), "act, items, log_prob");
  }
  const auto act = in.find("act");
  if (act == in.end() || !act->is_number_unsigned() || act->get<std::uint64_t>() != number) {
    fault(policy, "malformed answer", act == in.end() ? "no \"act\"" : "\"act\": " + excerpt(act->dump()),
          fmt::format("{}, the number of the question", number), "one line answers one line");
  }
  Answer out;
  out.items.assign(at(rows) * at(world.slots), no_item);
  out.log_prob.assign(at(rows), 0.0F);
  const json& items = rows_of(in, "items", rows, policy);
  for (std::int32_t r = 0; r < rows; ++r) {
    read_items(items[at(r)], world.slots, world.items, policy, out.items.data() + at(r) * at(world.slots));
  }
  if (in.find("log_prob") == in.end()) return out;
  const json& log_prob = rows_of(in, "log_prob", rows, policy);
  for (std::int32_t r = 0; r < rows; ++r) {
    const json& value = log_prob[at(r)];
    if (!value.is_null() && !value.is_number()) {
      fault(policy, "malformed answer", fmt::format("log_prob {}", excerpt(value.dump())), "a number");
    }
    const float read = value.is_null() ? NAN : value.get<float>();
    if (!std::isfinite(read)) {
      fault(policy, "not a number", fmt::format("log_prob {} in row {}", value.dump(), r), "a finite number");
    }
    if (read > 1e-4F) {  // what rounding may leave of a probability of 1
      fault(policy, "malformed answer", fmt::format("log_prob {} in row {}", value.dump(), r),
            "at most 0: the natural log of a probability");
    }
    out.log_prob[at(r)] = read;
  }
  return out;
}

}  // namespace veer::external
