// One fetch: obtains a representation for a fill from the first upstream of a plan that gives it. It is the
// FillSource over an upstream exchange.
//
// A step machine. Events record facts; each step is one short function. Targets are tried in the plan's order
// (owner, next owners, shield, origin); a peer's failure is a counter and the next target, an origin's
// failure may be retried within the budget. When the content breaks off behind a strong validator, the fetch
// goes on from there with Range and If-Range, and only if the validator still matches; otherwise the fill
// fails and its readers are cut.
//
// Ownership: a fetch belongs to itself, from start() until it has reported finish, failure or a 304 to its
// fill, or the fill cancelled it. It owns its copy of the request. It deliberately knows nothing of clients:
// whoever asked first may leave at any time.
//
// Thread rule: the fill's worker only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/base/arena.h"
#include "edge/cache/fill.h"
#include "edge/cache/policy.h"
#include "edge/net/caching_resolver.h"
#include "edge/proxy/client_proof.h"
#include "edge/proxy/connector.h"
#include "edge/proxy/fetch_job.h"
#include "edge/proxy/hedge.h"
#include "edge/proxy/origin_record.h"
#include "edge/proxy/route_plan.h"
#include "edge/proxy/upstream_connection.h"
#include "edge/proxy/upstream_pool.h"
#include "edge/proxy/upstream_request.h"
#include "edge/proxy/worker.h"

namespace perigee::proxy {

// The one exchange, if any, that wants more of a fetch than its fill: interim responses, an upgrade, or to
// send content.
class Fetch;

class FetchClient {
 public:
  // The fetch that serves this client; null before it started and after it ended.
  Fetch* fetch() const { return fetch_; }
  // 1xx but 100, 101, and the 102 of a peer.
  virtual void on_fetch_interim(const http::ResponseHead& head) = 0;
  // The upstream is ready for request content: send_content() may be called.
  virtual void on_fetch_wants_content() = 0;
  // The answer whose head comes next has invalidated something: the client should not have it before other
  // nodes and the log have been told.
  virtual void on_fetch_invalidates(std::shared_ptr<InvalidationRound> round) = 0;
  // Too much content is waiting; on_fetch_wants_content() comes when there is room.
  virtual void on_fetch_content_full() = 0;
  // 101: the stream is the client's now; unread is what came behind the head.
  virtual void on_fetch_upgraded(const http::ResponseHead& head, net::Stream& stream, std::string unread) = 0;

 protected:
  ~FetchClient() = default;

