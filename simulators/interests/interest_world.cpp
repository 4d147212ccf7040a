#include "simulators/interests/interest_world.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

float inner_product(std::span<const float> a, std::span<const float> b) noexcept {
  float sum = 0.0F;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

void bring_to_length_1(std::span<float> vector) noexcept {
  const float length = std::sqrt(inner_product(vector, vector));
  for (float& value : vector) value /= std::max(length, 1e-6F);
}

class InterestUsers final : public UserModel {
 public:
  explicit InterestUsers(std::shared_ptr<const InterestWorld> world) : world_(std::move(world)) {
    spec_ = {.kind = "interests",
             .items = world_->parameters().items,
             .state_width = world_->parameters().delay,
             .positions = 0,
             .modifiers = {}};
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) std::ranges::fill(shard.user_state.row(row), 0.0F);
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const ItemId item = shard.items(row, 0);
      const std::span<const float> interest =
          shard.features.row(row).first(at(world_->parameters().dimensions));
      const float p = item == no_item ? 0.0F : world_->take_probability(interest, item);
      shard.probability(row, 0) = p;
      shard.feedback(row, 0) =
          uniform(shard.key(row), Stream::choice) < p ? feedback::accepted : feedback::refused;
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::ranges::copy(shard.user_state.row(from[i]), shard.user_state.row(to[i]).begin());
    }
  }
  void measure(Rows, Shard&, Workspace&) const override { refuse_targets(); }
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override { refuse_targets(); }
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override { refuse_targets(); }

 private:
  [[noreturn]] static void refuse_targets() {
    throw ConfigError({{}, 0, "interests-v1"}, {"a question about the interest in a target", "sessions",
                                                "people of this world have no target"});
  }
  std::shared_ptr<const InterestWorld> world_;
  UserModelSpec spec_;
};

}  // namespace

InterestWorld::InterestWorld(const InterestParameters& parameters) : parameters_(parameters) {
  const InterestParameters& p = parameters_;
  const auto check = [](const char* field, double value, double least, double most) {
    if (value >= least && value <= most) return;
    throw ConfigError({{}, 0, std::string("interest world: ") + field},
                      {std::to_string(value), std::to_string(least) + " to " + std::to_string(most), ""});
  };
  check("items", p.items, 2, 1e7);
  check("dimensions", p.dimensions, 2, 64);
  check("delay", p.delay, 1, 1000);
  check("drift", double{p.drift}, 0, 10);
  check("purchase rate", double{p.purchase_rate}, 0, 1);
  items_.resize(at(p.items) * width());
  for (std::int32_t i = 0; i < p.items; ++i) {
    const std::span<float> vector = std::span(items_).subspan(at(i) * width(), width());
    fill_normal({p.seed, static_cast<EpisodeId>(i), 0}, Stream::initialise, vector);
    bring_to_length_1(vector);
  }
}

ItemId InterestWorld::nearest(std::span<const float> direction) const noexcept {
  ItemId best = 1;
  float highest = inner_product(item(1), direction);
  for (ItemId i = 2; i <= parameters_.items; ++i) {
    const float score = inner_product(item(i), direction);
    if (!(score > highest)) continue;
    highest = score;
    best = i;
  }
  return best;
}

float InterestWorld::take_probability(std::span<const float> interest, ItemId shown) const noexcept {
  return 1.0F / (1.0F + std::exp(2.0F - 4.0F * inner_product(interest, item(shown))));
}

float InterestWorld::purchase_probability(std::span<const float> interest,
                                          std::span<const float> long_term) const noexcept {
  const float match = std::max(0.0F, inner_product(interest, long_term));
  return parameters_.purchase_rate * match * match;
}

void InterestWorld::move(std::span<float> interest, ItemId taken, const StepKey& key) const noexcept {
  constexpr float step = 0.2F;
  if (taken != no_item) {
    const std::span<const float> towards = item(taken);
    for (std::size_t d = 0; d < interest.size(); ++d) interest[d] += step * (towards[d] - interest[d]);
  }
  add_normal(key, Stream::drift, parameters_.drift, interest);
  bring_to_length_1(interest);
}

void InterestWorld::draw_direction(const StepKey& key, std::uint32_t lane,
                                   std::span<float> out) const noexcept {
  for (std::size_t d = 0; d < out.size(); ++d) {
    out[d] = normal(key, Stream::begin_episode, lane + static_cast<std::uint32_t>(d));
  }
  bring_to_length_1(out);
}

std::unique_ptr<UserModel> make_interest_users(std::shared_ptr<const InterestWorld> world) {
  return std::make_unique<InterestUsers>(std::move(world));
}

}  // namespace veer
