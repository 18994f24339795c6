#include "edge/net/memory_network.h"

#include <algorithm>

#include "edge/net/memory_listener.h"
#include "edge/net/memory_stream.h"

namespace perigee::net {
namespace {

bool is_wildcard(const Address& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](uint8_t byte) { return byte == 0; });
}

Address wildcard_of(const Address& address) {
  Address any;
  any.family = address.family;
  any.port = address.port;
  return any;
}

}  // namespace

std::string MemoryNetwork::node_at(const Address& address) const {
  auto listener = listeners_.find(address);
  if (listener != listeners_.end()) return listener->second->node().name;
  auto owner = owners_.find(address.with_port(0));
  return owner != owners_.end() ? owner->second : address.ip();
}

Result<void> MemoryNetwork::bind(MemoryAcceptQueue& queue) {
  Address address = queue.address();
  if (address.port == 0) {
    do address.port = next_port_++;
    while (listeners_.contains(address));
    queue.set_address(address);
  }
  auto [first, last] = listeners_.equal_range(address);
  for (auto it = first; it != last; ++it) {
    bool shared = it->second->reuse_port() && queue.reuse_port() && &it->second->node() == &queue.node();
    if (!shared) return fail(Side::internal, "listen_failed", address.to_string() + ": address in use");
  }
  if (!is_wildcard(address)) owners_.try_emplace(address.with_port(0), queue.node().name);
  listeners_.emplace(address, &queue);
  return {};
}

void MemoryNetwork::unbind(MemoryAcceptQueue& queue) {
  std::erase_if(listeners_, [&](const auto& row) { return row.second == &queue; });
}

MemoryAcceptQueue* MemoryNetwork::find_listener(const Address& address) {
  std::vector<MemoryAcceptQueue*> found;
  auto [first, last] = listeners_.equal_range(address);
  for (auto it = first; it != last; ++it) found.push_back(it->second);
  if (found.empty()) {
    std::string node = node_at(address);
    std::tie(first, last) = listeners_.equal_range(wildcard_of(address));
    for (auto it = first; it != last; ++it) {
      if (it->second->node().name == node) found.push_back(it->second);
    }
  }
  if (found.empty()) return nullptr;
  return found[scheduler_.random().below(found.size())];
}

MemoryNetwork::Link& MemoryNetwork::at(const std::string& from, const std::string& to) {
  auto [it, is_new] = links_.try_emplace({from, to});
  if (is_new && from != to) it->second.options = default_link_;
  return it->second;
}

void MemoryNetwork::set_link(const std::string& from, const std::string& to, const LinkOptions& options) {
  Link& link = at(from, to);
  link.options = options;
  if (options.drop) return;
  for (auto& arrival : std::exchange(link.waiting, {})) {
    scheduler_.at(scheduler_.now() + latency(link), std::move(arrival));
  }
}

void MemoryNetwork::set_default_link(const LinkOptions& options) { default_link_ = options; }

Duration MemoryNetwork::latency(const Link& link) {
  Duration jitter{};
  if (link.options.jitter > Duration::zero()) {
    auto range = static_cast<uint64_t>(link.options.jitter.count()) + 1;
    jitter = Duration(static_cast<Duration::rep>(scheduler_.random().below(range)));
  }
  return link.options.delay + jitter;
}

void MemoryNetwork::carry(const std::string& from, const std::string& to, size_t bytes, MonoTime* not_before,
                          std::function<void()> arrival) {
  Link& link = at(from, to);
  if (link.options.drop) {
    link.waiting.push_back(std::move(arrival));
    return;
  }
  MonoTime through = scheduler_.now();
  if (link.options.bytes_per_second > 0) {
    double seconds = static_cast<double>(bytes) / static_cast<double>(link.options.bytes_per_second);
    auto busy = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    through = link.free_at = std::max(link.free_at, through) + busy;
  }
  MonoTime when = through + latency(link);
  if (not_before != nullptr) when = *not_before = std::max(when, *not_before);
  scheduler_.at(when, std::move(arrival));
}

void MemoryNetwork::carry_or_lose(const std::string& from, const std::string& to,
                                  std::function<void()> arrival) {
  Link& link = at(from, to);
  if (!link.options.drop) scheduler_.at(scheduler_.now() + latency(link), std::move(arrival));
}

void MemoryNetwork::remember(const std::shared_ptr<MemoryStream>& stream) {
  if (streams_.size() >= streams_swept_) {
    std::erase_if(streams_, [](const auto& old) { return old.expired(); });
    streams_swept_ = std::max<size_t>(64, streams_.size() * 2);
  }
  streams_.push_back(stream);
}

void MemoryNetwork::reset_connections(const std::string& a, const std::string& b) {
  for (auto& weak : std::vector(streams_)) {
    auto stream = weak.lock();
    if (stream == nullptr) continue;
    auto [local, remote] = stream->nodes();
    if ((local == a && remote == b) || (local == b && remote == a)) stream->break_connection();
  }
}

}  // namespace perigee::net
