veer_test(env_data_test
          SOURCES env/data/line_reader_test.cpp env/data/id_table_test.cpp env/data/fields_test.cpp env/data/movielens_test.cpp
                  env/data/recbole_test.cpp env/data/csv_test.cpp env/data/retailrocket_test.cpp
                  env/data/kuairand_test.cpp env/data/yoochoose_test.cpp env/data/sessions_test.cpp env/data/reviews_test.cpp env/data/prorl_test.cpp
                  env/data/import_files_test.cpp env/data/build_test.cpp env/data/filters_test.cpp
                  env/data/splits_test.cpp env/data/statistics_test.cpp env/data/path_miner_test.cpp env/data/support_test.cpp
                  env/data/slate_tables_test.cpp env/data/profiles_test.cpp
          LIBRARIES veer_data)
veer_test(env_dataset_file_test SOURCES env/data/dataset_file_test.cpp LIBRARIES veer_store veer_data)
veer_test(env_data_slow_test SOURCES env/data/movielens_slow_test.cpp env/data/logs_slow_test.cpp LIBRARIES veer_store veer_data LABELS slow)
target_compile_definitions(env_data_slow_test PRIVATE VEER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
