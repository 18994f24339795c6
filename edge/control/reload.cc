#include "edge/control/reload.h"

#include <algorithm>

namespace perigee::control {
namespace {

// An error for each change that only a restart can make.
std::vector<ConfigError> restart_errors(const std::vector<ConfigChange>& changes) {
  std::vector<ConfigError> errors;
  for (const ConfigChange& change : changes) {
    if (!change.restart) continue;
    errors.push_back({change.place, change.key,
                      "found " + in_quotes(change.after) + ", expected " + in_quotes(change.before) +
                          " as it is in force: this setting changes with a restart only"});
  }
  return errors;
}

}  // namespace

ConfigHolder::ConfigHolder(std::shared_ptr<const Config> first, WallTime now, ConfigBundle files)
    : current_(std::move(first)) {
  snapshots_.push_back(current_);
  ReloadResult start;
  start.id = current_id_;
  start.applied = true;
  start.at = now;
  start.warnings = current_->warnings;
  history_.push_back(std::move(start));
  bundles_.emplace_back(current_id_, std::move(files));
}

// Changes and errors of what was read.
void ConfigHolder::judge(ReloadResult& result, const ConfigResult& next) const {
  if (!next) {
    result.errors = next.error();
    return;
  }
  result.warnings = (*next)->warnings;
  result.changes = diff_configs(*current_, **next);
  result.errors = restart_errors(result.changes);
}

ReloadResult ConfigHolder::reload(net::Files& files, const std::string& path, std::string_view node_name,
                                  WallTime now, const Publish& publish) {
  ConfigBundle bundle;
  RecordingFiles recorded(files, bundle);
  ConfigResult next = load_config(recorded, path, node_name, now);
  return take(std::move(next), std::move(bundle), now, publish);
}

ReloadResult ConfigHolder::compare(net::Files& files, const std::string& path, std::string_view node_name,
                                   WallTime now) const {
  ReloadResult result;
  result.id = current_id_;
  result.dry_run = true;
  result.at = now;
  judge(result, load_config(files, path, node_name, now));
  return result;
}

ReloadResult ConfigHolder::roll_back(uint64_t id, const std::string& path, std::string_view node_name,
                                     WallTime now, const Publish& publish) {
  const auto found =
      std::find_if(bundles_.begin(), bundles_.end(), [&](const auto& one) { return one.first == id; });
  if (found == bundles_.end()) {
    const std::string message = "found no applied reload " + std::to_string(id) + " among the last " +
                                std::to_string(rollbacks_max) + ", expected one of GET /reloads";
    return take(tl::unexpected(std::vector<ConfigError>{{Place{}, "", message}}), {}, now, publish);
  }
  ConfigBundle bundle = found->second;
  BundleFiles files(bundle);
  ConfigResult next = load_config(files, path, node_name, now);
  return take(std::move(next), std::move(bundle), now, publish);
}

ReloadResult ConfigHolder::take(ConfigResult next, ConfigBundle files, WallTime now, const Publish& publish) {
  ReloadResult result;
  result.id = ++last_id_;
  result.at = now;
  judge(result, next);
  if (result.errors.empty()) swap(result, std::move(*next), publish);
  if (result.applied) {
    bundles_.emplace_back(result.id, std::move(files));
    if (bundles_.size() > rollbacks_max) bundles_.pop_front();
  }
  history_.push_back(result);
  if (history_.size() > history_max) history_.pop_front();
  return result;
}

void ConfigHolder::swap(ReloadResult& result, std::shared_ptr<const Config> next, const Publish& publish) {
  if (result.changes.empty()) {
    // Its files are in force from now on, though they say the same: it is the one to come back to.
    result.applied = true;
    current_id_ = result.id;
    return;
  }
  const size_t live = live_snapshots();
  if (live >= snapshots_max) {
    result.busy = true;
    result.errors.push_back(
        {Place{}, "",
         "busy: " + std::to_string(live) + " snapshots are still in use by requests under way; try again"});
    return;
  }
  result.applied = true;
  current_ = std::move(next);
  current_id_ = result.id;
  snapshots_.push_back(current_);
  publish(current_);
}

size_t ConfigHolder::live_snapshots() {
  std::erase_if(snapshots_, [](const auto& snapshot) { return snapshot.expired(); });
  return snapshots_.size();
}

}  // namespace perigee::control
