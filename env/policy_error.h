// A policy that breaks its contract while it plays. Value type; safe to throw from any worker.
#pragma once

#include <string>

#include "env/error.h"

namespace veer {

/// It crashed, answered too late, out of the catalogue, or with what is no number (exit 1). Other policies of
/// the run are not concerned: who plays several goes on with the next. Thrown by Policy::act and the engine.
class PolicyError : public Error {
 public:
  explicit PolicyError(const std::string& message) : Error(ExitCode::failure, message) {}
  PolicyError(const Where& w, const Problem& p) : PolicyError(describe(w, p)) {}
};

}  // namespace veer
