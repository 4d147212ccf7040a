veer_test(env_test CONFORMANCE SOURCES env/random_test.cpp env/batch_test.cpp env/engine_test.cpp env/rollout_test.cpp env/actions_test.cpp
                           env/contracts_test.cpp env/learner_test.cpp env/named_arrays_test.cpp LABELS unit)
if(VEER_TORCH)
  veer_test(state_encoders_test TORCH SOURCES env/nn/state_encoders_test.cpp env/nn/plain_encoders.cpp LABELS unit)
  veer_test(catalogue_training_test TORCH SOURCES env/nn/catalogue_training_test.cpp env/nn/allowed_items_test.cpp env/nn/encoder_step_test.cpp LABELS unit)
endif()
