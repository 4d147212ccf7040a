// What of the program needs LibTorch. Two versions: with_torch/learned.cpp and without_torch/learned.cpp,
// where everything that needs it throws a DeviceError or ConfigError of one sentence.
#pragma once

#include <exception>
#include <string>

namespace veer::tools {

/// Process-wide settings of LibTorch; call once, after the Runtime stands.
void configure_learned();
/// "LibTorch 1.13.1 (...)" or that this build has none.
std::string learned_version();
/// What one should know of this machine before networks play, in a sentence; empty: nothing.
std::string learned_remark();
/// The message of any exception, without LibTorch's stack trace.
std::string plain_message(const std::exception& error);
/// "cpu" or "cuda:N"; see nn::resolve_device.
std::string usable_device(const std::string& name);

}  // namespace veer::tools
