veer_test(synthetic_test CONFORMANCE SOURCES simulators/synthetic_user_test.cpp simulators/synthetic_log_test.cpp
                                 simulators/synthetic_panel_test.cpp simulators/explanation_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
veer_test(ensemble_test CONFORMANCE SOURCES simulators/ensemble_test.cpp simulators/ensemble_file_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
veer_test(taste_test SOURCES simulators/taste_density_test.cpp simulators/taste_model_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
veer_test(fidelity_test SOURCES simulators/fidelity_test.cpp LIBRARIES veer_simulators_plain LABELS unit)
veer_test(long_run_test SOURCES simulators/long_run/distances_test.cpp simulators/long_run/roll_test.cpp
                                simulators/long_run/long_run_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
if(VEER_TORCH)
  veer_test(fit_test TORCH SOURCES simulators/fit_test.cpp LIBRARIES veer_simulators_learned veer_simulators_plain veer_store
            LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(sequence_user_test TORCH CONFORMANCE SOURCES simulators/sequence_user_test.cpp simulators/left_padded_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(shift_recovery_slow_test TORCH SOURCES simulators/shift_recovery_slow_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS slow TIMEOUT 1800)
  veer_test(shift_fit_test TORCH SOURCES simulators/shift_fit_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS unit)
  veer_test(shift_evidence_test TORCH SOURCES simulators/shift_evidence_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS unit)
  veer_test(ensemble_learned_test TORCH CONFORMANCE SOURCES simulators/ensemble_learned_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS unit)
  veer_test(shift_user_test TORCH CONFORMANCE SOURCES simulators/shift_user_test.cpp simulators/shift_explain_test.cpp
            LIBRARIES veer_simulators_learned veer_store LABELS unit)
endif()
veer_test(response_test CONFORMANCE SOURCES simulators/response_test.cpp simulators/rated_slates_test.cpp simulators/rl4rs_log_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
if(VEER_TORCH)
  veer_test(response_fit_test TORCH SOURCES simulators/response_fit_test.cpp LIBRARIES veer_simulators_learned LABELS unit)
endif()
veer_test(behaviours_test CONFORMANCE SOURCES simulators/behaviours_test.cpp simulators/behaviour_log_test.cpp
          LIBRARIES veer_simulators_plain LABELS unit)
if(VEER_TORCH)
  veer_test(behaviour_fit_test TORCH SOURCES simulators/behaviour_fit_test.cpp LIBRARIES veer_simulators_learned LABELS unit)
endif()
veer_test(purchases_test SOURCES simulators/purchases_test.cpp LIBRARIES veer_simulators_plain veer_store LABELS unit)
