#include "tools/bench/memory.h"
#include "tools/bench/record.h"
#include "tools/bench/workload.h"
#ifdef VEER_WITH_TORCH
#include "tools/bench/ensemble.h"
#include "tools/bench/guidance.h"
#include "tools/bench/ope.h"
#include "tools/bench/path_score.h"
#include "tools/bench/scaling.h"
#include "tools/bench/slate_agent.h"
#include "tools/bench/slate_behaviours.h"
#include "tools/bench/slate_step.h"
#include "tools/bench/step.h"
#include "tools/bench/train_fusion.h"
#include "tools/bench/train_sequential.h"
#include "tools/bench/user_models.h"
#include "tools/bench/user_step.h"
#endif

namespace veer::bench {

std::vector<Workload> workloads() {
  return {
#ifdef VEER_WITH_TORCH
      {"path-score",
       "score 10-step paths of 64 users under a SASRec judge, all prefixes at once, against one forward "
       "pass, softmax and "
       "argsort per prefix",
       path_score},
      {"step",
       "step batches of guided episodes with SASRec people, against encoding every history anew at every "
       "step",
       step},
      {"user-step",
       "one step of people whose taste shifts, against encoding their history anew before every answer",
       user_step},
      {"slate-step",
       "one step of people who are shown random slates and leave when their patience is over, against the "
       "response model computed row by row as it is defined",
       slate_step},
      {"slate-agent",
       "the same with a SASRec policy that shows the best 9 of all items, against every layer at every "
       "position, "
       "all scores and a topk",
       slate_agent},
      {"kuaisim-step",
       "one step of people who do several things with the items of random slates, against the same "
       "Transformer "
       "through LibTorch at every place of every layer",
       kuaisim_step},
      {"ensemble",
       "read the histories of people and play ten steps under five models that speak as one, against the "
       "five "
       "one after another",
       ensemble},
      {"user-models",
       "one step of one person under every kind of user model, against beginning anew from their history",
       user_models},
      {"rollout",
       "sample 16 guidance paths for each of 64 people, against encoding the prompt per path and reading "
       "every "
       "path anew for every token",
       rollout},
      {"prorl-step",
       "one update of a path policy by reward, against the same with such rollouts and a pass per prefix",
       prorl_step},
      {"train-sequential",
       "train next-item networks over catalogues of 26,702 and 70,852 items and rank held-out events, "
       "against "
       "one graph over "
       "materialised windows, dense Adam and a full sort",
       train_sequential},
      {"train-fusion", "train TD3 and CQL on logged fusion weights, against modules with one graph per loss",
       train_fusion},
      {"ope",
       "fit a Q network to a million logged steps and judge a policy by it, against modules with one graph "
       "per "
       "batch",
       ope_with_model},
      {"scaling", "score paths over catalogues of a thousand to a million items, and on one and two threads",
       scaling},
#endif
      {"memory", "hold a million episodes at once", memory},
      {"record", "evaluate synthetic people and write every step down, against keeping nothing", record},
  };
}

}  // namespace veer::bench
