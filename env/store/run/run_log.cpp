#include "env/store/run/run_log.h"

#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

namespace veer {

namespace {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

bool ends_in_newline(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() == std::streampos(0)) return true;
  file.seekg(-1, std::ios::end);
  return file.get() == '\n';
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path) {
  const bool whole = ends_in_newline(path);
  file_.open(path, std::ios::binary | std::ios::app);
  if (!whole) file_ << '\n';
}

void RunLog::write(std::string_view event, nlohmann::json details) {
  nlohmann::json line = {{"event", event}, {"time", utc_now()}, {"elapsed_seconds", elapsed_seconds()}};
  line.update(details);
  file_.clear();  // a full disk may have been emptied meanwhile
  file_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n" << std::flush;
}

double RunLog::elapsed_seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace veer
