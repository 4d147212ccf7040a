#include "simulators/shift/shift_gradient.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "env/nn/kernels/softmax_kernel.h"
#include "env/runtime.h"
#include "simulators/shift/shift_dynamics.h"

namespace veer::shift {
namespace {

constexpr std::int64_t tile_values = 1 << 18;  // a megabyte of logits stays in a core's second-level cache
constexpr std::size_t score_cases = 16;        // cases per task of score()

/// What the forward pass keeps about one event.
struct Event {
  ItemId shown = no_item;
  bool accepted = true;
  bool last = false;  ///< nothing follows: no movement after it
  float gap = 1.0F;
  float variance = 0.0F;  ///< P before the event
  AcceptanceShare acceptance;
  std::int32_t row = -1;  ///< in the matrix of scored events; -1: not scored
};

/// All states of some cases, event by event; [events, ...] row-major.
struct Forward {
  std::vector<Event> events;
  std::vector<std::size_t> first;    ///< [cases + 1] into events
  torch::Tensor vectors, targets;    ///< [events, d] of shown items, and where acceptance draws
  std::vector<float> taste;          ///< [events, d] z before the event
  std::vector<float> moved;          ///< [events, d] y after the answer, before time passes
  std::vector<float> boredom;        ///< [events, A] before the event
  std::vector<float> grown;          ///< [events, A] after the showing, before time passes
  torch::Tensor augmented;           ///< [scored, W]
  std::vector<std::int64_t> wanted;  ///< [scored]
  std::vector<std::size_t> origin;   ///< [scored] the event
};

void outer_product(std::span<float> sum, std::span<const float> a, std::span<const float> b, float scale) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float factor = scale * a[i];
    float* row = sum.data() + i * b.size();
    for (std::size_t j = 0; j < b.size(); ++j) row[j] += factor * b[j];
  }
}

}  // namespace

struct Likelihood::Impl {
  std::shared_ptr<const Items> items;
  std::size_t recent = 0;
  torch::Tensor table;       ///< [N + 1, W]
  torch::Tensor transposed;  ///< a view

  std::size_t d() const { return static_cast<std::size_t>(items->width()); }
  std::size_t attributes() const { return static_cast<std::size_t>(items->facts().attributes); }

  Forward forward(const Parameters& parameters, const Rates& rates, const Cases& cases,
                  std::span<const std::int32_t> which) const;
  void play(const Rates& rates, Forward& f, std::size_t c, std::span<const float> readout) const;
  double soften(const Rates& rates, Forward& f, float weight, std::span<float> gradient,
                const Parameters& parameters, EventScores* scores) const;
  void backward(const Parameters& parameters, const Rates& rates, const Forward& f, const Cases& cases,
                std::span<const std::int32_t> which, std::span<float> gradient) const;
  void backward_case(const Parameters& parameters, const Rates& rates, const Forward& f, std::size_t c,
                     std::span<const float> readout, std::span<const float> long_term,
                     std::span<float> target_gradient, std::span<float> gradient) const;
};

Forward Likelihood::Impl::forward(const Parameters& parameters, const Rates& rates, const Cases& cases,
                                  std::span<const std::int32_t> which) const {
  Forward f;
  f.first.push_back(0);
  for (const std::int32_t c : which) {
    const auto begin = static_cast<std::size_t>(cases.offsets[static_cast<std::size_t>(c)]);
    const auto end = static_cast<std::size_t>(cases.offsets[static_cast<std::size_t>(c) + 1]);
    for (std::size_t i = begin; i < end; ++i) {
      Event event;
      event.shown = cases.shown[i];
      event.accepted = cases.accepted[i] != 0;
      event.last = i + 1 == end;
      event.gap = cases.gaps[i];
      if (cases.scored[i] != 0) {
        event.row = static_cast<std::int32_t>(f.wanted.size());
        f.wanted.push_back(cases.targets[i]);
        f.origin.push_back(f.events.size());
      }
      f.events.push_back(event);
    }
    f.first.push_back(f.events.size());
  }
  const std::size_t n = f.events.size();
  f.taste.resize(n * d());
  f.moved.resize(n * d());
  f.boredom.resize(n * attributes());
  f.grown.resize(n * attributes());
  f.augmented = torch::empty({static_cast<std::int64_t>(f.wanted.size()), items->augmented()});
  if (rates.moves) {
    f.vectors = torch::empty({static_cast<std::int64_t>(n), items->width()});
    float* to = f.vectors.data_ptr<float>();
    for (const Event& event : f.events) {
      std::copy_n(items->row(event.shown), d(), to);
      to += d();
    }
    std::vector<float> map = parameters.target_map(), offset = parameters.target_offset();
    f.targets = torch::mm(f.vectors, torch::from_blob(map.data(), {items->width(), items->width()}).t());
    f.targets.add_(torch::from_blob(offset.data(), {items->width()}));
  }
  for (std::size_t c = 0; c < which.size(); ++c) {
    play(rates, f, c, std::span(cases.readouts).subspan(static_cast<std::size_t>(which[c]) * d(), d()));
  }
  return f;
}

