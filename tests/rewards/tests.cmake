veer_test(rewards_test SOURCES rewards/guidance_test.cpp rewards/summary_test.cpp rewards/crossed_test.cpp rewards/slate_test.cpp rewards/slate_score_test.cpp
          LIBRARIES veer_rewards veer_data LABELS unit)
