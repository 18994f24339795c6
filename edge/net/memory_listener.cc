#include "edge/net/memory_listener.h"

#include <utility>

#include "edge/net/memory_stream.h"

namespace perigee::net {

bool MemoryAcceptQueue::offer(MemoryStream& client) {
  if (waiting_.size() >= static_cast<size_t>(options_.backlog)) return false;
  // A wildcard address shows as the address that was dialled.
  waiting_.push_back(MemoryStream::answer(loop_, client, client.remote_address()));
  loop_.mark_ready(shared_from_this());
  return true;
}

void MemoryAcceptQueue::run_ready() { accept_all(); }

void MemoryAcceptQueue::accept_all() {
  auto self = shared_from_this();
  while (open_ && !waiting_.empty()) {
    auto stream = std::move(waiting_.front());
    waiting_.pop_front();
    ++loop_.counters().accepts;
    loop_.adopt(stream);
    stream->set_handler(handler_.on_accept(*listener, *stream));
    stream->mark_ready();
  }
}

void MemoryAcceptQueue::close() {
  if (!std::exchange(open_, false)) return;
  loop_.network().unbind(*this);
  for (auto& stream : std::exchange(waiting_, {})) stream->abandon();
}

Result<std::unique_ptr<Listener>> MemoryListener::open(MemoryLoop& loop, const ListenOptions& options,
                                                       AcceptHandler& handler) {
  auto queue = std::make_shared<MemoryAcceptQueue>(loop, options, handler);
  auto bound = loop.network().bind(*queue);
  if (!bound) return tl::unexpected(bound.error());
  loop.adopt(queue);
  auto listener = std::make_unique<MemoryListener>(queue);
  queue->listener = listener.get();
  return listener;
}

MemoryListener::~MemoryListener() { queue_->close(); }

void MemoryListener::drain() {
  auto queue = queue_;
  queue->accept_all();
  queue->close();
}

}  // namespace perigee::net
