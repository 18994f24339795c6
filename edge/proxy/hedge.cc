#include "edge/proxy/hedge.h"

#include <utility>
#include <vector>

#include "edge/proxy/upstream_request.h"
#include "edge/proxy/worker.h"

namespace perigee::proxy {

Hedge::Hedge(Worker& worker, HedgeClient& client, UpstreamLimit& slot, const net::Address& to,
             std::optional<ConnectTls> tls, const ExchangeOptions& options, http::Method method,
             std::string head)
    : worker_(worker),
      client_(client),
      slot_(&slot),
      method_(method),
      head_(std::move(head)),
      idle_max_(worker.share(options.peer_idle_connections_max)),
      tls_key_(tls ? tls->resume_key : std::string()) {
  if (UpstreamConnection* idle = worker_.pool().take_idle({to, tls_key_})) {
    ask(*idle);
  } else {
    ConnectHandler& handler = *this;
    connector_ = std::make_unique<Connector>(worker_.loop(), std::vector{to}, options.peer_connect_timeout,
                                             handler, std::move(tls));
  }
}

Hedge::~Hedge() {
  if (connection_ != nullptr) connection_->close();
  if (slot_ != nullptr) slot_->release();
}

void Hedge::on_connect(const ConnectOutcome& outcome) {
  const std::unique_ptr<Connector> done = std::move(connector_);
  if (outcome.stream != nullptr)
    ask(worker_.pool().adopt({outcome.address, tls_key_}, *outcome.stream, idle_max_));
}

void Hedge::ask(UpstreamConnection& connection) {
  connection_ = &connection;
  worker_.metrics().add(Metric::upstream_requests_peer);
  connection.begin(*this, method_, head_);
  connection.request_complete();
}

void Hedge::on_upstream_head(const http::ResponseHead& head) {
  const bool no_answer = head.status == 504 || head.status == 101 ||
                         head.fields.find(peer_refusal_field) != nullptr ||
                         !head.fields.has(http::FieldId::perigee_peer);
  if (no_answer) return;
  UpstreamConnection& connection = *std::exchange(connection_, nullptr);
  UpstreamLimit& slot = *std::exchange(slot_, nullptr);
  // Last: when it is taken, this hedge is gone.
  if (client_.on_hedge_answer(connection, slot, head)) return;
  connection.close();
  slot.release();
}

}  // namespace perigee::proxy
