veer_test(agents_plain_test
          CONFORMANCE SOURCES agents/baselines_test.cpp agents/graph_path_test.cpp agents/planner_test.cpp agents/registry_test.cpp
                  agents/guides_test.cpp
                  agents/policy_conformance_test.cpp
          LIBRARIES veer_agents_plain)
veer_test(slate_search_test SOURCES agents/slate/slate_search_test.cpp agents/slate/replay_test.cpp
          LIBRARIES veer_agents_plain veer_semantic_ids)
if(VEER_TORCH)
  veer_test(sequential_test TORCH CONFORMANCE SOURCES agents/sequential_test.cpp
            LIBRARIES veer_agents_learned veer_simulators_learned LABELS unit)
  # It watches LibTorch's calls through at::RecordFunction, a class with one more member where NDEBUG is not defined: it
  # has to be compiled as LibTorch was.
  set_source_files_properties(agents/sequential_test.cpp PROPERTIES COMPILE_DEFINITIONS NDEBUG)
endif()
if(VEER_TORCH)
  veer_test(irn_test TORCH CONFORMANCE SOURCES agents/irn_test.cpp LIBRARIES veer_agents_learned LABELS unit)
  veer_test(path_policy_test TORCH CONFORMANCE SOURCES agents/path_policy_test.cpp
            LIBRARIES veer_agents veer_simulators_learned LABELS unit)
  veer_test(prorl_test TORCH SOURCES agents/prorl_test.cpp LIBRARIES veer_agents veer_simulators_learned LABELS unit)
  veer_test(path_writer_test TORCH SOURCES agents/path_writer_test.cpp LIBRARIES veer_agents LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(offline_test TORCH CONFORMANCE SOURCES agents/offline_test.cpp LIBRARIES veer_agents LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(slate_agents_test TORCH CONFORMANCE SOURCES agents/slate/hsrl_test.cpp agents/slate/online_training_test.cpp
            LIBRARIES veer_agents veer_semantic_ids LABELS unit)
endif()
