#include "tools/bench/bench_world.h"

#include <string>

#include "env/random.h"

namespace veer::bench {

std::shared_ptr<const Dataset> random_logs(std::int32_t items, std::int32_t people, std::int32_t events,
                                           std::uint64_t seed) {
  auto data = std::make_shared<Dataset>();
  data->name = "random";
  Catalogue& catalogue = data->catalogue;
  const auto rows = static_cast<std::size_t>(items) + 1;
  catalogue.ids.resize(rows);
  for (std::size_t i = 1; i < rows; ++i) catalogue.ids[i] = std::to_string(i);
  catalogue.titles = catalogue.ids;
  catalogue.attribute_offsets.assign(rows + 1, 0);
  catalogue.popularity.assign(rows, 0);
  data->interactions.offsets.push_back(0);
  for (UserId user = 0; user < people; ++user) {
    data->interactions.user_ids.push_back(std::to_string(user));
    for (std::int32_t k = 0; k < events; ++k) {
      const StepKey key{seed, static_cast<EpisodeId>(user), static_cast<std::uint32_t>(k)};
      const auto item =
          static_cast<ItemId>(1 + uniform_below(static_cast<std::uint32_t>(items), key, Stream::generate));
      data->interactions.items.push_back(item);
      ++catalogue.popularity[static_cast<std::size_t>(item)];
    }
    data->interactions.offsets.push_back(data->interactions.size());
  }
  data->parts.assign(static_cast<std::size_t>(people), Part::test);
  data->provenance.generator = "random";
  data->fingerprint = std::string(64, '0');
  return data;
}

}  // namespace veer::bench