/// Moves one person through the case and writes the augmented rows of the scored events.
void Likelihood::Impl::play(const Rates& rates, Forward& f, std::size_t c,
                            std::span<const float> readout) const {
  std::vector<float> long_term(d());
  for (std::size_t i = 0; i < d(); ++i) long_term[i] = rates.start_scale * readout[i];
  std::vector<float> taste = long_term, boredom(attributes(), 0.0F);
  float variance = 0.0F;
  for (std::size_t e = f.first[c]; e < f.first[c + 1]; ++e) {
    Event& event = f.events[e];
    event.variance = variance;
    std::ranges::copy(taste, f.taste.begin() + static_cast<std::ptrdiff_t>(e * d()));
    std::ranges::copy(boredom, f.boredom.begin() + static_cast<std::ptrdiff_t>(e * attributes()));
    if (event.row >= 0) {
      items->augment(rates, taste, boredom, softening(variance),
                     f.augmented.data_ptr<float>() + std::ptrdiff_t{event.row} * items->augmented());
    }
    if (event.last) break;
    const float* vector = items->row(event.shown);
    float share = 0.0F;
    if (event.accepted && rates.moves) {
      event.acceptance = acceptance_share(rates, taste, vector, static_cast<float>(e - f.first[c]));
      share = event.acceptance.share;
      move_towards(taste, f.targets.data_ptr<float>() + e * d(), share);
    } else if (!event.accepted && rates.reactance > 0.0F) {
      turn_away(taste, vector, items->inverse_square(event.shown), rates.reactance);
    }
    if (rates.boredom_weight > 0.0F) {
      grow_boredom(boredom, items->facts().attributes_of(event.shown), rates.boredom_growth);
      std::ranges::copy(boredom, f.grown.begin() + static_cast<std::ptrdiff_t>(e * attributes()));
      const float kept = std::exp(-rates.boredom_recovery * event.gap);
      for (float& b : boredom) b *= kept;
    }
    std::ranges::copy(taste, f.moved.begin() + static_cast<std::ptrdiff_t>(e * d()));
    const float back = forgotten(rates.forgetting, event.gap);
    if (back > 0.0F) move_towards(taste, long_term.data(), back);
    const float left = (1.0F - back) * (1.0F - share);
    variance = left * left * variance + rates.drift * rates.drift * event.gap;
  }
}

/// Softmax over tiles: sums up the loss, and with a gradient replaces the augmented rows by weight * the
/// derivatives with respect to them.
double Likelihood::Impl::soften(const Rates& rates, Forward& f, float weight, std::span<float> gradient,
                                const Parameters& parameters, EventScores* scores) const {
  const std::int64_t rows = f.augmented.size(0), columns = table.size(0);
  const std::int64_t tile =
      std::clamp<std::int64_t>(tile_values / columns, 1, std::max<std::int64_t>(rows, 1));
  torch::Tensor logits = torch::empty({tile, columns});
  double loss = 0.0;
  const auto recent_before = [&](std::size_t e, const auto& visit) {
    const std::size_t c =
        static_cast<std::size_t>(std::ranges::upper_bound(f.first, e) - f.first.begin() - 1);
    const std::size_t from = std::max(f.first[c], e > recent ? e - recent : 0);
    for (std::size_t i = from; i < e; ++i) visit(f.events[i].shown);
  };
  for (std::int64_t first = 0; first < rows; first += tile) {
    const std::int64_t count = std::min(tile, rows - first);
    torch::Tensor block = logits.slice(0, 0, count);
    torch::Tensor states = f.augmented.slice(0, first, first + count);
    at::mm_out(block, states, transposed);
    float* row = block.data_ptr<float>();
    for (std::int64_t r = 0; r < count; ++r, row += columns) {
      const auto index = static_cast<std::size_t>(first + r);
      if (rates.exposure != 0.0F) {
        recent_before(f.origin[index], [&](ItemId item) { row[item] -= rates.exposure; });
      }
      if (scores != nullptr) {
        const float own = row[f.wanted[index]];
        std::int32_t above = 0;
        for (std::int64_t i = 0; i < columns; ++i) above += row[i] > own ? 1 : 0;
        scores->rank[f.origin[index]] = 1 + above;
      }
      const double nll = nn::cross_entropy_rows({row, static_cast<std::size_t>(columns)}, columns,
                                                std::span(f.wanted).subspan(index, 1), weight);
      loss += nll;
      if (scores != nullptr) scores->nll[f.origin[index]] = static_cast<float>(nll);
      if (!gradient.empty() && rates.exposure != 0.0F) {
        float& sum = gradient[parameters.offset(Parameter::exposure)];
        recent_before(f.origin[index], [&](ItemId item) { sum -= row[item]; });
      }
    }
    if (!gradient.empty()) at::mm_out(states, block, table);  // the states have been used for the last time
  }
  return loss;
}

