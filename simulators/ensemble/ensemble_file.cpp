#include "simulators/ensemble/ensemble_file.h"

#include <algorithm>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

constexpr const char* kind = "ensemble";

bool same(const NamedArray& a, const NamedArray& b) {
  return a.type == b.type && a.shape == b.shape && a.bytes == b.bytes;
}

/// "sasrec", "gru4rec and sasrec": every word once, in the order of the members.
template <class Word>
std::string words(const std::vector<ModelFile>& members, const Word& word) {
  std::vector<std::string> seen;
  for (const ModelFile& member : members) {
    if (std::ranges::find(seen, word(member)) == seen.end()) seen.push_back(word(member));
  }
  std::string text;
  for (const std::string& each : seen) text += (text.empty() ? "" : " and ") + each;
  return text;
}

void check(const std::vector<ModelFile>& members) {
  const auto reject = [](std::size_t m, const std::string& found, const std::string& expected) {
    throw ConfigError(Where{{}, 0, "member " + std::to_string(m + 1)}, Problem{found, expected, {}});
  };
  if (members.empty()) reject(0, "no member", "at least one model");
  for (std::size_t m = 0; m < members.size(); ++m) {
    const ModelManifest& about = members[m].manifest;
    if (about.role != "user_model") reject(m, "a model of role '" + about.role + "'", "a user model");
    if (about.kind == kind || !members[m].members.empty()) {
      reject(m, "an ensemble", "a single model: name the members of that ensemble instead");
    }
    const std::string& expected = members.front().manifest.dataset_fingerprint;
    if (about.dataset_fingerprint != expected) {
      reject(m, "a model of data set " + about.dataset_fingerprint,
             "one of " + expected + ", as the first member");
    }
  }
}

}  // namespace

ModelFile ensemble_model_file(std::vector<ModelFile> members, ModelManifest manifest) {
  check(members);
  ModelFile file;
  file.manifest = std::move(manifest);
  ModelManifest& about = file.manifest;
  about.kind = kind;
  about.role = "user_model";
  about.dataset_fingerprint = members.front().manifest.dataset_fingerprint;
  about.dataset_name = members.front().manifest.dataset_name;
  about.fitted_on = words(members, [](const ModelFile& m) { return m.manifest.fitted_on; });
  about.hyper_parameters["members"] = std::to_string(members.size());
  about.hyper_parameters["kinds"] = words(members, [](const ModelFile& m) { return m.manifest.kind; });
  about.parameters = 0;
  for (const ModelFile& member : members) about.parameters += member.manifest.parameters;

  const auto all_have = [&](const std::string& name, const NamedArray& array) {
    return std::ranges::all_of(members, [&](const ModelFile& member) {
      return member.parameters.contains(name) && same(member.parameters.at(name), array);
    });
  };
  for (const auto& [name, array] : members.front().parameters.all()) {
    if (members.size() > 1 && all_have(name, array)) file.parameters.put(name, array);
  }
  for (ModelFile& member : members) {
    NamedArrays own;
    for (const auto& [name, array] : member.parameters.all()) {
      if (!file.parameters.contains(name)) own.put(name, array);
    }
    member.parameters = std::move(own);
  }
  file.members = std::move(members);
  return file;
}

std::vector<ModelFile> members_of(ModelFile file) {
  const auto reject = [](const std::string& field, const std::string& found, const std::string& expected) {
    throw FormatError(Where{{}, 0, field},
                      Problem{found, expected, "the file is damaged or was written by another version"});
  };
  if (file.manifest.kind != kind) reject("kind", "'" + file.manifest.kind + "'", "'ensemble'");
  const auto said = file.manifest.hyper_parameters.find("members");
  const std::string number = std::to_string(file.members.size());
  if (file.members.empty()) reject("members", "none", "at least one");
  if (said == file.manifest.hyper_parameters.end() || said->second != number) {
    reject("hyper-parameter members",
           said == file.manifest.hyper_parameters.end() ? "nothing" : "'" + said->second + "'",
           number + ", the members in the file");
  }
  for (std::size_t m = 0; m < file.members.size(); ++m) {
    ModelFile& member = file.members[m];
    const std::string place = "member " + std::to_string(m + 1);
    if (member.manifest.kind == kind) reject(place, "an ensemble", "a single model");
    if (member.manifest.dataset_fingerprint != file.manifest.dataset_fingerprint) {
      reject(place, "a model of data set " + member.manifest.dataset_fingerprint,
             file.manifest.dataset_fingerprint + ", that of the ensemble");
    }
    for (const auto& [name, array] : file.parameters.all()) {
      if (member.parameters.contains(name)) {
        reject(place + ", " + name, "an array that all members have in common as well", "one of the two");
      }
      member.parameters.put(name, array);
    }
  }
  return std::move(file.members);
}

}  // namespace veer
