// Plain ways to mix a page, for what learned agents are compared with. Items go by chance of a click.
// Thread-safety: immutable policies.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/ads/page.h"
#include "env/policy.h"

namespace veer::ads {

/// The same mask on every page.
std::shared_ptr<const Policy> make_fixed_mask(const PageLayout& layout, std::int32_t mask);
/// Any mask and any order, by lot (Stream::policy).
std::shared_ptr<const Policy> make_random_pages(const PageLayout& layout);
/// The mask that earns most on this page if people look at slot k with probability look^k and click what they
/// look at as foretold: greedy about revenue, blind to what comes after.
std::shared_ptr<const Policy> make_greedy_revenue(const PageLayout& layout, float look);

}  // namespace veer::ads
