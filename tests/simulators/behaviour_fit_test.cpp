#include "simulators/fitting/behaviour_fit.h"

#include <torch/types.h>

#include <cmath>
#include <memory>
#include <vector>

#include "env/error.h"
#include "simulators/behaviours/behaviour_fidelity.h"
#include "simulators/behaviours/synthetic_behaviours.h"
#include "simulators/fitting/behaviour_fit_net.h"
#include "simulators/response/response_fidelity.h"
#include "tests/simulators/plain_behaviours.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

BehaviourSizes quick_sizes() {
  BehaviourSizes sizes;
  sizes.behaviours = {Behaviour::click, Behaviour::complete, Behaviour::like, Behaviour::dislike};
  sizes.history = 10;
  sizes.latent = 8;
  sizes.encoding = 16;
  sizes.heads = 1;
  sizes.inner = 16;
  sizes.hidden = 32;
  return sizes;
}

const SyntheticBehaviours& made_up() {
  static const SyntheticBehaviours made = make_synthetic_behaviours({.people = 1200,
                                                                     .items = 60,
                                                                     .sizes = quick_sizes(),
                                                                     .slots = 5,
                                                                     .slates_before = 3,
                                                                     .slates = 12,
                                                                     .rates = {0.4, 0.25, 0.1, 0.05},
                                                                     .spread = 1.5F,
                                                                     .seed = 3});
  return made;
}

BehaviourFitOptions quick_fit() {
  BehaviourFitOptions options;
  options.epochs = 4;
  options.learning_rate = 3e-3F;
  options.dropout = 0.0F;
  options.sizes = quick_sizes();
  options.sizes.profile_blocks = made_up().truth.sizes.profile_blocks;
  options.sizes.feature_blocks = made_up().truth.sizes.feature_blocks;
  return options;
}

}  // namespace

TEST_CASE("what LibTorch fits is the model as it is defined, dropout included") {
  for (const std::int32_t queries : {1, 2}) {
    BehaviourSizes sizes = made_up().truth.sizes;
    sizes.queries = queries;
    sizes.people = 1200;
    BehaviourModel model = initial_behaviour_model(sizes, made_up().truth.features, 8);
    const std::vector<std::int64_t> slates{5, 38, 700};
    const BehaviourBatch batch = gather_behaviours(made_up().data, sizes, slates);
    const BehaviourNet net(model);
    const std::string device = "cpu";
    for (const float rate : {0.0F, 0.25F}) {
      std::vector<StepKey> keys;
      for (const std::int64_t s : slates) keys.push_back({77, static_cast<EpisodeId>(s), 2});
      nn::DropoutMasks masks(keys, device);
      const torch::Tensor found = net.scores(batch, net.encode_items(), rate, masks).contiguous();
      for (std::size_t i = 0; i < slates.size(); ++i) {
        const SlateData& data = made_up().data;
        const SlateStart& start = data.people.starts[at(slates[i])];
        const std::span<const ItemId> history = data.people.history(start, 1000);
        std::vector<std::uint8_t> done(history.size());
        data.people.done_with(start.user, history, done);
        const auto expected = plain::Behaviours(model).scores(
            start.user, data.people.profile(start.user), history, done,
            std::span(data.log.items).subspan(at(slates[i]) * 5, 5), plain::Masks(&keys[i], rate));
        for (std::size_t k = 0; k < 5; ++k) {
          for (std::size_t b = 0; b < 4; ++b) {
            CAPTURE(rate);
            CAPTURE(i);
            CHECK(double{found.data_ptr<float>()[(i * 5 + k) * 4 + b]} ==
                  Approx(expected[k][b]).epsilon(1e-4).scale(1.0));
          }
        }
      }
    }
  }
}

TEST_CASE("fitted on people of a known truth, the model foretells what strangers do") {
  const std::vector<std::int64_t> train = slates_of(made_up().data, Part::train_plan),
                                  test = slates_of(made_up().data, Part::test);
  std::vector<double> losses;
  const BehaviourModel model =
      fit_behaviour_model(made_up().data, made_up().truth.features, train, quick_fit(),
                          [&](std::int32_t, double loss) { losses.push_back(loss); });
  REQUIRE(losses.size() == 4);
  CHECK(losses.back() < losses.front());
  const auto fitted = measure_behaviour_fidelity(model, ResponseLink::soft, made_up().data, test);
  const auto truth = measure_behaviour_fidelity(made_up().truth, ResponseLink::soft, made_up().data, test);
  for (std::size_t b = 0; b < 4; ++b) {
    CAPTURE(b);
    MESSAGE("AUC: truth " << truth[b].calibration.auc << ", fitted " << fitted[b].calibration.auc
                          << "; calibration error " << fitted[b].calibration.expected_error << "; foretold "
                          << fitted[b].predicted_rate << ", real " << fitted[b].rate());
    CHECK(fitted[b].calibration.auc > 0.5 + 0.6 * (truth[b].calibration.auc - 0.5));
    CHECK(fitted[b].calibration.auc < truth[b].calibration.auc + 0.02);
    CHECK(fitted[b].calibration.expected_error < 0.05);
    // The offset takes back what balancing does: without it rare behaviours would be foretold half the time.
    CHECK(fitted[b].predicted_rate == Approx(fitted[b].rate()).epsilon(0.25));
    CHECK(double{model.offsets[b]} == Approx(std::log(double{model.odds[b]})).epsilon(1e-5));
  }
}

TEST_CASE("the published loss drives what it foretells to the ends, and its model says so") {
  const std::vector<std::int64_t> train = slates_of(made_up().data, Part::train_plan),
                                  test = slates_of(made_up().data, Part::test);
  BehaviourFitOptions options = quick_fit();
  options.epochs = 3;
  options.loss = ResponseLoss::saturated;
  const BehaviourModel model = fit_behaviour_model(made_up().data, made_up().truth.features, train, options);
  CHECK(model.doubled);
  CHECK(model.offsets == std::vector<float>(4, 0.0F));
  const auto doubled = measure_behaviour_fidelity(model, ResponseLink::doubled, made_up().data, test);
  for (const BehaviourFidelity& f : doubled) {
    CHECK(f.predicted_rate > 0.49);
    CHECK(f.predicted_rate < 0.74);
  }
  CHECK(doubled[3].predicted_rate > 5.0 * doubled[3].rate());
}

TEST_CASE("a fit of behaviours is the same for any number of threads, and options are checked") {
  std::vector<std::int64_t> train = slates_of(made_up().data, Part::train_plan);
  train.resize(150);
  BehaviourFitOptions options = quick_fit();
  options.epochs = 1;
  options.dropout = 0.1F;
  const auto fit = [&] {
    return fit_behaviour_model(made_up().data, made_up().truth.features, train, options).weights;
  };
  const std::vector<float> once = fit();
  CHECK(fit() == once);
  options.seed = 20;
  CHECK(fit() != once);
  options.learning_rate = 0.0F;
  CHECK_THROWS_AS(fit(), ConfigError);
  options = quick_fit();
  options.sizes.profile_blocks = {3};
  CHECK_THROWS_AS(fit(), ConfigError);
  train = {-1};
  options = quick_fit();
  CHECK_THROWS_AS(fit(), ConfigError);
}

}  // namespace veer
