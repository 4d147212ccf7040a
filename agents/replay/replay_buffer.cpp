#include "agents/replay/replay_buffer.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

std::vector<std::int64_t> widths_of(const Transitions& t) {
  return {t.history_width, t.slots, t.reals, t.features, t.reward_terms, t.policy_state};
}

}  // namespace

ReplayBuffer::ReplayBuffer(std::int64_t capacity) : capacity_(capacity) {
  if (capacity >= 1 && capacity <= std::numeric_limits<std::int32_t>::max()) return;
  throw ConfigError(Where{{}, 0, "replay capacity"},
                    Problem{std::to_string(capacity) + " transitions", "1 to 2^31 - 1", ""});
}

void ReplayBuffer::add(const Transitions& fresh) {
  if (data_.count == 0) {
    data_.resize(static_cast<std::int32_t>(capacity_), fresh);
  } else if (widths_of(data_) != widths_of(fresh)) {
    throw ConfigError(Where{{}, 0, "replay buffer"},
                      Problem{"transitions of other widths", "those of the first ones",
                              "a buffer remembers one world and one kind of policy"});
  }
  for (std::int64_t i = 0; i < fresh.count; ++i) data_.copy_from(fresh, i, added_++ % capacity_);
  held_ = std::min(added_, capacity_);
}

void ReplayBuffer::gather(std::span<const std::int64_t> indices, Transitions& out) const {
  out.resize(static_cast<std::int32_t>(indices.size()), data_);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    assert(indices[i] >= 0 && indices[i] < size());
    out.copy_from(data_, indices[i], static_cast<std::int64_t>(i));
  }
}

void ReplayBuffer::save(NamedArrays& out) const {
  out.set_scalar<std::int64_t>("capacity", capacity_);
  out.set_scalar<std::int64_t>("added", added_);
  const std::vector<std::int64_t> widths = widths_of(data_);
  out.set<std::int64_t>("widths", widths);
  if (data_.count == 0) return;
  data_.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    const std::size_t used =
        bytes.size() / static_cast<std::size_t>(capacity_) * static_cast<std::size_t>(held_);
    out.set("columns/" + std::string(name),
            std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), used));
  });
}

void ReplayBuffer::load(const NamedArrays& in) {
  const auto reject = [](const std::string& field, const std::string& found, const std::string& expected) {
    throw FormatError(Where{{}, 0, "replay/" + field},
                      Problem{found, expected, "the checkpoint belongs to another training"});
  };
  if (const auto found = in.scalar<std::int64_t>("capacity"); found != capacity_) {
    reject("capacity", std::to_string(found), std::to_string(capacity_));
  }
  const auto added = in.scalar<std::int64_t>("added");
  const auto widths = in.get<std::int64_t>("widths");
  const auto sound = [](std::int64_t width) { return width >= 0 && width <= (1 << 20); };
  if (added < 0 || widths.size() != 6 || !std::all_of(widths.begin(), widths.end(), sound)) {
    reject("widths", "numbers that make no buffer", "six widths and how many were added");
  }
  added_ = added;
  held_ = std::min(added_, capacity_);
  data_ = {};
  if (added_ == 0) return;
  const auto width = [&](std::size_t i) { return static_cast<std::int32_t>(widths[i]); };
  data_.history_width = width(0);
  data_.slots = width(1);
  data_.reals = width(2);
  data_.features = width(3);
  data_.reward_terms = width(4);
  data_.policy_state = width(5);
  data_.resize(static_cast<std::int32_t>(capacity_), data_);
  data_.for_each_column([&](std::string_view name, std::span<std::byte> bytes) {
    const std::size_t used =
        bytes.size() / static_cast<std::size_t>(capacity_) * static_cast<std::size_t>(held_);
    const auto saved = in.get<std::uint8_t>("columns/" + std::string(name));
    if (saved.size() != used) {
      reject("columns/" + std::string(name), std::to_string(saved.size()) + " bytes", std::to_string(used));
    }
    std::ranges::copy(std::as_bytes(saved), bytes.begin());
  });
}

void draw_batch(const TransitionSource& source, std::uint64_t seed, std::int64_t update, std::int32_t count,
                Transitions& out) {
  assert(source.size() > 0);
  std::vector<std::int64_t> indices;
  const StepKey key{seed, static_cast<EpisodeId>(update), 0};
  for (std::int32_t i = 0; i < count; ++i) {
    indices.push_back(uniform_below(static_cast<std::uint32_t>(source.size()), key, Stream::shuffle,
                                    static_cast<std::uint32_t>(i)));
  }
  source.gather(indices, out);
}

}  // namespace veer
