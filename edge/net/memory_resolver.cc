#include "edge/net/memory_resolver.h"

#include <utility>

namespace perigee::net {
namespace {

constexpr Duration literal_ttl = std::chrono::hours(24);

}  // namespace

std::unique_ptr<ResolveRequest> MemoryResolveRequest::start(MemoryLoop& loop, std::string_view host,
                                                            uint16_t port, ResolveHandler& handler) {
  MemoryNetwork& network = loop.network();
  auto lookup = std::make_shared<MemoryLookup>(network, std::string(host), port, handler);
  Duration delay = network.resolve_delay();
  auto known = network.hosts().find(host);
  if (known != network.hosts().end()) delay += known->second.delay;
  MemoryScheduler& scheduler = loop.scheduler();
  // The request holds the look-up; once it is given up the event finds nothing, and its loop may be gone.
  std::weak_ptr<MemoryLookup> weak = lookup;
  scheduler.at(scheduler.now() + delay, [weak, &loop] {
    if (auto alive = weak.lock()) loop.mark_ready(alive);
  });
  return std::make_unique<MemoryResolveRequest>(std::move(lookup));
}

void MemoryLookup::run_ready() {
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_resolved(answer());
}

Result<Resolved> MemoryLookup::answer() const {
  if (auto literal = Address::parse_ip(host_, port_)) return Resolved{{*literal}, literal_ttl};
  auto known = network_.hosts().find(host_);
  if (known == network_.hosts().end() || (known->second.error.empty() && known->second.addresses.empty())) {
    return fail(Side::upstream, "dns_error", host_ + ": no such name");
  }
  const MemoryHost& host = known->second;
  if (!host.error.empty()) return fail(Side::upstream, host.error, host_ + ": made to fail");
  Resolved resolved{{}, host.ttl};
  for (const Address& address : host.addresses) resolved.addresses.push_back(address.with_port(port_));
  return resolved;
}

}  // namespace perigee::net
