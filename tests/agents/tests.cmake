veer_test(agents_plain_test
          CONFORMANCE SOURCES agents/baselines_test.cpp agents/graph_path_test.cpp agents/planner_test.cpp agents/registry_test.cpp
                  agents/guides_test.cpp
                  agents/policy_conformance_test.cpp
          LIBRARIES veer_agents_plain)
veer_test(ads_agents_test SOURCES agents/dense_network_test.cpp agents/cross_dqn_test.cpp agents/hierarchy_test.cpp LIBRARIES veer_agents_plain LABELS unit)
veer_test(slate_search_test SOURCES agents/slate/slate_search_test.cpp agents/slate/replay_test.cpp agents/slate/acting_ahead_test.cpp
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
  veer_test(slate_agents_test TORCH CONFORMANCE SOURCES agents/slate/hsrl_test.cpp agents/slate/history_reader_test.cpp agents/slate/online_training_test.cpp
            LIBRARIES veer_agents veer_semantic_ids LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(fusion_agents_test TORCH SOURCES agents/fusion_learner_test.cpp agents/fusion_fused_test.cpp agents/fusion_uncertainty_test.cpp agents/fusion_logs_test.cpp
            LIBRARIES veer_agents veer_scenarios LABELS unit)
endif()

# Policies from outside need the program that hosts plug-ins.
if(VEER_BUILD_TOOLS)
  foreach(plugin seeded_items faulty)
    add_library(veer_plugin_${plugin} MODULE agents/external/${plugin}.c)
    target_include_directories(veer_plugin_${plugin} PRIVATE ${PROJECT_SOURCE_DIR}/agents/external)
    set_target_properties(veer_plugin_${plugin} PROPERTIES PREFIX "" OUTPUT_NAME ${plugin} C_STANDARD 99)
    target_compile_options(veer_plugin_${plugin} PRIVATE -D_POSIX_C_SOURCE=200809L)
  endforeach()
  target_link_libraries(veer_plugin_seeded_items PRIVATE m)
  veer_test(outside_test CONFORMANCE SOURCES agents/external/outside_test.cpp LIBRARIES veer_agents_plain)
  add_dependencies(outside_test veer_plugin_host veer_plugin_seeded_items veer_plugin_faulty)
  target_compile_definitions(outside_test PRIVATE VEER_SEEDED_PLUGIN="$<TARGET_FILE:veer_plugin_seeded_items>"
                             VEER_FAULTY_PLUGIN="$<TARGET_FILE:veer_plugin_faulty>"
                             VEER_NO_PLUGIN="${CMAKE_CURRENT_SOURCE_DIR}/agents/external/faulty.c")
endif()
