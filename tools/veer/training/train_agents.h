// The agents that `veer train` trains: options and work of each. Needs a build with LibTorch: defined in
// with_torch/training/train_*.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/generative/pretraining.h"
#include "agents/irn/irn_training.h"
#include "agents/offline/learning/offline_training.h"
#include "agents/prorl/prorl_training.h"
#include "agents/slate/latent/latent_options.h"
#include "env/nn/seq2seq/seq2seq_model.h"
#include "tools/veer/program.h"
#include "tools/veer/training/offline_sessions.h"
#include "tools/veer/training/training_files.h"
#include "tools/veer/worlds/world_options.h"

namespace veer::tools {

/// veer train path_model: imitates the paths that people walked by themselves, or those of a policy.
struct PathModelTask {
  TrainingFiles files;
  PathTraining paths;
  std::string ids;
  std::string lessons;  ///< run directory of the policy to imitate; empty: people's own paths
  std::string teacher;  ///< which policy of that run; empty: its only one
  std::optional<std::int32_t> most_history;  ///< absent: 10, or that of the start
  nn::Seq2SeqConfig sizes;
  PretrainingOptions training;
};
void add_path_model_options(CLI::App& app, PathModelTask& task);
void run_path_model(PathModelTask& task, const Session& session);

/// veer train prorl: from a path model, by the reward that a user model gives.
struct ProRlTask {
  TrainingFiles files;
  PathTraining paths;
  std::string users;
  std::string targets = "uniform", estimator = "position", divergence = "full";
  std::vector<double> weights{1.0, 1.0, 1.0};
  bool uncentred = false;
  std::int32_t known = 10;    ///< items of a history that the user model reads, at least
  bool left_padding = false;  ///< read paths as the released trainer does
  std::string history;        ///< CSV file of updates and evaluations; empty: none
  prorl::TrainingOptions training;
};
void add_prorl_options(CLI::App& app, ProRlTask& task);
void run_prorl(ProRlTask& task, const Session& session);

/// veer train irn: the influential recommender network, from logs.
struct IrnTask {
  TrainingFiles files;
  irn::IrnTrainingOptions training;
};
void add_irn_options(CLI::App& app, IrnTask& task);
void run_irn(IrnTask& task, const Session& session);

/// veer train supervised, sqn, prl, ...: next-item agents, from logged sessions. training.agent.kind is set
/// before the options are added: it says which there are.
struct OfflineTask {
  TrainingFiles files;
  SessionChoice sessions;
  std::string people = "train_plan", encoder = "gru", prompt = "attention", weighting = "reward";
  std::filesystem::path twin;             ///< where the other of two networks goes; empty: nowhere
  std::optional<std::int64_t> switch_at;  ///< none: three quarters of the updates, at most 15,000
  offline::OfflineTrainingOptions training;
};
void add_offline_options(CLI::App& app, OfflineTask& task);
void run_offline(OfflineTask& task, const Session& session);

/// veer train fusion: an agent that sets the weights of a feed's ranking, from a log of decisions or, without
/// one, by acting.
struct FusionTask {
  TrainingFiles files;
  WorldOptions world;  ///< of fusion-v1; read where there is no log
  std::string log, history, agent = "td3", preset = "authors";
  std::int64_t updates = 10'000, steps = 30'000, report_every = 0;
  std::int32_t episodes = 512, updates_per_batch = 8, rows = 64;
  float noise = 0.1F;
  std::optional<std::int32_t> hidden, batch, samples, vae_hidden, choices, passes;
  bool unconstrained = false;
  std::optional<float> actor_rate, critic_rate, conservatism, imitation, discount;
};
void add_fusion_options(CLI::App& app, FusionTask& task);
void run_fusion(FusionTask& task, const Session& session);

/// veer train hsrl, a2c, ddpg, ...: agents that show slates and learn from the answers, in a world of slates.
/// `name`, `hsrl` and `kind` are set before the options are added.
struct SlateTask {
  TrainingFiles files;  ///< with `seeds`, names hold {seed}
  std::string name;
  std::vector<std::uint64_t> seeds;  ///< trained side by side; empty: the one of --seed
  bool hsrl = true;
  slate::LatentKind kind = slate::LatentKind::ddpg;  ///< read where hsrl is false
  WorldOptions world;                                ///< of slate-v1
  std::int64_t steps = 200'000, replay = 20'000, evaluate_every = 10'000;
  std::int32_t rows = 64, batch = 64, episodes = 512, staleness = 0;
  float discount = 0.9F;
  std::optional<float> actor_rate, critic_rate, cloning_rate, entropy;
  std::optional<float> sharpness, best_rate, importance;          ///< hsrl
  std::string profile = "recommended", residual, critic, credit;  ///< empty: as the profile says
  std::int32_t levels = 3;
  std::optional<std::int32_t> codes;  ///< none: 64, of the released profiles 16
};
void add_slate_options(CLI::App& app, SlateTask& task);
void run_slate(SlateTask& task, const Session& session);

}  // namespace veer::tools
