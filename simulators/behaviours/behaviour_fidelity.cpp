#include "simulators/behaviours/behaviour_fidelity.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/behaviours/behaviour_tables.h"

namespace veer {
namespace {

std::uint8_t answer_of(const SlateLog& log, std::size_t cell) noexcept {
  return log.answers.empty() ? log.clicks[cell] : log.answers[cell];
}

}  // namespace

std::vector<float> behaviour_odds(const SlateData& data, std::span<const std::int64_t> slates,
                                  std::span<const Behaviour> which) {
  const std::size_t slots = at(data.log.slots);
  std::vector<float> odds;
  for (const Behaviour b : which) {
    double yes = 0.0, no = 0.0;
    for (const std::int64_t s : slates) {
      for (std::size_t k = 0; k < slots; ++k) {
        (did(answer_of(data.log, at(s) * slots + k), b) ? yes : no) += 1.0;
      }
    }
    odds.push_back(static_cast<float>(std::max(yes, 0.5) / std::max(no, 0.5)));
  }
  return odds;
}

std::map<std::string, double> behaviour_metrics(std::span<const BehaviourFidelity> fidelity) {
  std::map<std::string, double> out;
  for (const BehaviourFidelity& f : fidelity) {
    const std::string name = std::string(behaviour_names[at(static_cast<std::int32_t>(f.behaviour))]) + "/";
    out[name + "auc"] = f.calibration.auc;
    out[name + "calibration_error"] = f.calibration.expected_error;
    out[name + "rate"] = f.rate();
    out[name + "predicted_rate"] = f.predicted_rate;
    out[name + "cross_entropy"] = f.cross_entropy;
  }
  return out;
}

std::vector<BehaviourFidelity> measure_behaviour_fidelity(const BehaviourModel& model, ResponseLink link,
                                                          const SlateData& data,
                                                          std::span<const std::int64_t> slates) {
  if (slates.empty()) {
    throw ConfigError({.file = {}, .line = 0, .field = "fidelity of behaviours"},
                      {"no slates", "at least one", "nobody of that part was shown any"});
  }
  constexpr std::int64_t slates_per_task = 64;
  const behaviour::Tables tables(model);
  const BehaviourSizes& sizes = model.sizes;
  const std::size_t slots = at(data.log.slots), count = at(sizes.count());
  std::vector<double> probability(slates.size() * slots * count);
  parallel_for((std::ssize(slates) + slates_per_task - 1) / slates_per_task, [&](std::int64_t task) {
    behaviour::Scratch scratch(sizes);
    std::vector<float> person(at(sizes.encoding)), sets(at(sizes.history)), queries(at(tables.query_width()));
    std::vector<std::uint8_t> done;
    const std::int64_t last = std::min(std::ssize(slates), (task + 1) * slates_per_task);
    for (std::int64_t i = task * slates_per_task; i < last; ++i) {
      const std::int64_t s = slates[at(i)];
      const SlateStart& start = data.people.starts[at(s)];
      const std::span<const ItemId> history = data.people.history(start, sizes.history);
      const std::int64_t end = data.people.offsets[at(start.user)] + start.liked;
      std::ranges::fill(sets, 0.0F);
      for (std::size_t t = 0; t < history.size(); ++t) {
        const std::size_t entry = at(end) - history.size() + t;
        sets[sets.size() - history.size() + t] =
            static_cast<float>(data.people.done.empty() ? feedback::accepted : data.people.done[entry]);
      }
      tables.encode_person(start.user, data.people.profile(start.user), person.data());
      const behaviour::Reader reader{.person = person.data(), .history = history, .done = sets.data()};
      tables.read(std::span(&reader, 1), 0.0F, scratch, queries.data());
      for (std::size_t k = 0; k < slots; ++k) {
        const ItemId item = data.log.items[at(s) * slots + k];
        for (std::size_t b = 0; b < count; ++b) {
          const float score = tables.score(item, static_cast<std::int32_t>(b), queries.data());
          probability[(at(i) * slots + k) * count + b] = double{click_probability(link, score)};
        }
      }
    }
  });
  std::vector<BehaviourFidelity> result;
  for (std::size_t b = 0; b < count; ++b) {
    BehaviourFidelity f;
    f.behaviour = sizes.behaviours[b];
    f.shown = std::ssize(slates) * data.log.slots;
    std::vector<double> yes, no;
    for (std::size_t i = 0; i < slates.size(); ++i) {
      for (std::size_t k = 0; k < slots; ++k) {
        const double p = probability[(i * slots + k) * count + b];
        const bool happened = did(answer_of(data.log, at(slates[i]) * slots + k), f.behaviour);
        (happened ? yes : no).push_back(p);
        const double kept = std::clamp(p, 1e-7, 1.0 - 1e-7);
        f.cross_entropy -= std::log(happened ? kept : 1.0 - kept) / static_cast<double>(f.shown);
        f.predicted_rate += p / static_cast<double>(f.shown);
      }
    }
    f.happened = std::ssize(yes);
    f.calibration = calibration_of(yes, no);
    result.push_back(std::move(f));
  }
  return result;
}

}  // namespace veer
