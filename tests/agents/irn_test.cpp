// IRN: its mask against numbers worked out by hand, what each column may read, what it learns in worlds whose
// answer is known, and that training and files keep their promises.
#include <torch/types.h>
// LibTorch first: its macros clash with the test library's.
#include <tbb/task_arena.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agents/guidance/reranked_next_item.h"
#include "agents/irn/irn_examples.h"
#include "agents/irn/irn_file.h"
#include "agents/irn/irn_net.h"
#include "agents/irn/irn_person.h"
#include "agents/irn/irn_trainer.h"
#include "agents/irn/irn_training.h"
#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "tests/agents/desk.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"

namespace veer::irn {
namespace {

using Ids = std::vector<std::int64_t>;

IrnConfig small_config() {
  IrnConfig config;
  config.items = 20;
  config.people = 30;
  config.hidden = 16;
  config.layers = 2;
  config.inner = 32;
  config.person = 4;
  config.positions = 12;
  return config;
}

IrnRows row_of(const Ids& items, std::int64_t positions, std::int64_t person = -1) {
  const auto width = static_cast<std::int64_t>(items.size());
  Ids slots;
  for (std::int64_t k = 0; k < width; ++k) slots.push_back(positions - width + k);
  return {torch::tensor(items, torch::kInt64).view({1, width}),
          torch::tensor(slots, torch::kInt64).view({1, width}), torch::tensor(Ids{person}, torch::kInt64)};
}

std::vector<float> state_at(const IrnModel& model, const IrnRows& rows, std::int64_t column) {
  const torch::InferenceMode guard;
  const torch::Tensor read = hidden_states(model.net(), rows, nullptr).select(1, column).contiguous();
  return {read.data_ptr<float>(), read.data_ptr<float>() + read.numel()};
}

bool close(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) { return std::abs(x - y) <= 1e-5F; });
}

IrnModel with(const IrnModel& model, const std::map<std::string, std::vector<float>>& replaced,
              const IrnConfig& config) {
  NamedArrays arrays;
  const NamedArrays old = model.to_arrays();
  for (const auto& [name, array] : old.all()) {
    const auto found = replaced.find(name);
    const auto values = old.get<float>(name);
    arrays.set<float>(name, found == replaced.end() ? values : std::span<const float>(found->second),
                      array.shape);
  }
  return IrnModel::from_arrays(config, arrays, "cpu");
}

/// People who walk a ring of items, up or down; which way is only to be known from where they end.
Dataset ring_world(std::int32_t people) {
  constexpr std::int32_t items = 20, steps = 5;
  Dataset data;
  data.name = "ring";
  data.fingerprint = "ring " + std::to_string(people);
  data.catalogue.ids.resize(items + 1);
  data.interactions.offsets.push_back(0);
  for (std::int32_t user = 0; user < people; ++user) {
    const StepKey key{5, static_cast<EpisodeId>(user), 0};
    const auto start = static_cast<std::int32_t>(uniform_below(items, key, Stream::generate, 0));
    const std::int32_t step = uniform(key, Stream::generate, 1) < 0.5F ? 1 : items - 1;
    for (std::int32_t t = 0; t < steps; ++t)
      data.interactions.items.push_back(1 + (start + t * step) % items);
    data.interactions.offsets.push_back(static_cast<std::int64_t>(data.interactions.items.size()));
    data.interactions.user_ids.push_back(std::to_string(user));
    data.parts.push_back(user % 10 == 9 ? Part::validation : Part::train_plan);
  }
  return data;
}

IrnTrainingOptions ring_training() {
  IrnTrainingOptions options;
  options.model.hidden = 32;
  options.model.layers = 1;
  options.model.inner = 64;
  options.model.person = 2;
  options.model.positions = 8;
  options.shortest = 5;
  options.batch = 64;
  options.max_epochs = 4;
  options.learning_rate = 1e-2F;
  return options;
}

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("veer-irn-" + std::to_string(::getpid()) + "-" + name);
}

bool same_bytes(const NamedArrays& a, const NamedArrays& b) {
  return a.all().size() == b.all().size() && std::ranges::all_of(a.all(), [&](const auto& entry) {
           return b.contains(entry.first) && b.at(entry.first).bytes == entry.second.bytes;
         });
}

