#include "simulators/fitting/response_fit.h"

#include <torch/types.h>

#include <memory>
#include <vector>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/response/response_fidelity.h"
#include "simulators/response/synthetic_response.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

const SyntheticResponse& world() {
  static const SyntheticResponse made = make_synthetic_response(
      synthetic_item_features(120, 12, 2),
      {.people = 1500, .profile = 12, .history = 20, .slates_before = 4, .slates = 16, .seed = 3});
  return made;
}

ResponseFitOptions quick(ResponseLoss loss) {
  ResponseFitOptions options;
  options.loss = loss;
  options.epochs = 3;
  options.learning_rate = 3e-3F;
  options.penalty = 1e-4F;
  options.dropout = 0.0F;
  options.hidden = 64;
  options.history = 20;
  return options;
}

std::vector<std::int64_t> training_slates() { return slates_of(world().data, Part::train_plan); }

}  // namespace

TEST_CASE("fitted on people of a known truth, a model predicts strangers nearly as well as the truth does") {
  const std::vector<std::int64_t> test = slates_of(world().data, Part::test);
  std::vector<double> losses;
  const ResponseModel model =
      fit_response_model(world().data, world().truth.features, training_slates(), quick(ResponseLoss::plain),
                         [&](std::int32_t, double loss) { losses.push_back(loss); });
  REQUIRE(losses.size() == 3);
  CHECK(losses.back() < losses.front());
  const ResponseFidelity fitted = measure_response_fidelity(model, ResponseLink::soft, world().data, test);
  const ResponseFidelity truth =
      measure_response_fidelity(world().truth, ResponseLink::soft, world().data, test);
  const ResponseModel untrained = initial_response_model(model.sizes, model.features, 1);
  const ResponseFidelity before =
      measure_response_fidelity(untrained, ResponseLink::soft, world().data, test);
  MESSAGE("AUC: truth " << truth.calibration.auc << ", fitted " << fitted.calibration.auc << ", untrained "
                        << before.calibration.auc << "; calibration error "
                        << fitted.calibration.expected_error);
  CHECK(truth.slates == std::ssize(test));
  CHECK(truth.calibration.expected_error < 0.02);
  CHECK(before.calibration.auc < 0.6);
  CHECK(fitted.calibration.auc > 0.5 + 0.7 * (truth.calibration.auc - 0.5));
  CHECK(fitted.calibration.auc < truth.calibration.auc + 0.01);
  CHECK(fitted.slot_auc == Approx(fitted.calibration.auc).epsilon(0.03));
  CHECK(fitted.calibration.expected_error < 0.04);
  CHECK(fitted.predicted_rate == Approx(fitted.click_rate).epsilon(0.05));
  CHECK(fitted.cross_entropy < before.cross_entropy);
}

TEST_CASE("the published loss drives predictions to the ends") {
  const std::vector<std::int64_t> test = slates_of(world().data, Part::test);
  const auto fit = [&](ResponseLoss loss) {
    return fit_response_model(world().data, world().truth.features, training_slates(), quick(loss));
  };
  const ResponseFidelity plain =
      measure_response_fidelity(fit(ResponseLoss::plain), ResponseLink::soft, world().data, test);
  const ResponseFidelity saturated =
      measure_response_fidelity(fit(ResponseLoss::saturated), ResponseLink::soft, world().data, test);
  CHECK(saturated.calibration.expected_error > 3.0 * plain.calibration.expected_error);
  const auto ends = [](const ResponseFidelity& f) {
    return static_cast<double>(f.calibration.bins.front().count + f.calibration.bins.back().count) /
           static_cast<double>(f.slates * 9);
  };
  MESSAGE("share of probabilities below 0.1 or above 0.9: plain " << ends(plain) << ", saturated "
                                                                  << ends(saturated));
  CHECK(ends(saturated) > ends(plain) + 0.2);
}

TEST_CASE("equal seeds fit equal weights, another seed others") {
  const std::vector<std::int64_t> all = training_slates();
  const std::span<const std::int64_t> some = std::span(all).first(300);
  ResponseFitOptions options = quick(ResponseLoss::plain);
  options.epochs = 1;
  options.dropout = 0.2F;
  options.merges_profile = true;
  const auto weights = [&] {
    return fit_response_model(world().data, world().truth.features, some, options).weights;
  };
  const std::vector<float> first = weights();
  CHECK(weights() == first);
  options.seed = 20;
  CHECK(weights() != first);
}

TEST_CASE("the network that is fitted is the model that answers") {
  // One step with a tiny rate from the same start: the loss must be what the answering model computes.
  const std::vector<std::int64_t> all = training_slates();
  const std::span<const std::int64_t> some = std::span(all).first(64);
  for (const bool merges : {false, true}) {
    ResponseFitOptions options = quick(ResponseLoss::plain);
    options.epochs = 1;
    options.penalty = 0.0F;
    options.learning_rate = 1e-20F;
    options.merges_profile = merges;
    double loss = 0.0;
    const ResponseModel model = fit_response_model(world().data, world().truth.features, some, options,
                                                   [&](std::int32_t, double value) { loss = value; });
    CHECK(measure_response_fidelity(model, ResponseLink::soft, world().data, some).cross_entropy ==
          Approx(loss).epsilon(1e-4));
  }
}

TEST_CASE("a fit whose last update diverges is refused like any other") {
  ResponseFitOptions options = quick(ResponseLoss::plain);
  options.epochs = 1;
  options.learning_rate = 1e30F;
  options.batch = 1 << 20;  // one update
  CHECK_THROWS_WITH_AS(fit_response_model(world().data, world().truth.features, training_slates(), options),
                       doctest::Contains("no finite number"), ConfigError);
}

TEST_CASE("a fit that is interrupted ends before the next batch") {
  int passes = 0;
  CHECK_THROWS_AS(
      fit_response_model(world().data, world().truth.features, training_slates(), quick(ResponseLoss::plain),
                         [&](std::int32_t, double) {
                           ++passes;
                           request_interrupt();
                         }),
      Interrupted);
  clear_interrupt();
  CHECK(passes == 1);
}

TEST_CASE("options of a fit that make no sense are refused") {
  const std::vector<std::int64_t> all = training_slates();
  const auto refuses = [&](const auto& change, std::span<const std::int64_t> slates) {
    ResponseFitOptions options = quick(ResponseLoss::plain);
    change(options);
    CHECK_THROWS_AS(fit_response_model(world().data, world().truth.features, slates, options), ConfigError);
  };
  const std::vector<std::int64_t> outside{world().data.log.size()};
  refuses([](ResponseFitOptions&) {}, {});
  refuses([](ResponseFitOptions&) {}, outside);
  refuses([](ResponseFitOptions& o) { o.epochs = 0; }, all);
  refuses([](ResponseFitOptions& o) { o.batch = 0; }, all);
  refuses([](ResponseFitOptions& o) { o.learning_rate = 0.0F; }, all);
  refuses([](ResponseFitOptions& o) { o.dropout = 1.0F; }, all);
  refuses([](ResponseFitOptions& o) { o.hidden = 20; }, all);
}

}  // namespace veer
