veer_test(rewards_test SOURCES rewards/guidance_test.cpp rewards/path_budget_test.cpp rewards/summary_test.cpp rewards/confidence_sequence_test.cpp rewards/crossed_test.cpp rewards/trust_test.cpp rewards/slate_test.cpp rewards/slate_score_test.cpp
          LIBRARIES veer_rewards veer_data LABELS unit)
add_test(NAME rewards_coverage COMMAND rewards_test --no-intro --no-skip "-tc=*[slow]*")
set_tests_properties(rewards_coverage PROPERTIES LABELS slow TIMEOUT 300)
veer_test(reward_fit_test SOURCES rewards/fitted/inverse_rl_test.cpp rewards/fitted/preferences_test.cpp
          LIBRARIES veer_rewards_fitted LABELS unit)