void Likelihood::Impl::backward_case(const Parameters& parameters, const Rates& rates, const Forward& f,
                                     std::size_t c, std::span<const float> readout,
                                     std::span<const float> long_term, std::span<float> target_gradient,
                                     std::span<float> gradient) const {
  const auto at = [&](Parameter p) -> float& { return gradient[parameters.offset(p)]; };
  const auto width = static_cast<std::int32_t>(d());
  std::vector<float> g(d(), 0.0F), bored(attributes(), 0.0F), to_long_term(d(), 0.0F), gy(d());
  float uncertain = 0.0F;  // dE/dP of the state after the event
  for (std::size_t e = f.first[c + 1]; e-- > f.first[c];) {
    const Event& event = f.events[e];
    const std::span<const float> taste = std::span(f.taste).subspan(e * d(), d());
    const std::span<const float> boredom = std::span(f.boredom).subspan(e * attributes(), attributes());
    if (!event.last) {
      const std::span<const float> moved = std::span(f.moved).subspan(e * d(), d());
      const float back = forgotten(rates.forgetting, event.gap);
      const float share = event.accepted && rates.moves ? event.acceptance.share : 0.0F;
      // time
      float back_gradient =
          -2.0F * (1.0F - back) * (1.0F - share) * (1.0F - share) * event.variance * uncertain;
      for (std::size_t i = 0; i < d(); ++i) {
        back_gradient += g[i] * (long_term[i] - moved[i]);
        to_long_term[i] += back * g[i];
        gy[i] = (1.0F - back) * g[i];
      }
      at(Parameter::forgetting) += back_gradient * event.gap * (1.0F - back);
      at(Parameter::drift) += 2.0F * rates.drift * event.gap * uncertain;
      if (rates.boredom_weight > 0.0F) {
        const std::span<const float> grown = std::span(f.grown).subspan(e * attributes(), attributes());
        const float kept = std::exp(-rates.boredom_recovery * event.gap);
        for (std::size_t a = 0; a < attributes(); ++a) {
          at(Parameter::boredom_recovery) -= event.gap * kept * grown[a] * bored[a];
          bored[a] *= kept;
        }
        for (const std::int32_t attribute : items->facts().attributes_of(event.shown)) {
          const auto a = static_cast<std::size_t>(attribute);
          at(Parameter::boredom_growth) += bored[a] * (1.0F - boredom[a]);
          bored[a] *= 1.0F - rates.boredom_growth;
        }
      }
      // the answer
      const float* vector = items->row(event.shown);
      g = gy;
      if (event.accepted && rates.moves) {
        const float* target = f.targets.data_ptr<float>() + e * d();
        float share_gradient =
            -2.0F * (1.0F - back) * (1.0F - back) * (1.0F - share) * event.variance * uncertain;
        for (std::size_t i = 0; i < d(); ++i) {
          share_gradient += gy[i] * (target[i] - taste[i]);
          target_gradient[e * d() + i] = share * gy[i];
          g[i] = (1.0F - share) * gy[i];
        }
        acceptance_share_gradient(rates, event.acceptance, share_gradient, taste, vector, parameters,
                                  gradient, g);
      } else if (!event.accepted && rates.reactance > 0.0F) {
        const float liking = nn::dot(taste.data(), vector, width);
        if (liking > 0.0F) {
          const float along = nn::dot(gy.data(), vector, width) * items->inverse_square(event.shown);
          at(Parameter::reactance) -= liking * along;
          for (std::size_t i = 0; i < d(); ++i) g[i] -= rates.reactance * along * vector[i];
        }
      }
      uncertain *= (1.0F - back) * (1.0F - back) * (1.0F - share) * (1.0F - share);
    }
    if (event.row < 0) continue;
    // the prediction of this event, made before it
    const float* x = f.augmented.data_ptr<float>() + std::ptrdiff_t{event.row} * items->augmented();
    const float k = softening(event.variance);
    uncertain -= 0.5F * probit_share * k * k * k * nn::dot(x, taste.data(), width);
    for (std::size_t i = 0; i < d(); ++i) g[i] += k * x[i];
    at(Parameter::popularity) += x[d()];
    for (std::size_t a = 0; a < attributes(); ++a) {
      const float score = x[d() + 1 + a];
      at(Parameter::boredom_weight) -= score * boredom[a];
      bored[a] -= rates.boredom_weight * score;
    }
  }
  for (std::size_t i = 0; i < d(); ++i) at(Parameter::start_scale) += (g[i] + to_long_term[i]) * readout[i];
}

