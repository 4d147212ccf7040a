#include "tools/veer/fitting/fit_report.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

const char* reason(FitEnd end) {
  switch (end) {
    case FitEnd::patience:
      return "validation MRR@10 stopped rising";
    case FitEnd::max_epochs:
      return "all epochs done";
    case FitEnd::budget:
      return "the time budget is used up";
  }
  return "";
}

std::string fidelity_text(const Fidelity& fidelity) {
  Table ranking({"full ranking of the catalogue", "Recall", "NDCG", "MRR"});
  for (const RankingAccuracy& at : fidelity.ranking) {
    ranking.add({fmt::format("first {}", at.k), fmt::format("{:.4f}", at.recall),
                 fmt::format("{:.4f}", at.ndcg), fmt::format("{:.4f}", at.mrr)});
  }
  const Calibration& calibration = fidelity.calibration;
  std::string out =
      fmt::format("Held-out next items: {} cases, mean rank {:.1f}, {:.3f} nats, coverage@10 {:.1f} %\n{}",
                  grouped(fidelity.cases), fidelity.mean_rank, fidelity.negative_log_likelihood,
                  100.0 * fidelity.coverage, ranking.text());
  out += fmt::format(
      "Acceptance: AUC {:.3f}, calibration error {:.3f}; mean probability {:.3f} where taken, {:.3f} where "
      "not\n",
      calibration.auc, calibration.expected_error, calibration.mean_accepted, calibration.mean_sampled);
  return out;
}

}  // namespace

FitResult fit_with_progress(const Dataset& data, FitOptions options, const Console& console,
                            const std::string& label) {
  StatusLine status(console);
  options.progress = [&](const FitProgress& at) {
    if (!status.due()) return;
    status.show(fmt::format(
        "{}: epoch {} of {}, step {} of {}, loss {:.4f}, MRR@10 {:.4f} (best {:.4f}), {}, at most {} left",
        label, at.epoch, at.max_epochs, at.step, at.steps, at.loss, at.mrr, at.best_mrr,
        duration_text(at.seconds), duration_text(at.seconds_left)));
  };
  return fit_sequence_model(data, options);
}

ModelManifest manifest_of(const FitResult& result, const FitOptions& options, const Dataset& data) {
  ModelManifest manifest;
  manifest.fitted_on = fitted_on(options.people);
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.seed = options.seed;
  manifest.metrics = result.test.to_metrics();
  manifest.metrics["validation_mrr@10"] = result.best_mrr;
  manifest.metrics["best_epoch"] = result.best_epoch;
  return manifest;
}

void print_fit(const Console& console, const std::string& path, const FitResult& result) {
  // Whole ones; the one in which the fit ended may be the best, too.
  const std::size_t epochs = std::max<std::size_t>(result.history.size(), at(result.best_epoch));
  if (console.json()) {
    nlohmann::ordered_json out = describe_model(read_model(path).manifest);
    out["epochs"] = epochs;
    out["best_epoch"] = result.best_epoch;
    out["ended_because"] = reason(result.end);
    out["calibration"] = nlohmann::ordered_json::array();
    for (const CalibrationBin& bin : result.test.calibration.bins) {
      out["calibration"].push_back(
          {{"count", bin.count}, {"predicted", bin.predicted}, {"observed", bin.observed}});
    }
    console.out() << out.dump(2) << '\n';
    return;
  }
  console.out() << fmt::format(
                       "{}: best of {} epochs is {} (validation MRR@10 {:.4f}), {}; ended because {}\n", path,
                       epochs, result.best_epoch, result.best_mrr, duration_text(result.seconds),
                       reason(result.end))
                << fidelity_text(result.test);
}

}  // namespace veer::tools
