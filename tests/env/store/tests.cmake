veer_test(env_store_test SOURCES env/store/hdf5_test.cpp LIBRARIES veer_store veer_data)
