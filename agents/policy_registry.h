// From a word on the command line to a policy: "beam:width=4,m=all", "graph_path:variant=coherent",
// "model.pt", "process[timeout=2]:python3 mine.py".
//
// One visible list, no static objects. What needs LibTorch is not known here: whoever links it adds its
// entries to the list (see PolicyRegistry::add), and they look the same to the program. Thread-safety:
// immutable after the last add().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/policy.h"
#include "env/spec.h"
#include "env/types.h"

namespace veer {

struct Dataset;
class ItemGraph;
class UserModel;

/// What policies are made from. Everything must outlive the policies; what no chosen policy needs may stay
/// empty.
struct PolicyContext {
  EnvSpec world;
  const Dataset* data = nullptr;
  const ItemGraph* graph = nullptr;
  View<const float> item_table;        ///< [N+1, d] embeddings, row 0 unused
  const UserModel* planner = nullptr;  ///< the model that planners plan with; need not be the world's
  std::vector<float> slate_worth{};    ///< in a world of slates: the reward of 0..slots clicks
};

/// What must be there before a policy can be made, so that a program builds only what is asked for.
struct PolicyNeeds {
  bool data = false;
  bool graph = false;
  bool item_table = false;
  bool planner = false;
  bool target = false;  ///< it leads towards a target: a world without one is no world for it

  friend PolicyNeeds operator|(PolicyNeeds a, PolicyNeeds b) noexcept {
    return {a.data || b.data, a.graph || b.graph, a.item_table || b.item_table, a.planner || b.planner,
            a.target || b.target};
  }
  friend bool operator==(PolicyNeeds, PolicyNeeds) = default;
};

/// The parameters of one option string. Getters throw ConfigError naming policy and parameter, what was found
/// and what was expected.
class PolicyParameters {
 public:
  /// "word", "word:key=value,key=value". Throws ConfigError for an empty word or key, a missing '=', a key
  /// given twice.
  explicit PolicyParameters(std::string_view option);
  /// "word:text", "word[key=value,key=value]:text": all behind the colon is one argument. Throws likewise,
  /// and when there is no argument.
  static PolicyParameters with_argument(std::string_view option);

  const std::string& option() const noexcept {
    return option_;
  }  ///< as it was given; names the policy in tables
  const std::string& word() const noexcept { return word_; }
  const std::string& argument() const noexcept { return argument_; }
  const std::map<std::string, std::string, std::less<>>& values() const noexcept { return values_; }

  std::int32_t integer(std::string_view key, std::int32_t fallback, std::int32_t least,
                       std::int32_t most) const;
  double real(std::string_view key, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;  ///< true or false
  std::string text(std::string_view key, std::string_view fallback) const;
  /// Index of the value in `choices`.
  std::size_t choice(std::string_view key, std::size_t fallback,
                     std::span<const std::string_view> choices) const;
  [[noreturn]] void reject(std::string_view key, std::string_view found, std::string_view expected) const;

 private:
  PolicyParameters() = default;
  [[noreturn]] void malformed(std::string_view found, std::string_view expected) const;
  void read_pairs(std::string_view pairs, std::string_view expected);

  std::string option_;
  std::string word_;
  std::string argument_;
  std::map<std::string, std::string, std::less<>> values_;
};

struct PolicyParameter {
  std::string name;
  std::string values;    ///< "1..64", "true|false"
  std::string fallback;  ///< what holds when it is not given
  std::string meaning;
};

struct PolicyEntry {
  std::string word;     ///< "beam"
  std::string suffix;   ///< not empty: words that end in it are file names and mean this entry (".pt")
  std::string summary;  ///< one sentence
  PolicyNeeds needs;
  std::vector<PolicyParameter> parameters;
  std::function<std::shared_ptr<const Policy>(const PolicyContext&, const PolicyParameters&)> make;
  std::string argument{};  ///< not empty: what stands behind the colon, parameters standing in brackets
};

class PolicyRegistry {
 public:
  /// The policies that need no LibTorch (agents/plain_policies.h), or a list of one's own.
  PolicyRegistry();
  explicit PolicyRegistry(std::vector<PolicyEntry> entries);

  /// Throws ConfigError when the word or suffix is taken.
  void add(PolicyEntry entry);
  std::span<const PolicyEntry> entries() const noexcept { return entries_; }

  /// Throws ConfigError for an unknown word or parameter (listing those that exist), a bad value, or when the
  /// context lacks something that the policy needs.
  std::shared_ptr<const Policy> make(std::string_view option, const PolicyContext& context) const;
  PolicyNeeds needs(std::string_view option) const;
  /// The option in its parts. Throws ConfigError as make().
  PolicyParameters parameters(std::string_view option) const;

  /// Every policy with its parameters, for the program's --help.
  std::string help() const;

 private:
  const PolicyEntry& find(const PolicyParameters& parameters) const;

  std::vector<PolicyEntry> entries_;
};

}  // namespace veer
