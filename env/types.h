// The words everything else is written in: ids, end reasons, row lists, non-owning matrix views.
// No third-party include; value types only; safe to use from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace veer {

/// Catalogue index of an item: 1..N. 0 is padding in histories and slates, and "stop" as an action.
using ItemId = std::int32_t;
/// Dataset index of a person: 0..U-1.
using UserId = std::int32_t;
/// Names one episode of a run. With the seed it fixes everything random in that episode.
using EpisodeId = std::uint64_t;

inline constexpr ItemId no_item = 0;

/// An id or a place as the index of a container. REQUIRES: not negative.
constexpr std::size_t at(std::int64_t index) noexcept { return static_cast<std::size_t>(index); }

/// Why an episode is over. `horizon` truncates (a learner bootstraps past it); the others terminate.
/// The numbers are stored in run files: append only.
enum class EndReason : std::uint8_t {
  running = 0,
  target_reached = 1,
  user_left = 2,
  policy_stopped = 3,
  horizon = 4,
};

constexpr bool has_ended(EndReason reason) noexcept { return reason != EndReason::running; }
constexpr bool is_truncated(EndReason reason) noexcept { return reason == EndReason::horizon; }
constexpr bool is_terminated(EndReason reason) noexcept { return has_ended(reason) && !is_truncated(reason); }

/// How a policy picks: by its distribution, or its best guess.
enum class Mode : std::uint8_t { sample = 0, greedy = 1 };

/// Bits of one feedback byte. Slot k of the action has its own byte. Bit 0 alone makes an item enter the
/// history.
namespace feedback {
inline constexpr std::uint8_t refused = 0;
inline constexpr std::uint8_t accepted = 1;   ///< clicked, watched, bought: whatever the world calls a yes
inline constexpr std::uint8_t purchased = 2;  ///< beside it, in worlds that tell clicks from purchases
}  // namespace feedback

/// Row indices local to one shard, ascending and distinct.
using Rows = std::span<const std::int32_t>;

/// A row-major matrix somebody else owns: `rows` rows of `width` values, rows `stride` values apart.
template <class T>
class View {
 public:
  View() = default;
  View(T* data, std::int32_t rows, std::int32_t width, std::int32_t stride) noexcept
      : data_(data), rows_(rows), width_(width), stride_(stride) {}
  View(T* data, std::int32_t rows, std::int32_t width) noexcept : View(data, rows, width, width) {}
  /// A view of mutable values converts to a view of constant ones.
  template <class U>
  requires(!std::is_same_v<U, T> && std::is_convertible_v<U (*)[], T (*)[]>) View(const View<U>& other)
  noexcept  // NOLINT: implicit on purpose, as for std::span
      : View(other.data(), other.rows(), other.width(), other.stride()) {}

  T* data() const noexcept { return data_; }
  std::int32_t rows() const noexcept { return rows_; }
  std::int32_t width() const noexcept { return width_; }
  std::int32_t stride() const noexcept { return stride_; }
  bool empty() const noexcept { return rows_ == 0 || width_ == 0; }

  T& operator()(std::int32_t row, std::int32_t column = 0) const noexcept {
    return data_[static_cast<std::ptrdiff_t>(row) * stride_ + column];
  }
  std::span<T> row(std::int32_t row) const noexcept {
    return {data_ + static_cast<std::ptrdiff_t>(row) * stride_, static_cast<std::size_t>(width_)};
  }

 private:
  T* data_ = nullptr;
  std::int32_t rows_ = 0;
  std::int32_t width_ = 0;
  std::int32_t stride_ = 0;
};

}  // namespace veer
