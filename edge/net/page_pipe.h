// Sends what lies in pages without a copy: vmsplice(2) puts the pages into a pipe, splice(2) takes them from
// there to the socket. sendfile(2) would come to the same by one call, but looks up each page of a memory
// file anew: 10 MB took a quarter more.
//
// The socket keeps the pages until the client has them, so they must not be written again (PageFile). A pipe
// holds something only within send(): what the socket did not take is thrown away before the next one's.
//
// One per loop; takes three descriptors, at the start or when it is first used. Thread rule: one thread,
// which blocks SIGPIPE, as every UvLoop does: splice cannot be told not to raise it.
#pragma once

#include <sys/types.h>

#include "edge/base/bytes.h"

namespace perigee::net {

class PagePipe {
 public:
  PagePipe() = default;
  ~PagePipe() { close(); }
  PagePipe(const PagePipe&) = delete;
  PagePipe& operator=(const PagePipe&) = delete;

  // Opens it when it is not open. False when the system has no descriptors left, or gives this user no pipe
  // that is worth it, which is not asked for again.
  bool ready();
  // Only when it is ready. Returns the bytes that the socket, which must not block, has taken, or -1 with
  // errno when it took none; adds the system calls to `calls`.
  ssize_t send(int socket, Slice bytes, unsigned& calls);

 private:
  // Both return bytes, or -1 with errno.
  ssize_t fill(Slice bytes) const;
  ssize_t pass(int socket, size_t bytes, bool more) const;
  void empty(size_t bytes, unsigned& calls);
  bool enlarge() const;
  void close();

  int in_ = -1;
  int out_ = -1;
  int nowhere_ = -1;  // what is thrown away goes there
  bool refused_ = false;
};

}  // namespace perigee::net
