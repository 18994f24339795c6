// Validates a stale stored response that was just served under stale-while-revalidate (RFC 5861 section 3),
// with nobody waiting.
//
// Collapses like any other fetch: when a fill of the key is already running there is nothing to do. Belongs
// to itself until its fill has ended.
//
// Thread rule: its worker's loop.
#pragma once

#include <memory>

#include "edge/cache/fill.h"
#include "edge/proxy/request_context.h"
#include "edge/proxy/worker.h"

namespace perigee::proxy {

class BackgroundValidation final : private cache::Follower, private WorkerGuest {
 public:
  static void start(Worker& worker, serve::ServerExchange& exchange, const RequestContext& context);

 private:
  explicit BackgroundValidation(Worker& worker) : WorkerGuest(worker.guests()) {}
  void end_now() override;
  void on_fill_progress() override;

  std::shared_ptr<cache::Fill> fill_;
};

}  // namespace perigee::proxy
