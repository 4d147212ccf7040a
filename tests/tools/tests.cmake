# The house itself: includes keep to the floors, every header compiles alone, an installed Veer can be used.
add_test(NAME includes_keep_to_the_floors COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/check-includes ${PROJECT_SOURCE_DIR})
add_test(NAME includes_check_finds_violations COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/check-includes --self-test)
set_tests_properties(includes_keep_to_the_floors includes_check_finds_violations PROPERTIES LABELS house)

if(NOT VEER_SANITIZE)
  # One translation unit per public header, nothing before it. Built by its test, not by default.
  set(header_units)
  foreach(folder env rewards simulators agents scenarios)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.h)
    foreach(header IN LISTS headers)
      if(header MATCHES "_net\\.h$" AND NOT VEER_TORCH)
        continue()
      endif()
      string(REPLACE "/" "_" unit ${header})
      set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${unit}.cpp)
      file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n")
      list(APPEND header_units ${unit})
    endforeach()
  endforeach()
  add_library(veer_headers_alone OBJECT EXCLUDE_FROM_ALL ${header_units})
  target_link_libraries(veer_headers_alone PRIVATE veer_settings veer_private_settings TBB::tbb hdf5::hdf5 Boost::headers)
  if(VEER_TORCH)
    target_link_libraries(veer_headers_alone PRIVATE veer_torch)
  endif()
  target_compile_options(veer_headers_alone PRIVATE -O0)
  add_test(NAME headers_compile_alone
           COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target veer_headers_alone --parallel 1)
  # What takes longest begins first (COST): nothing is left to wait for at the end.
  set_tests_properties(headers_compile_alone PROPERTIES LABELS house TIMEOUT 1200 COST 400)

  add_test(NAME consumer COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/consumer/check ${PROJECT_BINARY_DIR})
  set_tests_properties(consumer PROPERTIES LABELS consumer TIMEOUT 600 RUN_SERIAL ON)
endif()

# The main job on real data, where they are present (see the script).
if(VEER_BUILD_TOOLS AND VEER_TORCH)
  add_test(NAME ml1m COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/check-ml1m $<TARGET_FILE:veer_program>)
  set_tests_properties(ml1m PROPERTIES LABELS slow TIMEOUT 1800 RUN_SERIAL ON SKIP_RETURN_CODE 77)
endif()

# The program: its parts, and the built program as anybody would run it.
if(VEER_BUILD_TOOLS)
  veer_test(tools_test SOURCES tools/console_test.cpp tools/config_file_test.cpp tools/evaluate_test.cpp
            tools/compare_test.cpp tools/ensemble_test.cpp tools/failures_test.cpp tools/guide_test.cpp tools/leaderboard_test.cpp
            tools/ope_test.cpp tools/path_sample_test.cpp tools/program_test.cpp tools/report_test.cpp tools/semantic_ids_test.cpp tools/session_test.cpp tools/reward_test.cpp tools/score_test.cpp tools/slate_world_test.cpp tools/stress_test.cpp tools/study_test.cpp tools/validate_test.cpp tools/run_program.cpp
            LIBRARIES veer_tools nlohmann_json::nlohmann_json TIMEOUT 1500)
  if(VEER_TORCH)
    target_sources(tools_test PRIVATE tools/train_test.cpp tools/offline_test.cpp tools/fusion_test.cpp)
  endif()
  set_tests_properties(tools_test PROPERTIES COST 500)
  add_dependencies(tools_test veer_program)
  target_compile_definitions(tools_test PRIVATE VEER_PROGRAM="$<TARGET_FILE:veer_program>")
  veer_test(records_test SOURCES tools/records_test.cpp tools/outside_run_test.cpp tools/run_program.cpp
            LIBRARIES veer_tools nlohmann_json::nlohmann_json TIMEOUT 900)
  add_dependencies(records_test veer_program veer_plugin_seeded_items veer_plugin_faulty)
  target_compile_definitions(records_test PRIVATE VEER_PROGRAM="$<TARGET_FILE:veer_program>"
                             VEER_SEEDED_PLUGIN="$<TARGET_FILE:veer_plugin_seeded_items>"
                             VEER_FAULTY_PLUGIN="$<TARGET_FILE:veer_plugin_faulty>")
  # Where Node, npm and Chromium are. The figure of the second stands in the README.
  set(check_page ${CMAKE_CURRENT_SOURCE_DIR}/tools/check-report-page $<TARGET_FILE:veer_program>
                 ${CMAKE_CURRENT_BINARY_DIR}/report_page)
  if(VEER_TORCH)
    add_test(NAME report_is_accessible COMMAND ${check_page})
    add_test(NAME report_of_100000_paths_loads COMMAND ${check_page} --load 100000)
    set_tests_properties(report_is_accessible PROPERTIES LABELS browser TIMEOUT 300 SKIP_RETURN_CODE 77)
    set_tests_properties(report_of_100000_paths_loads PROPERTIES LABELS slow TIMEOUT 600 SKIP_RETURN_CODE 77
                         RUN_SERIAL ON)
  endif()
  add_test(NAME report_in_browser COMMAND tools_test --no-intro --no-skip "-tc=a browser shows the report*")
  set_tests_properties(report_in_browser PROPERTIES LABELS slow TIMEOUT 300)
endif()
