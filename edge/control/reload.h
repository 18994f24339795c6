// Who holds the configuration in force, and how another one takes its place: parse, validate, diff, swap,
// answer with a result. A bad configuration never replaces a good one.
//
// Publishing to workers is the caller's callback. An exchange keeps the snapshot it began with; the holder
// counts which snapshots are still in use and makes no more than snapshots_max of them.
//
// Thread rule: the control loop's. Snapshots may be held and dropped on any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/control/config.h"
#include "edge/control/config_bundle.h"
#include "edge/control/config_diff.h"

namespace perigee::control {

struct ReloadResult {
  uint64_t id = 0;       // 1 for the configuration of the start; one more for every reload, refused ones too
  bool applied = false;  // also when nothing had changed
  bool dry_run = false;  // only compared; the id is that of what is in force
  bool busy = false;     // refused for now: too many snapshots are still in use
  WallTime at{};
  std::vector<ConfigChange> changes;  // what was put in force, or would have been
  std::vector<ConfigError> errors;    // why it was refused
  std::vector<ConfigError> warnings;
};

class ConfigHolder {
 public:
  static constexpr size_t snapshots_max = 16;
  static constexpr size_t history_max = 100;
  static constexpr size_t rollbacks_max = 20;
  using Publish = std::function<void(const std::shared_ptr<const Config>&)>;

  // files: that `first` was read from.
  ConfigHolder(std::shared_ptr<const Config> first, WallTime now, ConfigBundle files = {});

  const std::shared_ptr<const Config>& current() const { return current_; }
  // The id of the last applied reload, whose files are in force: roll_back() can always come back to it.
  uint64_t current_id() const { return current_id_; }

  // Reads the files again. publish is called with the new snapshot, after the swap, only if something
  // changed. Refused: errors in the files, changes of restart-only settings, too many snapshots still in use.
  ReloadResult reload(net::Files& files, const std::string& path, std::string_view node_name, WallTime now,
                      const Publish& publish);

  // What reload() would do, without doing it or counting.
  ReloadResult compare(net::Files& files, const std::string& path, std::string_view node_name,
                       WallTime now) const;
  // Puts the files in force that reload `id` had read, as reload() does. Refused when it was refused then, or
  // is more than rollbacks_max applied reloads ago.
  ReloadResult roll_back(uint64_t id, const std::string& path, std::string_view node_name, WallTime now,
                         const Publish& publish);
  // The files in force.
  const ConfigBundle& files() const { return bundles_.back().second; }

  // Results, oldest first, the start included.
  const std::deque<ReloadResult>& history() const { return history_; }
  // Snapshots that somebody still holds, the current one included.
  size_t live_snapshots();

 private:
  ReloadResult take(ConfigResult next, ConfigBundle files, WallTime now, const Publish& publish);
  void judge(ReloadResult& result, const ConfigResult& next) const;
  void swap(ReloadResult& result, std::shared_ptr<const Config> next, const Publish& publish);

  std::shared_ptr<const Config> current_;
  uint64_t current_id_ = 1;
  uint64_t last_id_ = 1;
  std::vector<std::weak_ptr<const Config>> snapshots_;
  std::deque<ReloadResult> history_;
  std::deque<std::pair<uint64_t, ConfigBundle>> bundles_;  // of applied reloads; the last one is in force
};

}  // namespace perigee::control
