#include <torch/types.h>
// LibTorch first: its macros clash with the test library's.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>
#include <torch/script.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "agents/guidance/averaged_person.h"
#include "agents/guidance/preference_guide.h"
#include "agents/sequential/network_person.h"
#include "agents/sequential/next_item.h"
#include "agents/sequential/torchscript.h"
#include "env/engine.h"
#include "env/error.h"
#include "simulators/sequence/sequence_user.h"
#include "tests/conformance/conformance.h"
#include "tests/env/nn/small_models.h"
#include "tests/simulators/sequence_world.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr std::int32_t catalogue = 90;

testing::SequenceWorld world(const char* kind, Acceptance acceptance) {
  return {make_sequence_user(nn::small_model(kind, catalogue)), acceptance};
}

/// A TorchScript file with this forward(), removed at the end.
struct Script {
  explicit Script(const std::string& source) {
    static int count = 0;
    path = std::filesystem::temp_directory_path() /
           ("veer-" + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".pt");
    torch::jit::Module module("policy");
    module.register_buffer("table", torch::arange(catalogue + 1).to(torch::kFloat32));
    module.define(source);
    module.save(path.string());
  }
  ~Script() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

const std::string arguments = "def forward(self, history, length, target, step):\n";

std::unique_ptr<Policy> load(const Script& script) {
  return load_torchscript_policy(script.path, {.items = catalogue, .history_capacity = 9});
}

// What the guard saw, from any thread.
std::mutex seen_mutex;
std::set<std::string> without_device;
std::int64_t factory_calls = 0;
thread_local int depth = 0;

const std::array<std::string_view, 12> factories = {
    "aten::empty", "aten::zeros",    "aten::ones", "aten::full",  "aten::arange",  "aten::scalar_tensor",
    "aten::eye",   "aten::linspace", "aten::rand", "aten::randn", "aten::randint", "aten::empty_strided"};

std::unique_ptr<at::ObserverContext> on_call(const at::RecordFunction& call) {
  if (depth++ > 0 || std::ranges::find(factories, std::string_view(call.name())) == factories.end())
    return nullptr;
  const auto name = call.operator_name();
  if (!name) return nullptr;
  const auto operation = c10::Dispatcher::singleton().findSchema(*name);
  if (!operation) return nullptr;
  const auto& parameters = operation->schema().arguments();
  const auto inputs = call.inputs();
  const std::lock_guard<std::mutex> lock(seen_mutex);
  ++factory_calls;
  for (std::size_t i = 0; i < parameters.size() && i < inputs.size(); ++i) {
    if (parameters[i].name() == "device" && inputs[i].isNone()) without_device.insert(c10::toString(*name));
  }
  return nullptr;
}
void on_return(const at::RecordFunction&, at::ObserverContext*) { --depth; }

TEST_SUITE("sequential policies") {
  TEST_CASE("next-item conforms in worlds with and without refusals") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      for (const Acceptance acceptance : {Acceptance::always, Acceptance::sampled}) {
        CAPTURE(kind);
        const auto scenario = world(kind, acceptance);
        const std::shared_ptr<const Policy> policy = make_next_item(nn::small_model(kind, catalogue, 8));
        conformance::check_policy(*policy, scenario);
        conformance::check_scenario(scenario, policy);
      }
    }
  }

  TEST_CASE("guiders over networks conform, and a bounded cache changes nothing") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      const nn::SequenceModel model = nn::small_model(kind, catalogue, 8);
      const NamedArrays arrays = model.to_arrays();
      const View<const float> table(arrays.get<float>("item_embedding").data(), catalogue + 1,
                                    model.config().hidden);
      const auto network = std::make_shared<NetworkPerson>(model);
      const VectorGuideOptions options{.name = "guide", .horizon = 6};
      for (const auto& people : std::vector<std::shared_ptr<const PersonVectors>>{
               network,
               std::make_shared<AveragedPerson>(network, table, AveragedPersonOptions{.favourites = 3})}) {
        CAPTURE(kind);
        const auto scenario = world(kind, Acceptance::sampled);
        const std::shared_ptr<const Policy> policy =
            std::make_shared<PreferenceGuide>(people, table, PreferenceGuideOptions{.guide = options});
        conformance::check_policy(*policy, scenario);
        conformance::check_scenario(scenario, policy);
        std::vector<EpisodeId> ids(300);
        for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
        Engine kept(scenario, policy->spec(), {.rows = 256, .shard_rows = 32, .seed = 4, .cache_mb = 1024});
        Engine lent(scenario, policy->spec(), {.rows = 256, .shard_rows = 32, .seed = 4, .cache_mb = 0});
        CHECK(kept.evaluate(*policy, Mode::greedy, ids).items ==
              lent.evaluate(*policy, Mode::greedy, ids).items);
      }
    }
  }

  TEST_CASE("next-item repeats neither the history nor what was just refused") {
    for (const Mode mode : {Mode::greedy, Mode::sample}) {
      const auto scenario = world("sasrec", Acceptance::sampled);
      const auto policy = make_next_item(nn::small_model("sasrec", catalogue, 8));
      Engine engine(scenario, policy->spec(), {.rows = 64, .shard_rows = 32, .seed = 4});
      std::vector<EpisodeId> ids(200);
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
      const Trajectories played = engine.evaluate(*policy, mode, ids);
      std::int64_t refusals = 0;
      for (std::size_t e = 0; e < ids.size(); ++e) {
        const auto start = View<const ItemId>(played.history.data(), 200, played.history_width)
                               .row(static_cast<std::int32_t>(e));
        std::set<ItemId> shown(start.begin(), start.begin() + played.history_size[e]);
        for (std::int32_t k = 0; k < played.length[e]; ++k) {
          const auto at = static_cast<std::size_t>(played.first_step[e] + k);
          CHECK(played.items[at] >= 1);
          CHECK(shown.insert(played.items[at]).second);
          CHECK(played.log_prob[at] < 0.0F);
          refusals += (played.feedback[at] & feedback::accepted) == 0 ? 1 : 0;
        }
      }
      CHECK(refusals > 0);
    }
  }

  TEST_CASE("a bounded cache changes nothing") {
    const auto scenario = world("sasrec", Acceptance::sampled);
    const auto policy = make_next_item(nn::small_model("sasrec", catalogue, 8));
    std::vector<EpisodeId> ids(300);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    Engine kept(scenario, policy->spec(), {.rows = 256, .shard_rows = 32, .seed = 4, .cache_mb = 1024});
    Engine lent(scenario, policy->spec(), {.rows = 256, .shard_rows = 32, .seed = 4, .cache_mb = 0});
    CHECK(kept.shards_at_once(*policy) > 8);
    CHECK(lent.shards_at_once(*policy) == 1);
    Trajectories a = kept.evaluate(*policy, Mode::sample, ids), b = lent.evaluate(*policy, Mode::sample, ids);
    CHECK(a.items == b.items);
    CHECK(a.probability == b.probability);
    CHECK(a.log_prob == b.log_prob);
    CHECK(a.episode_return == b.episode_return);

    CHECK(scenario.users().scoring_bytes(32, 10, 10) > 0);
    judge_paths(scenario.users(), "people", a);
    judge_paths(scenario.users(), "people", b, 0);
    CHECK(a.judges[0].acceptance == b.judges[0].acceptance);
    CHECK(a.judges[0].interest == b.judges[0].interest);
    CHECK(a.judges[0].rank == b.judges[0].rank);

    // Stepping keeps caches for as many shards as the bound allows and encodes the others again.
    const std::shared_ptr<const Policy> shared = make_next_item(nn::small_model("sasrec", catalogue, 8));
    Rollout with(kept.shape(), 12), without(lent.shape(), 12);
    kept.reset();
    lent.reset();
    kept.collect(shared, Mode::sample, with);
    lent.collect(shared, Mode::sample, without);
    CHECK(with.all().items == without.all().items);
    CHECK(with.all().reward == without.all().reward);
  }

  TEST_CASE("every tensor is made on a device somebody named") {
    at::enableRecordFunction(true);
    const auto handle = at::addGlobalCallback(
        at::RecordFunctionCallback(on_call, on_return).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
    (void)torch::zeros({2});
    const bool guard_works = without_device.size() == 1;
    without_device.clear();
    factory_calls = 0;
    for (const char* kind : {"sasrec", "gru4rec"}) {
      for (const nn::Kernels kernels : {nn::Kernels::automatic, nn::Kernels::portable}) {
        const testing::SequenceWorld scenario(make_sequence_user(nn::small_model(kind, catalogue), kernels),
                                              Acceptance::sampled);
        const std::shared_ptr<const Policy> policy =
            make_next_item(nn::small_model(kind, catalogue, 8), {}, kernels);
        without_device.clear();  // building a test's weights is not the step loop
        Engine engine(scenario, policy->spec(), {.rows = 64, .shard_rows = 32, .seed = 4});
        engine.reset();
        for (int i = 0; i < 9; ++i) engine.step(policy, i % 2 == 0 ? Mode::sample : Mode::greedy);
        CHECK(without_device == std::set<std::string>{});
      }
    }
    at::removeCallback(handle);
    CHECK(guard_works);
    CHECK(factory_calls > 0);
  }

  TEST_CASE("a TorchScript file that scores is sampled and maximised like any policy") {
    const Script script(arguments + R"(
    last = history.gather(1, (length - 1).clamp(min=0).unsqueeze(1))
    return -0.5 * (self.table.unsqueeze(0) - last.to(self.table.dtype) - 2.0).abs()
)");
    const std::shared_ptr<const Policy> policy = load(script);
    const auto scenario = world("sasrec", Acceptance::always);
    conformance::check_policy(*policy, scenario);
    Engine engine(scenario, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 4});
    const std::vector<EpisodeId> ids{0, 1, 2};
    const Trajectories played = engine.evaluate(*policy, Mode::greedy, ids);
    for (std::size_t e = 0; e < 3; ++e) {
      ItemId last = played.history[e * static_cast<std::size_t>(played.history_width) +
                                   static_cast<std::size_t>(played.history_size[e]) - 1];
      for (std::int32_t k = 0; k < played.length[e]; ++k) {
        const ItemId item = played.items[static_cast<std::size_t>(played.first_step[e] + k)];
        CHECK(item == std::min(last + 2, catalogue));
        last = item;
      }
    }
  }

  TEST_CASE("a TorchScript file may answer with items, and stop") {
    const Script script(arguments + "    return torch.where(step < 2, target - (step == 0) * 1, step * 0)\n");
    const auto policy = load(script);
    const auto scenario = world("sasrec", Acceptance::always);
    Engine engine(scenario, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 4});
    const std::vector<EpisodeId> ids{0, 1, 2, 3};
    const Trajectories played = engine.evaluate(*policy, Mode::sample, ids);
    for (std::size_t e = 0; e < 4; ++e) {
      const auto first = static_cast<std::size_t>(played.first_step[e]);
      if (played.episode_target[e] == 1) continue;
      CHECK(played.items[first] == played.episode_target[e] - 1);
      CHECK(played.length[e] == 2);
      CHECK(played.end[e] == EndReason::target_reached);
    }
  }

  TEST_CASE("what does not fit is explained in one sentence") {
    const auto message = [](const auto& work) -> std::string {
      try {
        work();
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
        return error.what();
      }
      return "nothing was thrown";
    };
    const auto says = [&](const Script& script, const std::string& part) {
      const std::string text = message([&] { load(script); });
      CAPTURE(text);
      CHECK(text.find(part) != std::string::npos);
      CHECK(text.find(script.path.string()) != std::string::npos);
    };
    says(Script("def forward(self, history):\n    return history\n"), "1 arguments");
    says(Script("def other(self, history):\n    return history\n"), "no such method");
    says(Script(arguments + "    return torch.zeros([history.size(0), 7])\n"), "Float [2, 7]");
    says(Script(arguments + "    return [length]\n"), "a result of type");
    says(Script(arguments + "    return length * 1.0\n"), "Float [2]");
    says(Script(arguments + "    assert False, 'no'\n    return length\n"), "an error inside the file");
    const Script far(arguments + "    return target * 0 + 1000\n");
    const auto policy = load(far);
    const auto scenario = world("sasrec", Acceptance::always);
    Engine engine(scenario, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 4});
    const std::vector<EpisodeId> ids{0};
    CHECK(message([&] { engine.evaluate(*policy, Mode::greedy, ids); }).find("item 1000") !=
          std::string::npos);
    CHECK_THROWS_AS(load_torchscript_policy("/nowhere/x.pt", {.items = 3}), IoError);
    const std::filesystem::path foreign =
        std::filesystem::temp_directory_path() / ("veer-" + std::to_string(::getpid()) + ".txt");
    std::ofstream(foreign) << "not a model";
    CHECK_THROWS_AS(load_torchscript_policy(foreign, {.items = 3}), FormatError);
    std::filesystem::remove(foreign);
  }
}

}  // namespace
}  // namespace veer
