// A small world for tests of shift_user: a data set of people with given events, and a base network.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "env/data/dataset.h"
#include "simulators/shift/shift_user.h"
#include "tests/env/nn/small_models.h"

namespace veer::shift::testing {

inline constexpr std::int32_t catalogue_items = 60;

/// Items 1..60 with one to three of five attributes (item 7 has none), and people with random logs, stamps
/// and ratings.
inline Dataset small_data(std::int32_t people = 40, std::int32_t length = 14) {
  Dataset data;
  data.name = "small";
  data.fingerprint = std::string(64, 'a');
  Catalogue& c = data.catalogue;
  c.ids.resize(catalogue_items + 1);
  c.titles.resize(catalogue_items + 1);
  c.popularity.assign(catalogue_items + 1, 0);
  c.attribute_names = {"a", "b", "c", "d", "e"};
  c.attribute_offsets = {0, 0};
  for (ItemId item = 1; item <= catalogue_items; ++item) {
    for (std::int32_t a = 0; a < 5 && item != 7; ++a) {
      if ((item + a) % 3 == 0 || item % 5 == a) c.attributes.push_back(a);
    }
    c.attribute_offsets.push_back(static_cast<std::int64_t>(c.attributes.size()));
  }
  Interactions& log = data.interactions;
  log.offsets.push_back(0);
  for (UserId user = 0; user < people; ++user) {
    log.user_ids.push_back(std::to_string(user));
    std::int64_t time = 1000000;
    for (std::int32_t t = 0; t < length - user % 3; ++t) {
      const ItemId item = nn::random_item(catalogue_items, static_cast<std::uint64_t>(user),
                                          static_cast<std::uint32_t>(t), 77);
      log.items.push_back(item);
      ++c.popularity[static_cast<std::size_t>(item)];
      time += 86400 * (1 + (user + t) % 4);
      log.times.push_back(time);
      log.ratings.push_back(static_cast<float>(1 + (user * 7 + t * 3) % 5));
    }
    log.offsets.push_back(static_cast<std::int64_t>(log.items.size()));
    const Part parts[] = {Part::train_plan, Part::train_plan, Part::train_judge, Part::validation,
                          Part::test};
    data.parts.push_back(parts[user % 5]);
  }
  return data;
}

/// A model with every mechanism on and rates that are all felt.
inline ShiftModel lively_model(const std::string& kind = "sasrec", const Dataset& data = small_data()) {
  const nn::SequenceModel base = nn::small_model(kind, catalogue_items, 7, 12);
  ItemFacts facts = item_facts(data.catalogue, data.catalogue.popularity);
  const Items items(facts, item_vectors(base), base.config().hidden);
  Parameters parameters(base.config().hidden, {4.0F, items.length(), items.spread()}, 3);
  parameters.set_on(Mechanisms::all());
  parameters.set_value(Parameter::start_scale, 0.9F);
  parameters.set_value(Parameter::popularity, 0.4F);
  parameters.set_value(Parameter::exposure, 0.7F);
  parameters.set_value(Parameter::drift, 0.3F);
  parameters.set_value(Parameter::acceptance_rate, -1.0F);
  parameters.set_value(Parameter::acceptance_gain, 0.8F);
  parameters.set_value(Parameter::forgetting, 0.15F);
  parameters.set_value(Parameter::boredom_weight, 1.3F);
  parameters.set_value(Parameter::boredom_growth, 0.35F);
  parameters.set_value(Parameter::boredom_recovery, 0.2F);
  parameters.set_value(Parameter::reactance, 0.4F);
  // The parts that start at zero.
  for (const Parameter p : {Parameter::acceptance_matrix, Parameter::acceptance_offset,
                            Parameter::network_bias, Parameter::network_output}) {
    for (std::size_t i = 0; i < parameters.size(p); ++i) {
      parameters.free()[parameters.offset(p) + i] =
          0.3F *
          normal({9, 0, static_cast<std::uint32_t>(p)}, Stream::initialise, static_cast<std::uint32_t>(i));
    }
  }
  return {base, std::move(facts), std::move(parameters), 0.5F, -1.0F, 4, TimeUnit::steps, 1.0F};
}

}  // namespace veer::shift::testing
