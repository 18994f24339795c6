#include "edge/control/config_diff.h"

#include <set>
#include <string_view>

namespace perigee::control {
namespace {

// "site[docs]" of "site[docs].cache.enabled"; empty for keys outside of lists. Names hold no "]".
std::string_view container(std::string_view key) {
  const size_t end = key.find(']');
  return end == std::string_view::npos ? std::string_view() : key.substr(0, end + 1);
}

std::set<std::string_view> containers(const Config& config) {
  std::set<std::string_view> names;
  for (const ConfigEntry& entry : config.entries) names.insert(container(entry.key));
  return names;
}

class Differ {
 public:
  Differ(const Config& before, const Config& after)
      : before_(before.entries),
        after_(after.entries),
        before_names_(containers(before)),
        after_names_(containers(after)) {}

  // Both lists are sorted by key: one merge.
  std::vector<ConfigChange> run() {
    size_t i = 0;
    size_t j = 0;
    while (i < before_.size() || j < after_.size()) {
      const bool only_before = j == after_.size() || (i < before_.size() && before_[i].key < after_[j].key);
      const bool only_after = !only_before && (i == before_.size() || after_[j].key < before_[i].key);
      if (only_before) {
        removed(before_[i++]);
      } else if (only_after) {
        added(after_[j++]);
      } else {
        compare(before_[i++], after_[j++]);
      }
    }
    return std::move(changes_);
  }

 private:
  void compare(const ConfigEntry& before, const ConfigEntry& after) {
    if (before.value == after.value && before.fingerprint == after.fingerprint) return;
    changes_.push_back({ConfigChange::Kind::changed, after.key, before.value, after.value, after.place,
                        after.reload == Reload::restart});
  }

  void removed(const ConfigEntry& entry) {
    const std::string_view name = container(entry.key);
    if (!name.empty() && after_names_.count(name) == 0) {
      add_container(ConfigChange::Kind::removed, name, Place{});
    } else {
      changes_.push_back({ConfigChange::Kind::removed, entry.key, entry.value, "", Place{},
                          entry.reload == Reload::restart});
    }
  }

  void added(const ConfigEntry& entry) {
    const std::string_view name = container(entry.key);
    if (!name.empty() && before_names_.count(name) == 0) {
      add_container(ConfigChange::Kind::added, name, entry.place);
    } else {
      changes_.push_back({ConfigChange::Kind::added, entry.key, "", entry.value, entry.place,
                          entry.reload == Reload::restart});
    }
  }

  void add_container(ConfigChange::Kind kind, std::string_view name, const Place& place) {
    if (!changes_.empty() && changes_.back().key == name) {
      if (changes_.back().place.file.empty()) changes_.back().place = place;
      return;
    }
    changes_.push_back({kind, std::string(name), "", "", place, false});
  }

  const std::vector<ConfigEntry>& before_;
  const std::vector<ConfigEntry>& after_;
  std::set<std::string_view> before_names_;
  std::set<std::string_view> after_names_;
  std::vector<ConfigChange> changes_;
};

}  // namespace

std::string_view to_string(ConfigChange::Kind kind) {
  switch (kind) {
    case ConfigChange::Kind::changed:
      return "changed";
    case ConfigChange::Kind::added:
      return "added";
    case ConfigChange::Kind::removed:
      return "removed";
  }
  return "changed";
}

std::vector<ConfigChange> diff_configs(const Config& before, const Config& after) {
  return Differ(before, after).run();
}

}  // namespace perigee::control
