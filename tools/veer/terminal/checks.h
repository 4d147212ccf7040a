// What options are checked for before any work begins. Thread-safety: free functions.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

namespace veer::tools {

/// Whole numbers from 1 on. CLI11's own PositiveNumber names its upper bound in 300 digits.
CLI::Validator positive();
/// Whole numbers from 0 on.
CLI::Validator not_negative();
/// 1 to `most`; `advice` says what to do about larger numbers.
CLI::Validator at_most(std::int64_t most, const std::string& advice);
/// What fits 64 bits without a sign. CLI11 wraps -1 around.
CLI::Validator unsigned_number();

/// Refuses, before hours of work, an output that could not be written or that would replace a file of another
/// kind, such as the log that is being imported. `kind` is that of a seal: "dataset", "model", "checkpoint".
/// Throws IoError or ConfigError.
void check_output(const std::string& option, const std::filesystem::path& path, const std::string& kind);

/// Opens the file for appending and closes it again. Throws IoError naming the option.
void check_writable(const std::string& option, const std::string& path);

}  // namespace veer::tools
