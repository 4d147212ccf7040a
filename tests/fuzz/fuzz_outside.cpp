// What a policy from outside may answer: any line at all is an answer of the catalogue or is refused by the
// name of the policy, and the host of plug-ins reads or refuses any question.
#include <cmath>
#include <string>
#include <string_view>

#include "agents/external/protocol.h"
#include "env/error.h"
#include "env/policy_error.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;
using namespace veer::external;

constexpr std::int32_t rows = 2;

Greeting world_of(std::int32_t slots) {
  return {.scenario = "s",
          .options = {},
          .sampled = false,
          .items = 9,
          .slots = slots,
          .history_capacity = 3,
          .horizon = 2,
          .item_ids = std::vector<std::string>(10)};
}

void check_answer(std::string_view line, const Greeting& world) {
  try {
    const Answer answer = parse_answer(line, 1, rows, world, "p");
    fuzz::require(answer.items.size() == at(rows) * at(world.slots) && answer.log_prob.size() == at(rows));
    for (const std::int32_t item : answer.items) fuzz::require(item >= 0 && item <= world.items);
    for (const float value : answer.log_prob) fuzz::require(std::isfinite(value));
    // What was read is written and read again.
    const Answer again = parse_answer(answer_line(1, answer, world.slots), 1, rows, world, "p");
    fuzz::require(again.items == answer.items && again.log_prob == answer.log_prob);
  } catch (const PolicyError& error) {
    fuzz::require(std::string_view(error.what()).starts_with("policy p: "));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  check_answer(line, world_of(1));
  check_answer(line, world_of(2));
  try {
    check_welcome(line, "p");
  } catch (const PolicyError&) {
  }
  try {
    const Greeting world = parse_greeting(line);
    fuzz::require(world.item_ids.size() == at(world.items) + 1);
  } catch (const FormatError&) {
  }
  try {
    const Question question = parse_question(line, world_of(1));
    fuzz::require(question.history.size() == at(question.rows) * 3);
  } catch (const FormatError&) {
  }
  return 0;
}
