// What two agents on one page think their choices are worth: the order of the items, and which slots go to
// ads. Torch-free. Thread-safety: immutable; free of state but for buffers of the caller.
//
//   ads    Q(s, m) = V(s) + A(s, m) - A(s, none): dueling, V of the page without ads. A reads the page that
//          mask m makes of the ordered items and ads: every slot is crossed with the person's state and with
//          the slot before it by one network, and a second network reads all slots in their order.
//   items  Q(s, item, rank): of one item at one place among the items; orders are filled greedily.
//
// After Cross-DQN (WWW 2022), whose attention over many channels is a plain network over the few slots here,
// and RAM (KDD 2020), whose first agent picks items one after the other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/ads/page.h"
#include "agents/dense/dense_network.h"

namespace veer::ads {

class AdValues {
 public:
  AdValues(const PageLayout& layout, std::int32_t hidden);
  std::size_t parameters() const noexcept { return page_first_ + page_.parameters(); }
  void initialise(std::uint64_t seed, std::span<float> parameters) const;

  /// Q of every mask: `out` has layout.masks() values. `order`: candidates, best first.
  void masks(std::span<const float> parameters, std::span<const float> features,
             std::span<const std::int32_t> order, std::span<float> out) const;
  float value(std::span<const float> parameters, std::span<const float> features,
              std::span<const std::int32_t> order, std::int32_t mask) const;
  /// Adds slope * d Q / d parameters.
  void add_gradient(std::span<const float> parameters, std::span<const float> features,
                    std::span<const std::int32_t> order, std::int32_t mask, float slope,
                    std::span<float> gradient) const;

 private:
  struct PagePass {
    std::vector<DenseNetwork::Pass> slots;
    DenseNetwork::Pass page;
  };
  float advantage(std::span<const float> parameters, const PageRequest& request,
                  std::span<const std::int32_t> order, std::int32_t mask, PagePass& pass) const;
  void add_advantage(std::span<const float> parameters, const PagePass& pass, float slope,
                     std::span<float> gradient) const;

  PageLayout layout_;
  DenseNetwork value_, crossing_, page_;
  std::size_t crossing_first_, page_first_;  ///< where their parameters begin
};

class ItemValues {
 public:
  ItemValues(const PageLayout& layout, std::int32_t hidden);
  std::size_t parameters() const noexcept { return network_.parameters(); }
  void initialise(std::uint64_t seed, std::span<float> parameters) const;

  float value(std::span<const float> parameters, const PageRequest& request, std::int32_t candidate,
              std::int32_t rank, DenseNetwork::Pass& pass) const;
  void add_gradient(std::span<const float> parameters, const DenseNetwork::Pass& pass, float slope,
                    std::span<float> gradient) const;
  /// Candidates for all slots, rank by rank the best that is left.
  std::vector<std::int32_t> order(std::span<const float> parameters, const PageRequest& request) const;

 private:
  PageLayout layout_;
  DenseNetwork network_;
};

}  // namespace veer::ads
