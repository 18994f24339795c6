// The resolver of the libuv Io against a name server of our own, and the order of what it gives.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <optional>
#include <thread>

#include "edge/net/resolved_order.h"
#include "edge/net/socket_address.h"
#include "tests/unit/io_rig.h"

using namespace perigee;
using namespace perigee::net;
using namespace std::chrono_literals;

namespace {

struct Record {
  std::vector<std::string> v4, v6;
  uint32_t ttl_seconds = 60;
};

// A name server on a UDP port of 127.0.0.1: answers A and AAAA from a table, NXDOMAIN to the rest, nothing to
// "silent.test".
class NameServer {
 public:
  explicit NameServer(std::map<std::string, Record> table) : table_(std::move(table)) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    SocketAddress any = to_socket_address(loopback());
    REQUIRE(::bind(fd_, any.get(), any.size) == 0);
    ::getsockname(fd_, any.get(), &any.size);
    address_ = from_socket_address(any.get());
    REQUIRE(::pipe(wake_) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~NameServer() {
    ::close(wake_[1]);
    thread_.join();
    ::close(wake_[0]);
    ::close(fd_);
  }
  std::string address() const { return address_.to_string(); }
  int questions() const { return questions_; }

 private:
  void serve() {
    while (true) {
      pollfd watched[2] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
      ::poll(watched, 2, -1);
      if (watched[1].revents != 0) return;
      char buffer[512];
      SocketAddress from;
      ssize_t size = ::recvfrom(fd_, buffer, sizeof buffer, 0, from.get(), &from.size);
      if (size < 12) continue;
      std::string reply = answer(std::string_view(buffer, static_cast<size_t>(size)));
      if (!reply.empty()) ::sendto(fd_, reply.data(), reply.size(), 0, from.get(), from.size);
    }
  }

  // RFC 1035 section 4: the header and question again, then the records.
  std::string answer(std::string_view question) {
    ++questions_;
    size_t at = 12;
    std::string name;
    while (question[at] != 0) {
      auto length = static_cast<size_t>(question[at]);
      name += (name.empty() ? "" : ".") + std::string(question.substr(at + 1, length));
      at += 1 + length;
    }
    if (name == "silent.test") return {};
    char type = question[at + 2];
    std::string body(question.substr(0, at + 5));
    auto known = table_.find(name);
    std::vector<std::string> records;
    if (known != table_.end())
      records = type == 28 ? known->second.v6 : type == 1 ? known->second.v4 : records;
    body[2] = static_cast<char>(0x85);
    body[3] = known == table_.end() ? 3 : 0;
    body[6] = 0;
    body[7] = static_cast<char>(records.size());
    body[8] = body[9] = body[10] = body[11] = 0;
    for (const std::string& ip : records) body += record(type, known->second.ttl_seconds, ip);
    return body;
  }

  static std::string record(char type, uint32_t ttl_seconds, const std::string& ip) {
    size_t size = type == 28 ? 16 : 4;
    std::string text("\xc0\x0c\0", 3);
    text += type;
    text += std::string("\0\1", 2);
    for (int shift : {24, 16, 8, 0}) text += static_cast<char>(ttl_seconds >> shift);
    text += std::string("\0", 1) + static_cast<char>(size);
    auto address = *Address::parse_ip(ip, 0);
    return text + std::string(address.bytes.begin(), address.bytes.begin() + static_cast<ptrdiff_t>(size));
  }

  std::map<std::string, Record> table_;
  int fd_ = -1;
  int wake_[2] = {-1, -1};
  Address address_;
  std::atomic<int> questions_ = 0;
  std::thread thread_;
};

struct Asker final : ResolveHandler {
  void on_resolved(Result<Resolved> result) override { answer = std::move(result); }
  std::optional<Result<Resolved>> answer;
};

UvIoOptions asking(const NameServer& server) {
  UvIoOptions options;
  options.nameservers = {server.address()};
  options.dns_timeout = 100ms;
  options.dns_tries = 1;
  return options;
}

std::vector<std::string> printed(const std::vector<Address>& addresses) {
  std::vector<std::string> text;
  for (const Address& address : addresses) text.push_back(address.to_string());
  return text;
}

}  // namespace

TEST_CASE("a name gives its addresses, with the port asked for and the lowest TTL", "[net][dns]") {
  NameServer server({{"origin.test", {{"192.0.2.1", "192.0.2.2"}, {}, 17}}});
  Asker asker;
  UvRig rig(asking(server));
  std::unique_ptr<ResolveRequest> request;
  rig.run([&] {
    request = rig.loop.resolve("origin.test", 8080, asker);
    CHECK_FALSE(asker.answer);
  });
  REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
  REQUIRE(asker.answer->has_value());
  CHECK((*asker.answer)->ttl == 17s);
  auto addresses = printed((*asker.answer)->addresses);
  std::sort(addresses.begin(), addresses.end());
  CHECK(addresses == std::vector<std::string>{"192.0.2.1:8080", "192.0.2.2:8080"});
  rig.run([&] { request.reset(); });
}

TEST_CASE("a name with both families gives both", "[net][dns]") {
  NameServer server({{"both.test", {{"192.0.2.1"}, {"2001:db8::1"}, 5}}});
  Asker asker;
  UvRig rig(asking(server));
  std::unique_ptr<ResolveRequest> request;
  rig.run([&] { request = rig.loop.resolve("both.test", 80, asker); });
  REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
  REQUIRE(asker.answer->has_value());
  CHECK((*asker.answer)->addresses.size() == 2);
  rig.run([&] { request.reset(); });
}

TEST_CASE("no such name, no answer and no addresses are upstream errors", "[net][dns]") {
  NameServer server{std::map<std::string, Record>{{"empty.test", Record{}}}};
  struct Row {
    const char* host;
    std::string_view code;
  };
  const Row rows[] = {
      {"nowhere.test", "dns_error"}, {"silent.test", "dns_timeout"}, {"empty.test", "dns_error"}};
  for (const Row& row : rows) {
    Asker asker;
    UvRig rig(asking(server));
    std::unique_ptr<ResolveRequest> request;
    rig.run([&] { request = rig.loop.resolve(row.host, 80, asker); });
    REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
    INFO(row.host);
    REQUIRE_FALSE(asker.answer->has_value());
    CHECK(asker.answer->error().code == row.code);
    CHECK(asker.answer->error().side == Side::upstream);
    CHECK(asker.answer->error().context.starts_with(row.host));
    rig.run([&] { request.reset(); });
  }
}

TEST_CASE("the hosts file is honoured without asking anybody", "[net][dns]") {
  NameServer server{std::map<std::string, Record>{}};
  Asker asker;
  UvRig rig(asking(server));
  std::unique_ptr<ResolveRequest> request;
  rig.run([&] {
    request = rig.loop.resolve("localhost", 80, asker);
    CHECK_FALSE(asker.answer);
  });
  REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
  REQUIRE(asker.answer->has_value());
  CHECK((*asker.answer)->addresses.at(0).is_loopback());
  CHECK((*asker.answer)->ttl > 0s);
  CHECK(server.questions() == 0);
  rig.run([&] { request.reset(); });
}

TEST_CASE("a cancelled look-up is silent, also when its loop stops first", "[net][dns]") {
  NameServer server({{"origin.test", {{"192.0.2.1"}, {}}}});
  Asker cancelled, asker, never;
  std::unique_ptr<ResolveRequest> unanswered;
  {
    UvRig rig(asking(server));
    std::unique_ptr<ResolveRequest> first, second;
    rig.run([&] {
      first = rig.loop.resolve("origin.test", 80, cancelled);
      second = rig.loop.resolve("origin.test", 80, asker);
      first.reset();
    });
    REQUIRE(rig.until([&] { return asker.answer.has_value(); }));
    rig.run([&] {
      second.reset();
      unanswered = rig.loop.resolve("silent.test", 80, never);
    });
    rig.io.stop();
  }
  unanswered.reset();
  CHECK_FALSE(cancelled.answer);
  CHECK_FALSE(never.answer);
}

TEST_CASE("families take turns, beginning with the first, in the order given", "[net][dns]") {
  auto order = [](std::vector<std::string> ips) {
    std::vector<Address> addresses;
    for (const auto& ip : ips) addresses.push_back(*Address::parse_ip(ip, 0));
    interleave_families(addresses);
    std::vector<std::string> result;
    for (const auto& address : addresses) result.push_back(address.ip());
    return result;
  };
  using List = std::vector<std::string>;
  CHECK(order({}) == List{});
  CHECK(order({"::1", "::2", "10.0.0.1"}) == List{"::1", "10.0.0.1", "::2"});
  CHECK(order({"10.0.0.1", "10.0.0.2", "10.0.0.3", "::1"}) ==
        List{"10.0.0.1", "::1", "10.0.0.2", "10.0.0.3"});
  CHECK(order({"10.0.0.2", "10.0.0.1"}) == List{"10.0.0.2", "10.0.0.1"});
}
