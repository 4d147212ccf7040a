if(VEER_TORCH)
  veer_test(nn_inference_test TORCH SOURCES env/nn/kernels_test.cpp env/nn/catalogue_scorer_test.cpp env/nn/sequence_encoder_test.cpp
            LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(sequence_model_test TORCH SOURCES env/nn/sequence_model_test.cpp env/nn/training_test.cpp LABELS unit)
endif()
