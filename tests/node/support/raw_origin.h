// An origin of bytes for tests on the in-memory network: to every request head it answers with the next of
// its lines, right or wrong, and it keeps what it received.
//
// Ownership: the test's. Thread rule: the test's one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "edge/net/memory_io.h"

namespace perigee::test {

class RawOrigin final : private net::AcceptHandler {
 public:
  enum class After : uint8_t { keep, end, reset };
  struct Line {
    std::string bytes;
    After after = After::keep;
  };

  RawOrigin(net::MemoryWorld& world, std::string_view name, const net::Address& at);
  ~RawOrigin();

  // One line a request, whatever the connection; the last one for all further requests.
  RawOrigin& answers(std::vector<Line> lines) {
    lines_ = std::move(lines);
    return *this;
  }
  // From now on bytes that follow an answered head come back as they are: an echo behind an upgrade.
  RawOrigin& echoes() {
    echo_ = true;
    return *this;
  }

  // Unasked, over the n-th connection, if the node has not closed it.
  void say(size_t connection, std::string_view bytes);

  size_t requests() const { return requests_; }
  size_t connections() const { return received_.size(); }
  // Everything that came over the n-th connection.
  const std::string& received(size_t connection) const { return received_.at(connection); }

 private:
  class Connection;
  net::StreamHandler& on_accept(net::Listener& listener, net::Stream& stream) override;

  std::unique_ptr<net::MemoryIo> io_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<Line> lines_;
  std::vector<std::string> received_;
  std::vector<Connection*> alive_;  // null: closed
  size_t requests_ = 0;
  bool echo_ = false;
};

}  // namespace perigee::test
