#include "scenarios/registry.h"

#include <array>

#include "env/error.h"

namespace veer {
namespace {

struct Registered {
  ScenarioEntry entry;
  std::unique_ptr<Scenario> (*make)(const ScenarioParameters&);
};

constexpr std::array<Registered, 5> registered = {{
    {{"guidance-v1", "lead a person from today's taste to a target item, one item per step"},
     [](const ScenarioParameters& p) -> std::unique_ptr<Scenario> {
       return std::make_unique<GuidanceScenario>(p.guidance);
     }},
    {{"session-v1", "people browse, take, buy and leave; one item per step, no target"},
     [](const ScenarioParameters& p) -> std::unique_ptr<Scenario> {
       return std::make_unique<SessionScenario>(p.session);
     }},
    {{"slate-v1", "people are shown slates until their patience is over"},
     [](const ScenarioParameters& p) -> std::unique_ptr<Scenario> {
       return std::make_unique<SlateScenario>(p.slate);
     }},
    {{"fusion-v1",
      "a feed ranked by weights that the policy sets for every page; people leave when it bores"},
     [](const ScenarioParameters& p) -> std::unique_ptr<Scenario> {
       return std::make_unique<FusionScenario>(p.fusion);
     }},
    {{"retention-v1", "the same feed over several sessions: how soon people come back for the next one"},
     [](const ScenarioParameters& p) -> std::unique_ptr<Scenario> {
       return std::make_unique<RetentionScenario>(p.retention);
     }},
}};

constexpr auto entries = [] {
  std::array<ScenarioEntry, registered.size()> list{};
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = registered[i].entry;
  return list;
}();

}  // namespace

std::span<const ScenarioEntry> scenarios() noexcept { return entries; }

std::unique_ptr<Scenario> make_scenario(std::string_view id, const ScenarioParameters& parameters) {
  std::string known;
  for (const Registered& r : registered) {
    if (r.entry.id == id) return r.make(parameters);
    known += (known.empty() ? "" : ", ") + std::string(r.entry.id);
  }
  throw ConfigError({.file = {}, .line = 0, .field = "scenario"},
                    {"'" + std::string(id) + "'", "one of " + known, {}});
}

}  // namespace veer
