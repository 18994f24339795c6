#include "edge/ctl/admin_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "edge/http/h1.h"
#include "edge/net/socket_address.h"
#include "edge/net/tls_blocking.h"

namespace perigee::ctl {
namespace {

class Socket {
 public:
  Socket(const net::Address& to, std::chrono::milliseconds timeout)
      : fd_(::socket(to.family == net::Address::Family::v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
                     0)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const timeval limit{seconds.count(), (timeout - seconds).count() * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const net::SocketAddress address = net::to_socket_address(to);
    connected_ = fd_ >= 0 && ::connect(fd_, address.get(), address.size) == 0;
  }
  ~Socket() {
    tls_.reset();
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool connected() const { return connected_; }
  Result<void> secure(const net::TlsClientSettings& settings, const std::string& name) {
    auto stream = net::TlsBlockingStream::connect(fd_, settings, name);
    if (!stream) return tl::unexpected(stream.error());
    tls_ = std::move(*stream);
    return {};
  }
  bool send_all(std::string_view bytes) {
    if (tls_ != nullptr) return tls_->send_all(bytes);
    while (!bytes.empty()) {
      const ssize_t part = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (part < 0 && errno == EINTR) continue;
      if (part <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(part));
    }
    return true;
  }
  // Bytes read; 0 at the end, negative after an error.
  ssize_t receive(char* into, size_t size) {
    if (tls_ != nullptr) return tls_->receive(into, size);
    ssize_t part = 0;
    do {
      part = ::recv(fd_, into, size, 0);
    } while (part < 0 && errno == EINTR);
    return part;
  }

 private:
  int fd_;
  bool connected_ = false;
  std::unique_ptr<net::TlsBlockingStream> tls_;
};

std::string request_head(const Request& request) {
  std::string head = fmt::format(
      "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nuser-agent: perigeectl\r\n", request.method,
      request.target, request.host.empty() ? request.to.to_string() : request.host);
  if (!request.token.empty()) head += "authorization: Bearer " + request.token + "\r\n";
  if (request.method == "POST") head += fmt::format("content-length: {}\r\n", request.body.size());
  return head + "\r\n";
}

// Gathers an answer from what arrives.
class Reader {
 public:
  explicit Reader(const Request& request) : keep_(request.keep_body) {}

  bool done() const { return has_head_ && body_.done(); }
  bool refused() const { return refused_; }
  void feed(std::string_view bytes) {
    if (!has_head_) {
      head_bytes_ += bytes;
      read_head();
    } else {
      read_body(bytes);
    }
  }
  bool end() { return has_head_ && (body_.done() || body_.end_of_stream()); }

  Response response;

 private:
  void read_head() {
    http::ResponseHead head;
    http::HeadLimits limits;
    limits.head_bytes_max = 256 * 1024;
    limits.fields_max = 1000;
    const http::HeadParse parsed = http::parse_response_head(head_bytes_, 0, limits, http::Method::get, head);
    if (parsed.outcome == http::HeadParse::Outcome::refused) refused_ = true;
    if (parsed.outcome != http::HeadParse::Outcome::complete) return;
    const std::string rest = head_bytes_.substr(parsed.consumed);
    const bool interim = head.status < 200;
    if (!interim) {
      has_head_ = true;
      response.status = head.status;
      response.cache_status = head.fields.value(http::FieldId::cache_status);
      body_.start(head.framing, head.content_length);
      return read_body(rest);
    }
    head_bytes_ = rest;
    read_head();
  }
  void read_body(std::string_view bytes) {
    while (!bytes.empty() && !body_.done()) {
      const http::BodyReader::Step step = body_.feed(bytes);
      if (step.refused) refused_ = true;
      if (step.refused || step.consumed == 0) return;
      bytes.remove_prefix(step.consumed);
      response.body_bytes += step.data.size();
      if (keep_) response.body += step.data;
    }
  }

  const bool keep_;
  std::string head_bytes_;
  bool has_head_ = false;
  bool refused_ = false;
  http::BodyReader body_;
};

}  // namespace

Result<Response> perform(const Request& request) {
  Socket socket(request.to, request.timeout);
  const std::string where = request.to.to_string();
  if (!socket.connected()) {
    return fail(Side::upstream, "unreachable", "cannot connect to " + where + ": " + std::strerror(errno));
  }
  if (request.tls != nullptr) {
    const std::string name = request.tls_name.empty() ? request.to.ip() : request.tls_name;
    if (auto secured = socket.secure(*request.tls, name); !secured)
      return fail(secured.error().side, secured.error().code, where + ": " + secured.error().context);
  }
  if (!socket.send_all(request_head(request)) || !socket.send_all(request.body)) {
    return fail(Side::upstream, "unreachable", where + " took no request: " + std::strerror(errno));
  }
  Reader reader(request);
  char buffer[64 * 1024];
  while (!reader.done() && !reader.refused()) {
    const ssize_t part = socket.receive(buffer, sizeof buffer);
    if (part < 0)
      return fail(Side::upstream, "unreachable", where + " gave no answer: " + std::strerror(errno));
    if (part == 0) break;
    reader.feed({buffer, static_cast<size_t>(part)});
  }
  if (reader.refused() || !reader.end()) {
    return fail(Side::upstream, "bad_answer", where + " gave an answer that is no HTTP or was cut short");
  }
  return std::move(reader.response);
}

}  // namespace perigee::ctl
