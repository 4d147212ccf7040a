#include "agents/policy_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "agents/plain_policies.h"
#include "env/error.h"

namespace veer {
namespace {

/// The whole text as a number; false for anything else.
template <class Number>
bool parse(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string listed(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string missing_of(PolicyNeeds needs, const PolicyContext& context) {
  std::vector<std::string> missing;
  if (needs.data && context.data == nullptr) missing.emplace_back("a data set");
  if (needs.graph && context.graph == nullptr) missing.emplace_back("an item graph");
  if (needs.item_table && context.item_table.empty()) missing.emplace_back("a table of item embeddings");
  if (needs.planner && context.planner == nullptr) missing.emplace_back("a user model to plan with");
  return listed(missing);
}

}  // namespace

void PolicyParameters::malformed(std::string_view found, std::string_view expected) const {
  throw ConfigError({.file = {}, .line = 0, .field = fmt::format("policy \"{}\"", option_)},
                    {.found = std::string(found), .expected = std::string(expected), .hint = {}});
}

void PolicyParameters::read_pairs(std::string_view pairs, std::string_view expected) {
  while (true) {
    const std::size_t comma = pairs.find(',');
    const std::string_view pair = pairs.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) malformed(fmt::format("\"{}\"", pair), expected);
    const std::string key(pair.substr(0, equals));
    if (!values_.emplace(key, pair.substr(equals + 1)).second) {
      malformed(fmt::format("\"{}\" twice", key), expected);
    }
    if (comma == std::string_view::npos) return;
    pairs.remove_prefix(comma + 1);
  }
}

PolicyParameters::PolicyParameters(std::string_view option) : option_(option) {
  constexpr std::string_view expected = "WORD or WORD:KEY=VALUE,KEY=VALUE";
  const std::size_t colon = option.find(':');
  word_ = option.substr(0, colon);
  if (word_.empty()) malformed("no policy word", expected);
  if (colon != std::string_view::npos) read_pairs(option.substr(colon + 1), expected);
}

PolicyParameters PolicyParameters::with_argument(std::string_view option) {
  PolicyParameters out;
  out.option_ = option;
  out.word_ = option.substr(0, option.find_first_of(":["));
  const std::string expected = fmt::format("{0}:ARGUMENT or {0}[KEY=VALUE,KEY=VALUE]:ARGUMENT", out.word_);
  std::string_view rest = option.substr(out.word_.size());
  if (rest.starts_with("[")) {
    const std::size_t end = rest.find("]:");
    if (end == std::string_view::npos) out.malformed("no \"]:\"", expected);
    out.read_pairs(rest.substr(1, end - 1), expected);
    rest.remove_prefix(end + 1);
  }
  if (rest.size() < 2) out.malformed("nothing behind the word", expected);
  out.argument_ = rest.substr(1);
  return out;
}

void PolicyParameters::reject(std::string_view key, std::string_view found, std::string_view expected) const {
  throw ConfigError({.file = {}, .line = 0, .field = fmt::format("policy {}, {}", word_, key)},
                    {.found = fmt::format("\"{}\"", found), .expected = std::string(expected), .hint = {}});
}

std::int32_t PolicyParameters::integer(std::string_view key, std::int32_t fallback, std::int32_t least,
                                       std::int32_t most) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return fallback;
  std::int32_t value = 0;
  if (!parse(found->second, value) || value < least || value > most) {
    reject(key, found->second, fmt::format("a whole number from {} to {}", least, most));
  }
  return value;
}

double PolicyParameters::real(std::string_view key, double fallback) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return fallback;
  double value = 0.0;
  if (!parse(found->second, value) || !std::isfinite(value)) reject(key, found->second, "a finite number");
  return value;
}

bool PolicyParameters::flag(std::string_view key, bool fallback) const {
  const std::string_view choices[] = {"false", "true"};
  return choice(key, fallback ? 1 : 0, choices) == 1;
}

std::string PolicyParameters::text(std::string_view key, std::string_view fallback) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string(fallback) : found->second;
}

