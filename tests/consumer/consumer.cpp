// Twenty lines with an installed Veer: a catalogue, people who interact with it, and the item graph's best next step.
#include <iostream>
#include <vector>

#include "env/batch.h"
#include "env/random.h"
#include "env/runtime.h"

int main() {
  veer::Runtime runtime;
  veer::Batch batch({.rows = 1000, .history_capacity = 20}, 7);
  std::vector<double> sums(static_cast<std::size_t>(batch.shards()));
  runtime.run([&] {
    veer::parallel_for(batch.shards(), [&](std::int64_t index) {
      veer::Shard shard = batch.shard(static_cast<std::int32_t>(index));
      for (std::int32_t row = 0; row < shard.rows(); ++row) {
        sums[static_cast<std::size_t>(index)] += veer::uniform(shard.key(row), veer::Stream::policy);
      }
    });
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  std::cout << "mean of " << batch.padded_rows() << " uniforms: " << total / batch.padded_rows() << '\n';
}
