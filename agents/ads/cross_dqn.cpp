#include "agents/ads/cross_dqn.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/random.h"

namespace veer::ads {
namespace {

/// Lanes of Stream::explore.
enum ExploreLane : std::uint32_t { explore_mask = 0, explore_which = 1, explore_order = 2 };

class CrossDqnPolicy final : public Policy {
 public:
  CrossDqnPolicy(const CrossDqnOptions& options, std::vector<float> ads, std::vector<float> items)
      : options_(options),
        ads_(options.layout, options.hidden),
        items_(options.layout, options.hidden),
        ad_weights_(std::move(ads)),
        item_weights_(std::move(items)) {
    spec_.name = "cross_dqn";
    spec_.action = ActionKind::vector;
    spec_.width = options.layout.reals();
  }
  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode mode) const override {
    const PageLayout& layout = options_.layout;
    std::vector<float> q(at(layout.masks()));
    for (const std::int32_t row : rows) {
      const std::span<const float> features = seen.features.row(row);
      const PageRequest request(layout, features);
      const StepKey key = seen.key(row);
      const auto explores = [&](ExploreLane lane) {
        return mode == Mode::sample && uniform(key, Stream::explore, lane) < options_.exploration;
      };
      std::vector<std::int32_t> order =
          options_.orders_items ? items_.order(item_weights_, request) : by_clicks(layout, request);
      if (explores(explore_order)) {
        order = by_clicks(layout, request);
        shuffle(key, Stream::policy, order);
      }
      std::int32_t mask = 0;
      if (explores(explore_mask)) {
        mask = static_cast<std::int32_t>(
            uniform_below(static_cast<std::uint32_t>(layout.masks()), key, Stream::explore, explore_which));
      } else {
        ads_.masks(ad_weights_, features, order, q);
        mask = static_cast<std::int32_t>(std::ranges::max_element(q) - q.begin());
      }
      write_action(layout, mask, order, actions.reals.row(row));
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  CrossDqnOptions options_;
  AdValues ads_;
  ItemValues items_;
  std::vector<float> ad_weights_, item_weights_;
};

void check_cross_dqn(const CrossDqnOptions& o) {
  const auto check = [](const char* field, double value, bool fits, const char* expected) {
    if (fits) return;
    throw ConfigError({{}, 0, std::string("cross_dqn: ") + field}, {std::to_string(value), expected, ""});
  };
  check("slots", o.layout.slots, o.layout.slots >= 1 && o.layout.slots <= 8, "1 to 8");
  check("candidates", o.layout.candidates, o.layout.candidates >= o.layout.slots, "as many as slots");
  check("state", o.layout.state, o.layout.state >= 1, "1 or more");
  check("hidden", o.hidden, o.hidden >= 1, "1 or more");
  check("batch", o.batch, o.batch >= 1, "1 or more");
  check("discount", double{o.discount}, o.discount >= 0.0F && o.discount < 1.0F, "0 up to, not with, 1");
  check("rate", double{o.rate}, o.rate > 0.0F && o.rate < 1.0F, "above 0, below 1");
  check("target rate", double{o.target_rate}, o.target_rate > 0.0F && o.target_rate <= 1.0F, "above 0 to 1");
  check("exploration", double{o.exploration}, o.exploration >= 0.0F && o.exploration <= 1.0F, "0 to 1");
}

}  // namespace

CrossDqnLearner::CrossDqnLearner(const CrossDqnOptions& options, std::uint64_t seed)
    : options_((check_cross_dqn(options), options)),
      seed_(seed),
      ads_(options.layout, options.hidden),
      items_(options.layout, options.hidden),
      ad_weights_(ads_.parameters()),
      item_weights_(items_.parameters()) {
  ads_.initialise(seed, ad_weights_.values);
  items_.initialise(seed, item_weights_.values);
  slow_ads_ = ad_weights_.values;
  slow_items_ = item_weights_.values;
}

UpdateStats CrossDqnLearner::update(const TransitionSource& source) {
  const PageLayout& layout = options_.layout;
  std::vector<std::int64_t> drawn(at(options_.batch));
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    drawn[i] =
        uniform_below(static_cast<std::uint32_t>(source.size()), {seed_, static_cast<EpisodeId>(updates_), 0},
                      Stream::shuffle, static_cast<std::uint32_t>(i));
  }
  ++updates_;
  Transitions batch;
  source.gather(drawn, batch);
  if (batch.features != layout.features() || batch.reals != layout.reals() || batch.reward_terms < 2) {
    throw ConfigError(
        {{}, 0, "cross_dqn"},
        {std::to_string(batch.features) + " features, " + std::to_string(batch.reals) + " reals and " +
             std::to_string(batch.reward_terms) + " reward terms",
         std::to_string(layout.features()) + ", " + std::to_string(layout.reals()) + " and at least 2",
         "the world has pages of another layout"});
  }
  std::vector<float> ad_gradient(ads_.parameters(), 0.0F), item_gradient(items_.parameters(), 0.0F);
  std::vector<float> q(at(layout.masks()));
  std::vector<std::int32_t> order;
  DenseNetwork::Pass pass;
  double ad_loss = 0.0, item_loss = 0.0;
  std::int64_t shown_items = 0;
  const float share = 1.0F / static_cast<float>(options_.batch);
  for (std::int32_t i = 0; i < batch.count; ++i) {
    const auto row = [&](const std::vector<float>& values, std::int32_t width) {
      return std::span(values).subspan(at(std::int64_t{i} * width), at(width));
    };
    const std::span<const float> now = row(batch.observed, layout.features());
    const std::span<const float> next = row(batch.next_observed, layout.features());
    const std::span<const float> terms = row(batch.terms, batch.reward_terms);
    const PageRequest request(layout, now), following(layout, next);
    float ad_target = batch.reward[at(i)], item_target = terms[1] + options_.coupling * terms[0];
    if (options_.discount > 0.0F && !is_terminated(batch.end[at(i)])) {
      const std::vector<std::int32_t> order_then = order_of(following);
      ads_.masks(slow_ads_, next, order_then, q);
      ad_target += options_.discount * *std::ranges::max_element(q);
      float best = items_.value(slow_items_, following, 0, 0, pass);
      for (std::int32_t c = 1; c < layout.candidates; ++c) {
        best = std::max(best, items_.value(slow_items_, following, c, 0, pass));
      }
      item_target += options_.discount * best;
    }
    const std::int32_t mask = read_action(layout, row(batch.action_reals, layout.reals()), order);
    const float ad_error = ads_.value(ad_weights_.values, now, order, mask) - ad_target;
    ad_loss += double{ad_error} * double{ad_error};
    ads_.add_gradient(ad_weights_.values, now, order, mask, 2.0F * share * ad_error, ad_gradient);
    std::int32_t shown = 0;
    for (std::int32_t k = 0; k < layout.slots; ++k) shown += has_ad(mask, k) ? 0 : 1;
    for (std::int32_t rank = 0; rank < shown; ++rank, ++shown_items) {
      const float error =
          items_.value(item_weights_.values, request, order[at(rank)], rank, pass) - item_target;
      item_loss += double{error} * double{error};
      items_.add_gradient(item_weights_.values, pass, 2.0F * share * error / static_cast<float>(layout.slots),
                          item_gradient);
    }
  }
  ad_weights_.step(ad_gradient, options_.rate);
  item_weights_.step(item_gradient, options_.rate);
  follow(slow_ads_, ad_weights_.values, options_.target_rate);
  follow(slow_items_, item_weights_.values, options_.target_rate);
  return {{"ads_loss", ad_loss / batch.count},
          {"items_loss", item_loss / static_cast<double>(std::max<std::int64_t>(1, shown_items))}};
}

std::vector<std::int32_t> CrossDqnLearner::order_of(const PageRequest& request) const {
  return options_.orders_items ? items_.order(item_weights_.values, request)
                               : by_clicks(options_.layout, request);
}

std::shared_ptr<const Policy> CrossDqnLearner::snapshot() const {
  return std::make_shared<const CrossDqnPolicy>(options_, ad_weights_.values, item_weights_.values);
}

std::vector<float> CrossDqnLearner::mask_values(std::span<const float> features) const {
  std::vector<float> out(at(options_.layout.masks()));
  const std::vector<std::int32_t> order = order_of(PageRequest(options_.layout, features));
  ads_.masks(ad_weights_.values, features, order, out);
  return out;
}

void CrossDqnLearner::save(NamedArrays& out) const {
  ad_weights_.save(out, "ads");
  item_weights_.save(out, "items");
  out.set<float>("slow_ads", slow_ads_);
  out.set<float>("slow_items", slow_items_);
  out.set_scalar<std::int64_t>("updates", updates_);
}

void CrossDqnLearner::load(const NamedArrays& from) {
  ad_weights_.load(from, "ads");
  item_weights_.load(from, "items");
  for (auto& [name, kept] :
       {std::pair<const char*, std::vector<float>*>{"slow_ads", &slow_ads_}, {"slow_items", &slow_items_}}) {
    const std::span<const float> stored = from.get<float>(name);
    if (stored.size() != kept->size()) {
      throw FormatError({{}, 0, name},
                        {std::to_string(stored.size()) + " values", std::to_string(kept->size()), ""});
    }
    std::copy(stored.begin(), stored.end(), kept->begin());
  }
  updates_ = from.scalar<std::int64_t>("updates");
}

}  // namespace veer::ads