std::size_t PolicyParameters::choice(std::string_view key, std::size_t fallback,
                                     std::span<const std::string_view> choices) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return fallback;
  const auto place = std::ranges::find(choices, std::string_view(found->second));
  if (place == choices.end()) reject(key, found->second, fmt::format("one of {}", fmt::join(choices, ", ")));
  return static_cast<std::size_t>(place - choices.begin());
}

PolicyRegistry::PolicyRegistry() : PolicyRegistry(plain_policies()) {}

PolicyRegistry::PolicyRegistry(std::vector<PolicyEntry> entries) {
  for (PolicyEntry& entry : entries) add(std::move(entry));
}

void PolicyRegistry::add(PolicyEntry entry) {
  for (const PolicyEntry& other : entries_) {
    if (other.word == entry.word || (!entry.suffix.empty() && other.suffix == entry.suffix)) {
      throw ConfigError(fmt::format(
          "policy registry: found \"{}\" twice; expected every word and suffix once", entry.word));
    }
  }
  entries_.push_back(std::move(entry));
}

const PolicyEntry& PolicyRegistry::find(const PolicyParameters& parameters) const {
  const PolicyEntry* entry = nullptr;
  for (const PolicyEntry& e : entries_) {
    if (e.word == parameters.word() || (!e.suffix.empty() && parameters.word().ends_with(e.suffix)))
      entry = &e;
  }
  if (entry == nullptr) {
    std::vector<std::string> words;
    for (const PolicyEntry& e : entries_) words.push_back(e.suffix.empty() ? e.word : "FILE" + e.suffix);
    throw ConfigError({.file = {}, .line = 0, .field = "policy"},
                      {.found = fmt::format("\"{}\"", parameters.word()),
                       .expected = fmt::format("one of {}", listed(words)),
                       .hint = {}});
  }
  for (const auto& [key, value] : parameters.values()) {
    if (std::ranges::find(entry->parameters, key, &PolicyParameter::name) != entry->parameters.end())
      continue;
    std::vector<std::string> names;
    for (const PolicyParameter& p : entry->parameters) names.push_back(p.name);
    throw ConfigError({.file = {}, .line = 0, .field = fmt::format("policy {}", parameters.word())},
                      {.found = fmt::format("parameter \"{}\"", key),
                       .expected = names.empty() ? "no parameters" : fmt::format("one of {}", listed(names)),
                       .hint = {}});
  }
  return *entry;
}

std::shared_ptr<const Policy> PolicyRegistry::make(std::string_view option,
                                                   const PolicyContext& context) const {
  const PolicyParameters parameters = this->parameters(option);
  const PolicyEntry& entry = find(parameters);
  const std::string missing = missing_of(entry.needs, context);
  if (!missing.empty()) {
    throw ConfigError({.file = {}, .line = 0, .field = fmt::format("policy {}", parameters.word())},
                      {.found = fmt::format("no {}", missing.substr(missing.find(' ') + 1)),
                       .expected = fmt::format("{}, which this policy works with", missing),
                       .hint = {}});
  }
  return entry.make(context, parameters);
}

PolicyNeeds PolicyRegistry::needs(std::string_view option) const { return find(parameters(option)).needs; }

PolicyParameters PolicyRegistry::parameters(std::string_view option) const {
  const std::string_view word = option.substr(0, option.find_first_of(":["));
  const auto entry = std::ranges::find(entries_, word, &PolicyEntry::word);
  const bool whole = entry != entries_.end() && !entry->argument.empty();
  return whole ? PolicyParameters::with_argument(option) : PolicyParameters(option);
}

std::string PolicyRegistry::help() const {
  std::string text;
  for (const PolicyEntry& entry : entries_) {
    const std::string word = entry.suffix.empty() ? entry.word : "FILE" + entry.suffix;
    const std::string shape = entry.argument.empty() ? word : word + "[KEY=VALUE,...]:" + entry.argument;
    text += fmt::format("{}\n    {}\n", shape, entry.summary);
    for (const PolicyParameter& p : entry.parameters) {
      text += fmt::format("    {}={}  (default {}) {}\n", p.name, p.values, p.fallback, p.meaning);
    }
  }
  return text;
}

}  // namespace veer
