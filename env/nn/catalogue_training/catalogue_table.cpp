#include "env/nn/catalogue_training/catalogue_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/kernels/adam_kernel.h"
#include "env/nn/kernels/catalogue_kernels.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

constexpr std::int64_t rows_per_task = 512;  ///< of an update
constexpr std::size_t items_per_task = 64;   ///< of a scatter

/// What one step needs of one parameter: values, moments and gradient of the same shape.
struct Trained {
  std::vector<float> values, first_moment, second_moment, gradient;

  explicit Trained(std::int64_t size)
      : values(at(size)), first_moment(at(size)), second_moment(at(size)), gradient(at(size)) {}
};

void copy_array(const NamedArrays& from, const ParameterLayout& layout, std::vector<float>& to) {
  const std::span<const float> values = from.get<float>(layout.name);
  if (from.at(layout.name).shape != layout.shape) {
    throw FormatError(
        Where{{}, 0, layout.name},
        Problem{std::to_string(values.size()) + " values in another shape", std::to_string(layout.size()),
                "the training state belongs to a model of other sizes"});
  }
  std::copy(values.begin(), values.end(), to.begin());
}

}  // namespace

std::vector<ParameterLayout> CatalogueLayout::parameters() const {
  std::vector<ParameterLayout> out{{name + ".weight", {rows(), width}, initial, scale}};
  if (bias) out.push_back({name + ".bias", {rows()}, Initial::zeros});
  return out;
}

CatalogueLayout item_vectors(std::int32_t items, std::int32_t width) {
  return {"items", no_item, items, width, false, Initial::normal, 0.01F};
}

CatalogueLayout catalogue_head(const std::string& name, std::int32_t items, std::int32_t width) {
  const double fans = static_cast<double>(items) + static_cast<double>(width);
  return {name, 1, items, width, true, Initial::uniform, static_cast<float>(std::sqrt(6.0 / fans))};
}

struct CatalogueTable::Impl {
  CatalogueLayout layout;
  Trained weight;
  Trained bias;
  std::vector<std::uint8_t> opened;  ///< [rows] 1: the gradient of the row holds a sum
  std::int64_t steps = 0;
  std::vector<std::uint64_t> order;  ///< scratch of a scatter: item in the high half, place in the low one
  std::vector<std::size_t> begins;   ///< where another item begins in `order`

  explicit Impl(CatalogueLayout given)
      : layout(std::move(given)),
        weight(std::int64_t{layout.rows()} * layout.width),
        bias(layout.bias ? layout.rows() : 0),
        opened(at(layout.rows())) {}

  std::vector<std::pair<ParameterLayout, Trained*>> parameters() {
    const std::vector<ParameterLayout> layouts = layout.parameters();
    std::vector<std::pair<ParameterLayout, Trained*>> out{{layouts[0], &weight}};
    if (layout.bias) out.emplace_back(layouts[1], &bias);
    return out;
  }

  float* open_row(std::int64_t row) {
    float* gradient = weight.gradient.data() + row * layout.width;
    if (opened[at(row)] == 0) {
      std::fill_n(gradient, layout.width, 0.0F);
      if (layout.bias) bias.gradient[at(row)] = 0.0F;
      opened[at(row)] = 1;
    }
    return gradient;
  }

  /// Calls add(place, row, gradient of the row) for every place, items in parallel, the places of an item in
  /// order.
  template <class Add>
  void scatter(std::span<const ItemId> items, const Add& add) {
    order.resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      order[i] = static_cast<std::uint64_t>(items[i]) << 32 | i;
    }
    std::sort(order.begin(), order.end());
    begins.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || order[i] >> 32 != order[i - 1] >> 32) begins.push_back(i);
    }
    const std::size_t distinct = begins.size();
    begins.push_back(order.size());
    parallel_for(
        static_cast<std::int64_t>((distinct + items_per_task - 1) / items_per_task), [&](std::int64_t task) {
          const std::size_t first = at(task) * items_per_task;
          for (std::size_t k = first; k < std::min(first + items_per_task, distinct); ++k) {
            const std::int64_t row = static_cast<std::int64_t>(order[begins[k]] >> 32) - layout.first_item;
            float* gradient = open_row(row);
            for (std::size_t i = begins[k]; i < begins[k + 1]; ++i) {
              add(order[i] & 0xFFFFFFFFU, row, gradient);
            }
          }
        });
  }
};

CatalogueTable::CatalogueTable(CatalogueLayout layout, std::uint64_t seed, std::uint32_t index) {
  if (layout.first_item < 0 || layout.last_item < layout.first_item ||
      layout.last_item == std::numeric_limits<ItemId>::max()) {
    reject_field(layout.name,
                 "items " + std::to_string(layout.first_item) + " to " + std::to_string(layout.last_item),
                 "a range of ids that begins at 0 or later");
  }
  require_range(layout.name + ".width", layout.width, 1, 1 << 16);
  impl_ = std::make_unique<Impl>(std::move(layout));
  std::uint32_t number = index;
  for (const auto& [parameter, trained] : impl_->parameters()) {
    draw_initial(parameter, seed, number++, trained->values);
  }
}

CatalogueTable::~CatalogueTable() = default;
CatalogueTable::CatalogueTable(CatalogueTable&&) noexcept = default;

