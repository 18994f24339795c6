#include "edge/net/uv_send.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>

#include "edge/net/page_file.h"
#include "edge/net/page_pipe.h"

namespace perigee::net {

namespace {

class Sending {
 public:
  Sending(int fd, const PageFile* pages, PagePipe& pipe) : fd_(fd), pages_(pages), pipe_(pipe) {}

  void run(std::span<const Slice> slices) {
    for (Slice slice : slices) sent_.offered += slice.size();
    while (!slices.empty() && !stopped_) {
      const Slice bytes = take_run(slices);
      if (bytes.empty()) continue;
      if (is_of_pages(bytes) && pipe_.ready()) {
        send_list(MSG_MORE);
        if (!stopped_) send_pages(bytes);
      } else {
        vectors_[count_++] = {const_cast<char*>(bytes.data()), bytes.size()};
        listed_ += bytes.size();
      }
    }
    if (!stopped_) send_list(0);
  }
  const Sent& sent() const { return sent_; }

 private:
  // The first slice, and those that lie in memory right behind it.
  static Slice take_run(std::span<const Slice>& slices) {
    Slice run = slices.front();
    slices = slices.subspan(1);
    while (!slices.empty() && slices.front().data() == run.data() + run.size()) {
      run = {run.data(), run.size() + slices.front().size()};
      slices = slices.subspan(1);
    }
    return run;
  }

  bool is_of_pages(Slice bytes) const {
    return pages_ != nullptr && bytes.size() >= splice_min && pages_->holds(bytes);
  }

  void send_list(int flags) {
    if (count_ == 0) return;
    msghdr message{};
    message.msg_iov = vectors_.data();
    message.msg_iovlen = count_;
    ++sent_.calls;
    account(::syscall(SYS_sendmsg, fd_, &message, MSG_NOSIGNAL | flags), listed_);
    count_ = 0;
    listed_ = 0;
  }

  void send_pages(Slice bytes) { account(pipe_.send(fd_, bytes, sent_.calls), bytes.size()); }

  void account(ssize_t taken, size_t of) {
    if (taken < 0) sent_.error = errno;
    if (taken > 0) sent_.taken += static_cast<size_t>(taken);
    stopped_ = taken < 0 || static_cast<size_t>(taken) < of;
  }

  const int fd_;
  const PageFile* const pages_;
  PagePipe& pipe_;
  std::array<iovec, slices_max> vectors_;
  size_t count_ = 0;
  size_t listed_ = 0;  // bytes in vectors_
  bool stopped_ = false;
  Sent sent_;
};

}  // namespace

Sent send_run(int fd, Slice bytes) {
  Sent sent;
  sent.offered = bytes.size();
  sent.calls = 1;
  const ssize_t taken = ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
  if (taken < 0) {
    sent.error = errno;
  } else {
    sent.taken = static_cast<size_t>(taken);
  }
  return sent;
}

Sent send_slices(int fd, std::span<const Slice> slices, const PageFile* pages, PagePipe& pipe) {
  assert(slices.size() <= slices_max);
  Sending sending(fd, pages, pipe);
  sending.run(slices);
  return sending.sent();
}

}  // namespace perigee::net
