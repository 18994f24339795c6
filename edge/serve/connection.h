// What a server and its connections know of each other, whatever the protocol version.
//
// A Connection is made by the Server when a stream is accepted and is in the Server's list until it calls
// forget(). A ConnectionHost is the Server's side: what all connections of one loop share.
//
// Thread rule: the loop's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "edge/base/metrics.h"
#include "edge/http/message.h"
#include "edge/net/io.h"
#include "edge/serve/h2_head_readers.h"
#include "edge/serve/h2_memory.h"
#include "edge/serve/h2_output.h"
#include "edge/serve/handler.h"
#include "edge/serve/options.h"
#include "edge/serve/output.h"

namespace perigee::serve {

class Connection {
 public:
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The turn asked for with want_turn(): the place where everything is done that must not happen inside a
  // caller's call.
  virtual void on_turn() = 0;
  // What was set aside is written. Only after leave_later().
  virtual void on_reads_handed_out() {}
  // Ends between requests: at once when idle, else after the answer under way.
  virtual void begin_drain() = 0;
  // Ends now, whatever is under way.
  virtual void shut_down() = 0;

 protected:
  Connection() = default;

  // Nothing has been written yet of the answer that is under way: it queues before those that go on.
  bool newcomer_ = true;

 private:
  friend class Server;
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;
  bool turn_wanted_ = false;
};

class ConnectionHost {
 public:
  ConnectionHost(net::Loop& on, const ServerOptions& with, Handler& answering, MetricShard& counting)
      : loop(on), options(with), handler(answering), metrics(counting) {}

  net::Loop& loop;
  const ServerOptions options;
  Handler& handler;
  MetricShard& metrics;
  // One for all connections: a head lives only while its on_request() runs, what is in the batch only until
  // the connection that is being worked on has flushed it or set it aside. So an idle connection pays for
  // neither.
  http::RequestHead head;
  OutputBatch batch;
  H2Output h2_output;
  H2HeadReaders h2_head_readers;
  H2Arenas h2_arenas;
  FreeLists free_lists;
  bool draining = false;
  // Body bytes that all connections may still write in this turn of the loop. A thousand of them that stream
  // must not hold it for long: whoever has just arrived waits for them.
  uint32_t turn_bytes_left = options.turn_bytes_all;
  uint32_t turn_bytes_most = options.turn_bytes_max;  // by one of them; less when many begin at once

  // What one connection may write now; and how much of it has been written.
  uint32_t turn_share() const {
    return std::min(std::max(turn_bytes_left, options.turn_bytes_min), turn_bytes_most);
  }
  void took_of_turn(uint32_t bytes) { turn_bytes_left -= std::min(bytes, turn_bytes_left); }

  // So many bytes are with a client, or with whoever is at the other end.
  void count_sent(size_t bytes) { metrics.add(options.counts.bytes_sent, bytes); }

  // on_turn() comes once, at the end of this turn or in the next one; never from inside this call.
  virtual void want_turn(Connection& connection) = 0;
  // While the loop hands out reads: on_reads_handed_out() comes when it is done, or when somebody else has
  // something to write that may take longer.
  void leave_later(Connection& connection) { leaving_.push_back(&connection); }
  void let_leave() {
    for (Connection* connection : leaving_) {
      if (connection != nullptr) connection->on_reads_handed_out();
    }
    leaving_.clear();
  }
  // The connection is about to delete itself.
  virtual void forget(Connection& connection) = 0;
  // The protocol of a new connection is known: deletes `opening` and puts one of that protocol in its place,
  // over the same stream, beginning with these bytes.
  virtual void opened(Connection& opening, net::Stream& stream, bool http2, std::string_view bytes) = 0;

 protected:
  ~ConnectionHost() = default;

  std::vector<Connection*> leaving_;  // null where the connection has died since
};

}  // namespace perigee::serve
