#include "simulators/synthetic/synthetic_log_titles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "env/random.h"

namespace veer {
namespace {

constexpr std::uint32_t title_draws = 4;  // the step of a key tells what is drawn; 1..3 belong to the world

constexpr std::array<std::string_view, 48> adjectives = {
    "Silent",   "Crimson",  "Hidden",   "Last",    "Broken", "Golden",   "Distant",   "Forgotten",
    "Burning",  "Quiet",    "Endless",  "Frozen",  "Secret", "Lonely",   "Shining",   "Wandering",
    "Hollow",   "Ancient",  "Restless", "Pale",    "Wild",   "Velvet",   "Bitter",    "Gentle",
    "Midnight", "Paper",    "Iron",     "Glass",   "Second", "Unlikely", "Borrowed",  "Patient",
    "Reckless", "Ordinary", "Perfect",  "Crooked", "Blue",   "Early",    "Vanishing", "Honest",
    "Tangled",  "Northern", "Careless", "Grand",   "Little", "Stolen",   "Sleeping",  "Unfinished"};

/// Nouns of the topics in the order of synthetic_topic_name.
constexpr std::array<std::array<std::string_view, 5>, 32> nouns = {{
    {"Comet", "Telescope", "Eclipse", "Constellation", "Observatory"},
    {"Voyage", "Compass", "Caravan", "Passage", "Atlas"},
    {"Harbour", "Lighthouse", "Tide", "Pier", "Anchor"},
    {"Angler", "Trawler", "Net", "Catch", "Estuary"},
    {"Recipe", "Kitchen", "Feast", "Spice", "Bakery"},
    {"Garden", "Orchard", "Rose", "Greenhouse", "Hedge"},
    {"Forest", "Clearing", "Oak", "Trail", "Canopy"},
    {"Fox", "Heron", "Wolf", "Burrow", "Migration"},
    {"Summit", "Ridge", "Climb", "Valley", "Glacier"},
    {"Snowfall", "Sledge", "Hearth", "Blizzard", "Solstice"},
    {"Legend", "Fable", "Giant", "Riddle", "Spell"},
    {"Ghost", "Attic", "Haunting", "Shadow", "Lantern"},
    {"Alibi", "Clue", "Witness", "Disappearance", "Cipher"},
    {"Agent", "Dossier", "Defector", "Code", "Rendezvous"},
    {"Battle", "Soldier", "Siege", "Armistice", "Regiment"},
    {"Election", "Senator", "Cabinet", "Scandal", "Treaty"},
    {"Verdict", "Trial", "Judge", "Testimony", "Appeal"},
    {"Merger", "Ledger", "Fortune", "Factory", "Bargain"},
    {"Machine", "Patent", "Engine", "Workshop", "Prototype"},
    {"Robot", "Circuit", "Automaton", "Signal", "Android"},
    {"Orbit", "Station", "Colony", "Starship", "Moon"},
    {"Clock", "Paradox", "Hour", "Century", "Yesterday"},
    {"Question", "Idea", "Dialogue", "Truth", "Doubt"},
    {"Pilgrim", "Chapel", "Prophecy", "Monastery", "Psalm"},
    {"Symphony", "Violin", "Ballad", "Chorus", "Melody"},
    {"Waltz", "Ballet", "Rehearsal", "Tango", "Stage"},
    {"Curtain", "Understudy", "Comedy", "Monologue", "Encore"},
    {"Portrait", "Canvas", "Gallery", "Fresco", "Palette"},
    {"Letter", "Wedding", "Kiss", "Promise", "Rival"},
    {"Daughter", "Inheritance", "Cradle", "Reunion", "Brother"},
    {"Lesson", "Classroom", "Examination", "Headmaster", "Graduation"},
    {"Marathon", "Match", "Champion", "Referee", "Relay"},
}};

}  // namespace

std::vector<std::string> synthetic_titles(const SyntheticWorld& world) {
  std::vector<std::string> titles = {""};
  std::map<std::string, int> uses;
  for (ItemId item = 1; item <= world.items(); ++item) {
    const StepKey key{world.parameters().seed, static_cast<EpisodeId>(item), title_draws};
    const std::span<const float> topics = world.topics_of(item);
    const auto leading = static_cast<std::size_t>(std::ranges::max_element(topics) - topics.begin());
    const auto& words = nouns[leading % nouns.size()];
    std::string title = "The ";
    title += adjectives[uniform_below(adjectives.size(), key, Stream::initialise, 0)];
    title += ' ';
    title += words[uniform_below(static_cast<std::uint32_t>(words.size()), key, Stream::initialise, 1)];
    const int use = ++uses[title];
    if (use > 1) title += " " + std::to_string(use);
    titles.push_back(std::move(title));
  }
  return titles;
}

std::string shortest_decimal(float value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace veer
