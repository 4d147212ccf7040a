veer_test(graph_test SOURCES env/graph/item_graph_test.cpp env/graph/search_test.cpp LIBRARIES veer_graph)
