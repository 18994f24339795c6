// Streams a stored large body, or one range of it, to a client.
//
// Belongs to itself until the exchange has ended, and pins the body's blocks as it goes, not the stored
// response: eviction and replacement do not wait for slow clients.
//
// Thread rule: one worker's loop.
#pragma once

#include <deque>
#include <memory>

#include "edge/cache/body.h"
#include "edge/proxy/worker.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

// Takes bytes of a Body in order, for a connection that pulls.
class BodyCursor {
 public:
  BodyCursor(std::shared_ptr<cache::Body> body, uint64_t first, uint64_t length)
      : body_(std::move(body)), next_(first), end_(first + length) {}

  serve::BodySource::State pull(std::span<Slice> out, size_t& count);
  void consumed(size_t bytes);
  uint64_t sent() const { return sent_; }

 private:
  struct Piece {
    Slice bytes;
    cache::BlockRef block;
  };

  std::shared_ptr<cache::Body> body_;
  uint64_t next_;  // of the representation: not yet taken
  const uint64_t end_;
  uint64_t sent_ = 0;
  std::deque<Piece> pieces_;
};

class StoredStream final : public serve::BodySource, private serve::ExchangeHandler {
 public:
  StoredStream(std::shared_ptr<cache::Body> body, uint64_t first, uint64_t length)
      : cursor_(std::move(body), first, length) {}
  void own(serve::ServerExchange& exchange) { exchange.set_handler(*this); }

  State pull(std::span<Slice> out, size_t& count) override { return cursor_.pull(out, count); }
  void consumed(size_t bytes) override { cursor_.consumed(bytes); }

 private:
  void on_request_body(std::string_view) override {}
  void on_request_end() override {}
  void on_exchange_end(serve::ExchangeEnd) override { delete this; }

  BodyCursor cursor_;
};

}  // namespace perigee::proxy
