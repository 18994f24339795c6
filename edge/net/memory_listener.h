// Listening in the in-memory twin: the queue of a listening address, and the Listener that its owner holds.
//
// The queue is shared by the network's address table, its loop and its Listener; connections nobody accepted
// are reset when it closes.
//
// Thread rule: the world's one thread.
#pragma once

#include <deque>
#include <memory>

#include "edge/net/memory_loop.h"

namespace perigee::net {

class MemoryAcceptQueue final : public MemorySource, public std::enable_shared_from_this<MemoryAcceptQueue> {
 public:
  MemoryAcceptQueue(MemoryLoop& loop, const ListenOptions& options, AcceptHandler& handler)
      : loop_(loop), options_(options), handler_(handler) {}

  const Address& address() const { return options_.address; }
  void set_address(const Address& address) { options_.address = address; }
  bool reuse_port() const { return options_.reuse_port; }
  const MemoryNode& node() const { return *loop_.node(); }

  // False when the queue is full; the connect will be tried again, as the kernel does.
  bool offer(MemoryStream& client);
  void run_ready() override;
  void accept_all();
  void close();

  Listener* listener = nullptr;

 private:
  MemoryLoop& loop_;
  ListenOptions options_;
  AcceptHandler& handler_;
  std::deque<std::shared_ptr<MemoryStream>> waiting_;
  bool open_ = true;
};

class MemoryListener final : public Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(MemoryLoop& loop, const ListenOptions& options,
                                                AcceptHandler& handler);
  explicit MemoryListener(std::shared_ptr<MemoryAcceptQueue> queue) : queue_(std::move(queue)) {}
  ~MemoryListener() override;

  Address address() const override { return queue_->address(); }
  void drain() override;

 private:
  std::shared_ptr<MemoryAcceptQueue> queue_;
};

}  // namespace perigee::net
