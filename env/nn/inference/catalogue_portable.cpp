#include <algorithm>
#include <limits>
#include <vector>

#include "env/nn/inference/catalogue_portable_net.h"

namespace veer::nn::portable {
namespace {

/// Rows scored at once, so that logits stay below a quarter of a gigabyte.
std::int32_t rows_at_once(const torch::Tensor& table) {
  return static_cast<std::int32_t>(std::max<std::int64_t>(1, (std::int64_t{1} << 26) / table.size(0)));
}

template <class T>
torch::Tensor upload(const std::vector<T>& values, std::vector<std::int64_t> shape,
                     const torch::Device& device) {
  const auto type = torch::CppTypeToScalarType<T>::value;
  return torch::from_blob(const_cast<T*>(values.data()), shape, torch::dtype(type).device(torch::kCPU))
      .to(device, type, /*non_blocking=*/false, /*copy=*/true);
}

torch::Tensor readout_block(View<const float> readouts, std::int32_t first, std::int32_t rows,
                            const torch::Tensor& table) {
  std::vector<float> packed;
  for (std::int32_t r = first; r < first + rows; ++r) {
    const auto row = readouts.row(r).first(static_cast<std::size_t>(table.size(1)));
    packed.insert(packed.end(), row.begin(), row.end());
  }
  return upload(packed, {rows, table.size(1)}, table.device());
}

/// Logits [rows, N + 1] with minus infinity where nothing may be recommended.
torch::Tensor allowed_logits(const torch::Tensor& table, View<const float> readouts,
                             View<const ItemId> excluded, std::int32_t first, std::int32_t rows) {
  torch::Tensor logits = readout_block(readouts, first, rows, table).mm(table.t());
  std::vector<std::int64_t> barred;
  const std::int64_t width = excluded.empty() ? 0 : excluded.width();
  for (std::int32_t r = first; r < first + rows; ++r) {
    barred.push_back(no_item);  // an entry of no_item bars the padding item once more
    for (std::int64_t i = 0; i < width; ++i) barred.push_back(excluded(r, static_cast<std::int32_t>(i)));
  }
  return logits.scatter_(1, upload(barred, {rows, width + 1}, table.device()),
                         -std::numeric_limits<double>::infinity());
}

template <class T>
std::vector<T> download(const torch::Tensor& values) {
  const torch::Tensor host = values.to(torch::kCPU).contiguous();
  const T* data = host.data_ptr<T>();
  return {data, data + host.numel()};
}

}  // namespace

void measure(const torch::Tensor& table, View<const float> readouts, std::span<const ItemId> target,
             std::span<float> interest, std::span<std::int32_t> rank) {
  const std::int32_t block = rows_at_once(table);
  for (std::int32_t first = 0; first < readouts.rows(); first += block) {
    const std::int32_t rows = std::min(block, readouts.rows() - first);
    const auto from = static_cast<std::size_t>(first);
    const std::vector<std::int64_t> wanted(target.begin() + first, target.begin() + first + rows);
    const torch::Tensor logits = readout_block(readouts, first, rows, table).mm(table.t());
    const torch::Tensor own = logits.gather(1, upload(wanted, {rows, 1}, table.device()));
    const auto log_p = download<float>((own.squeeze(1) - logits.logsumexp(1)));
    const auto above = download<std::int64_t>(logits.gt(own).sum(1));
    for (std::size_t r = 0; r < wanted.size(); ++r) {
      interest[from + r] = wanted[r] == no_item ? 0.0F : log_p[r];
      rank[from + r] = wanted[r] == no_item ? 0 : static_cast<std::int32_t>(above[r]) + 1;
    }
  }
}

void best(const torch::Tensor& table, View<const float> readouts, View<const ItemId> excluded,
          View<ItemId> out) {
  const std::int32_t block = rows_at_once(table);
  const std::int64_t wanted = std::min<std::int64_t>(out.width(), table.size(0));
  for (std::int32_t first = 0; first < readouts.rows(); first += block) {
    const std::int32_t rows = std::min(block, readouts.rows() - first);
    const auto [logits, items] = allowed_logits(table, readouts, excluded, first, rows).topk(wanted, 1);
    const auto values = download<float>(logits);
    const auto ids = download<std::int64_t>(items);
    for (std::int32_t r = 0; r < rows; ++r) {
      const std::span<ItemId> row = out.row(first + r);
      std::fill(row.begin(), row.end(), no_item);
      for (std::int64_t i = 0; i < wanted; ++i) {
        const auto at = static_cast<std::size_t>(r * wanted + i);
        if (values[at] != -std::numeric_limits<float>::infinity())
          row[static_cast<std::size_t>(i)] = static_cast<ItemId>(ids[at]);
      }
    }
  }
}

void pick(const torch::Tensor& table, View<const float> readouts, View<const ItemId> excluded,
          std::span<const float> uniforms, std::span<ItemId> out, std::span<float> log_prob) {
  const std::int32_t block = rows_at_once(table);
  for (std::int32_t first = 0; first < readouts.rows(); first += block) {
    const std::int32_t rows = std::min(block, readouts.rows() - first);
    const auto from = static_cast<std::size_t>(first);
    const torch::Tensor logits = allowed_logits(table, readouts, excluded, first, rows);
    const torch::Tensor log_p = logits - logits.logsumexp(1, /*keepdim=*/true);
    torch::Tensor index;
    if (uniforms.empty()) {
      index = logits.argmax(1, /*keepdim=*/true);
    } else {
      const std::vector<float> u(uniforms.begin() + first, uniforms.begin() + first + rows);
      const torch::Tensor mass = log_p.to(torch::kFloat64).exp().cumsum(1);
      // Compared with a share of the row's own total, a uniform next to 1 cannot fall off the end.
      const torch::Tensor wanted =
          upload(u, {rows, 1}, table.device()).to(torch::kFloat64) * mass.slice(1, mass.size(1) - 1);
      index =
          torch::searchsorted(mass, wanted, /*out_int32=*/false, /*right=*/true).clamp_max(table.size(0) - 1);
    }
    const auto ids = download<std::int64_t>(index);
    const auto values = download<float>(log_p.gather(1, index));
    for (std::size_t r = 0; r < ids.size(); ++r) {
      const bool none =
          !(values[r] > -std::numeric_limits<float>::infinity());  // NaN: everything was excluded
      out[from + r] = none ? no_item : static_cast<ItemId>(ids[r]);
      log_prob[from + r] = none ? 0.0F : values[r];
    }
  }
}

}  // namespace veer::nn::portable
