#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agents/irn/irn_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"

namespace veer::tools {
namespace {

const char* end_of(irn::IrnEnd end) {
  switch (end) {
    case irn::IrnEnd::patience:
      return "the validation loss stopped falling";
    case irn::IrnEnd::max_epochs:
      return "all epochs done";
    case irn::IrnEnd::budget:
      return "the time budget is used up";
  }
  return "";
}

}  // namespace

void add_irn_options(CLI::App& app, IrnTask& task) {
  add_training_files(app, task.files);
  add_budget(app, task.files);
  irn::IrnTrainingOptions& options = task.training;
  const std::string training = "Training";
  const auto count = [&](const char* name, std::int32_t& value, const char* what, const std::string& group) {
    app.add_option(name, value, what)->check(positive())->capture_default_str()->group(group);
  };
  count("--irn-epochs", options.max_epochs, "passes over the logs, at most", training);
  count("--irn-patience", options.patience, "epochs without a smaller validation loss before the end",
        training);
  count("--irn-plateau", options.plateau, "epochs without one before the learning rate is halved", training);
  count("--irn-batch", options.batch, "stretches of logs per update", training);
  count("--irn-shortest", options.shortest, "items of such a stretch, at least; at most --irn-positions",
        training);
  app.add_option("--irn-learning-rate", options.learning_rate, "of Adam; lower it when training diverges")
      ->capture_default_str()
      ->group(training);
  const std::string network = "Network";
  count("--irn-hidden", options.model.hidden, "width of item vectors (the paper: 30)", network);
  count("--irn-layers", options.model.layers, "blocks (6)", network);
  count("--irn-heads", options.model.heads, "attention heads (6)", network);
  count("--irn-inner", options.model.inner, "feed-forward width", network);
  count("--irn-person", options.model.person, "width of a person's vector", network);
  count("--irn-positions", options.model.positions, "places of history, path and target together", network);
  const auto real = [&](const char* name, float& value, const char* what) {
    app.add_option(name, value, what)->capture_default_str()->group(network);
  };
  real("--irn-dropout", options.model.dropout, "share of values dropped in training");
  real("--irn-person-dropout", options.model.person_dropout, "share of examples read as of someone unknown");
  real("--irn-history-weight", options.model.history_weight, "w_h, added to the attention that history gets");
  app.add_flag("--irn-target-reads-history", options.model.target_reads_history,
               "the released code's mask, which shows every place the items it is to predict")
      ->group(network);
  real("--irn-target-weight", options.model.target_weight,
       "w_t, times a person's impressionability, to the target's");
}

void run_irn(IrnTask& task, const Session& session) {
  const TrainingFiles& files = task.files;
  const Dataset data = read_dataset(files.data);
  irn::IrnTrainingOptions& options = task.training;
  options.seed = session.common.seed;
  options.budget_seconds = budget_seconds(files);
  options.checkpoint = prepare_training(files, session);
  options.checkpoint_seconds = checkpoint_seconds(files);
  options.model.items = data.catalogue.size();
  options.model.people = data.interactions.users();
  session.console.note(fmt::format("irn: the logs of {} train_plan people, {} items, {} parameters",
                                   grouped(static_cast<std::int64_t>(data.users_of(Part::train_plan).size())),
                                   grouped(options.model.items),
                                   grouped(irn::parameter_count(options.model))));
  std::optional<irn::IrnResult> result;
  {
    StatusLine status(session.console);
    TrainingCurves curves("irn", files.tensorboard);
    options.progress = [&](const irn::IrnProgress& at) {
      const std::int64_t update = (at.epoch - 1) * at.steps + at.step;
      curves.add(update, "nats per item", at.loss);
      if (at.best > 0.0) curves.add(update, "least nats per item on validation", at.best);
      if (!status.due()) return;
      status.show(fmt::format(
          "irn: epoch {} of {}, update {} of {}, {:.4f} nats per item (best on validation {:.4f}), {}",
          at.epoch, at.max_epochs, at.step, at.steps, at.loss, at.best, duration_text(at.seconds)));
    };
    result = irn::train_irn(data, options);
  }
  ModelManifest manifest;
  manifest.fitted_on = "train_plan";
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.seed = options.seed;
  manifest.metrics = {{"validation_nats_per_item", result->best_loss},
                      {"best_epoch", result->best_epoch},
                      {"epochs", static_cast<double>(result->history.size())}};
  const ModelFile file = irn::to_model_file(result->model, std::move(manifest));
  write_model(files.output, file);
  std::filesystem::remove(options.checkpoint);
  nlohmann::ordered_json description = describe_model(file.manifest);
  description["ended"] = end_of(result->end);
  print_description(session.console, description);
}

}  // namespace veer::tools
