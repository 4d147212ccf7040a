// veer train AGENT --data data.h5 -o agent.model.h5
#include <CLI/CLI.hpp>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "tools/veer/program.h"
#include "tools/veer/training/train_agents.h"

namespace veer::tools {
namespace {

/// One agent: its options in a task of its own, and what is done with them.
template <class Task>
void add_agent(Program& program, CLI::App& train, const char* name, const char* description,
               const char* example, void (*add_options)(CLI::App&, Task&), void (*run)(Task&, const Session&),
               Task beginning = {}) {
  auto task = std::make_shared<Task>(std::move(beginning));
  CLI::App& app = program.add_below(train, name, description, example, [task, run](const Session& session) {
    if (session.common.device != "cpu" && session.common.device != "auto") {
      session.console.note("training runs on the CPU; --device says where trained models are used");
    }
    run(*task, session);
  });
  add_options(app, *task);
}

/// What every offline agent is, in the order of offline::agent_names.
constexpr const char* offline_summaries[] = {
    "Cross-entropy of the next item.",
    "Cross-entropy, each event weighted by its reward.",
    "Cross-entropy beside a head that learns each event's own reward.",
    "Cross-entropy beside action values (self-supervised Q-learning).",
    "SQN, whose cross-entropy comes to be weighted by the action values (self-supervised actor-critic).",
    "SQN with sampled negative actions.",
    "SNQN, whose cross-entropy comes to be weighted by the advantage (supervised advantage actor-critic).",
    "Action values that are held down where the log has no action (discrete CQL).",
    "Action values among what an imitating head thinks the log might hold (discrete batch-constrained "
    "Q-learning).",
    "Return-conditioned cross-entropy: a prompt asks for the return (prompt-based learning)."};

/// What every agent that shows slates is: HSRL, then the baselines in the order of slate::latent_names.
struct SlateAgent {
  const char* name;
  const char* summary;
};
constexpr SlateAgent slate_agents[] = {
    {"hsrl", "Slates by semantic tokens, with a critic per level (hierarchical semantic RL)."},
    {"a2c", "Slates by a softmax over all items and the advantage of a state value."},
    {"ddpg", "Slates by a continuous action that is projected on the catalogue."},
    {"hac", "DDPG whose action is kept near the slate it becomes, and clicks."},
    {"clicks", "Slates by learned click probabilities alone (online supervised learning)."},
    {"wolpertinger", "The items near a continuous action that have the highest action values."},
    {"slateq", "Item-wise action values weighed by a learned choice model."}};

}  // namespace

void add_train(Program& program) {
  CLI::App& train = program.add_family("train", "Trains a policy, from logs or by a user model's reward.",
                                       "Policies learn from people of train_plan; validation people decide "
                                       "which weights are kept. Interrupted\n"
                                       "training goes on where the same command left its checkpoint.");
  add_agent<PathModelTask>(
      program, train, "path_model", "A network that writes guidance paths, taught by examples.",
      "veer fit semantic_ids --data ml-1m.h5 --vectors plan.model.h5 -o ids.model.h5\n"
      "         veer train path_model --data ml-1m.h5 --ids ids.model.h5 --exclude-attribute Drama \\\n"
      "           -o path.model.h5\n\n"
      "It learns to write the paths that people walked by themselves: runs of items that share attributes; "
      "with\n"
      "--lessons, the paths that a policy played in a recorded run.",
      add_path_model_options, run_path_model);
  add_agent<ProRlTask>(program, train, "prorl",
                       "The same network, trained by what its paths do to people (ProRL).",
                       "veer train prorl --data ml-1m.h5 --start path.model.h5 --users plan.model.h5 \\\n"
                       "           --exclude-attribute Drama -o prorl.model.h5\n"
                       "         veer guide --data ml-1m.h5 --users plan.model.h5 --policy prorl.model.h5\n\n"
                       "It samples paths for people's histories, and a user model says what every step did "
                       "to the interest in the\n"
                       "target.",
                       add_prorl_options, run_prorl);
  add_agent<IrnTask>(
      program, train, "irn", "The influential recommender network: continues logs with the target in view.",
      "veer train irn --data ml-1m.h5 -o irn.model.h5\n"
      "         veer guide --data ml-1m.h5 --users plan.model.h5 --policy irn:model=irn.model.h5",
      add_irn_options, run_irn);
  add_agent<FusionTask>(
      program, train, "fusion", "Weights that fuse predictions into a feed's ranking (TD3, BCQ, CQL, ...).",
      "veer train fusion --agent td3 -o expert.model.h5\n"
      "         veer log --regime expert --policy fusion_agent:model=expert.model.h5 -o expert.log.h5\n"
      "         veer train fusion --agent bcq --log expert.log.h5 -o bcq.model.h5\n\n"
      "With --log it learns from a log of decisions and never acts; what it earns in the log's world is "
      "only\n"
      "watched. Without, it acts in the made-up world of the options and learns from what comes of it.",
      add_fusion_options, run_fusion);
  for (std::size_t kind = 0; kind < offline::agent_names.size(); ++kind) {
    const std::string name(offline::agent_names[kind]);
    OfflineTask task;
    task.training.agent.kind = static_cast<offline::AgentKind>(kind);
    add_agent<OfflineTask>(
        program, train, name.c_str(), offline_summaries[kind],
        ("veer train " + name + " --data sessions.h5 --encoder sasrec -o " + name + ".model.h5\n" +
         "         veer rank --data sessions.h5 --model " + name + ".model.h5\n\n" +
         "An offline next-item agent: it learns from logged sessions of clicks and purchases.")
            .c_str(),
        add_offline_options, run_offline, task);
  }
  for (std::size_t i = 0; i < std::size(slate_agents); ++i) {
    SlateTask task;
    task.name = slate_agents[i].name;
    task.hsrl = i == 0;
    if (i > 0) task.kind = static_cast<slate::LatentKind>(i - 1);
    add_agent<SlateTask>(
        program, train, slate_agents[i].name, slate_agents[i].summary,
        ("veer train " + task.name + " --world rl4rs-session -o " + task.name + ".model.h5\n\n" +
         "It shows slates to people who have patience, and learns from their answers; validation "
         "people decide which\nweights are kept.")
            .c_str(),
        add_slate_options, run_slate, task);
  }
}

}  // namespace veer::tools
