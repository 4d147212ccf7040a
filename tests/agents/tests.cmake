veer_test(agents_plain_test
          SOURCES agents/baselines_test.cpp agents/graph_path_test.cpp agents/planner_test.cpp agents/registry_test.cpp
                  agents/policy_conformance_test.cpp conformance/conformance.cpp
          LIBRARIES veer_agents_plain)
if(VEER_TORCH)
  veer_test(sequential_test TORCH SOURCES agents/sequential_test.cpp conformance/conformance.cpp
            LIBRARIES veer_agents_learned veer_simulators_learned LABELS unit)
endif()
