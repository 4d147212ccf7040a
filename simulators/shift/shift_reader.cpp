#include "simulators/shift/shift_reader.h"

#include <algorithm>
#include <span>

#include "env/data/sha256.h"

namespace veer::shift {
namespace {

std::string digest_of(const nn::SequenceModel& network) {
  Sha256 hash;
  hash.update(network.config().kind);
  for (const auto& [name, value] : network.config().to_strings()) hash.update("\n" + name + " " + value);
  const NamedArrays weights = network.to_arrays();
  for (const auto& [name, array] : weights.all()) {
    hash.update("\n" + name + "\n");
    hash.update(std::span<const std::byte>(array.bytes));
  }
  return hash.finish();
}

}  // namespace

Reader::Reader(const nn::SequenceModel& network)
    : network_(network), encoder_(network), id_(digest_of(network)) {}

void Reader::read(Rows rows, View<const ItemId> history, View<const std::int32_t> size, View<float> readouts,
                  ReaderWorkspace& workspace) const {
  const std::int32_t width = std::max(1, history.width());
  if (workspace.cache_ == nullptr || workspace.rows_ != history.rows() || workspace.width_ != width) {
    workspace.cache_ = encoder_.make_cache(history.rows(), width);
    workspace.rows_ = history.rows();
    workspace.width_ = width;
  }
  workspace.cache_->forget();
  encoder_.begin(rows, history, size, readouts, *workspace.cache_);
}

}  // namespace veer::shift
