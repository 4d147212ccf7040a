// Small networks: values by hand, gradients against differences, Adam, files.
#include "agents/dense/dense_network.h"

#include <cmath>
#include <vector>

#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

TEST_CASE("a network by hand") {
  const DenseNetwork network({2, 2, 1});
  REQUIRE(network.parameters() == 9);
  // Weights by input, then offsets: h1 = x1 + 2 x2 + 0.5, h2 = -x1 + x2 - 1; y = 3 h1 + 4 h2 + 0.25.
  const std::vector<float> p{1.0F, -1.0F, 2.0F, 1.0F, 0.5F, -1.0F, 3.0F, 4.0F, 0.25F};
  DenseNetwork::Pass pass;
  const std::vector<float> x{1.0F, 3.0F}, y{2.0F, -1.0F};
  CHECK(network.forward(p, x, pass)[0] == Approx(3.0 * 7.5 + 4.0 * 1.0 + 0.25));
  CHECK(network.forward(p, y, pass)[0] == Approx(3.0 * 0.5 + 0.25));  // h2 = -4 is cut
}

TEST_CASE("gradients of a network are those of differences") {
  const DenseNetwork network({3, 5, 4, 2});
  std::vector<float> p(network.parameters());
  network.initialise(7, 0, p);
  const std::vector<float> x{0.3F, -0.7F, 1.1F}, slope{0.6F, -1.3F};
  const auto loss = [&](std::span<const float> parameters, std::span<const float> input) {
    DenseNetwork::Pass pass;
    const std::span<const float> out = network.forward(parameters, input, pass);
    return double{slope[0]} * double{out[0]} + double{slope[1]} * double{out[1]};
  };
  DenseNetwork::Pass pass;
  network.forward(p, x, pass);
  std::vector<float> gradient(p.size(), 0.0F), by_input(3);
  network.backward(p, pass, slope, gradient, by_input);
  constexpr float h = 1e-2F;
  const auto difference = [&](std::vector<float> values, std::size_t i, bool input) {
    values[i] += h;
    const double up = input ? loss(p, values) : loss(values, x);
    values[i] -= 2 * h;
    return (up - (input ? loss(p, values) : loss(values, x))) / (2.0 * double{h});
  };
  for (std::size_t i = 0; i < p.size(); ++i)
    CHECK(double{gradient[i]} == Approx(difference(p, i, false)).epsilon(1e-2));
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(double{by_input[i]} == Approx(difference(x, i, true)).epsilon(1e-2));
}

TEST_CASE("Adam by hand, and weights survive a file") {
  TrainedWeights w(2);
  w.values = {1.0F, -1.0F};
  const std::vector<float> gradient{0.5F, -2.0F};
  w.step(gradient, 0.1F);  // the first step goes by the rate against the sign
  CHECK(w.values[0] == Approx(0.9));
  CHECK(w.values[1] == Approx(-0.9));
  const std::vector<float> other{-0.5F, 0.0F};
  w.step(other, 0.1F);
  // first: 0.9 * 0.05 - 0.1 * 0.5 = -0.005, over 0.19; second: (0.999 + 1) * 0.00025 over 0.001999
  CHECK(w.values[0] == Approx(0.9 + 0.1 * (0.005 / 0.19) / std::sqrt(0.25)));
  NamedArrays file;
  w.save(file, "w");
  TrainedWeights again(2), wrong(3);
  again.load(file, "w");
  w.step(gradient, 0.1F);
  again.step(gradient, 0.1F);
  CHECK(again.values == w.values);
  CHECK_THROWS_WITH_AS(wrong.load(file, "w"), doctest::Contains("2 values"), FormatError);
  std::vector<float> slow{1.0F, 1.0F};
  follow(slow, std::vector<float>{2.0F, 0.0F}, 0.25F);
  CHECK(slow == std::vector<float>{1.25F, 0.75F});
}

}  // namespace
}  // namespace veer
