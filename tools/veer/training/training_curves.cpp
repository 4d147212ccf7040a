#include "tools/veer/training/training_curves.h"

#include "env/error.h"

namespace veer::tools {

TrainingCurves::TrainingCurves(std::string agent, const std::string& folder) : agent_(std::move(agent)) {
  if (!folder.empty()) events_.emplace(folder);
}

TrainingCurves::~TrainingCurves() {
  try {
    write();
  } catch (const Error&) {
    return;
  }
}

void TrainingCurves::add(std::int64_t step, std::string_view figure, double value) {
  if (!events_) return;
  if (step != step_) {
    const Clock::time_point now = Clock::now();
    if (!points_.empty() && now >= next_) {
      write();
      next_ = now + std::chrono::milliseconds(100);
    }
    points_.clear();
    step_ = step;
  }
  points_.emplace_back(figure, value);
}

void TrainingCurves::write() {
  if (points_.empty()) return;
  for (const auto& [figure, value] : points_) events_->add(agent_ + "/" + figure, step_, value);
  points_.clear();
  events_->flush();
}

}  // namespace veer::tools