void Likelihood::Impl::backward(const Parameters& parameters, const Rates& rates, const Forward& f,
                                const Cases& cases, std::span<const std::int32_t> which,
                                std::span<float> gradient) const {
  std::vector<float> target_gradient(rates.moves ? f.events.size() * d() : 0, 0.0F), long_term(d());
  for (std::size_t c = 0; c < which.size(); ++c) {
    const auto readout = std::span(cases.readouts).subspan(static_cast<std::size_t>(which[c]) * d(), d());
    for (std::size_t i = 0; i < d(); ++i) long_term[i] = rates.start_scale * readout[i];
    backward_case(parameters, rates, f, c, readout, long_term, target_gradient, gradient);
  }
  if (!rates.moves) return;
  // The map takes its gradient from all events at once; the gain is its trace.
  const auto matrix = gradient.subspan(parameters.offset(Parameter::acceptance_matrix), d() * d());
  const auto offset = gradient.subspan(parameters.offset(Parameter::acceptance_offset), d());
  std::vector<float> map(d() * d(), 0.0F);
  for (std::size_t e = 0; e < f.events.size(); ++e) {
    const std::span<const float> of = std::span<const float>(target_gradient).subspan(e * d(), d());
    outer_product(map, of, {items->row(f.events[e].shown), d()}, 1.0F);
    for (std::size_t i = 0; i < d(); ++i) offset[i] += of[i];
  }
  for (std::size_t i = 0; i < map.size(); ++i) matrix[i] += map[i];
  for (std::size_t i = 0; i < d(); ++i) {
    gradient[parameters.offset(Parameter::acceptance_gain)] += map[i * d() + i];
  }
}

Likelihood::Likelihood(std::shared_ptr<const Items> items, std::int32_t recent_items) {
  const c10::InferenceMode guard;
  auto impl = std::make_unique<Impl>();
  impl->table =
      torch::from_blob(const_cast<float*>(items->table().data()), {items->items() + 1, items->augmented()});
  impl->transposed = impl->table.t();
  impl->recent = static_cast<std::size_t>(recent_items);
  impl->items = std::move(items);
  impl_ = std::move(impl);
}
Likelihood::~Likelihood() = default;

const Items& Likelihood::items() const noexcept { return *impl_->items; }

double Likelihood::add(const Parameters& parameters, const Cases& cases, std::span<const std::int32_t> which,
                       float weight, std::span<float> gradient) const {
  const c10::InferenceMode guard;
  const Rates rates = parameters.rates();
  Forward f = impl_->forward(parameters, rates, cases, which);
  const double loss = impl_->soften(rates, f, weight, gradient, parameters, nullptr);
  if (!gradient.empty()) impl_->backward(parameters, rates, f, cases, which, gradient);
  return loss;
}

EventScores Likelihood::score(const Parameters& parameters, const Cases& cases) const {
  EventScores all{std::vector<float>(cases.targets.size(), std::numeric_limits<float>::quiet_NaN()),
                  std::vector<std::int32_t>(cases.targets.size(), 0)};
  const Rates rates = parameters.rates();
  const std::size_t blocks = (cases.size() + score_cases - 1) / score_cases;
  parallel_for(static_cast<std::int64_t>(blocks), [&](std::int64_t b) {
    const c10::InferenceMode guard;
    const std::size_t first = static_cast<std::size_t>(b) * score_cases;
    std::vector<std::int32_t> which(std::min(score_cases, cases.size() - first));
    std::iota(which.begin(), which.end(), static_cast<std::int32_t>(first));
    Forward f = impl_->forward(parameters, rates, cases, which);
    EventScores here{std::vector<float>(f.events.size(), std::numeric_limits<float>::quiet_NaN()),
                     std::vector<std::int32_t>(f.events.size(), 0)};
    impl_->soften(rates, f, 1.0F, {}, parameters, &here);
    const std::ptrdiff_t at = cases.offsets[first];
    std::ranges::copy(here.nll, all.nll.begin() + at);
    std::ranges::copy(here.rank, all.rank.begin() + at);
  });
  return all;
}

}  // namespace veer::shift
