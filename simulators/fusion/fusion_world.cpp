#include "simulators/fusion/fusion_world.h"

#include <cmath>
#include <string>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

constexpr TaskEffects effects[fusion_tasks] = {
    // base match quality bait pull eagerness sociability generosity
    {-0.6F, 1.2F, 0.2F, 1.0F, 0.0F, 0.8F, 0.0F, 0.0F},    // click
    {-4.0F, 0.6F, 0.4F, 0.0F, 1.0F, 0.0F, 0.0F, 1.5F},    // gift
    {-0.4F, 1.0F, 1.0F, -1.0F, 0.0F, 0.0F, 0.0F, 0.0F},   // complete
    {-1.8F, 0.8F, 0.8F, -0.3F, 0.3F, 0.0F, 0.5F, 0.0F},   // like
    {-3.0F, 0.5F, 0.8F, 0.0F, 0.0F, 0.0F, 1.0F, 0.0F},    // share
    {-2.8F, 0.4F, 0.3F, 0.4F, 0.2F, 0.0F, 1.0F, 0.0F},    // comment
    {-3.5F, 0.4F, 0.5F, 0.0F, 1.2F, 0.0F, 0.3F, 0.0F},    // follow
    {-2.5F, -0.8F, -0.8F, 0.9F, 0.0F, 0.0F, 0.0F, 0.0F},  // dislike
    {0.3F, 0.9F, 0.7F, -0.8F, 0.0F, 0.0F, 0.0F, 0.0F},    // watch_long
    {-3.0F, 0.6F, 1.0F, 0.0F, 0.3F, 0.0F, 0.0F, 0.0F},    // collect
    {-2.6F, 0.2F, 0.2F, 0.3F, 1.0F, 0.0F, 0.4F, 0.0F},    // profile_visit
    {-3.0F, 0.7F, 0.8F, -0.2F, 0.0F, 0.0F, 0.0F, 0.0F},   // rewatch
};

/// Which table a normal is drawn for: the step of its key.
enum Table : std::uint32_t { taste = 0, trait = 1, profile_slip = 2, topic = 3, content = 4, slip = 5 };

/// [count, width] standard normals.
std::vector<float> normals(std::uint64_t seed, Table table, std::int32_t count, std::int32_t width) {
  std::vector<float> out(at(count) * at(width));
  for (std::int32_t i = 0; i < count; ++i) {
    fill_normal({seed, static_cast<EpisodeId>(i), table}, Stream::initialise,
                std::span(out).subspan(at(i) * at(width), at(width)));
  }
  return out;
}

void to_unit_length(std::vector<float>& rows, std::int32_t width) {
  for (std::size_t first = 0; first < rows.size(); first += at(width)) {
    double squares = 0.0;
    for (std::size_t k = 0; k < at(width); ++k) squares += double{rows[first + k]} * double{rows[first + k]};
    const auto scale = static_cast<float>(1.0 / std::sqrt(std::max(squares, 1e-12)));
    for (std::size_t k = 0; k < at(width); ++k) rows[first + k] *= scale;
  }
}

float sigmoid_of(float log_odds) noexcept { return 1.0F / (1.0F + std::exp(-log_odds)); }

void check_range(const char* field, double value, double least, double most) {
  if (value >= least && value <= most) return;
  throw ConfigError({{}, 0, std::string("fusion world: ") + field},
                    {std::to_string(value), std::to_string(least) + " to " + std::to_string(most), ""});
}

}  // namespace

std::span<const TaskEffects> task_effects() noexcept { return effects; }

FusionWorld::FusionWorld(const FusionWorldParameters& parameters) : parameters_(parameters) {
  const FusionWorldParameters& p = parameters_;
  check_range("items", p.items, 40, 1e7);
  check_range("people", p.people, 10, 1e7);
  check_range("topics", p.topics, 2, 64);
  check_range("prediction_error", double{p.prediction_error}, 0.0, 10.0);
  check_range("profile_error", double{p.profile_error}, 0.0, 10.0);
  tastes_ = normals(p.seed, taste, p.people, p.topics);
  to_unit_length(tastes_, p.topics);
  traits_ = normals(p.seed, trait, p.people, 3);
  topics_ = normals(p.seed, topic, p.items, p.topics);
  to_unit_length(topics_, p.topics);
  contents_ = normals(p.seed, content, p.items, 3);
  errors_ = normals(p.seed, slip, p.items, fusion_tasks);
  for (float& error : errors_) error *= p.prediction_error;
  profiles_ = normals(p.seed, profile_slip, p.people, profile_width());
  // Entries of a unit vector deviate by 1 / sqrt(D); so do their errors.
  const float of_taste = p.profile_error / std::sqrt(static_cast<float>(p.topics));
  for (std::int32_t u = 0; u < p.people; ++u) {
    for (std::int32_t k = 0; k < profile_width(); ++k) {
      float& value = profiles_[at(u) * at(profile_width()) + at(k)];
      const bool of_topic = k < p.topics;
      value *= of_topic ? of_taste : p.profile_error;
      value += of_topic ? tastes_[at(u) * at(p.topics) + at(k)] : traits_[at(u) * 3 + at(k - p.topics)];
    }
  }
}

Part FusionWorld::part(UserId user) const noexcept {
  const std::int32_t place = user % 10;
  if (place == 8) return Part::validation;
  if (place == 9) return Part::test;
  return place % 2 == 0 ? Part::train_plan : Part::train_judge;
}

std::span<const float> FusionWorld::profile(UserId user) const noexcept {
  return std::span(profiles_).subspan(at(user) * at(profile_width()), at(profile_width()));
}

float FusionWorld::match(UserId user, ItemId item) const noexcept {
  const std::size_t width = at(parameters_.topics);
  const float* person = tastes_.data() + at(user) * width;
  const float* video = topics_.data() + (at(item) - 1) * width;
  float sum = 0.0F;
  for (std::size_t k = 0; k < width; ++k) sum += person[k] * video[k];
  return sum * std::sqrt(static_cast<float>(width));  // deviation 1
}

void FusionWorld::log_odds(UserId user, ItemId item, std::span<float> out) const noexcept {
  const float fit = match(user, item);
  const float* person = traits_.data() + at(user) * 3;
  const float* video = contents_.data() + (at(item) - 1) * 3;
  for (std::size_t t = 0; t < std::size(effects); ++t) {
    const TaskEffects& e = effects[t];
    out[t] = e.base + e.match * fit + e.quality * video[0] + e.bait * video[1] + e.pull * video[2] +
             e.eagerness * person[0] + e.sociability * person[1] + e.generosity * person[2];
  }
}

float FusionWorld::log_odds(UserId user, ItemId item, std::int32_t task) const noexcept {
  std::array<float, fusion_tasks> all{};
  log_odds(user, item, all);
  return all[at(task)];
}

void FusionWorld::predictions(UserId user, ItemId item, std::span<float> out) const noexcept {
  log_odds(user, item, out);
  const float* error = errors_.data() + (at(item) - 1) * std::size(effects);
  for (std::size_t t = 0; t < std::size(effects); ++t) out[t] = sigmoid_of(out[t] + error[t]);
}

}  // namespace veer
