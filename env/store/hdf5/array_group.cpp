#include "env/store/hdf5/array_group.h"

#include "env/error.h"

namespace veer {

namespace {

constexpr int deepest = 16;  // hard links can form a circle
constexpr int most_objects = 100'000;

bool is_name(const std::string& name) {
  const std::string path = "/" + name + "/";
  return path.find("//") == std::string::npos && path.find("/./") == std::string::npos;
}

void collect(const hdf5::Group& group, const std::string& prefix, int depth, int& objects,
             NamedArrays& arrays) {
  for (const std::string& member : group.members()) {
    const std::string name = prefix.empty() ? member : prefix + "/" + member;
    if (++objects > most_objects || depth > deepest) {
      throw FormatError(Where{{}, 0, name},
                        Problem{"groups without end", "at most 16 levels and 100,000 arrays", ""});
    }
    if (group.is_group(member)) {
      collect(group.group(member), name, depth + 1, objects, arrays);
    } else {
      arrays.put(name, group.read(member));
    }
  }
}

}  // namespace

void write_arrays(hdf5::Group& group, const NamedArrays& arrays) {
  for (const auto& [name, array] : arrays.all()) {
    if (!is_name(name)) {
      throw DataError(Where{{}, 0, name},
                      Problem{"an array name that is no path", "words joined by single '/'", ""});
    }
    group.write(name, array);
  }
}

NamedArrays read_arrays(const hdf5::Group& group) {
  NamedArrays arrays;
  int objects = 0;
  collect(group, "", 1, objects, arrays);
  return arrays;
}

}  // namespace veer
