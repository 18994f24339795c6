// One request that the store could not answer at once: joins or leads a fill, judges the head when it
// arrives, and streams the body to its client.
//
// A step machine; advance() is called when the fill has news. After the start no client is special: the
// exchange that began a fetch may end before it.
//
// Ownership: belongs to itself, from start() until on_exchange_end() (or the hand-over of an upgraded
// stream).
//
// Thread rule: its worker's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "edge/base/arena.h"
#include "edge/cache/fill.h"
#include "edge/proxy/answer_lines.h"
#include "edge/proxy/fetch.h"
#include "edge/proxy/request_context.h"
#include "edge/proxy/stored_answer.h"
#include "edge/proxy/worker.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

class Exchange final : private serve::ExchangeHandler,
                       private serve::BodySource,
                       private RepresentationBytes,
                       private cache::Follower,
                       private FetchClient,
                       private InvalidationWaiter,
                       private net::TimerHandler {
 public:
  // Sets itself as the handler of `client`; the context's views are copied.
  static void start(Worker& worker, serve::ServerExchange& client, const RequestContext& context);

 private:
  // In the order they happen.
  enum class Step : uint8_t { await_head, await_invalidation, streaming, await_resume, await_run, answered };

  Exchange(Worker& worker, serve::ServerExchange& client, const RequestContext& context);
  ~Exchange();

  void begin();
  bool is_early() const;
  bool may_collapse() const;
  bool may_keep() const;
  void join_fill(const std::string& asked_fill_key);
  std::string name_apart(const std::string& fill_key) const;
  bool may_serve(const cache::Lookup& found) const;
  bool stored_meanwhile();
  bool stored_is_asked_about() const;
  void go_alone(bool keep);
  FetchJob make_job(bool straight_to_origin);
  void start_fetch(bool straight_to_origin);
  void leave_fill();

  void on_fill_progress() override;
  void advance();
  void judge_head();
  bool purged_since_sent(const cache::FillHead& head) const;
  bool may_share(const cache::FillHead& head) const;
  bool may_follow(const cache::ResponseMeta& meta, bool asked_before_sent) const;
  void join_again();
  void join_successor();
  void join_anew();
  void limit_wait();
  void on_wait_over();
  void ask_once_more();
  void join_next(const std::string& fill_key);
  void join_variant(const cache::StoredResponse& stored);
  void adopt_renewed(const cache::StoredResponse& renewed);
  bool asked_before_sent() const { return fill_ != nullptr && started_ <= fill_->started(); }
  void follow_variant(const cache::FillHead& head);
  void on_freshened();
  void on_fill_failed();
  void fail(const Error& error);
  void on_resume_head();

  // Answering in runs (exchange_range.cc): ranges, and what is stored in part.
  bool answers_in_runs();
  void begin_runs();
  bool joins_whole_under_way();
  RangeAsk cold_ask() const;
  // Does the answer to this request need bytes that are not stored?
  bool lacks_bytes(const cache::StoredResponse& stored) const;
  // What is stored and may be served although the upstream failed; null: nothing.
  const cache::StoredResponse* in_place_of(const Error& error);
  void know(const cache::StoredResponse& stored);
  void complete_stored(const cache::StoredResponse& stored);
  cache::ByteRun aligned(const cache::ByteRun& gap) const;
  bool purged_since_sent(const cache::Fill& run) const;
  bool join_run(const cache::ByteRun& gap);
  void judge_run_head();
  void leave_runs(const cache::FillHead& head);
  std::optional<cache::ByteRun> first_gap() const;
  bool join_beginning(const cache::ByteRun& run);
  void judge_whole_for_run(const cache::FillHead& head);
  void answer_clients_own_run(const cache::FillHead& head);
  void answer_known(const cache::FillHead& head);
  void announce(const cache::FillHead& head);
  bool is_known(const cache::FillHead& head) const;
  bool needs_only(const cache::ByteRun& run) const;
  cache::Body::Read read_representation(uint64_t offset) override;
  cache::Body::Read next_run(uint64_t offset);
  void adopt_stored();
  void on_run_head();

  // Answering (exchange_answer.cc).
  void answer_from_fill();
  bool answer_precondition(const cache::FillHead& head, std::string_view more);
  void answer_from_store(const cache::StoredResponse& stored, const AnswerOrigin& origin);
  // status: 0 for what the error says.
  void answer_failure(const Error& error, int status = 0);
  bool tells_age(const cache::FillHead& head) const;
  // stamp: of what is answered, for a peer.
  std::string more_lines(const AnswerOrigin& origin, int64_t age, bool with_age,
                         std::optional<cache::PurgeStamp> stamp);
  State pull(std::span<Slice> out, size_t& count) override;
  void consumed(size_t bytes) override;
  bool resume_alone();
  void record_exchange(serve::ExchangeEnd end);
  void count_traffic();
  void log_exchange(serve::ExchangeEnd end);

  void on_request_body(std::string_view bytes) override;
  void on_request_end() override;
  void on_exchange_refused(int status) override;
  void on_exchange_end(serve::ExchangeEnd end) override;

  void on_fetch_interim(const http::ResponseHead& head) override;
  void on_fetch_wants_content() override;
  void on_fetch_content_full() override;
  void on_fetch_invalidates(std::shared_ptr<InvalidationRound> round) override;
  bool awaits_invalidation();
  void on_invalidated() override;
  void keep_peer_waiting(bool waits);
  void on_fetch_upgraded(const http::ResponseHead& head, net::Stream& stream, std::string unread) override;

  void on_timer(net::Timer& timer) override;

  const Snapshot& snapshot() const { return *snapshot_; }
  bool head_only() const { return request_.method == http::Method::head; }

  // The representation that is sent, when more than one fill brings it.
  struct Known {
    std::string lines;  // of its 200
    std::string selecting;
    std::string validator;
    cache::ResponseMeta meta;
    uint64_t length = 0;
    std::shared_ptr<const cache::Body> body;  // what of it is stored; may be null
  };

  Worker& worker_;
  SiteTraffic& traffic_;
  serve::ServerExchange& client_;
  std::shared_ptr<const Snapshot> snapshot_;
  RequestContext context_;  // key and site point into what this object keeps alive
  Arena arena_;
  http::RequestHead request_;
  std::string key_;
  const net::Address client_address_;
  std::string scheme_;
  const ClientProof proof_;
  MonoTime started_;
  std::optional<MonoTime> answered_;  // when the head of the answer was given
  WallTime received_;
  MonoTime deadline_;
  Step step_ = Step::await_head;
  bool leader_ = false;  // of the fill now read
  bool collapsed_ = false;
  bool alone_ = false;
  cluster::Heat heat_ = cluster::Heat::cool;
  bool peer_waits_ = false;       // counted among the node's requests in flight
  bool asked_once_more_ = false;  // or waits with who has
  uint8_t variant_joins_ = 0;
  uint8_t purge_joins_ = 0;  // of fills that began later, because an earlier one's answer was not for us
  std::shared_ptr<cache::Fill> fill_;
  uint64_t fill_base_ = 0;    // offset of the fill's first byte in the representation
  uint64_t read_offset_ = 0;  // of the representation: next byte that is asked for
  uint64_t sent_ = 0;
  bool body_failed_ = false;
  std::string etag_;                  // strong validator of what is being sent
  std::optional<PartsCursor> parts_;  // what is sent, once that is decided
  bool in_runs_ = false;
  uint8_t run_joins_ = 0;  // without progress
  std::optional<Known> known_;
  std::optional<RangeAsk> ask_;     // of the fetch that we lead
  std::optional<uint64_t> wanted_;  // a byte that the run under way must bring
  StoredPlan plan_;
  uint64_t content_received_ = 0;
  AnswerOrigin origin_;
  int status_ = 0;
  std::string_view error_;
  std::string_view upstream_;                 // the tier asked first
  std::shared_ptr<InvalidationRound> round_;  // of what the answer has invalidated
  net::Timer wait_timer_{*this};              // follower_wait_max or deadline_, or of the round
  net::Timer interim_timer_{*this};           // 102 to a peer
};

}  // namespace perigee::proxy
