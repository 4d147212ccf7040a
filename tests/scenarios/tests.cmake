veer_test(scenarios_test CONFORMANCE SOURCES scenarios/guidance_test.cpp scenarios/population_test.cpp scenarios/session_test.cpp LIBRARIES veer_scenarios LABELS unit)
veer_test(ope_test SOURCES scenarios/ope_slates_test.cpp scenarios/ope_golden_test.cpp scenarios/ope_exact_test.cpp scenarios/ope_coverage_test.cpp
          scenarios/ope_table_test.cpp scenarios/ope_trust_test.cpp scenarios/ope_mrdr_test.cpp
          scenarios/ope_rates_test.cpp LIBRARIES veer_scenarios LABELS unit)
add_test(NAME ope_coverage COMMAND ope_test --no-intro --no-skip "-tc=*[slow]*")
set_tests_properties(ope_coverage PROPERTIES LABELS slow TIMEOUT 900)
if(VEER_TORCH)
  veer_test(ope_fitted_test TORCH SOURCES scenarios/ope_fitted_test.cpp scenarios/ope_linear_test.cpp LIBRARIES veer_ope_fitted LABELS unit)
endif()
veer_test(stress_test CONFORMANCE SOURCES scenarios/stress_test.cpp scenarios/stress_planted_test.cpp
          scenarios/stress_told_test.cpp scenarios/stress_cohort_test.cpp LIBRARIES veer_scenarios LABELS unit)
veer_test(fusion_test CONFORMANCE SOURCES scenarios/fusion_test.cpp scenarios/retention_test.cpp LIBRARIES veer_scenarios veer_agents_plain LABELS unit)
veer_test(ads_test CONFORMANCE SOURCES scenarios/ads_test.cpp scenarios/interests_test.cpp LIBRARIES veer_scenarios veer_agents_plain LABELS unit)
veer_test(slate_test CONFORMANCE SOURCES scenarios/slate_test.cpp scenarios/churn_test.cpp LIBRARIES veer_scenarios veer_agents_plain LABELS unit)
veer_test(trust_test SOURCES scenarios/trust_test.cpp LIBRARIES veer_scenarios veer_agents_plain LABELS unit)
add_test(NAME trust_coverage COMMAND trust_test --no-intro --no-skip "-tc=*[slow]*")
set_tests_properties(trust_coverage PROPERTIES LABELS slow TIMEOUT 900)