TEST_SUITE("irn") {
  TEST_CASE("the mask weighs target against history as the paper says") {
    // One layer that attends by the mask alone (queries are zero), hands on plain vectors, and adds nothing
    // after: LN(LN(x + sum of shares times vectors)).
    IrnConfig config = small_config();
    config.layers = 1;
    config.heads = 1;
    config.hidden = 2;
    config.positions = 3;
    config.history_weight = 0.3F;
    config.target_weight = 2.0F;
    const std::vector<float> zeros4(4, 0.0F), identity{1, 0, 0, 1};
    std::vector<float> vectors(42, 0.0F);
    const float root = std::sqrt(2.0F);
    vectors[2 * 1] = 1.0F / root;      // item 1 is (1, 0) once it is multiplied by the root of 2
    vectors[2 * 2 + 1] = 2.0F / root;  // item 2 is (0, 2)
    vectors[2 * 3] = -3.0F / root;     // item 3, the target, is (-3, 1)
    vectors[2 * 3 + 1] = 1.0F / root;
    std::vector<float> people(30 * 4, 0.0F);
    people[7 * 4] = 0.5F;
    const IrnModel model = with(IrnModel::initialise(config, 1, "cpu"),
                                {{"item_embedding", vectors},
                                 {"person_embedding", people},
                                 {"impression.weight", {0.4F, 0, 0, 0}},
                                 {"impression.bias", {0.7F}},
                                 {"layers.0.query.weight", zeros4},
                                 {"layers.0.value.weight", identity},
                                 {"layers.0.output.weight", identity},
                                 {"layers.0.outer.weight", std::vector<float>(2 * 32, 0.0F)}},
                                config);
    for (const std::int64_t person : {-1, 7}) {
      const double r = person == 7 ? 0.7 + 0.4 * 0.5 : 0.7;
      // x of slots 0, 1, 2: vectors plus (sin t, cos t).
      const double x[3][2] = {
          {1.0, 1.0}, {std::sin(1.0), 2.0 + std::cos(1.0)}, {-3.0 + std::sin(2.0), 1.0 + std::cos(2.0)}};
      const double target = std::exp(2.0 * r), history = std::exp(0.3);
      const double total = 2.0 * history + target;
      double y[2];
      for (int d = 0; d < 2; ++d) {
        y[d] = x[1][d] + (history * (x[0][d] + x[1][d]) + target * x[2][d]) / total;
      }
      // LayerNorm over two values is the sign of their difference, but for epsilon.
      double sign = (y[0] - y[1]) / 2.0 / std::sqrt(std::pow((y[0] - y[1]) / 2.0, 2) + 1e-5);
      sign /= std::sqrt(sign * sign + 1e-5);
      const std::vector<float> read = state_at(model, row_of({1, 2, 3}, 3, person), 1);
      REQUIRE(read.size() == 3);
      CHECK(double{read[0]} == doctest::Approx(sign).epsilon(1e-5));
      CHECK(double{read[1]} == doctest::Approx(-sign).epsilon(1e-5));
      CHECK(read[2] == 1.0F);
    }
    // The sign alone would hide a wrong share, so also where the shares decide it: a target that pulls the
    // second coordinate below the first only if its weight is e^(w_t r) and not less.
    const auto first_of = [&](float weight) {
      IrnConfig other = config;
      other.target_weight = weight;
      return state_at(with(model, {}, other), row_of({2, 2, 1}, 3), 1)[0];
    };
    // x1 = (0.841, 2.540), x0 = (0, 3), target (1.909, -0.416): with share s of the target the difference is
    // -1.699 + s 2.325 + (1 - s) (-2.349), which is 0 at s = 0.866. e^(0.7 w) / (e^(0.7 w) + 2 e^0.3) = s
    // at w = (ln(0.866 / 0.134) + 0.3 + ln 2) / 0.7 = 4.084.
    CHECK(first_of(4.0F) < 0.0F);
    CHECK(first_of(4.17F) > 0.0F);
  }

  TEST_CASE("columns read the past and the target, nothing else") {
    const IrnConfig config = small_config();
    const IrnModel model = IrnModel::initialise(config, 3, "cpu");
    const auto read = [&](const Ids& items, std::int64_t column) {
      return state_at(model, row_of(items, config.positions), column);
    };
    const std::vector<float> usual = read({4, 9, 2, 7, 11}, 1);
    CHECK(close(read({4, 9, 13, 8, 11}, 1), usual));       // the future
    CHECK_FALSE(close(read({4, 9, 2, 7, 12}, 1), usual));  // the target
    CHECK_FALSE(close(read({5, 9, 2, 7, 11}, 1), usual));  // the past
    CHECK(close(read({0, 0, 4, 9, 2, 7, 11}, 3), usual));  // padding, at the same slots
    // A step farther from the target is another slot, and another state.
    IrnRows far = row_of({4, 9, 2, 7, 11}, config.positions);
    far.slots = far.slots.clone();
    far.slots.slice(1, 0, 4).sub_(1);
    CHECK_FALSE(close(state_at(model, far, 1), usual));
    // The released code's mask: the target's column has read the future, and passes it on.
    IrnConfig leaking = config;
    leaking.target_reads_history = 1;
    const IrnModel leaky = with(model, {}, leaking);
    CHECK_FALSE(close(state_at(leaky, row_of({4, 9, 13, 8, 11}, 12), 1),
                      state_at(leaky, row_of({4, 9, 2, 7, 11}, 12), 1)));
    // Without a target its column is hidden: what stands there cannot matter.
    IrnConfig deaf = config;
    deaf.target_weight = -1e9F;
    const IrnModel muted = with(model, {}, deaf);
    CHECK(close(state_at(muted, row_of({4, 9, 2, 7, 11}, 12), 3),
                state_at(muted, row_of({4, 9, 2, 7, 12}, 12), 3)));
    CHECK(close(state_at(muted, row_of({4, 9, 2, 7, 11}, 12), 3),
                state_at(muted, row_of({4, 9, 2, 7, 0}, 12), 3)));
  }

  TEST_CASE("gradients are those of finite differences, also a person's") {
    IrnConfig config = small_config();
    config.items = 6;
    config.people = 2;
    config.dropout = 0.0F;
    config.person_dropout = 0.0F;
    const IrnModel start = IrnModel::initialise(config, 4, "cpu");
    const std::vector<ItemId> log{3, 1, 4, 1, 5};
    const std::vector<IrnExample> examples{{1, log}};
    // After one step Adam's first moment is 1 - 0.9 times the gradient.
    IrnTrainer trainer(config, 4);
    const double before = trainer.step(examples, 1e-4F, 0, 1);
    const NamedArrays moved = trainer.weights(), old = start.to_arrays();
    const auto loss = [&](const NamedArrays& weights) {
      const torch::InferenceMode guard;
      const IrnModel model = IrnModel::from_arrays(config, weights, "cpu");
      const torch::Tensor hidden = hidden_states(model.net(), row_of({3, 1, 4, 1, 5}, 12, 1), nullptr);
      const torch::Tensor logits =
          torch::linear(hidden.view({5, -1}).slice(0, 0, 4), model.net().at("output"));
      const torch::Tensor next = torch::tensor(Ids{1, 4, 1, 5}, torch::kInt64).view({4, 1});
      return -torch::log_softmax(logits.to(torch::kFloat64), 1).gather(1, next).mean().item<double>();
    };
    CHECK(before == doctest::Approx(loss(old)).epsilon(1e-5));
    const auto bent = [&](const std::string& name, std::size_t i, float by) {
      NamedArrays arrays = old;
      std::vector<float> values(old.get<float>(name).begin(), old.get<float>(name).end());
      values[i] += by;
      arrays.set<float>(name, values, old.at(name).shape);
      return loss(arrays);
    };
    const NamedArrays moments = trainer.state().group("first_moment");
    int steep = 0;
    for (const auto& [name, array] : old.all()) {
      const auto moment = moments.get<float>(name);
      for (std::size_t i = 0; i < moment.size(); i += 1 + moment.size() / 5) {
        const double slope = (bent(name, i, 2e-3F) - bent(name, i, -2e-3F)) / 4e-3;
        CAPTURE(name);
        CAPTURE(i);
        CHECK(std::abs(double{moment[i]} / 0.1 - slope) <= 1e-3 + 0.05 * std::abs(slope));
        steep += std::abs(slope) > 1e-2 ? 1 : 0;
      }
    }
    CHECK(steep > 30);
    // Only the person of the example moved, and the padding item did not.
    const auto people = moved.get<float>("person_embedding");
    CHECK(std::all_of(people.begin(), people.begin() + 4, [](float v) { return v == 0.0F; }));
    CHECK(std::any_of(people.begin() + 4, people.end(), [](float v) { return v != 0.0F; }));
    const auto items = moved.get<float>("item_embedding");
    CHECK(std::all_of(items.begin(), items.begin() + 16, [](float v) { return v == 0.0F; }));
  }

  TEST_CASE("logs are cut into stretches that cover them") {
    Interactions logs;
    logs.offsets = {0, 100, 101, 105, 105};
    for (std::int32_t i = 0; i < 105; ++i) logs.items.push_back(i + 1);
    const std::vector<UserId> people{0, 1, 2, 3};
    std::set<std::size_t> sizes;
    for (std::uint32_t epoch = 1; epoch <= 30; ++epoch) {
      const auto examples = cut_examples(logs, people, 8, 20, 3, epoch);
      std::set<ItemId> covered;
      ItemId expected = 1;
      for (const IrnExample& example : examples) {
        if (example.user == 2) {
          CHECK(example.items.size() == 4);  // shorter than the shortest: whole
          continue;
        }
        REQUIRE(example.user == 0);
        sizes.insert(example.items.size());
        CHECK(example.items.size() >= 8);
        CHECK(example.items.size() <= 20);
        if (example.items.back() != 100) CHECK(example.items.front() == expected);
        expected = example.items.back() + 1;
        covered.insert(example.items.begin(), example.items.end());
      }
      CHECK(covered.size() == 100);
      auto ordered = examples;
      CHECK(order_examples(ordered, 4, 3, epoch) == (examples.size() + 3) / 4);
      for (std::size_t i = 0; i + 1 < ordered.size(); ++i) {
        if (i % 4 != 3) CHECK(ordered[i].items.size() >= ordered[i + 1].items.size());
      }
    }
    CHECK(sizes.size() == 13);  // every length from 8 to 20
    CHECK(cut_examples(logs, people, 8, 20, 3, 1).size() == cut_examples(logs, people, 8, 20, 3, 1).size());
  }

  TEST_CASE("it learns to go towards the target") {
    const Dataset data = ring_world(600);
    IrnTrainingOptions options = ring_training();
    options.max_epochs = 25;
    const IrnResult result = train_irn(data, options);
    CHECK(result.history.front().validation > 1.0);
    // From 5 items 4 are predicted, and each is certain: the target says the direction and the last item.
    CHECK(result.best_loss < 0.15);
    const NamedArrays arrays = result.model.to_arrays();
    const RerankedNextItem policy(std::make_shared<IrnPerson>(result.model, 3),
                                  {arrays.get<float>("output").data(), 21, 33},
                                  {.guide = {.name = "irn", .horizon = 3}, .candidates = 1});
    testing::Desk desk(policy, 20, 4);
    for (ItemId start = 1; start <= 20; ++start) {
      for (const std::int32_t step : {1, 19}) {
        const auto after = [&](std::int32_t steps) { return 1 + (start - 1 + steps * step) % 20; };
        desk.seat(start - 1, 1, after(4), std::vector<ItemId>{start});
        desk.ask();
        CAPTURE(start);
        CAPTURE(step);
        CHECK(desk.item(start - 1) == after(1));
      }
    }
  }

  TEST_CASE("the same weights for any number of threads and any interruptions") {
    const Dataset data = ring_world(200);
    IrnTrainingOptions options = ring_training();
    options.max_epochs = 3;
    const NamedArrays whole = train_irn(data, options).model.to_arrays();
    for (const int threads : {1, 3}) {
      tbb::task_arena arena(threads);
      CHECK(same_bytes(arena.execute([&] { return train_irn(data, options).model.to_arrays(); }), whole));
    }
    IrnTrainingOptions other = options;
    other.seed = 2;
    CHECK_FALSE(same_bytes(train_irn(data, other).model.to_arrays(), whole));

    options.checkpoint = temporary("checkpoint");
    int updates = 0, interruptions = 0;
    options.progress = [&](const IrnProgress&) {
      if (++updates % 2 == 1) request_interrupt();  // in the middle of epochs, and at their ends
    };
    while (true) {
      try {
        const NamedArrays pieces = train_irn(data, options).model.to_arrays();
        CHECK(same_bytes(pieces, whole));
        break;
      } catch (const Interrupted&) {
        clear_interrupt();
        REQUIRE(++interruptions < 50);
      }
    }
    clear_interrupt();
    CHECK(interruptions >= 4);
    // The file belongs to this training alone; a longer one goes on from it.
    other.checkpoint = options.checkpoint;
    CHECK_THROWS_AS(train_irn(data, other), ConfigError);
    options.progress = nullptr;
    options.max_epochs = 5;
    const IrnResult longer = train_irn(data, options);
    CHECK(longer.history.size() == 5);
    std::filesystem::remove(options.checkpoint);
    options.checkpoint.clear();
    CHECK(same_bytes(train_irn(data, options).model.to_arrays(), longer.model.to_arrays()));
  }

  TEST_CASE("patience ends training, and a plateau halves the learning rate") {
    const Dataset data = ring_world(100);
    IrnTrainingOptions options = ring_training();
    options.learning_rate = 0.3F;  // far too large: it does not get better for long
    options.max_epochs = 60;
    options.patience = 6;
    options.plateau = 2;
    const IrnResult result = train_irn(data, options);
    CHECK(result.end == IrnEnd::patience);
    CHECK(static_cast<std::int32_t>(result.history.size()) == result.best_epoch + 6);
    CHECK(result.best_loss == result.history[at(result.best_epoch - 1)].validation);
    CHECK(result.history.back().learning_rate <= 0.3F / 4.0F);
  }

  TEST_CASE("bad options and data are refused by name") {
    const Dataset data = ring_world(40);
    const auto says = [&](const auto& change, const std::string& part) {
      IrnTrainingOptions options = ring_training();
      change(options);
      std::string text = "nothing was thrown";
      try {
        train_irn(data, options);
      } catch (const ConfigError& error) {
        text = error.what();
      }
      CAPTURE(text);
      CHECK(text.find(part) != std::string::npos);
    };
    says([](auto& o) { o.batch = 0; }, "batch");
    says([](auto& o) { o.shortest = 1; }, "shortest");
    says([](auto& o) { o.shortest = 9; }, "shortest");
    says([](auto& o) { o.plateau = 0; }, "plateau");
    says([](auto& o) { o.learning_rate = 0.0F; }, "learning_rate");
    says([](auto& o) { o.budget_seconds = -1.0; }, "budget_seconds");
    says([](auto& o) { o.model.heads = 3; }, "hidden");
    says([](auto& o) { o.model.dropout = 1.0F; }, "dropout");
    says([](auto& o) { o.model.items = 7; }, "items");
    Dataset nobody = data;
    for (Part& part : nobody.parts) part = Part::train_judge;
    CHECK_THROWS_AS(train_irn(nobody, ring_training()), ConfigError);
  }

  TEST_CASE("a model file brings back what was saved, and nothing else") {
    const IrnModel model = IrnModel::initialise(small_config(), 6, "cpu");
    const std::filesystem::path path = temporary("irn.model.h5");
    ModelManifest manifest;
    manifest.dataset_fingerprint = "abc";
    const ModelFile file = to_model_file(model, manifest);
    CHECK(file.manifest.kind == "irn");
    CHECK(file.manifest.role == "agent");
    CHECK(file.manifest.parameters == parameter_count(small_config()));
    write_model(path, file);
    CHECK(same_bytes(load_irn(path, "cpu", "abc").to_arrays(), model.to_arrays()));
    CHECK(same_bytes(load_irn(path, "cpu", "").to_arrays(), model.to_arrays()));
    CHECK_THROWS_AS(load_irn(path, "cpu", "other data"), ConfigError);

    ModelFile changed = file;
    std::vector<float> bias{2.0F};
    changed.parameters.set<float>("impression.bias", bias, {1});
    write_model(path, changed);
    CHECK_THROWS_AS(load_irn(path, "cpu", "abc"), VerificationError);
    changed = file;
    changed.manifest.hyper_parameters["hidden"] = "32";
    write_model(path, changed);
    CHECK_THROWS_AS(load_irn(path, "cpu", "abc"), FormatError);
    changed = file;
    changed.manifest.kind = "sasrec";
    write_model(path, changed);
    CHECK_THROWS_AS(load_irn(path, "cpu", "abc"), FormatError);
    changed = file;
    changed.probe.set<std::int32_t>("input/target", std::vector<std::int32_t>{1});
    write_model(path, changed);
    CHECK_THROWS_AS(load_irn(path, "cpu", "abc"), FormatError);
    std::filesystem::remove(path);
  }

  TEST_CASE("the policy conforms") {
    for (const Acceptance acceptance : {Acceptance::always, Acceptance::sampled}) {
      const toys::LineWorld world({.items = 20, .horizon = 6, .acceptance = acceptance});
      const IrnModel model = IrnModel::initialise(small_config(), 6, "cpu");
      const NamedArrays arrays = model.to_arrays();
      const std::shared_ptr<const Policy> policy = std::make_shared<RerankedNextItem>(
          std::make_shared<IrnPerson>(model, 6),
          View<const float>(arrays.get<float>("output").data(), 21, 17),
          RerankedNextItemOptions{.guide = {.name = "irn", .horizon = 6}, .candidates = 1});
      conformance::check_policy(*policy, world);
      conformance::check_scenario(world, policy);
    }
  }
}

}  // namespace
}  // namespace veer::irn
