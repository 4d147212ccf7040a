// The suites that come with the program, as users would write them: `veer stress --print standard` shows one.
#include <array>

#include "scenarios/stress/suite.h"

namespace veer::stress {
namespace {

constexpr std::string_view standard =
    R"(# Twelve things that happen to recommenders, each alone. Episodes of 20 steps; most begin at the sixth.
# A gate asks how much of the calm world's return a policy must keep; what a product can bear is for its owner to say.
format = 1
name = "standard"

[[test]]
name = "taste-shock"
about = "three people in ten wake up with somebody else's taste"
[[test.perturbation]]
kind = "taste_shock"
onset = 5
share = 0.3
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.7

[[test]]
name = "taste-drift"
about = "everybody's taste moves half way to somebody else's, over ten steps"
[[test.perturbation]]
kind = "taste_shock"
onset = 5
ramp = 10
intensity = 0.5
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.7

[[test]]
name = "noisy-clicks"
about = "one answer in ten is the opposite of what was meant"
[[test.perturbation]]
kind = "click_noise"
intensity = 0.1
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.6

[[test]]
name = "impatience"
about = "refusals cost twice the patience"
[[test.perturbation]]
kind = "impatience"
intensity = 1.0
[[test.gate]]
figure = "length"
rule = "keeps"
share = 0.5

[[test]]
name = "fashion"
about = "what was popular goes out of fashion for eight steps"
[[test.perturbation]]
kind = "popularity_shock"
onset = 5
duration = 8
intensity = 1.0
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.6

[[test]]
name = "sold-out"
about = "one item in five can no longer be had"
[[test.perturbation]]
kind = "items_vanish"
onset = 5
intensity = 0.2
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.7

[[test]]
name = "bots"
about = "one visitor in ten takes whatever is shown with probability one half"
[[test.perturbation]]
kind = "bots"
intensity = 0.5
share = 0.1
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.9

[[test]]
name = "boredom"
about = "more of the same is taken half as often"
[[test.perturbation]]
kind = "boredom"
onset = 5
ramp = 5
intensity = 0.5
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.6

[[test]]
name = "fatigue"
about = "every step takes a twentieth off the wish to take anything"
[[test.perturbation]]
kind = "fatigue"
onset = 5
intensity = 0.05
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.6

[[test]]
name = "lost-history"
about = "four fifths of what is known of everybody are lost"
[[test.perturbation]]
kind = "short_history"
intensity = 0.8
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.8

[[test]]
name = "late-answers"
about = "what people answer is heard three steps late"
[[test.perturbation]]
kind = "delayed_feedback"
delay = 3
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.8

[[test]]
name = "regulars-only"
about = "only the third of the people who take most come"
[[test.perturbation]]
kind = "cohort_mix"
by = "activity"
group = "high"
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.8
)";

constexpr std::string_view slates =
    R"(# Eight things that happen to whoever shows slates (slate-v1). Sessions are short: most begin at the third.
# Gates ask for items taken and for steps: what a slate earns may be less than nothing.
format = 1
name = "slates"

[[test]]
name = "position-bias"
about = "the second slot is looked at half as often as the first, the third a third as often, and so on"
[[test.perturbation]]
kind = "position_bias"
intensity = 1.0
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.3

[[test]]
name = "taste-shock"
about = "three people in ten wake up with somebody else's taste"
[[test.perturbation]]
kind = "taste_shock"
onset = 2
share = 0.3
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.7

[[test]]
name = "noisy-clicks"
about = "one answer in ten is the opposite of what was meant"
[[test.perturbation]]
kind = "click_noise"
intensity = 0.1
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.7

[[test]]
name = "impatience"
about = "every slate costs half as much patience again"
[[test.perturbation]]
kind = "impatience"
intensity = 0.5
[[test.gate]]
figure = "length"
rule = "keeps"
share = 0.5

[[test]]
name = "sold-out"
about = "one item in five can no longer be had"
[[test.perturbation]]
kind = "items_vanish"
onset = 2
intensity = 0.2
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.7

[[test]]
name = "late-answers"
about = "what people answer is heard two steps late"
[[test.perturbation]]
kind = "delayed_feedback"
delay = 2
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.8

[[test]]
name = "lost-history"
about = "four fifths of what is known of everybody are lost"
[[test.perturbation]]
kind = "short_history"
intensity = 0.8
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.8

[[test]]
name = "regulars-only"
about = "only the third of the people who take most come"
[[test.perturbation]]
kind = "cohort_mix"
by = "activity"
group = "high"
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.8
)";

constexpr std::string_view smoke =
    R"(# Two tests that run in a minute: whether a policy plays at all, and stands a shock.
format = 1
name = "smoke"

[[test]]
name = "taste-shock"
about = "three people in ten wake up with somebody else's taste"
[[test.perturbation]]
kind = "taste_shock"
onset = 5
share = 0.3
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.5

[[test]]
name = "sold-out"
about = "one item in five can no longer be had"
[[test.perturbation]]
kind = "items_vanish"
onset = 5
intensity = 0.2
[[test.gate]]
figure = "return"
rule = "keeps"
share = 0.5
)";

constexpr std::array<NamedSuite, 3> suites{{{"standard", standard}, {"smoke", smoke}, {"slates", slates}}};

}  // namespace

std::span<const NamedSuite> shipped_suites() noexcept { return suites; }

}  // namespace veer::stress
