#include "edge/serve/server.h"

#include <algorithm>
#include <utility>

#include "edge/serve/h1_connection.h"
#include "edge/serve/h2_connection.h"
#include "edge/serve/opening.h"

namespace perigee::serve {

class Server::Refused final : public net::StreamHandler {
 public:
  Refused(Server& server, net::Stream& stream) : server_(server), stream_(stream) { ++server_.refused_open_; }
  void on_read(std::string_view) override {}
  void on_end() override {}
  void on_writable() override {}
  void on_error(net::StreamError) override { stream_.close(); }
  void on_closed() override {
    Server& server = server_;
    delete this;
    --server.refused_open_;
    server.report_drained();
  }

 private:
  Server& server_;
  net::Stream& stream_;
};

// Brings the loop round once more; the work itself is done in the turn hook.
class Server::Again final : public net::Task {
 public:
  explicit Again(std::weak_ptr<Server*> server) : server_(std::move(server)) {}
  void run() override {
    const auto server = server_.lock();
    if (server == nullptr) return;
    (*server)->waking_ = false;
    (*server)->report_drained();
  }

 private:
  std::weak_ptr<Server*> server_;
};

Server::Server(net::Loop& on, const ServerOptions& with, Handler& answering, MetricShard& counting)
    : ConnectionHost(on, with, answering, counting),
      self_(std::make_shared<Server*>(this)),
      drain_timer_(static_cast<net::TimerHandler&>(*this)) {
  loop.add_turn_hook(*this);
  loop.add_reads_hook(*this);
}

Server::~Server() {
  loop.remove_turn_hook(*this);
  loop.remove_reads_hook(*this);
  if (last_hook_.added) loop.remove_turn_hook(last_hook_);
  while (first_ != nullptr) {
    Connection* connection = first_;
    forget(*connection);
    delete connection;
  }
}

Result<net::Address> Server::listen() {
  net::ListenOptions listen_options;
  listen_options.address = options.address;
  listen_options.reuse_port = options.reuse_port;
  auto listener = loop.listen(listen_options, *this);
  if (!listener) return tl::unexpected<Error>(std::move(listener.error()));
  listener_ = std::move(*listener);
  return listener_->address();
}

net::StreamHandler& Server::on_accept(net::Listener&, net::Stream& stream) {
  if (connections_ >= options.connections_max) {
    metrics.add(options.counts.connections_refused);
    auto* refused = new Refused(*this, stream);
    stream.close();
    return *refused;
  }
  if (options.tls != nullptr || options.http2_clear) {
    auto* opening =
        options.tls != nullptr ? new Opening(*this, *options.tls, stream) : new Opening(*this, stream);
    adopt(*opening);
    return opening->handler_of_accepted();
  }
  auto* connection = new H1Connection(*this, stream);
  adopt(*connection);
  return *connection;
}

void Server::opened(Connection& opening, net::Stream& stream, bool http2, std::string_view bytes) {
  unlink(opening);
  delete &opening;
  if (http2) {
    begin(*new (h2_arenas) H2Connection(*this, stream), bytes);
  } else {
    begin(*new H1Connection(*this, stream), bytes);
  }
}

template <typename Protocol>
void Server::begin(Protocol& connection, std::string_view bytes) {
  link(connection);
  if (draining) connection.begin_drain();
  if (!bytes.empty()) connection.on_read(bytes);
}

void Server::adopt(Connection& connection) {
  metrics.add(options.counts.connections_accepted);
  metrics.add(options.counts.connections_open);
  ++connections_;
  link(connection);
}

void Server::link(Connection& connection) {
  connection.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &connection;
  first_ = &connection;
}

void Server::unlink(Connection& connection) {
  (connection.previous_ != nullptr ? connection.previous_->next_ : first_) = connection.next_;
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  if (!leaving_.empty()) {
    std::replace(leaving_.begin(), leaving_.end(), &connection, static_cast<Connection*>(nullptr));
  }
  if (connection.turn_wanted_) {
    for (Turns* queue : {&newcomers_, &turns_, &running_})
      std::replace(queue->begin(), queue->end(), &connection, static_cast<Connection*>(nullptr));
  }
}

void Server::forget(Connection& connection) {
  unlink(connection);
  metrics.subtract(options.counts.connections_open);
  --connections_;
  if (drain_handler_ != nullptr) wake_again();
}

void Server::want_turn(Connection& connection) {
  if (connection.turn_wanted_) return;
  connection.turn_wanted_ = true;
  (connection.newcomer_ ? newcomers_ : turns_).push_back(&connection);
  if (!std::exchange(last_hook_.added, true)) loop.add_turn_hook(last_hook_);
}

void Server::on_turn_end() {
  turn_bytes_left = options.turn_bytes_all;
  if (!newcomers_.empty()) {
    const size_t share = options.turn_bytes_begun / newcomers_.size();
    turn_bytes_most = static_cast<uint32_t>(
        std::min<size_t>(std::max<size_t>(share, options.turn_bytes_min), options.turn_bytes_max));
    run(newcomers_, true);
    turn_bytes_most = options.turn_bytes_max;
  }
  if (!turns_.empty()) run(turns_, false);
  turn_bytes_left = options.turn_bytes_all;
  if (!newcomers_.empty() || !turns_.empty()) wake_again();
}

void Server::on_reads_handed_out() {
  let_leave();
  batch.drop_set_aside();
}

// Gives turns to a queue, to all of it or until the bytes of this turn are used up. Who had none comes first
// in the next turn.
void Server::run(Turns& queue, bool all) {
  running_.swap(queue);
  // By index: a connection that dies meanwhile is replaced by null.
  size_t next = 0;
  for (; next < running_.size() && (all || turn_bytes_left > 0); ++next) {
    Connection* connection = std::exchange(running_[next], nullptr);
    if (connection == nullptr) continue;
    connection->turn_wanted_ = false;
    connection->on_turn();
  }
  queue.insert(queue.begin(), running_.begin() + static_cast<std::ptrdiff_t>(next), running_.end());
  running_.clear();
}

void Server::on_last_hook() {
  last_hook_.added = false;
  loop.remove_turn_hook(last_hook_);
  if (!newcomers_.empty() || !turns_.empty()) wake_again();
}

void Server::wake_again() {
  if (std::exchange(waking_, true)) return;
  loop.post(std::make_unique<Again>(self_));
}

void Server::drain(Duration within, DrainHandler* done) {
  if (draining) return;
  draining = true;
  drain_handler_ = done;
  if (listener_ != nullptr) listener_->drain();
  for (Connection* connection = first_; connection != nullptr;) {
    Connection* next = connection->next_;
    connection->begin_drain();
    connection = next;
  }
  loop.timers().arm(drain_timer_, loop.now() + within);
  wake_again();
}

void Server::on_timer(net::Timer&) {
  for (Connection* connection = first_; connection != nullptr;) {
    Connection* next = connection->next_;
    connection->shut_down();
    connection = next;
  }
}

void Server::report_drained() {
  if (!draining || connections_ > 0 || refused_open_ > 0) return;
  drain_timer_.cancel();
  DrainHandler* done = std::exchange(drain_handler_, nullptr);
  if (done != nullptr) done->on_drained();
}

}  // namespace perigee::serve
