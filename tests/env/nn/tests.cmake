if(VEER_TORCH)
  veer_test(nn_inference_test TORCH SOURCES env/nn/kernels_test.cpp env/nn/catalogue_scorer_test.cpp env/nn/sequence_encoder_test.cpp
            LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(sequence_model_test TORCH SOURCES env/nn/sequence_model_test.cpp env/nn/training_test.cpp LABELS unit)
endif()
if(VEER_TORCH)
  veer_test(seq2seq_test TORCH SOURCES env/nn/seq2seq_test.cpp LABELS unit)
endif()
veer_test(semantic_ids_test SOURCES env/nn/semantic_ids_table_test.cpp env/nn/semantic_ids_k_means_test.cpp
                                    env/nn/semantic_ids_codebooks_test.cpp env/nn/semantic_ids_items_test.cpp
          LIBRARIES veer_semantic_ids LABELS unit)
veer_test(semantic_ids_slow_test SOURCES env/nn/semantic_ids_slow_test.cpp LIBRARIES veer_semantic_ids LABELS slow)
target_compile_definitions(semantic_ids_slow_test PRIVATE VEER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
if(VEER_TORCH)
  veer_test(causal_attention_test TORCH SOURCES env/nn/causal_attention_test.cpp LABELS unit)
endif()
