#include "simulators/fitting/fit.h"

#include "tests/test.h"

#include <tbb/task_arena.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"
#include "simulators/fitting/fit_scorer.h"
#include "simulators/fitting/fit_windows.h"
#include "simulators/fitting/resample.h"

namespace veer {
namespace {

constexpr std::int32_t world_items = 20;
constexpr double sure = 0.7;  ///< probability of an item's own successor; the rest is uniform over all items

ItemId successor(ItemId item) { return (item * 7 + 3) % world_items + 1; }
double truth(ItemId item, ItemId next) {
  return (next == successor(item) ? sure : 0.0) + (1.0 - sure) / world_items;
}

/// People who walk a Markov chain whose transition probabilities are known.
Dataset markov_world(std::int32_t people, std::uint32_t length) {
  Dataset data;
  data.name = "markov";
  data.fingerprint = "markov " + std::to_string(people) + " " + std::to_string(length);
  data.catalogue.ids.resize(world_items + 1);
  data.interactions.offsets.push_back(0);
  for (std::int32_t user = 0; user < people; ++user) {
    data.interactions.user_ids.push_back(std::to_string(user));
    ItemId item = 1;
    for (std::uint32_t t = 0; t < length + static_cast<std::uint32_t>(user % 7); ++t) {
      const StepKey key{21, static_cast<EpisodeId>(user), t};
      item = uniform(key, Stream::generate, 0) < static_cast<float>(sure) && t > 0
                 ? successor(item)
                 : static_cast<ItemId>(1 + uniform_below(world_items, key, Stream::generate, 1));
      data.interactions.items.push_back(item);
    }
    data.interactions.offsets.push_back(static_cast<std::int64_t>(data.interactions.items.size()));
    const Part parts[] = {Part::train_plan, Part::train_plan, Part::train_judge, Part::validation,
                          Part::test};
    data.parts.push_back(parts[user % 5]);
  }
  return data;
}

FitOptions small_fit(const std::string& kind) {
  FitOptions options;
  options.model = kind == "gru4rec" ? nn::SequenceConfig::gru4rec(0) : nn::SequenceConfig::sasrec(0);
  options.model.hidden = 16;
  options.model.inner = 32;
  options.model.positions = 16;
  options.model.layers = 1;
  options.model.dropout = 0.1F;
  options.model.attention_dropout = 0.1F;
  options.learning_rate = 1e-2F;
  options.batch_targets = 1000;
  options.max_epochs = 3;
  return options;
}

bool equal(const NamedArrays& a, const NamedArrays& b) {
  if (a.all().size() != b.all().size()) return false;
  return std::all_of(a.all().begin(), a.all().end(), [&](const auto& entry) {
    return b.contains(entry.first) && b.at(entry.first).bytes == entry.second.bytes;
  });
}

/// A path in the temporary directory that is gone afterwards.
struct TemporaryFile {
  explicit TemporaryFile(const std::string& name)
      : path(std::filesystem::temp_directory_path() / (name + "." + std::to_string(::getpid()))) {
    std::filesystem::remove(path);
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("every interaction but a person's first is a target exactly once per epoch") {
  const Dataset data = markov_world(23, 40);
  std::vector<TrainingLog> logs;
  for (UserId user = 0; user < 23; ++user) {
    // Lengths 1 to 46, some below and some above the number of positions.
    const auto log = data.interactions.of(user);
    logs.push_back(
        {user, log.first(std::min<std::size_t>(log.size(), 1 + 2 * static_cast<std::size_t>(user)))});
  }
  std::map<std::uint32_t, std::size_t> windows;
  for (const std::uint32_t epoch : {1U, 2U, 3U}) {
    const EpochPlan plan = plan_epoch(logs, 10, 64, 5, epoch);
    std::map<const ItemId*, int> seen;
    for (std::size_t b = 0; b < plan.batches(); ++b) {
      std::int64_t targets = 0;
      for (const nn::TrainingWindow window : plan.batch(b)) {
        REQUIRE(window.size() >= 2);
        REQUIRE(window.size() <= 11);
        for (std::size_t t = 1; t < window.size(); ++t) ++seen[window.data() + t];
        targets += static_cast<std::int64_t>(window.size()) - 1;
      }
      if (b + 1 < plan.batches()) CHECK(targets >= 64);
      const auto batch = plan.batch(b);
      CHECK(std::is_sorted(batch.begin(), batch.end(), [](nn::TrainingWindow a, nn::TrainingWindow other) {
        return a.size() > other.size();
      }));
    }
    std::size_t expected = 0;
    for (const TrainingLog& log : logs) {
      for (std::size_t t = 1; t < log.items.size(); ++t, ++expected) {
        const auto found = seen.find(log.items.data() + t);
        REQUIRE(found != seen.end());
        REQUIRE(found->second == 1);
      }
    }
    CHECK(seen.size() == expected);
    CHECK(plan.targets == static_cast<std::int64_t>(expected));
  }
  // Another epoch cuts elsewhere and in another order; the same epoch does not.
  const EpochPlan first = plan_epoch(logs, 10, 64, 5, 1);
  const EpochPlan again = plan_epoch(logs, 10, 64, 5, 1);
  const EpochPlan second = plan_epoch(logs, 10, 64, 5, 2);
  const auto same = [](nn::TrainingWindow a, nn::TrainingWindow b) {
    return a.data() == b.data() && a.size() == b.size();
  };
  CHECK(std::equal(first.windows.begin(), first.windows.end(), again.windows.begin(), again.windows.end(),
                   same));
  CHECK_FALSE(std::equal(first.windows.begin(), first.windows.end(), second.windows.begin(),
                         second.windows.end(), same));
}

TEST_CASE("both networks learn a Markov chain down to its entropy") {
  const Dataset data = markov_world(900, 40);
  // What the truth itself would score on the cases that training is stopped on.
  const auto cases = last_item_cases(data, Part::validation, 5);
  double bound = 0.0;
  for (const NextItemCase& which : cases) {
    const auto log = data.interactions.of(which.user);
    const auto position = static_cast<std::size_t>(which.position);
    bound -= std::log(truth(log[position - 1], log[position])) / static_cast<double>(cases.size());
  }
  for (const std::string kind : {"sasrec", "gru4rec"}) {
    CAPTURE(kind);
    FitOptions options = small_fit(kind);
    options.people = FitPeople::train_plan;
    options.max_epochs = 10;
    options.patience = 10;  // the rank of the successor is learned long before the probabilities of the rest
    options.learning_rate = 5e-3F;
    options.batch_targets = 500;
    options.model.hidden = 32;
    options.model.dropout = 0.0F;
    options.model.attention_dropout = 0.0F;
    const FitResult result = fit_sequence_model(data, options);
    REQUIRE(result.history.size() == 10);
    CHECK(result.history.front().nll > bound + 0.3);
    // From 15,000 transitions of other people; knowing nothing costs 1.6 nats more than the truth.
    CHECK(result.history.back().nll < bound + 0.15);
    CHECK(result.history.back().nll > bound - 0.02);
    CHECK(result.test.at(5).mrr > 0.6);
    CHECK(result.test.cases == static_cast<std::int64_t>(last_item_cases(data, Part::test, 5).size()));
    CHECK(result.test.calibration.auc > 0.8);
    const auto best = std::max_element(result.history.begin(), result.history.end(),
                                       [](const auto& a, const auto& b) { return a.mrr < b.mrr; });
    CHECK(result.best_mrr == best->mrr);
    CHECK(result.best_epoch == best->epoch);
  }
}

TEST_CASE("leave-one-out learns from all but the last two items of everybody") {
  Dataset data = markov_world(40, 20);
  std::int64_t targets = 0;
  for (UserId user = 0; user < 40; ++user) {
    targets += static_cast<std::int64_t>(data.interactions.of(user).size()) - 3;
  }
  FitOptions options = small_fit("sasrec");
  options.max_epochs = 2;
  const FitResult result = fit_sequence_model(data, options);
  CHECK(result.targets_per_epoch == targets);
  CHECK(result.test.cases == 40);

  // Changing held-out items changes the test and nothing of the training.
  Dataset other = data;
  for (UserId user = 0; user < 40; ++user) {
    ItemId& last =
        other.interactions
            .items[static_cast<std::size_t>(other.interactions.offsets[static_cast<std::size_t>(user) + 1]) -
                   1];
    last = last % world_items + 1;
  }
  const FitResult second = fit_sequence_model(other, options);
  CHECK(equal(result.model.to_arrays(), second.model.to_arrays()));
  CHECK(result.test.negative_log_likelihood != second.test.negative_log_likelihood);
}

TEST_CASE("weights, history and checkpoint are the same bytes for one, two and three threads") {
  const Dataset data = markov_world(60, 30);
  const auto fit = [&](int threads, const std::filesystem::path& checkpoint) {
    FitOptions options = small_fit("sasrec");
    options.checkpoint = checkpoint;
    NamedArrays weights;
    tbb::task_arena arena(threads);
    arena.execute([&] { weights = fit_sequence_model(data, options).model.to_arrays(); });
    return weights;
  };
  const TemporaryFile one("veer-fit-one");
  const TemporaryFile two("veer-fit-two");
  const TemporaryFile three("veer-fit-three");
  const NamedArrays weights = fit(1, one.path);
  CHECK(equal(weights, fit(2, two.path)));
  CHECK(equal(weights, fit(3, three.path)));
  const NamedArrays state = read_checkpoint(one.path);
  CHECK(equal(state, read_checkpoint(two.path)));
  CHECK(equal(state, read_checkpoint(three.path)));
}

TEST_CASE("an interrupted fit continues to the bytes of an uninterrupted one") {
  const Dataset data = markov_world(60, 30);
  FitOptions options = small_fit("sasrec");
  const FitResult straight = fit_sequence_model(data, options);

  const TemporaryFile file("veer-fit-resume");
  options.checkpoint = file.path;
  int interruptions = 0;
  int updates = 0;
  options.progress = [&](const FitProgress& progress) {
    CHECK(progress.step >= 1);
    CHECK(progress.step <= progress.steps);
    CHECK(progress.loss > 0.0);
    if (++updates % 3 == 2) request_interrupt();  // in the middle of epochs, and at their ends
  };
  for (;;) {
    try {
      const FitResult resumed = fit_sequence_model(data, options);
      CHECK(equal(resumed.model.to_arrays(), straight.model.to_arrays()));
      REQUIRE(resumed.history.size() == straight.history.size());
      for (std::size_t i = 0; i < straight.history.size(); ++i) {
        CHECK(resumed.history[i].epoch == straight.history[i].epoch);
        CHECK(resumed.history[i].loss == straight.history[i].loss);
        CHECK(resumed.history[i].mrr == straight.history[i].mrr);
        CHECK(resumed.history[i].nll == straight.history[i].nll);
      }
      CHECK(resumed.best_epoch == straight.best_epoch);
      CHECK(resumed.test.to_metrics() == straight.test.to_metrics());
      break;
    } catch (const Interrupted& error) {
      clear_interrupt();
      CHECK(std::string(error.what()).find(file.path.string()) != std::string::npos);
      REQUIRE(++interruptions < 50);
    }
  }
  clear_interrupt();
  CHECK(interruptions >= 2);
}

TEST_CASE("a checkpoint is continued only by the fit that wrote it, and more epochs may follow") {
  const Dataset data = markov_world(40, 20);
  const TemporaryFile file("veer-fit-identity");
  FitOptions options = small_fit("gru4rec");
  options.max_epochs = 1;
  options.checkpoint = file.path;
  CHECK(fit_sequence_model(data, options).history.size() == 1);
  options.max_epochs = 3;
  const FitResult longer = fit_sequence_model(data, options);
  CHECK(longer.history.size() == 3);
  CHECK(longer.end == FitEnd::max_epochs);

  options.seed = 2;
  CHECK_THROWS_WITH_AS(fit_sequence_model(data, options), doctest::Contains("seed 1"), ConfigError);
  options.seed = 1;
  std::ofstream(file.path, std::ios::binary | std::ios::in).seekp(2000).write("damage", 6);
  CHECK_THROWS_AS(fit_sequence_model(data, options), VerificationError);
}

TEST_CASE("training ends when the validation score no longer rises, or when the budget is used up") {
  const Dataset data = markov_world(40, 20);
  FitOptions options = small_fit("gru4rec");
  options.max_epochs = 200;
  options.patience = 2;
  const FitResult patient = fit_sequence_model(data, options);
  CHECK(patient.end == FitEnd::patience);
  CHECK(static_cast<std::int32_t>(patient.history.size()) == patient.best_epoch + 2);

  options.patience = 1000;
  options.max_epochs = 1000000;
  options.budget_seconds = 0.5;
  const FitResult hurried = fit_sequence_model(data, options);
  CHECK(hurried.end == FitEnd::budget);
  CHECK(hurried.best_epoch >= 1);
  CHECK(hurried.best_mrr > 0.0);

  options.budget_seconds = 1e-9;  // over after one update, and still a model comes back
  const FitResult at_once = fit_sequence_model(data, options);
  CHECK(at_once.end == FitEnd::budget);
  CHECK(at_once.model.to_arrays().all().size() ==
        nn::SequenceModel::initialise(at_once.model.config(), 1, "cpu").to_arrays().all().size());
}

TEST_CASE("people drawn with replacement: as many, in order, a third of them left out") {
  const auto drawn = drawn_with_replacement(10'000, 3);
  REQUIRE(drawn.size() == 10'000);
  CHECK(std::ranges::is_sorted(drawn));
  CHECK(drawn.back() < 10'000);
  const std::set<std::size_t> distinct(drawn.begin(), drawn.end());
  CHECK(static_cast<double>(distinct.size()) == doctest::Approx(10'000 * (1 - std::exp(-1.0))).epsilon(0.02));
  CHECK(drawn_with_replacement(10'000, 3) == drawn);
  CHECK(drawn_with_replacement(10'000, 4) != drawn);
  CHECK(drawn_with_replacement(0, 3).empty());
  CHECK(drawn_with_replacement(1, 3) == std::vector<std::size_t>{0});
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::int32_t member = 1; member <= 20; ++member) {
      const std::uint64_t own = member_seed(seed, member);
      CHECK(own <= std::uint64_t{1} << 53);
      seeds.insert(own);
    }
  }
  CHECK(seeds.size() == 400);
}

TEST_CASE("a fit on drawn people is another fit, and only its own checkpoint goes on") {
  const Dataset data = markov_world(60, 30);
  FitOptions options = small_fit("gru4rec");
  const FitResult all = fit_sequence_model(data, options);
  options.resample = true;
  const FitResult drawn = fit_sequence_model(data, options);
  CHECK(!equal(drawn.model.to_arrays(), all.model.to_arrays()));
  // As many people, but not the same ones: about as many targets.
  CHECK(static_cast<double>(drawn.targets_per_epoch) ==
        doctest::Approx(static_cast<double>(all.targets_per_epoch)).epsilon(0.1));
  CHECK(equal(fit_sequence_model(data, options).model.to_arrays(), drawn.model.to_arrays()));

  const TemporaryFile file("veer-fit-drawn");
  options.checkpoint = file.path;
  fit_sequence_model(data, options);
  options.resample = false;
  CHECK_THROWS_WITH_AS(fit_sequence_model(data, options), doctest::Contains("drawn with replacement"),
                       ConfigError);
}

TEST_CASE("a finished fit is not trained again by whoever calls it with its checkpoint") {
  const Dataset data = markov_world(40, 20);
  const TemporaryFile file("veer-fit-finished");
  FitOptions options = small_fit("gru4rec");
  options.checkpoint = file.path;
  const FitResult first = fit_sequence_model(data, options);
  int updates = 0;
  options.progress = [&](const FitProgress&) { ++updates; };
  CHECK(equal(fit_sequence_model(data, options).model.to_arrays(), first.model.to_arrays()));
  CHECK(updates == 0);

  // Nor one whose budget is used up; with more of it the fit goes on.
  std::filesystem::remove(file.path);
  options.max_epochs = 1'000'000;
  options.patience = 1'000'000;
  options.budget_seconds = 0.3;
  const FitResult hurried = fit_sequence_model(data, options);
  CHECK(hurried.end == FitEnd::budget);
  CHECK(updates > 0);
  updates = 0;
  const FitResult again = fit_sequence_model(data, options);
  CHECK(again.end == FitEnd::budget);
  CHECK(updates == 0);
  CHECK(equal(again.model.to_arrays(), hurried.model.to_arrays()));
  options.budget_seconds = 0.6;
  fit_sequence_model(data, options);
  CHECK(updates > 0);
}

TEST_CASE("options and data that make no fit are refused by name") {
  const Dataset data = markov_world(20, 10);
  const auto refused = [&](auto change, const char* word) {
    FitOptions options = small_fit("sasrec");
    change(options);
    CHECK_THROWS_WITH_AS(fit_sequence_model(data, options), doctest::Contains(word), ConfigError);
  };
  refused([](FitOptions& o) { o.max_epochs = 0; }, "max_epochs");
  refused([](FitOptions& o) { o.patience = 0; }, "patience");
  refused([](FitOptions& o) { o.learning_rate = -1.0F; }, "learning_rate");
  refused([](FitOptions& o) { o.batch_targets = 0; }, "batch_targets");
  refused([](FitOptions& o) { o.budget_seconds = -1.0; }, "budget_seconds");
  refused([](FitOptions& o) { o.model.items = 7; }, "items");
  refused([](FitOptions& o) { o.model.heads = 3; }, "heads");
  Dataset nobody = data;
  std::fill(nobody.parts.begin(), nobody.parts.end(), Part::test);
  FitOptions options = small_fit("sasrec");
  options.people = FitPeople::train_judge;
  CHECK_THROWS_WITH_AS(fit_sequence_model(nobody, options), doctest::Contains("train_judge"), ConfigError);
}

}  // namespace veer
