// Streams parts of a stored large body to a client. Belongs to itself until the exchange has ended.
//
// Thread rule: one worker's loop.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "edge/cache/body.h"
#include "edge/proxy/parts_cursor.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

class StoredStream final : public serve::BodySource,
                           private serve::ExchangeHandler,
                           private RepresentationBytes {
 public:
  StoredStream(std::shared_ptr<const cache::Body> body, std::vector<Part> parts)
      : body_(std::move(body)), cursor_(std::move(parts)) {}
  void own(serve::ServerExchange& exchange) { exchange.set_handler(*this); }

  State pull(std::span<Slice> out, size_t& count) override { return cursor_.pull(*this, out, count); }
  void consumed(size_t bytes) override { cursor_.consumed(bytes); }

 private:
  // A settled body has what the plan found in it, so anything but bytes means a part is gone for good.
  cache::Body::Read read_representation(uint64_t offset) override { return body_->read(offset); }
  void on_request_body(std::string_view) override {}
  void on_request_end() override {}
  void on_exchange_end(serve::ExchangeEnd) override { delete this; }

  const std::shared_ptr<const cache::Body> body_;
  PartsCursor cursor_;
};

}  // namespace perigee::proxy