const CatalogueLayout& CatalogueTable::layout() const noexcept { return impl_->layout; }

CatalogueWeights CatalogueTable::weights() const noexcept {
  const CatalogueLayout& layout = impl_->layout;
  return {layout.first_item, {impl_->weight.values.data(), layout.rows(), layout.width}, impl_->bias.values};
}

void CatalogueTable::add_gradient(std::span<const ItemId> items, View<const float> gradient) {
  const std::int32_t width = impl_->layout.width;
  impl_->scatter(items, [&](std::uint64_t place, std::int64_t, float* to) {
    add_scaled(to, 1.0F, &gradient(static_cast<std::int32_t>(place)), width);
  });
}

void CatalogueTable::add_gradient(View<const ItemId> items, View<const float> coefficients,
                                  View<const float> rows) {
  const CatalogueLayout& layout = impl_->layout;
  std::vector<ItemId> flat;
  flat.reserve(at(items.rows()) * at(items.width()));
  for (std::int32_t r = 0; r < items.rows(); ++r) {
    flat.insert(flat.end(), items.row(r).begin(), items.row(r).end());
  }
  impl_->scatter(flat, [&](std::uint64_t place, std::int64_t row, float* to) {
    const auto r = static_cast<std::int32_t>(place / static_cast<std::uint64_t>(items.width()));
    const auto j = static_cast<std::int32_t>(place % static_cast<std::uint64_t>(items.width()));
    add_scaled(to, coefficients(r, j), &rows(r), layout.width);
    if (layout.bias) impl_->bias.gradient[at(row)] += coefficients(r, j);
  });
}

bool CatalogueTable::open_gradient(std::int32_t first, std::int32_t count) noexcept {
  const auto begin = impl_->opened.begin() + first;
  const bool any = std::any_of(begin, begin + count, [](std::uint8_t each) { return each != 0; });
  for (std::int32_t row = first; any && row < first + count; ++row) impl_->open_row(row);
  std::fill_n(begin, count, std::uint8_t{1});
  return any;
}

View<float> CatalogueTable::gradient() noexcept {
  return {impl_->weight.gradient.data(), impl_->layout.rows(), impl_->layout.width};
}
std::span<float> CatalogueTable::bias_gradient() noexcept { return impl_->bias.gradient; }

void CatalogueTable::update(const AdamOptions& options) {
  Impl& in = *impl_;
  const AdamFactors factors = adam_factors(options, ++in.steps);
  const float shrink = 1.0F - options.learning_rate * options.weight_decay;
  const std::int64_t rows = in.layout.rows();
  const std::int64_t width = in.layout.width;
  const auto step = [&](Trained& trained, std::int64_t first, std::int64_t count, bool given) {
    adam_values(factors, options.beta1, options.beta2, shrink, count,
                given ? trained.gradient.data() + first : nullptr, trained.first_moment.data() + first,
                trained.second_moment.data() + first, trained.values.data() + first);
  };
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
    const std::int64_t end = std::min((task + 1) * rows_per_task, rows);
    for (std::int64_t first = task * rows_per_task; first < end;) {
      const std::uint8_t state = in.opened[at(first)];
      std::int64_t last = first + 1;
      while (last < end && in.opened[at(last)] == state) ++last;
      step(in.weight, first * width, (last - first) * width, state != 0);
      if (in.layout.bias) step(in.bias, first, last - first, state != 0);
      first = last;
    }
    std::fill(in.opened.begin() + task * rows_per_task, in.opened.begin() + end, std::uint8_t{0});
  });
}

void CatalogueTable::clear_gradient() noexcept { std::fill(impl_->opened.begin(), impl_->opened.end(), 0); }

void CatalogueTable::restart_optimiser() noexcept {
  for (Trained* trained : {&impl_->weight, &impl_->bias}) {
    std::fill(trained->first_moment.begin(), trained->first_moment.end(), 0.0F);
    std::fill(trained->second_moment.begin(), trained->second_moment.end(), 0.0F);
  }
  impl_->steps = 0;
}

std::int64_t CatalogueTable::steps() const noexcept { return impl_->steps; }

NamedArrays CatalogueTable::values() const { return state().group("parameters"); }

NamedArrays CatalogueTable::state() const {
  NamedArrays out;
  for (const auto& [parameter, trained] : impl_->parameters()) {
    out.set<float>("parameters/" + parameter.name, trained->values, parameter.shape);
    out.set<float>("first_moment/" + parameter.name, trained->first_moment, parameter.shape);
    out.set<float>("second_moment/" + parameter.name, trained->second_moment, parameter.shape);
  }
  out.set_scalar<std::int64_t>("adam_steps", impl_->steps);
  return out;
}

void CatalogueTable::restore(const NamedArrays& state) {
  for (const auto& [parameter, trained] : impl_->parameters()) {
    copy_array(state.group("parameters"), parameter, trained->values);
    copy_array(state.group("first_moment"), parameter, trained->first_moment);
    copy_array(state.group("second_moment"), parameter, trained->second_moment);
  }
  impl_->steps = state.scalar<std::int64_t>("adam_steps");
  clear_gradient();
}

}  // namespace veer::nn
