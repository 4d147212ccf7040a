// What people buy of what they take: signs by hand, weights recovered from a log of known truth, files.
#include "simulators/purchases/purchase_fit.h"

#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "simulators/purchases/purchase_model_file.h"
#include "tests/test.h"

using namespace veer;

namespace {

double probability_from(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }

/// 12 items; people take them at random and buy by weights that are known.
Dataset shop(std::int32_t people, const PurchaseWeights& truth) {
  constexpr std::int32_t items = 12;
  constexpr std::int32_t events = 30;
  std::vector<float> shares{0.0F};
  for (std::int32_t i = 1; i <= items; ++i) shares.push_back(-2.0F + 0.3F * static_cast<float>(i));
  double sum = 0.0;
  for (std::int32_t i = 1; i <= items; ++i) sum += probability_from(double{shares[at(i)]});
  shares[0] = static_cast<float>(std::log(sum / items / (1.0 - sum / items)));
  const PurchaseModel model(shares, truth, 5);
  Dataset out;
  out.name = "shop";
  for (std::int32_t i = 0; i <= items; ++i) out.catalogue.ids.push_back(std::to_string(i));
  out.interactions.behaviour_names = {"click", "purchase"};
  out.interactions.offsets = {0};
  for (std::int32_t person = 0; person < people; ++person) {
    std::vector<ItemId> log;
    for (std::int32_t k = 0; k < events; ++k) {
      const StepKey key{7, static_cast<EpisodeId>(person), static_cast<std::uint32_t>(k)};
      const auto item = static_cast<ItemId>(1 + uniform_below(items, key, Stream::generate, 0));
      const bool yes = uniform(key, Stream::generate, 1) < model.probability(item, log);
      out.interactions.items.push_back(item);
      out.interactions.behaviours.push_back(yes ? 1 : 0);
      log.push_back(item);
    }
    out.interactions.user_ids.push_back(std::to_string(person));
    out.interactions.offsets.push_back(std::ssize(out.interactions.items));
    out.parts.push_back(person % 4 == 0 ? Part::validation : Part::train_judge);
  }
  return out;
}

}  // namespace

TEST_CASE("the probability of a purchase is the formula") {
  const std::vector<float> shares{-1.0F, 0.5F, -2.0F, 1.0F};
  const PurchaseModel model(shares, {.constant = 0.1F, .share = 2.0F, .taste = 0.5F, .seen = -0.3F}, 2);
  const std::vector<ItemId> history{1, 2, 3};  // item 1 lies outside the window of two
  // taste: ((-2 + 1) + (1 + 1)) / 2 = 0.5
  CHECK(model.probability(1, history) == doctest::Approx(probability_from(0.1 + 2 * 0.5 + 0.5 * 0.5)));
  CHECK(model.probability(3, history) == doctest::Approx(probability_from(0.1 + 2 * 1.0 + 0.5 * 0.5 - 0.3)));
  CHECK(model.probability(2, {}) == doctest::Approx(probability_from(0.1 - 4.0)));
  CHECK_THROWS_WITH_AS(PurchaseModel(shares, {}, 0), doctest::Contains("window"), FormatError);
  CHECK_THROWS_WITH_AS(PurchaseModel({0.0F, NAN}, {}, 1), doctest::Contains("item 1"), FormatError);
}

TEST_CASE("weights are recovered from a log of known truth, and held-out purchases are foretold") {
  const Dataset data = shop(1500, {.constant = -0.2F, .share = 1.0F, .taste = 0.8F, .seen = 1.2F});
  const PurchaseFit fit = fit_purchases(data, {.window = 5});
  CHECK(fit.steps < 20);
  // The shares of the log hold what taste and repetition add on average, so the constant takes it back.
  CHECK(fit.model.weights().share == doctest::Approx(1.0).epsilon(0.1));
  CHECK(fit.model.weights().taste == doctest::Approx(0.8).epsilon(0.2));
  CHECK(fit.model.weights().seen == doctest::Approx(1.2).epsilon(0.1));
  const PurchaseFidelity& f = fit.fidelity;
  CHECK(f.events == 375 * 30);
  CHECK(f.log_loss < f.log_loss_item);
  CHECK(f.log_loss_item < f.log_loss_share);
  CHECK(f.auc > 0.65);
  CHECK(f.calibration_gap < 0.03);
  CHECK(f.foretold_share ==
        doctest::Approx(static_cast<double>(f.purchases) / static_cast<double>(f.events)).epsilon(0.05));
}

TEST_CASE("people do not foretell themselves: chance events teach nothing") {
  // Every item is bought by a coin, and each is seen a few times only: with their own events in the shares,
  // people would seem to be foretold by them.
  Dataset data = shop(400, {.constant = 0.0F, .share = 0.0F});
  data.catalogue.ids.resize(4001, "x");
  for (std::size_t e = 0; e < data.interactions.items.size(); ++e) {
    data.interactions.items[e] = static_cast<ItemId>(1 + (e * 7919) % 4000);
  }
  const PurchaseFit fit = fit_purchases(data, {.prior = 1.0});
  CHECK(std::abs(fit.model.weights().share) < 0.1);
  CHECK(std::abs(fit.fidelity.auc - 0.5) < 0.03);
}

TEST_CASE("a purchase model survives its file, and damage is noticed") {
  const PurchaseModel model({-1.0F, 0.5F, -2.0F, 1.0F},
                            {.constant = 0.1F, .share = 2.0F, .taste = 0.5F, .seen = -0.3F}, 2);
  ModelFile file = purchase_model_file(model, {});
  const PurchaseModel read = purchase_model_from(parse_model(model_bytes(file), "m"));
  CHECK(read.window() == 2);
  CHECK(read.probability(3, std::vector<ItemId>{1}) == model.probability(3, std::vector<ItemId>{1}));
  file.parameters.set<float>("shares", std::vector<float>{-1.0F, 0.6F, -2.0F, 1.0F});
  CHECK_THROWS_AS(purchase_model_from(file), VerificationError);
  file.manifest.kind = "sasrec";
  CHECK_THROWS_WITH_AS(purchase_model_from(file), doctest::Contains("veer fit purchases"), FormatError);
}

TEST_CASE("a log without purchases, or of nothing else, is explained") {
  Dataset data = shop(20, {});
  CHECK_THROWS_WITH_AS(fit_purchases(data, {.purchase = "order"}), doctest::Contains("click, purchase"),
                       DataError);
  CHECK_THROWS_WITH_AS(fit_purchases(data, {.prior = 0.0}), doctest::Contains("prior"), ConfigError);
  std::fill(data.interactions.behaviours.begin(), data.interactions.behaviours.end(), std::uint8_t{0});
  CHECK_THROWS_WITH_AS(fit_purchases(data, {}), doctest::Contains("none among"), DataError);
  std::fill(data.interactions.behaviours.begin(), data.interactions.behaviours.end(), std::uint8_t{1});
  CHECK_THROWS_WITH_AS(fit_purchases(data, {}), doctest::Contains("nothing else"), DataError);
}
