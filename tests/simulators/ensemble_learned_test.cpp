// Ensembles of learned people: what members share changes no result.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "env/error.h"
#include "env/loop/trajectories.h"
#include "simulators/ensemble/ensemble_file.h"
#include "simulators/ensemble/ensemble_user.h"
#include "simulators/sequence/sequence_user.h"
#include "simulators/shift/shift_user.h"
#include "tests/conformance/conformance.h"
#include "tests/simulators/sequence_world.h"
#include "tests/simulators/shift_world.h"
#include "tests/test.h"
#include "tests/toys/policies.h"

namespace veer::shift {
namespace {

using testing::catalogue_items;
using testing::lively_model;

/// Rates of its own over the same network and the same items.
ShiftModel member(int index) {
  ShiftModel model = lively_model();
  model.parameters.set_on(Mechanisms::all().without(Mechanism::drift));
  model.parameters.set_value(Parameter::start_scale, 0.7F + 0.15F * static_cast<float>(index));
  model.parameters.set_value(Parameter::popularity, 0.2F * static_cast<float>(index));
  model.parameters.set_value(Parameter::acceptance_gain, 0.5F + 0.2F * static_cast<float>(index));
  return model;
}

using Models = std::vector<std::shared_ptr<const UserModel>>;

Models apart() {
  Models models;
  for (int m = 0; m < 3; ++m) models.push_back(std::make_shared<const ShiftUser>(member(m)));
  return models;
}

Models sharing() {
  const auto first = std::make_shared<const ShiftUser>(member(0));
  return {first, std::make_shared<const ShiftUser>(member(1), *first),
          std::make_shared<const ShiftUser>(member(2), *first)};
}

/// State, answers and standing of a shard of people who live through six steps.
std::vector<float> live(const UserModel& model, std::int32_t first_column, std::int32_t columns) {
  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 9, .user_state = model.spec().state_width},
              3);
  Shard shard = batch.shard(0);
  const auto workspace = model.make_workspace({.rows = 64, .history_capacity = 9, .slots = 1, .horizon = 6});
  std::vector<std::int32_t> rows;
  for (std::int32_t row = 0; row < 64; ++row) {
    rows.push_back(row);
    shard.episode(row) = static_cast<EpisodeId>(row);
    shard.target(row) = 1 + row % catalogue_items;
    shard.history_size(row) = 1 + row % 9;
    for (std::int32_t t = 0; t < shard.history_size(row); ++t)
      shard.history(row, t) = 1 + (row * 5 + t * 3) % catalogue_items;
  }
  std::vector<float> out;
  model.begin(rows, shard, *workspace);
  for (std::int32_t t = 0; t < 6; ++t) {
    for (const std::int32_t row : rows) shard.items(row) = 1 + (row + t * 7) % catalogue_items;
    model.choose(rows, shard, *workspace);
    for (const std::int32_t row : rows) {
      shard.feedback(row) = (row + t) % 4 == 0 ? feedback::refused : feedback::accepted;
      if (shard.feedback(row) == feedback::accepted) append_history(shard, row, shard.items(row));
    }
    model.advance(rows, shard, *workspace);
    for (const std::int32_t row : rows) ++shard.step(row);
  }
  model.measure(rows, shard, *workspace);
  for (const std::int32_t row : rows) {
    const auto state = shard.user_state.row(row).subspan(static_cast<std::size_t>(first_column),
                                                         static_cast<std::size_t>(columns));
    out.insert(out.end(), state.begin(), state.end());
  }
  return out;
}

Trajectories paths_of_everybody() {
  Trajectories paths;
  paths.history_width = 8;
  for (std::int32_t e = 0; e < 40; ++e) {
    paths.episode_id.push_back(static_cast<EpisodeId>(e));
    paths.first_step.push_back(paths.steps());
    paths.length.push_back(1 + e % 5);
    paths.episode_user.push_back(e);
    paths.episode_target.push_back(1 + (e * 11) % catalogue_items);
    paths.end.push_back(EndReason::horizon);
    paths.history_size.push_back(1 + e % 8);
    for (std::int32_t t = 0; t < 8; ++t)
      paths.history.push_back(t < 1 + e % 8 ? 1 + (e * 3 + t * 17) % catalogue_items : no_item);
    for (std::int32_t k = 0; k < 1 + e % 5; ++k) {
      paths.episode.push_back(static_cast<EpisodeId>(e));
      paths.items.push_back(1 + (e * 7 + k * 5) % catalogue_items);
      paths.feedback.push_back((e + k) % 3 == 0 ? feedback::refused : feedback::accepted);
    }
  }
  return paths;
}

