// A second question: while a peer is late with its answer, the next owner is asked for what it has stored.
//
// A hedge is sent once, with only-if-cached, so it costs nobody a fetch, and what it brings is only then an
// answer when the other node had one: its 504, its refusal and its failure are none, and nobody hears of
// them. Whether and when to hedge is said elsewhere (cluster/hedge_policy.h).
//
// Owned by the fetch that is late; destroying it ends the question. Thread rule: the worker's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "edge/proxy/connector.h"
#include "edge/proxy/upstream_connection.h"
#include "edge/proxy/upstream_pool.h"

namespace perigee::proxy {

class Worker;
struct ExchangeOptions;

class HedgeClient {
 public:
  // The other node answers. True: the client takes the answer, with the connection, which calls it from now
  // on, and a place under the limit that it has to release; it may destroy the hedge. False: it is no answer.
  virtual bool on_hedge_answer(UpstreamConnection& connection, UpstreamLimit& slot,
                               const http::ResponseHead& head) = 0;

 protected:
  ~HedgeClient() = default;
};

class Hedge final : private UpstreamHandler, private ConnectHandler {
 public:
  // Asks at once, over an idle connection or a new one.
  Hedge(Worker& worker, HedgeClient& client, UpstreamLimit& slot, const net::Address& to,
        std::optional<ConnectTls> tls, const ExchangeOptions& options, http::Method method, std::string head);
  ~Hedge();

 private:
  void on_connect(const ConnectOutcome& outcome) override;
  void on_upstream_interim(const http::ResponseHead&) override {}
  void on_upstream_head(const http::ResponseHead& head) override;
  void on_upstream_body(std::string_view) override {}
  void on_upstream_end() override { connection_ = nullptr; }
  void on_upstream_failed(UpstreamFailure) override { connection_ = nullptr; }
  void on_upstream_writable() override {}
  void ask(UpstreamConnection& connection);

  Worker& worker_;
  HedgeClient& client_;
  UpstreamLimit* slot_;
  const http::Method method_;
  const std::string head_;
  const uint32_t idle_max_;
  const std::string tls_key_;  // see PoolKey
  std::unique_ptr<Connector> connector_;
  UpstreamConnection* connection_ = nullptr;
};

}  // namespace perigee::proxy
