veer_test(env_test CONFORMANCE SOURCES env/random_test.cpp env/batch_test.cpp env/engine_test.cpp env/rollout_test.cpp env/actions_test.cpp
                           env/contracts_test.cpp env/learner_test.cpp env/named_arrays_test.cpp LABELS unit)
