#include "env/data/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

namespace veer {
namespace {

using Fault = std::optional<DatasetFault>;

Fault check_size(std::string_view field, std::size_t size, std::size_t expected) {
  if (size == expected) return std::nullopt;
  return DatasetFault{std::string(field), fmt::format("{} values", size), fmt::format("{}", expected)};
}

Fault check_offsets(std::string_view field, const std::vector<std::int64_t>& offsets, std::size_t size,
                    std::size_t values) {
  if (auto fault = check_size(field, offsets.size(), size)) return fault;
  const auto expected = fmt::format("offsets that rise from 0 to {}", values);
  if (offsets.front() != 0)
    return DatasetFault{std::string(field), fmt::format("{} first", offsets.front()), expected};
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      return DatasetFault{fmt::format("{}[{}]", field, i),
                          fmt::format("{} after {}", offsets[i], offsets[i - 1]), expected};
    }
  }
  if (offsets.back() != static_cast<std::int64_t>(values)) {
    return DatasetFault{std::string(field), fmt::format("{} last", offsets.back()), expected};
  }
  return std::nullopt;
}

/// `texts` from index `first` on must be distinct and not empty.
Fault check_ids(std::string_view field, const std::vector<std::string>& texts, std::size_t first) {
  std::vector<std::size_t> order(texts.size() - first);
  std::iota(order.begin(), order.end(), first);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return texts[a] != texts[b] ? texts[a] < texts[b] : a < b; });
  if (!order.empty() && texts[order.front()].empty()) {
    return DatasetFault{fmt::format("{}[{}]", field, order.front()), "an empty text", "an id"};
  }
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (texts[order[i]] == texts[order[i - 1]]) {
      return DatasetFault{fmt::format("{}[{}]", field, order[i]),
                          fmt::format("the text of {} again", order[i - 1]), "distinct texts"};
    }
  }
  return std::nullopt;
}

template <class T>
Fault check_range(std::string_view field, const std::vector<T>& values, T low, T high) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < low || values[i] > high) {
      return DatasetFault{fmt::format("{}[{}]", field, i), fmt::format("{}", values[i]),
                          fmt::format("{} to {}", low, high)};
    }
  }
  return std::nullopt;
}

Fault check_sizes(const Dataset& dataset) {
  const Catalogue& catalogue = dataset.catalogue;
  const Interactions& interactions = dataset.interactions;
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) - 1;
  if (catalogue.ids.size() < 2 || catalogue.ids.size() > most) {
    return DatasetFault{"catalogue/ids", fmt::format("{} values", catalogue.ids.size()),
                        "the padding item and 1 to 2147483645 items"};
  }
  const std::size_t users = interactions.user_ids.size();
  if (users < 1 || users > most) {
    return DatasetFault{"users/ids", fmt::format("{} values", users), "1 to 2147483646 users"};
  }
  if (auto fault = check_size("catalogue/titles", catalogue.titles.size(), catalogue.ids.size()))
    return fault;
  if (auto fault = check_size("catalogue/popularity", catalogue.popularity.size(), catalogue.ids.size()))
    return fault;
  if (auto fault = check_offsets("catalogue/attribute_offsets", catalogue.attribute_offsets,
                                 catalogue.ids.size() + 1, catalogue.attributes.size())) {
    return fault;
  }
  const std::size_t rows = interactions.items.size();
  if (auto fault = check_offsets("interactions/offsets", interactions.offsets, users + 1, rows)) return fault;
  if (!interactions.times.empty()) {
    if (auto fault = check_size("interactions/times", interactions.times.size(), rows)) return fault;
  }
  if (!interactions.ratings.empty()) {
    if (auto fault = check_size("interactions/ratings", interactions.ratings.size(), rows)) return fault;
  }
  const std::size_t kinds = interactions.behaviour_names.size();
  if (kinds > 255) {
    return DatasetFault{"interactions/behaviour_names", fmt::format("{} names", kinds), "at most 255"};
  }
  if (auto fault =
          check_size("interactions/behaviours", interactions.behaviours.size(), kinds == 0 ? 0 : rows))
    return fault;
  return check_size("users/parts", dataset.parts.size(), users);
}

