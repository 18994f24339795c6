// Looking names up with c-ares on a UvLoop. Internal to edge/net.
//
// One per loop, made at the first look-up. It asks for A and AAAA, reads /etc/hosts first, and gives
// addresses with the families taken in turn, beginning with the one RFC 6724 prefers. It keeps nothing: see
// caching_resolver.h.
//
// Owned by its loop. A request may outlive it and is then silent.
//
// Thread rule: the loop's thread.
#pragma once

#include <ares.h>
#include <uv.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "edge/net/uv_loop.h"

namespace perigee::net {

class UvResolver final : public TimerHandler {
 public:
  UvResolver(UvLoop& loop, const UvIoOptions& options);
  ~UvResolver();
  UvResolver(const UvResolver&) = delete;
  UvResolver& operator=(const UvResolver&) = delete;

  std::unique_ptr<ResolveRequest> resolve(std::string_view host, uint16_t port, ResolveHandler& handler);
  void on_timer(Timer& timer) override;

 private:
  struct Socket;

  void ask(const std::string& host, void* lookup);
  void watch(ares_socket_t fd, bool readable, bool writable);
  void set_timer();

  UvLoop& loop_;
  ares_channel channel_ = nullptr;
  Timer timer_{*this};
  std::map<ares_socket_t, Socket*> sockets_;
};

}  // namespace perigee::net
