# A process of its own, so that the tests have one to kill.
add_executable(env_store_recorder_helper env/store/recorder_helper.cpp)
target_link_libraries(env_store_recorder_helper PRIVATE veer_store veer_data veer_core veer_private_settings)

veer_test(env_store_test SOURCES env/store/atomic_file_test.cpp env/store/hdf5_test.cpp env/store/model_file_test.cpp env/store/recorder_test.cpp
                                 env/store/run_damage_test.cpp env/store/run_interruption_test.cpp env/store/transition_file_test.cpp
          LIBRARIES veer_store veer_data)
target_compile_definitions(env_store_test PRIVATE VEER_RECORDER_HELPER="$<TARGET_FILE:env_store_recorder_helper>")
add_dependencies(env_store_test env_store_recorder_helper)