TEST_SUITE("ensembles of learned people") {
  TEST_CASE("all kinds conform, together and alone") {
    conformance::check_user_model(*make_ensemble(sharing()), {.tolerance = 1e-4});
    Models mixed = sharing();
    mixed.push_back(make_sequence_user(nn::small_model("sasrec", catalogue_items, 5, 12)));
    mixed.push_back(make_sequence_user(nn::small_model("gru4rec", catalogue_items, 6, 12)));
    const auto ensemble = make_ensemble(mixed);
    CHECK(ensemble->spec().members == 5);
    CHECK(ensemble->spec().positions == 12);
    conformance::check_user_model(*ensemble, {.tolerance = 1e-4});
  }

  TEST_CASE("drawn noise is common to all members: equal members stay equal") {
    ShiftModel model = member(1);
    model.parameters.set_on(Mechanisms::all());
    const auto one = std::make_shared<const ShiftUser>(model);
    const auto pair = make_ensemble({one, std::make_shared<const ShiftUser>(model, *one)});
    const std::int32_t width = one->spec().state_width;
    CHECK(live(*pair, 0, width) == live(*one, 0, width));
    CHECK(live(*pair, width, width) == live(*one, 0, width));
    conformance::check_user_model(*pair, {.tolerance = 1e-4, .deterministic_state = false});
  }

  TEST_CASE("members over one network say what they say with one each") {
    const Models alone = apart(), together = sharing();
    const auto* a = dynamic_cast<const ShiftUser*>(together[0].get());
    const auto* b = dynamic_cast<const ShiftUser*>(together[1].get());
    const auto* c = dynamic_cast<const ShiftUser*>(alone[1].get());
    CHECK(a->reader_id() == b->reader_id());
    CHECK(a->reader_id() == c->reader_id());
    CHECK(&a->items() == &b->items());  // one table
    CHECK(&a->items() != &c->items());
    CHECK(&a->model().base.net() == &b->model().base.net());

    const auto ensemble = make_ensemble(together), unshared = make_ensemble(alone);
    const std::int32_t width = alone[0]->spec().state_width;
    for (std::size_t m = 0; m < 3; ++m) {
      CAPTURE(m);
      const auto expected = live(*alone[m], 0, width);
      CHECK(live(*ensemble, static_cast<std::int32_t>(m) * width, width) == expected);
      CHECK(live(*unshared, static_cast<std::int32_t>(m) * width, width) == expected);
    }

    Trajectories paths = paths_of_everybody();
    judge_paths(*ensemble, "ensemble", paths);
    for (std::size_t m = 0; m < 3; ++m) judge_paths(*alone[m], std::to_string(m), paths);
    const auto& judges = paths.judges;
    bool apart_somewhere = false;
    for (std::size_t s = 0; s < judges[0].acceptance.size(); ++s) {
      double sum = 0.0, likelihood = 0.0;
      std::vector<std::int32_t> ranks;
      for (std::size_t m = 1; m < 4; ++m) {
        sum += double{judges[m].acceptance[s]};
        likelihood += std::exp(double{judges[m].interest[s]});
        ranks.push_back(judges[m].rank[s]);
      }
      CHECK(judges[0].acceptance[s] == static_cast<float>(sum / 3.0));
      CHECK(judges[0].interest[s] == doctest::Approx(std::log(likelihood / 3.0)).epsilon(1e-6));
      CHECK(judges[0].rank[s] == median_rank(ranks));
      apart_somewhere = apart_somewhere || judges[0].acceptance_deviation[s] > 0.01F;
    }
    CHECK(apart_somewhere);
  }

  TEST_CASE("other networks and other items are not shared") {
    const auto first = std::make_shared<const ShiftUser>(member(0));
    ShiftModel model = member(1);
    model.facts.log_popularity[3] += 1.0F;
    const ShiftUser other_items(model, *first);
    CHECK(other_items.reader_id() == first->reader_id());
    CHECK(&other_items.items() != &first->items());
    const ShiftUser alone(model);
    const std::int32_t width = alone.spec().state_width;
    CHECK(live(other_items, 0, width) == live(alone, 0, width));
    const ShiftUser other_network(lively_model("gru4rec"), *first);
    CHECK(other_network.reader_id() != first->reader_id());
    CHECK(other_network.model().base.config().kind == "gru4rec");
    const auto ensemble = make_ensemble({first, std::make_shared<const ShiftUser>(lively_model("gru4rec"))});
    conformance::check_user_model(*ensemble, {.tolerance = 1e-4, .deterministic_state = false});
  }

  TEST_CASE("worlds of ensembles play the same bytes for any number of threads") {
    Models mixed = sharing();
    mixed.push_back(make_sequence_user(nn::small_model("sasrec", catalogue_items, 5, 12)));
    const veer::testing::SequenceWorld world(make_ensemble(mixed), Acceptance::sampled);
    conformance::check_scenario(world, std::make_shared<toys::UniformItems>(catalogue_items, 1));
  }

  TEST_CASE("a file keeps the network of all members once") {
    ModelManifest manifest;
    manifest.dataset_fingerprint = std::string(64, 'a');
    manifest.fitted_on = "train_plan";
    const std::vector<ModelFile> members{shift_model_file(member(0), manifest),
                                         shift_model_file(member(1), manifest),
                                         shift_model_file(member(2), manifest)};
    const ModelFile file = ensemble_model_file(members, {});
    CHECK(file.manifest.fitted_on == "train_plan");
    CHECK(file.parameters.contains("base/item_embedding"));
    CHECK(file.parameters.contains("items/log_popularity"));
    CHECK(!file.members[1].parameters.contains("base/item_embedding"));
    CHECK(file.members[1].parameters.contains("shift/popularity.weight"));
    const auto size = model_bytes(file).size(), one = model_bytes(members[0]).size();
    CHECK(size < 2 * one);
    for (std::size_t m = 0; m < 3; ++m) {
      const ShiftModel back = shift_model_from(members_of(parse_model(model_bytes(file), "test"))[m]);
      CHECK(std::ranges::equal(back.parameters.free(), member(static_cast<int>(m)).parameters.free()));
    }
    // Somebody else's rates under a member's probe.
    ModelFile other = file;
    std::swap(other.members[0].parameters, other.members[2].parameters);
    CHECK_THROWS_AS(shift_model_from(members_of(other)[0]), VerificationError);
  }
}

}  // namespace
}  // namespace veer::shift
