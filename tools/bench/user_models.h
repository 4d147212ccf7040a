// What one step of one person costs under every kind of user model, side by side.
// Torch-free header; each call owns what it needs.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// Synthetic people and shift_user, each with and without drift, GRU4Rec and SASRec: 3,706 items, width 64
/// (synthetic: 64 topics), random weights, histories of 50 items, a batch of 1,024. A step is the acceptance
/// of one item and the movement it causes, with and without the standing of a target in the whole catalogue.
/// `engine` steps the state that the model keeps; `straightforward` begins anew from the history before every
/// answer. A figure gives microseconds per person and step on one core, another how many times the cheapest
/// that is. A case agrees when an answer of both ways differs by at most 1e-4: the second one where stepping
/// must lead where beginning anew leads (SASRec, GRU4Rec, synthetic people without drift), else the first.
BenchReport user_models(const BenchOptions& options);

}  // namespace veer::bench