 private:
  friend class Fetch;
  Fetch* fetch_ = nullptr;
};

class Fetch final : public cache::FillSource,
                    private WorkerGuest,
                    private UpstreamHandler,
                    private ConnectHandler,
                    private net::ResolveHandler,
                    private SlotWaiter,
                    private HedgeClient,
                    private net::TimerHandler {
 public:
  // May end, well or badly, before this returns; the fill and the client's fetch() tell.
  static void start(Worker& worker, std::shared_ptr<cache::Fill> fill, FetchJob job);

  // The client leaves: no further call to it. A fetch that was sending its content fails.
  void detach_client();
  // Request content; only between on_fetch_wants_content() and on_fetch_content_full(), or a little after.
  void send_content(std::string_view bytes);
  void end_content();

  void pause() override;
  void resume() override;
  void cancel() override;

 private:
  enum class Step : uint8_t { choose_target, await_slot, resolve, connect, await_head, body, done };

  Fetch(Worker& worker, std::shared_ptr<cache::Fill> fill, FetchJob job);
  ~Fetch();

  // In the order they happen.
  void choose_target();
  void acquire_slot();
  void on_slot() override;
  void resolve();
  void on_resolved(Result<net::Resolved> result) override;
  void connect(std::vector<net::Address> addresses);
  void on_connect(const ConnectOutcome& outcome) override;
  void send(UpstreamConnection& connection);
  void on_upstream_interim(const http::ResponseHead& head) override;
  void on_upstream_head(const http::ResponseHead& head) override;
  void on_upstream_body(std::string_view bytes) override;
  void on_upstream_end() override;
  void on_upstream_failed(UpstreamFailure failure) override;
  void on_upstream_writable() override;

  void end_now() override;
  void on_timer(net::Timer& timer) override;
  void attempt_failed(UpstreamFailure failure);
  bool may_try_again(UpstreamFailure failure);
  bool pays_for_retry();
  void report_peer(cluster::PeerOutcome outcome);
  void give_up(Error error);
  void end();
  void release_upstream();

  const Target& target() const { return job_.plan.targets[target_]; }
  UpstreamLimit& limit_of(const Target& target);
  UpstreamTraffic& traffic() const;
  std::string request_head(const Target& to);
  void await_first_byte();
  Duration idle_body_timeout() const;

  // With origin servers (fetch_origin.cc).
  bool admit_at_origin();
  void origin_answered(int status);
  void origin_failed(UpstreamFailure failure);
  bool skip_server();
  void tell_limit(bool overloaded);

  // With peers (fetch_peer.cc).
  cluster::PeerRecord& peer() const;
  std::string envelope(const Target& to) const;
  void await_peer();
  void peer_heard();
  PeerDealings* stop_waiting();
  bool is_peer_answer(const Target& from, const http::ResponseHead& head);
  void hedge();
  bool on_hedge_answer(UpstreamConnection& connection, UpstreamLimit& slot,
                       const http::ResponseHead& head) override;

  void on_answer_head(const http::ResponseHead& head);
  void upgraded(const http::ResponseHead& head);
  void resumed(const http::ResponseHead& head);
  void not_modified(const http::ResponseHead& head);
  std::optional<std::string> updated_selecting(const cache::StoredResponse& stored,
                                               std::string_view lines) const;
  std::string names_of_variants() const;
  void fetch_whole();
  void publish_head(const http::ResponseHead& head);
  void publish_run(const http::ResponseHead& head);
  bool worth_a_copy(const http::ResponseHead& head) const;
  void invalidate_groups(OriginGroups groups, std::shared_ptr<InvalidationRound> round);
  void confirm_stored(const http::ResponseHead& head);
  void describe(const http::ResponseHead& head, const cache::Storability& judged, cache::FillHead& out) const;
  void invalidate(const http::ResponseHead& head);
  cache::Storability judge(const http::ResponseHead& head, WallTime now) const;
  bool resumes_here(const http::ResponseHead& head) const;
  bool purged_since(const http::ResponseHead& head, const cluster::PeerAnswerEnvelope& said);

  Worker& worker_;
  std::shared_ptr<cache::Fill> fill_;
  FetchJob job_;
  Arena arena_;
  http::RequestHead request_;
  Step step_ = Step::choose_target;
  size_t target_ = 0;
  uint32_t retries_ = 0;
  bool counted_ = false;        // among the requests that the retry budget is a share of
  bool content_asked_ = false;  // from then on content may be on its way: no second attempt
  bool peer_reported_ = false;
  bool paused_ = false;                 // by the fill; a connection made meanwhile must not read either
  UpstreamLimit* slot_ = nullptr;       // a place we hold
  UpstreamLimit* queued_at_ = nullptr;  // a place we wait for
  std::unique_ptr<net::ResolveRequest> resolving_;
  std::unique_ptr<Connector> connector_;
  UpstreamConnection* connection_ = nullptr;
  std::string host_;
  uint16_t port_ = 0;
  std::string tls_key_;  // see PoolKey
  WallTime request_time_{};
  MonoTime sent_at_{};
  UpstreamTraffic* sent_to_ = nullptr;  // the figures of whom connection_ leads to
  cache::PurgeStamp purge_stamp_ = 0;   // purges that what comes back has seen
  std::string etag_;                    // strong validator of what is under way
  uint64_t received_ = 0;  // bytes of the representation appended, counted from its start or the resume point
  bool published_ = false;               // the fill has its head
  PeerDealings* waiting_for_ = nullptr;  // counted among what that peer has not begun to answer
  MonoTime asked_at_{};                  // the peer
  std::unique_ptr<Hedge> hedge_;
  OriginAttempt attempt_;       // at the origin server that is asked
  MonoTime asked_origin_at_{};  // when a place toward it was ours
  net::Timer hedge_timer_{*this};
  net::Timer phase_timer_{*this};     // first byte, or idle body
  net::Timer deadline_timer_{*this};  // head deadline
};

}  // namespace perigee::proxy
