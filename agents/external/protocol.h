// The words between Veer and a policy in a process of its own: one JSON document per line. PLUGIN_FORMAT.md
// is the specification. Both ends are here: Veer greets, asks and reads answers; the host of plug-ins reads
// greetings and questions, and answers.
//
// Thread-safety: value types and free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "env/types.h"

namespace veer::external {

inline constexpr int protocol_version = 1;

/// The world that a policy will play in: Veer's first line.
struct Greeting {
  std::string scenario;
  std::string options;   ///< for a plug-in; empty otherwise
  bool sampled = false;  ///< people may refuse; otherwise they accept everything
  std::int32_t items = 0;
  std::int32_t slots = 1;
  std::int32_t history_capacity = 0;
  std::int32_t horizon = 0;
  std::vector<std::string> item_ids;  ///< [items + 1], the first empty
};

/// What is asked in one line: a step of `rows` episodes. Shapes as in veer_plugin.h.
struct Question {
  std::uint64_t number = 0;  ///< repeated by the answer
  bool greedy = false;
  std::int32_t rows = 0;
  std::vector<std::uint64_t> episode;
  std::vector<std::uint32_t> step;
  std::vector<std::int32_t> user, target;
  std::vector<std::int32_t> history, history_size;  ///< [rows, history_capacity], [rows]
  std::vector<std::int32_t> shown;                  ///< [rows, horizon, slots]
  std::vector<std::uint8_t> answers;                ///< [rows, horizon, slots]
  std::vector<std::uint32_t> seed;
  std::vector<float> uniforms;  ///< [rows, slots]
};

struct Answer {
  std::vector<std::int32_t> items;  ///< [rows, slots]
  std::vector<float> log_prob;      ///< [rows]
};

/// Lines without the newline.
std::string greeting_line(const Greeting& greeting);
std::string question_line(const Question& question, const Greeting& world);
std::string answer_line(std::uint64_t number, const Answer& answer, std::int32_t slots);
std::string welcome_line();
std::string error_line(std::string_view message);

/// Throw FormatError for anything that the functions above would not have written.
Greeting parse_greeting(std::string_view line);
Question parse_question(std::string_view line, const Greeting& world);

/// What a policy said first. Throws PolicyError naming `policy`.
void check_welcome(std::string_view line, const std::string& policy);
/// The answer to question `number` about `rows` rows: items of the catalogue, those of a slate distinct, a
/// row of zeros where the policy stops. Throws PolicyError that begins with what is wrong ("out of the
/// catalogue", "not a number", "malformed", "gave up") behind the name of the policy.
Answer parse_answer(std::string_view line, std::uint64_t number, std::int32_t rows, const Greeting& world,
                    const std::string& policy);

}  // namespace veer::external
