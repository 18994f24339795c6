// perigee-origin on the network of a cluster: self-verifying bodies with ranges, and a record of what it was
// asked.
//
// Ownership: the test's, which outlives no cluster. Thread rule: the test's one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/net/memory_io.h"
#include "edge/serve/server.h"
#include "origin/origin_handler.h"

namespace perigee::test {

class PerigeeOrigin {
 public:
  PerigeeOrigin(net::MemoryWorld& world, std::string_view name, const net::Address& at)
      : io_(world.make_io(std::string(name), at.ip())),
        loop_(io_->add_loop("worker")),
        handler_(origin::OriginOptions(), io_->files(), recorder_) {
    serve::ServerOptions options;
    options.address = at;
    server_ = std::make_unique<serve::Server>(loop_, options, handler_, metrics_);
    server_->listen().value();
    io_->start();
  }
  ~PerigeeOrigin() { io_->stop(); }

  origin::Recorder& recorder() { return recorder_; }

 private:
  std::unique_ptr<net::MemoryIo> io_;
  net::Loop& loop_;
  origin::Recorder recorder_{100'000};
  origin::OriginHandler handler_;
  MetricShard metrics_;
  std::unique_ptr<serve::Server> server_;
};

}  // namespace perigee::test
