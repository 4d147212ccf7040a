#include "agents/irn/irn_person.h"

#include <algorithm>
#include <utility>

#include "agents/irn/irn_net.h"

namespace veer::irn {
namespace {

/// History in the columns before the target's, its newest item always in the last of them: the read-outs then
/// stand in one column, and slots alone say how far the target is.
IrnRows columns_of(const IrnConfig& config, const IrnQuery& query) {
  const std::int32_t rows = query.history.rows(), width = query.history.width() + 1,
                     last = config.positions - 1;
  IrnRows out{torch::zeros({rows, width}, torch::kInt64), torch::zeros({rows, width}, torch::kInt64),
              torch::empty({rows}, torch::kInt64)};
  for (std::int32_t r = 0; r < rows; ++r) {
    std::int64_t* item = out.items.data_ptr<std::int64_t>() + std::int64_t{r} * width;
    std::int64_t* slot = out.slots.data_ptr<std::int64_t>() + std::int64_t{r} * width;
    const std::int32_t left = std::clamp(query.steps_left[at(r)], 1, std::max(1, config.positions / 2));
    const std::int32_t newest = last - 1 - left;
    const std::int32_t kept = std::clamp(query.size[at(r)], 0, newest + 1);
    for (std::int32_t k = 0; k < width - 1; ++k) {
      const std::int32_t age = width - 2 - k;  // 0: the newest
      slot[k] = std::max(0, newest - age);
      if (age < kept) item[k] = query.history(r, query.size[at(r)] - 1 - age);
    }
    item[width - 1] = query.target[at(r)];
    slot[width - 1] = last;
    const UserId user = query.user[at(r)];
    out.people.data_ptr<std::int64_t>()[r] = user < config.people ? user : -1;
  }
  return out;
}

}  // namespace

std::vector<float> read_out(const IrnModel& model, const IrnQuery& query) {
  const torch::InferenceMode guard;
  const torch::Device device(model.net().device);
  IrnRows rows = columns_of(model.config(), query);
  const std::int64_t newest = rows.items.size(1) - 2;
  rows = {rows.items.to(device), rows.slots.to(device), rows.people.to(device)};
  const torch::Tensor read =
      hidden_states(model.net(), rows, nullptr).select(1, newest).to(torch::kCPU).contiguous();
  return {read.data_ptr<float>(), read.data_ptr<float>() + read.numel()};
}

IrnPerson::IrnPerson(IrnModel model, std::int32_t horizon) : model_(std::move(model)), horizon_(horizon) {}

void IrnPerson::begin(Rows rows, const Observation& seen, View<float> state, Workspace& workspace) const {
  follow(rows, seen, state, workspace);
}

void IrnPerson::follow(Rows rows, const Observation& seen, View<float> state, Workspace&) const {
  std::vector<ItemId> history, target;
  std::vector<std::int32_t> size, left;
  std::vector<UserId> user;
  for (const std::int32_t row : rows) {
    history.insert(history.end(), seen.history.row(row).begin(), seen.history.row(row).end());
    size.push_back(seen.history_size(row));
    target.push_back(seen.target(row));
    user.push_back(seen.user(row));
    left.push_back(horizon_ - static_cast<std::int32_t>(seen.step(row)));
  }
  const auto count = static_cast<std::int32_t>(rows.size());
  if (count == 0) return;
  const std::vector<float> read =
      read_out(model_, {{history.data(), count, seen.history.width()}, size, target, user, left});
  for (std::int32_t i = 0; i < count; ++i) {
    std::copy_n(read.begin() + std::int64_t{i} * width(), width(), state.row(rows[at(i)]).begin());
  }
}

}  // namespace veer::irn
