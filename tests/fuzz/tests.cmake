# Every fuzz target over its corpus, without libFuzzer, in the ordinary tests.
include(${CMAKE_CURRENT_SOURCE_DIR}/fuzz/targets.cmake)
foreach(source IN LISTS veer_fuzz_sources)
  get_filename_component(target ${source} NAME_WE)
  add_executable(replay_${target} ${source} fuzz/replay.cpp ${${target}_also})
  target_link_libraries(replay_${target} PRIVATE veer_semantic_ids veer_store veer_data veer_core fmt::fmt veer_private_settings)
  add_test(NAME replay_${target} COMMAND replay_${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${target})
  set_tests_properties(replay_${target} PROPERTIES LABELS fuzz TIMEOUT 60)
endforeach()
