// The edge: answers requests from the store, and hands everything else to an Exchange. One per worker and
// listener.
//
// on_request() is the hit path: straight synchronous code, no allocation once its scratch strings have grown,
// no lock.
//
// Thread rule: its worker's loop.
#pragma once

#include <string_view>

#include "edge/proxy/request_context.h"
#include "edge/proxy/worker.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

class EdgeHandler final : public serve::Handler {
 public:
  enum class Listener : uint8_t { client, peer };

  EdgeHandler(Worker& worker, Listener listener) : worker_(worker), listener_(listener) {}

  void on_request(serve::ServerExchange& exchange) override;
  void on_refused(const serve::RefusedRequest& request) override;

 private:
  bool admit(serve::ServerExchange& exchange, const http::RequestHead& request, RequestContext& context);
  bool admit_peer(serve::ServerExchange& exchange, RequestContext& context);
  bool take_invalidation(serve::ServerExchange& exchange, const RequestContext& context);
  void answer_peer(serve::ServerExchange& exchange);
  bool admit_client(serve::ServerExchange& exchange, RequestContext& context);
  bool misdirected(const net::TlsFacts& facts, const http::RequestHead& request,
                   const RequestContext& context) const;
  void answer_options(serve::ServerExchange& exchange);
  void look_up(const http::RequestHead& request, RequestContext& context);
  std::string_view lines_of(const RequestContext& context, int64_t age, int64_t ttl);
  void serve_stored(serve::ServerExchange& exchange, const http::RequestHead& request,
                    const RequestContext& context);
  void refuse(serve::ServerExchange& exchange, int status, std::string_view detail,
              std::string_view more_lines = {});
  void count_refusal(int status, const Site* site);
  void log_own_answer(serve::ServerExchange& exchange, const Site* site, std::string_view cache, int status,
                      std::string_view detail);
  void log_hit(serve::ServerExchange& exchange, const RequestContext& context, int status,
               uint64_t body_bytes);

  Worker& worker_;
  const Listener listener_;
};

}  // namespace perigee::proxy
