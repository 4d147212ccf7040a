// What a trust panel looks at: the same episodes through several eyes. In guidance judges say how much
// interest rose; in sessions they say how much of what was shown they would have expected to be taken; and
// episodes played among several peoples have a return in each. Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "env/data/transitions.h"
#include "env/recorder.h"
#include "tools/veer/figures/methods/method_scores.h"

namespace veer::tools {

struct TrustViews {
  std::vector<std::string> judges;  ///< whose eyes; at least one
  std::vector<std::string> fits;    ///< per judge what it was fitted on, and its calibration error; may be ""
  std::size_t own = 0;              ///< the judge whose weaknesses policies may have found
  Figure figure;                    ///< what they put a number on
  std::string about;                ///< of the figure and its judges: a sentence
  bool same_episodes = true;        ///< judges look at one episode; otherwise each plays it anew
  bool drift = false;               ///< whether there is a shift of taste, some of which happens anyway
  /// Place of the judge; values as MethodScores::values.
  std::function<SeedValues(std::size_t method, std::size_t judge)> values;
  std::function<SeedValues(std::size_t method)> off_data;     ///< share of what was shown
  std::function<SeedValues(std::size_t method)> never_taken;  ///< the same; may be empty
};

/// What the run says its people, the model policies plan with, and its judges were fitted on, by the name of
/// the judge ("users", "planner", ...). A run recorded before judges left word of their fit says nothing
/// about those of other names.
std::map<std::string, std::string> fits_of_judges(const RunHeader& header);

/// IoI under the judges of a guidance run; policies plan with "planner", or "users" where there is none.
/// `scores` must outlive the views. REQUIRES: scores.figures().judged().
TrustViews guidance_views(const MethodScores& scores, const std::map<std::string, std::string>& fits);

/// The same policies among other people.
struct PlayedElsewhere {
  std::string name, fit;  ///< of these people; fit as in TrustViews::fits
  MethodScores scores;
};

/// Of sessions and slates, what the judges of a run expect and how far it is from the data.
class EpisodeTrust {
 public:
  /// `judges` as in the trajectories; may be empty (slates). `data` must outlive this.
  EpisodeTrust(const Dataset& data, std::vector<std::string> judges);

  void add(const std::string& policy, const Trajectories& episodes);

  /// With judges the share of what was shown that each expects to be taken, given what the person did before;
  /// without, the first figure of the run. `scores`, of the same policies, and this must outlive the views.
  TrustViews views(const MethodScores& scores, const std::map<std::string, std::string>& fits) const;
  /// The first figure of the same policies in the same episodes among other people: those of `scores`, which
  /// are named "users", and of each of `others`. Throws DataError where others hold other episodes,
  /// ConfigError where they miss a policy. All must outlive the views.
  TrustViews played_views(const MethodScores& scores, const std::map<std::string, std::string>& fits,
                          const std::vector<PlayedElsewhere>& others) const;

 private:
  struct Seen {
    std::string policy;
    std::vector<float> off_data, never_taken;  ///< [episodes] NaN where nothing was shown
    std::vector<std::vector<float>> expected;  ///< [judge][episodes]
  };
  const Seen& of(const std::string& policy) const;
  SeedValues column(const Method& method, std::vector<float> Seen::*which) const;

  std::vector<std::string> judges_;
  TransitionCounts transitions_;
  std::vector<std::uint8_t> taken_;  ///< [N + 1] whether those whom models may learn from took the item
  std::vector<Seen> seen_;
};

}  // namespace veer::tools
