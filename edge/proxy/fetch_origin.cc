// The half of a fetch that deals with origin servers: whether one may be asked, and what its answers say of
// it.

#include "edge/proxy/fetch.h"

namespace perigee::proxy {

namespace {

// 502, 503 and 504 are said by whoever stands before the content: it cannot serve. 500 is of one page.
bool cannot_serve(int status) { return status == 502 || status == 503 || status == 504; }

// What says nothing of the server: what we did not do, a name server, and a connection that had just been
// closed.
bool says_nothing(UpstreamFailure failure) {
  return failure == UpstreamFailure::circuit_open || failure == UpstreamFailure::pool_exhausted ||
         failure == UpstreamFailure::dns_failed || failure == UpstreamFailure::reused_closed;
}

}  // namespace

// False: its breaker is open. Before waiting for a connection: who waits for one has been admitted.
bool Fetch::admit_at_origin() {
  const std::shared_ptr<OriginRecord>& record = job_.snapshot->origin(*target().server);
  const MonoTime now = worker_.loop().now();
  const auto admission = record->with([&](auto& health) { return health.admit(now); });
  if (!admission.granted) {
    worker_.metrics().add(Metric::origin_circuit_refused);
    record->refused.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  record->requests.fetch_add(1, std::memory_order_relaxed);
  attempt_ = OriginAttempt(record, admission);
  return true;
}

// 429, 503 and 504 are what servers say that have too much to do.
void Fetch::tell_limit(bool overloaded) {
  if (slot_ == nullptr || !job_.site->origin->connections_adapt) return;
  if (!overloaded) {
    slot_->answered();
  } else if (slot_->overloaded(asked_origin_at_, worker_.loop().now())) {
    worker_.metrics().add(Metric::origin_limit_lowered);
  }
  job_.snapshot->origin(*target().server)->limit.store(slot_->max(), std::memory_order_relaxed);
}

// What breaks off after its head was an answer: the server serves, if not well.
void Fetch::origin_answered(int status) {
  tell_limit(status == 429 || status == 503 || status == 504);
  if (attempt_.ended(!cannot_serve(status), worker_.loop().now()))
    worker_.metrics().add(Metric::origin_circuit_opened);
}

void Fetch::origin_failed(UpstreamFailure failure) {
  if (says_nothing(failure)) return;
  if (failure == UpstreamFailure::connect_timeout || failure == UpstreamFailure::first_byte_timeout)
    tell_limit(true);
  if (attempt_.ended(false, worker_.loop().now())) worker_.metrics().add(Metric::origin_circuit_opened);
}

// A group of one server lists it once for every retry. False: no other is left.
bool Fetch::skip_server() {
  const OriginServer* refusing = target().server;
  while (target_ + 1 < job_.plan.targets.size()) {
    if (job_.plan.targets[target_ + 1].server != refusing) return true;
    ++target_;
  }
  return false;
}

}  // namespace perigee::proxy
