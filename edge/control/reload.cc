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
                      "found " + quoted(change.after) + ", expected " + quoted(change.before) +
                          " as it is in force: this setting changes with a restart only"});
  }
  return errors;
}

}  // namespace

ConfigHolder::ConfigHolder(std::shared_ptr<const Config> first, WallTime now) : current_(std::move(first)) {
  snapshots_.push_back(current_);
  history_.push_back({current_id_, true, false, now, {}, {}, current_->warnings});
}

ReloadResult ConfigHolder::reload(net::Files& files, const std::string& path, std::string_view node_name,
                                  WallTime now, const Publish& publish) {
  ReloadResult result;
  result.id = ++last_id_;
  result.at = now;
  auto next = load_config(files, path, node_name, now);
  if (next) {
    result.warnings = (*next)->warnings;
    result.changes = diff_configs(*current_, **next);
    result.errors = restart_errors(result.changes);
    if (result.errors.empty()) swap(result, std::move(*next), publish);
  } else {
    result.errors = std::move(next.error());
  }
  history_.push_back(result);
  if (history_.size() > history_max) history_.pop_front();
  return result;
}

void ConfigHolder::swap(ReloadResult& result, std::shared_ptr<const Config> next, const Publish& publish) {
  if (result.changes.empty()) {
    result.applied = true;
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
