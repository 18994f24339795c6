// Looking names up in the in-memory twin: the world's host table, after the world's delay.
//
// Owned by whoever asked; the loop and the network hold what is left of a look-up that was given up.
//
// Thread rule: the world's one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "edge/net/memory_loop.h"

namespace perigee::net {

class MemoryLookup final : public MemorySource {
 public:
  MemoryLookup(MemoryNetwork& network, std::string host, uint16_t port, ResolveHandler& handler)
      : network_(network), host_(std::move(host)), port_(port), handler_(&handler) {}

  void run_ready() override;
  void cancel() { handler_ = nullptr; }

 private:
  Result<Resolved> answer() const;

  MemoryNetwork& network_;
  std::string host_;
  uint16_t port_;
  ResolveHandler* handler_;
};

class MemoryResolveRequest final : public ResolveRequest {
 public:
  static std::unique_ptr<ResolveRequest> start(MemoryLoop& loop, std::string_view host, uint16_t port,
                                               ResolveHandler& handler);
  explicit MemoryResolveRequest(std::shared_ptr<MemoryLookup> lookup) : lookup_(std::move(lookup)) {}
  ~MemoryResolveRequest() override { lookup_->cancel(); }

 private:
  std::shared_ptr<MemoryLookup> lookup_;
};

}  // namespace perigee::net
