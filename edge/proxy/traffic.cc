#include "edge/proxy/traffic.h"

#include <algorithm>

namespace perigee::proxy {
namespace {

// The counters of a name; once there are too many names those that all further ones share.
template <typename Map, typename Key>
auto& find_or_add(Map& map, Key key, Key other, std::mutex& adding) {
  auto found = map.find(key);
  if (found == map.end() && map.size() >= TrafficShard::names_max) {
    key = std::move(other);
    found = map.find(key);
  }
  if (found == map.end()) {
    const std::lock_guard lock(adding);
    found = map.emplace(std::move(key), std::make_unique<typename Map::mapped_type::element_type>()).first;
  }
  return *found->second;
}

}  // namespace

AnswerKind answer_kind(std::string_view word) {
  const auto* const found = std::find(std::begin(answer_kinds), std::end(answer_kinds), word);
  if (found == std::end(answer_kinds)) return AnswerKind::error;
  return static_cast<AnswerKind>(found - std::begin(answer_kinds));
}

size_t TrafficShard::refusal_index(int status) {
  const auto* const last = std::end(refusal_statuses) - 1;
  return static_cast<size_t>(std::find(std::begin(refusal_statuses), last, status) -
                             std::begin(refusal_statuses));
}

SiteTraffic& TrafficShard::site(std::string_view name) {
  return find_or_add(sites_, std::string(name), std::string(other_name), adding_);
}

UpstreamTraffic& TrafficShard::upstream(cluster::Tier tier, std::string_view name) {
  return find_or_add(upstreams_, UpstreamName{tier, name}, UpstreamName{tier, other_name}, adding_);
}

void TrafficShard::visit_sites(
    const std::function<void(const std::string&, const SiteTraffic&)>& visit) const {
  const std::lock_guard lock(adding_);
  for (const auto& [name, traffic] : sites_) visit(name, *traffic);
}

void TrafficShard::visit_upstreams(
    const std::function<void(const UpstreamName&, const UpstreamTraffic&)>& visit) const {
  const std::lock_guard lock(adding_);
  for (const auto& [name, traffic] : upstreams_) visit(name, *traffic);
}

}  // namespace perigee::proxy
