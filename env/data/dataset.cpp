#include "env/data/dataset.h"

namespace veer {

std::vector<UserId> Dataset::users_of(Part part) const {
  std::vector<UserId> users;
  for (std::size_t user = 0; user < parts.size(); ++user) {
    if (parts[user] == part) users.push_back(static_cast<UserId>(user));
  }
  return users;
}

}  // namespace veer
