#include "simulators/synthetic/synthetic_log.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "env/data/fingerprint.h"
#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

SyntheticLogParameters small() {
  SyntheticLogParameters p;
  p.people = 120;
  p.events = 20;
  p.world.items = 90;
  return p;
}

TEST_CASE("a synthetic log is a whole data set") {
  const SyntheticLog log = generate_synthetic_log(small());
  const Dataset& data = log.dataset;
  CHECK(data.catalogue.size() == 90);
  CHECK(data.interactions.users() == 120);
  CHECK(data.interactions.times.size() == data.interactions.items.size());
  CHECK(data.parts.size() == 120);
  CHECK(data.users_of(Part::test).size() == 12);
  CHECK(data.fingerprint == fingerprint_of(data));
  CHECK(data.provenance.generator.find("world-seed=1") != std::string::npos);
  CHECK(data.provenance.generator.find("boredom-growth=") != std::string::npos);
  std::vector<std::int64_t> popularity(91, 0);
  for (UserId user = 0; user < 120; ++user) {
    const auto items = data.interactions.of(user);
    CHECK(items.size() >= 10);
    CHECK(items.size() <= 30);
    for (std::size_t i = 0; i < items.size(); ++i) {
      REQUIRE(items[i] >= 1);
      REQUIRE(items[i] <= 90);
      ++popularity[static_cast<std::size_t>(items[i])];
      // Nothing comes back within the rest of 10 items.
      const auto recent = items.subspan(i < 10 ? 0 : i - 10, std::min<std::size_t>(i, 10));
      CHECK(std::ranges::find(recent, items[i]) == recent.end());
    }
    const auto first = static_cast<std::size_t>(data.interactions.offsets[static_cast<std::size_t>(user)]);
    const auto times = std::span(data.interactions.times).subspan(first, items.size());
    CHECK(std::ranges::is_sorted(times));
  }
  CHECK(popularity == data.catalogue.popularity);
}

TEST_CASE("titles are different, and attributes are the item's main topics") {
  const SyntheticLog log = generate_synthetic_log(small());
  const Catalogue& catalogue = log.dataset.catalogue;
  const std::set<std::string> titles(catalogue.titles.begin(), catalogue.titles.end());
  CHECK(titles.size() == 91);
  CHECK(catalogue.titles[0].empty());
  for (ItemId item = 1; item <= 90; ++item) {
    const auto attributes = catalogue.attributes_of(item);
    CHECK(std::ranges::equal(attributes, log.truth->world().main_topics_of(item)));
  }
}

TEST_CASE("logs reproduce, and each seed changes what it should") {
  const SyntheticLogParameters p = small();
  const SyntheticLog a = generate_synthetic_log(p), b = generate_synthetic_log(p);
  CHECK(a.dataset.fingerprint == b.dataset.fingerprint);
  SyntheticLogParameters other_seed = p;
  other_seed.seed = 2;
  const SyntheticLog c = generate_synthetic_log(other_seed);
  CHECK(c.dataset.fingerprint != a.dataset.fingerprint);
  CHECK(c.dataset.catalogue.titles == a.dataset.catalogue.titles);
  SyntheticLogParameters more_people = p;
  more_people.people = 150;
  const SyntheticLog d = generate_synthetic_log(more_people);
  for (UserId user = 0; user < 120; ++user) {  // a person's log does not depend on who else there is
    CHECK(std::ranges::equal(a.dataset.interactions.of(user), d.dataset.interactions.of(user)));
  }
}

TEST_CASE("the truth predicts its own log far better than chance") {
  const SyntheticLog log = generate_synthetic_log(small());
  const SyntheticUser& truth = *log.truth;
  TasteRates rates = truth.world().parameters().rates;
  rates.drift = 0.0F;
  std::vector<float> state(static_cast<std::size_t>(truth.state_width()));
  double gain = 0.0;
  std::int64_t count = 0;
  for (UserId user = 0; user < 120; ++user) {
    truth.start(user, state);
    for (const ItemId item : log.dataset.interactions.of(user)) {
      gain += double{truth.standing(state, item).log_probability} + std::log(90.0);
      ++count;
      truth.show(state, item, true, rates, {});
    }
  }
  CHECK(gain / static_cast<double>(count) > 0.5);  // nats per event over the uniform guess
}

TEST_CASE("a logger that only explores takes no notice of taste when all is accepted") {
  SyntheticLogParameters p = small();
  p.exploration = 1.0F;
  p.world.bias = 40.0F;  // everything is accepted
  p.people = 400;
  p.rest = 0;
  const SyntheticLog log = generate_synthetic_log(p);
  const double expected = static_cast<double>(log.dataset.interactions.size()) / 90.0;
  double chi_squared = 0.0;
  for (ItemId item = 1; item <= 90; ++item) {
    const double found =
        static_cast<double>(log.dataset.catalogue.popularity[static_cast<std::size_t>(item)]);
    chi_squared += (found - expected) * (found - expected) / expected;
  }
  // 89 degrees of freedom: mean 89, standard deviation 13.3; five of them.
  CHECK(chi_squared < 89 + 5 * 13.4);
}

TEST_CASE("log parameters out of range are named") {
  SyntheticLogParameters p = small();
  p.rest = 80;
  CHECK_THROWS_WITH_AS(generate_synthetic_log(p), doctest::Contains("rest"), ConfigError);
  p = small();
  p.people = 0;
  CHECK_THROWS_AS(generate_synthetic_log(p), ConfigError);
  p = small();
  p.exploration = 1.5F;
  CHECK_THROWS_AS(generate_synthetic_log(p), ConfigError);
}

}  // namespace
}  // namespace veer
