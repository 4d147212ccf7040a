// What `veer guide --explain` adds to a path: which mechanism of the person changed their interest in the
// target at which step, and the same person without the guidance. Thread-safety: pure functions of what they
// are given.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "simulators/explanation.h"
#include "simulators/panel.h"
#include "tools/veer/terminal/console.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {

/// One judge's account of one path.
struct Explanation {
  std::string judge;
  std::string kind;                      ///< of its model: "sasrec"
  std::optional<PathExplanation> split;  ///< empty: the model names no mechanisms
  Trajectories alone;                    ///< the person without the guidance, under this judge
};

/// Throws ConfigError when no judge of the panel names mechanisms.
void require_explainable(const Panel& panel);

/// One account per judge, in the panel's order, of a path of one episode that the panel has judged.
std::vector<Explanation> explain(const World& world, const Trajectories& path);

/// Per judge a table of steps by mechanisms and one of steps with and without the guidance.
std::string explanation_text(const World& world, const Trajectories& path,
                             const std::vector<Explanation>& explanations, const Console& console);

/// An object by judge: kind, mechanisms (null where it names none), steps (change, parts, sum), and
/// without_guidance (start, steps with item, interest, rank and the effect of the guidance on both).
nlohmann::ordered_json explanation_json(const World& world, const Trajectories& path,
                                        const std::vector<Explanation>& explanations);

}  // namespace veer::tools
