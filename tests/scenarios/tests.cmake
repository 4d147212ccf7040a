veer_test(scenarios_test SOURCES scenarios/guidance_test.cpp scenarios/population_test.cpp conformance/conformance.cpp LIBRARIES veer_scenarios LABELS unit)
