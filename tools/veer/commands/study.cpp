// veer study NAME -o parts.jsonl: questions about learning from behaviour, answered in made-up worlds.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/veer/program.h"
#include "tools/veer/studies/ads_study.h"
#include "tools/veer/terminal/checks.h"

namespace veer::tools {

void add_study(Program& program) {
  CLI::App& family = program.add_family(
      "study", "Asks what learned agents can do in worlds whose truth is known.",
      "Every finished training is a line of --output: an interrupted study goes on where it was.");
  auto ads = std::make_shared<AdsStudyOptions>();
  CLI::App& app = program.add_below(
      family, "ads",
      "Pages of items and ads: two agents that share them, trained for several weights of what people get "
      "against what ads earn.",
      "veer study ads --seeds 3 -o ads.jsonl",
      [ads](const Session& session) { run_ads_study(*ads, session); });
  app.add_option("-o,--output", ads->output, "file of finished parts")->required()->type_name("FILE");
  app.add_option("--seeds", ads->seeds, "trainings of every agent")
      ->check(at_most(1000, "so many take very long"))
      ->capture_default_str();
  app.add_option("--steps", ads->steps, "pages shown in a training")
      ->check(at_most(100'000'000, "so many are not remembered"))
      ->capture_default_str();
  app.add_option("--episodes", ads->episodes, "sessions that judge a policy")
      ->check(at_most(10'000'000, "so many do not fit in memory"))
      ->capture_default_str();
}

}  // namespace veer::tools
