veer_test(agents_plain_test
          SOURCES agents/baselines_test.cpp agents/graph_path_test.cpp agents/planner_test.cpp agents/registry_test.cpp
                  agents/policy_conformance_test.cpp conformance/conformance.cpp
          LIBRARIES veer_agents_plain)
