// Typed errors. Each carries the exit code the program ends with, and says what was found, where,
// what was expected and what to do. Thrown while building, reading and writing; never on the step path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace veer {

/// Exit codes of the program; part of its interface.
enum class ExitCode : int {
  success = 0,
  failure = 1,        ///< failed while running (I/O, full disk)
  usage = 2,          ///< command line or configuration
  data = 3,           ///< data or file format
  device = 4,         ///< device unavailable
  gate = 5,           ///< a gate failed or a verification mismatched
  interrupted = 130,  ///< SIGINT or SIGTERM
};

/// The place an error speaks of. Empty parts are left out of the message.
struct Where {
  std::filesystem::path file;
  std::int64_t line = 0;  ///< 1-based; 0: no line
  std::string field;      ///< column, option, attribute or dataset name
};

/// The four things every message says. `hint` may be empty.
struct Problem {
  std::string found;
  std::string expected;
  std::string hint;
};

/// "FILE:LINE: FIELD: found F; expected E; H"
std::string describe(const Where& where, const Problem& problem);

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A wrong option, configuration value or combination of components (exit 2).
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(ExitCode::usage, message) {}
  ConfigError(const Where& w, const Problem& p) : ConfigError(describe(w, p)) {}
};

/// Input data that break their own rules: malformed line, unknown id, NaN (exit 3).
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitCode::data, message) {}
  DataError(const Where& w, const Problem& p) : DataError(describe(w, p)) {}
};

/// A file that is not what its name or header claims: truncated, foreign, other version (exit 3).
class FormatError : public Error {
 public:
  explicit FormatError(const std::string& message) : Error(ExitCode::data, message) {}
  FormatError(const Where& w, const Problem& p) : FormatError(describe(w, p)) {}
};

/// The operating system refused: disk full, permission, missing directory (exit 1).
class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(ExitCode::failure, message) {}
  IoError(const Where& w, const Problem& p) : IoError(describe(w, p)) {}
};

/// The requested device cannot be used (exit 4).
class DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& message) : Error(ExitCode::device, message) {}
};

/// A checksum, digest, probe or gate did not hold (exit 5).
class VerificationError : public Error {
 public:
  explicit VerificationError(const std::string& message) : Error(ExitCode::gate, message) {}
  VerificationError(const Where& w, const Problem& p) : VerificationError(describe(w, p)) {}
};

/// Thrown where long work notices SIGINT or SIGTERM, after committing what is complete (exit 130).
class Interrupted : public Error {
 public:
  explicit Interrupted(const std::string& message) : Error(ExitCode::interrupted, message) {}
};

}  // namespace veer
