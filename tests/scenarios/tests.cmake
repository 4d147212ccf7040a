veer_test(scenarios_test CONFORMANCE SOURCES scenarios/guidance_test.cpp scenarios/population_test.cpp LIBRARIES veer_scenarios LABELS unit)
