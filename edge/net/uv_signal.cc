#include <uv.h>

#include <utility>

#include "edge/net/uv_io.h"
#include "edge/net/uv_loop.h"

namespace perigee::net {

struct SignalWatcher::Watch {
  void close() {
    auto* raw = reinterpret_cast<uv_handle_t*>(&handle);
    if (self == nullptr || uv_is_closing(raw)) return;
    uv_close(raw, [](uv_handle_t* closed) { static_cast<Watch*>(closed->data)->self.reset(); });
  }

  uv_signal_t handle;
  SignalHandler* handler = nullptr;
  std::shared_ptr<Watch> self;  // until libuv lets go
};

SignalWatcher::SignalWatcher(Loop& loop, const std::vector<int>& signals, SignalHandler& handler) {
  auto& uv_loop = static_cast<UvLoop&>(loop);
  for (int signal : signals) {
    auto watch = std::make_shared<Watch>();
    watch->handler = &handler;
    watch->handle.data = watch.get();
    uv_signal_init(uv_loop.uv(), &watch->handle);
    watch->self = watch;
    uv_loop.at_shut_down([weak = std::weak_ptr<Watch>(watch)] {
      if (auto alive = weak.lock()) alive->close();
    });
    auto deliver = [](uv_signal_t* handle, int number) {
      static_cast<Watch*>(handle->data)->handler->on_signal(number);
    };
    uv_signal_start(&watch->handle, deliver, signal);
    watches_.push_back(std::move(watch));
  }
}

SignalWatcher::~SignalWatcher() {
  for (auto& watch : watches_) watch->close();
}

}  // namespace perigee::net