Fault check_catalogue(const Catalogue& catalogue) {
  if (auto fault = check_ids("catalogue/ids", catalogue.ids, 1)) return fault;
  if (auto fault = check_ids("catalogue/attribute_names", catalogue.attribute_names, 0)) return fault;
  if (!catalogue.ids[0].empty() || !catalogue.titles[0].empty() || catalogue.attribute_offsets[1] != 0) {
    return DatasetFault{"catalogue", "content at index 0", "nothing: index 0 is the padding item"};
  }
  const auto names = static_cast<std::int32_t>(catalogue.attribute_names.size());
  if (auto fault = check_range("catalogue/attributes", catalogue.attributes, 0, names - 1)) return fault;
  for (ItemId item = 1; item <= catalogue.size(); ++item) {
    const auto attributes = catalogue.attributes_of(item);
    if (std::adjacent_find(attributes.begin(), attributes.end(), std::greater_equal<>()) !=
        attributes.end()) {
      return DatasetFault{"catalogue/attributes",
                          fmt::format("attributes of item {} out of order or repeated", item),
                          "ascending attributes"};
    }
  }
  return std::nullopt;
}

Fault check_interactions(const Dataset& dataset) {
  const Interactions& interactions = dataset.interactions;
  if (auto fault = check_ids("users/ids", interactions.user_ids, 0)) return fault;
  if (auto fault = check_range("interactions/items", interactions.items, 1, dataset.catalogue.size()))
    return fault;
  for (std::size_t user = 0; user < interactions.user_ids.size() && !interactions.times.empty(); ++user) {
    for (auto i = static_cast<std::size_t>(interactions.offsets[user]) + 1;
         i < static_cast<std::size_t>(interactions.offsets[user + 1]); ++i) {
      if (interactions.times[i] < interactions.times[i - 1]) {
        return DatasetFault{fmt::format("interactions/times[{}]", i),
                            fmt::format("{} after {}", interactions.times[i], interactions.times[i - 1]),
                            "times of one user in order"};
      }
    }
  }
  for (std::size_t i = 0; i < interactions.ratings.size(); ++i) {
    if (!std::isfinite(interactions.ratings[i])) {
      return DatasetFault{fmt::format("interactions/ratings[{}]", i),
                          fmt::format("{}", interactions.ratings[i]), "a finite number"};
    }
  }
  if (auto fault = check_ids("interactions/behaviour_names", interactions.behaviour_names, 0)) return fault;
  for (std::size_t i = 0; i < interactions.behaviours.size(); ++i) {
    if (interactions.behaviours[i] >= interactions.behaviour_names.size()) {
      return DatasetFault{fmt::format("interactions/behaviours[{}]", i),
                          fmt::format("{}", interactions.behaviours[i]),
                          fmt::format("0 to {}", interactions.behaviour_names.size() - 1)};
    }
  }
  return std::nullopt;
}

Fault check_popularity(const Dataset& dataset) {
  std::vector<std::int64_t> counts(dataset.catalogue.ids.size());
  for (const ItemId item : dataset.interactions.items) ++counts[static_cast<std::size_t>(item)];
  for (std::size_t item = 0; item < counts.size(); ++item) {
    if (counts[item] != dataset.catalogue.popularity[item]) {
      return DatasetFault{fmt::format("catalogue/popularity[{}]", item),
                          fmt::format("{}", dataset.catalogue.popularity[item]),
                          fmt::format("{}, the number of its interactions", counts[item])};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<DatasetFault> find_fault(const Dataset& dataset) {
  if (auto fault = check_sizes(dataset)) return fault;
  if (auto fault = check_catalogue(dataset.catalogue)) return fault;
  if (auto fault = check_interactions(dataset)) return fault;
  if (auto fault = check_popularity(dataset)) return fault;
  for (std::size_t user = 0; user < dataset.parts.size(); ++user) {
    if (dataset.parts[user] > Part::test) {
      return DatasetFault{fmt::format("users/parts[{}]", user),
                          fmt::format("{}", static_cast<int>(dataset.parts[user])), "0 to 3"};
    }
  }
  return std::nullopt;
}

}  // namespace veer
