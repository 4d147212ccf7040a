# Sets veer_fuzz_sources, one per target, and <target>_also: what a target takes from libraries that would bring
# LibTorch with them.
file(GLOB veer_fuzz_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz_*.cpp)
set(fuzz_targets_also ${PROJECT_SOURCE_DIR}/scenarios/targets.cpp)
set(fuzz_population_also ${PROJECT_SOURCE_DIR}/scenarios/population_recipe.cpp)
set(fuzz_ope_log_also ${PROJECT_SOURCE_DIR}/scenarios/ope/log_table.cpp ${PROJECT_SOURCE_DIR}/scenarios/ope/log.cpp)
set(fuzz_outside_also ${PROJECT_SOURCE_DIR}/agents/external/protocol.cpp)
set(fuzz_stress_also ${PROJECT_SOURCE_DIR}/scenarios/stress/suite.cpp ${PROJECT_SOURCE_DIR}/scenarios/stress/shipped_suites.cpp ${PROJECT_SOURCE_DIR}/scenarios/stress/trial_record.cpp)
set(fuzz_slate_tables_also ${PROJECT_SOURCE_DIR}/simulators/response/rl4rs_log.cpp ${PROJECT_SOURCE_DIR}/simulators/response/slate_people.cpp)
set(fuzz_offline_figures_also ${PROJECT_SOURCE_DIR}/tools/veer/figures/methods/offline_figures.cpp)
