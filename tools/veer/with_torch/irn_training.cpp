#include "tools/veer/irn_training.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "agents/irn/irn_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/checks.h"
#include "tools/veer/describe.h"
#include "tools/veer/text.h"

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

irn::IrnResult train_with_progress(const Dataset& data, irn::IrnTrainingOptions& options,
                                   const Console& console) {
  using Clock = std::chrono::steady_clock;
  const bool rewrites = console.terminal();
  const auto interval = rewrites ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  auto shown = Clock::now();
  bool line_open = false;
  options.progress = [&](const irn::IrnProgress& at) {
    const auto now = Clock::now();
    if (console.quiet() || now - shown < interval) return;
    shown = now;
    console.err() << (rewrites ? "\r\033[K" : "")
                  << fmt::format(
                         "irn: epoch {} of {}, step {} of {}, loss {:.4f}, validation (best) {:.4f}, {}",
                         at.epoch, at.max_epochs, at.step, at.steps, at.loss, at.best,
                         duration_text(at.seconds))
                  << (rewrites ? "" : "\n") << std::flush;
    line_open = rewrites;
  };
  irn::IrnResult result = irn::train_irn(data, options);
  if (line_open) console.err() << "\r\033[K" << std::flush;
  return result;
}

}  // namespace

void add_irn_options(CLI::App& app, irn::IrnTrainingOptions& options) {
  const std::string training = "irn: training";
  const auto count = [&](const char* name, std::int32_t& value, const char* what, const std::string& group) {
    app.add_option(name, value, what)->check(positive())->capture_default_str()->group(group);
  };
  count("--epochs", options.max_epochs, "passes over the logs, at most", training);
  count("--patience", options.patience, "epochs without a smaller validation loss before the end", training);
  count("--plateau", options.plateau, "epochs without one before the learning rate is halved", training);
  count("--batch", options.batch, "stretches of logs per update", training);
  count("--shortest", options.shortest, "items of such a stretch, at least; at most --positions", training);
  app.add_option("--learning-rate", options.learning_rate, "of Adam; lower it when training diverges")
      ->capture_default_str()
      ->group(training);
  const std::string network = "irn: network (the paper: hidden 30, 6 layers, 6 heads)";
  count("--hidden", options.model.hidden, "width of item vectors", network);
  count("--layers", options.model.layers, "blocks", network);
  count("--heads", options.model.heads, "attention heads", network);
  count("--inner", options.model.inner, "feed-forward width", network);
  count("--person", options.model.person, "width of a person's vector", network);
  count("--positions", options.model.positions, "places of history, path and target together", network);
  const auto real = [&](const char* name, float& value, const char* what) {
    app.add_option(name, value, what)->capture_default_str()->group(network);
  };
  real("--dropout", options.model.dropout, "share of values dropped in training");
  real("--person-dropout", options.model.person_dropout, "share of examples read as of someone unknown");
  real("--history-weight", options.model.history_weight, "w_h, added to the attention that history gets");
  app.add_flag("--target-reads-history", options.model.target_reads_history,
               "the released code's mask, which shows every place the items it is to predict")
      ->group(network);
  real("--target-weight", options.model.target_weight,
       "w_t, times a person's impressionability, to the target's");
}

void run_irn_training(irn::IrnTrainingOptions options, const std::string& data_file,
                      const std::string& output, const Session& session) {
  const Dataset data = read_dataset(data_file);
  options.seed = session.common.seed;
  irn::IrnConfig sizes = options.model;
  sizes.items = data.catalogue.size();
  sizes.people = data.interactions.users();
  session.console.note(fmt::format("training irn on train_plan of {}: {} people, {} items, {} parameters",
                                   data.name,
                                   grouped(static_cast<std::int64_t>(data.users_of(Part::train_plan).size())),
                                   grouped(sizes.items), grouped(irn::parameter_count(sizes))));
  const irn::IrnResult result = train_with_progress(data, options, session.console);
  ModelManifest manifest;
  manifest.fitted_on = "train_plan";
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.seed = options.seed;
  manifest.metrics = {{"validation_nll", result.best_loss}, {"best_epoch", result.best_epoch}};
  const ModelFile file = irn::to_model_file(result.model, std::move(manifest));
  write_model(output, file);
  std::error_code ignored;
  std::filesystem::remove(options.checkpoint, ignored);
  if (session.console.json()) {
    nlohmann::ordered_json out = describe_model(file.manifest);
    out["epochs"] = result.history.size();
    out["ended_because"] = end_of(result.end);
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << fmt::format(
      "{}: best of {} epochs is {} (validation {:.4f} nats per item), {}; ended because {}\n", output,
      result.history.size(), result.best_epoch, result.best_loss, duration_text(result.seconds),
      end_of(result.end));
}

}  // namespace veer::tools
