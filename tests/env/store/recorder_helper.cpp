// Records a synthetic run, at an unhurried pace; the tests start it as a process of its own to kill it.
// Usage: recorder_helper DIRECTORY EPISODES SEGMENT_EPISODES
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "env/error.h"
#include "tests/env/store/synthetic_run.h"

int main(int count, char** arguments) {
  if (count != 4) return 2;
  try {
    const veer::RunHeader header =
        veer::test::synthetic_header(std::stoll(arguments[2]), std::stoll(arguments[3]));
    veer::Recorder recorder(arguments[1], header);
    for (const veer::Segment& segment : recorder.missing()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      recorder.append(segment, veer::test::synthetic_paths(segment, header));
    }
    recorder.finish();
  } catch (const veer::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
  return 0;
}
