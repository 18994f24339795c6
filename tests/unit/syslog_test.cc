#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <sstream>
#include <string>

#include "edge/control/log_writer.h"
#include "tests/unit/log_rig.h"

using namespace perigee::control;

namespace {

// The socket of a syslog daemon.
class Daemon {
 public:
  explicit Daemon(const std::string& path) {
    ::unlink(path.c_str());
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Daemon() { ::close(socket_); }

  // The next datagram; waits for it at most ten seconds.
  std::string receive() const {
    timeval wait{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    char buffer[65536];
    const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
    REQUIRE(size > 0);
    return {buffer, static_cast<size_t>(size)};
  }

 private:
  int socket_ = -1;
};

class SocketPath {
 public:
  operator std::string() const { return folder_ / "log"; }

 private:
  rig::TestFolder folder_;
};

std::unique_ptr<LogWriter> writer_to(const std::string& path) {
  auto writer = LogWriter::open("syslog:" + path, 4096);
  REQUIRE(writer);
  return std::move(*writer);
}

}  // namespace

TEST_CASE("a line is a datagram as RFC 5424 has it", "[log][syslog]") {
  const SocketPath path;
  const Daemon daemon(path);
  auto writer = writer_to(path);
  writer->write("{\"event\":\"x\"}");
  const std::string message = daemon.receive();
  INFO(message);
  // <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG, and "-" for what there is not.
  std::istringstream words(message);
  std::string priority, time, host, program, process, id, data, text;
  words >> priority >> time >> host >> program >> process >> id >> data >> text;
  CHECK(priority == "<134>1");
  REQUIRE(time.size() == std::string_view("2026-01-01T00:00:00.123Z").size());
  CHECK((time[4] == '-' && time[10] == 'T' && time[19] == '.' && time.back() == 'Z'));
  CHECK(!host.empty());
  CHECK(program == "perigee-edge");
  CHECK(process == std::to_string(::getpid()));
  CHECK((id == "-" && data == "-"));
  CHECK(text == "{\"event\":\"x\"}");
}

TEST_CASE("nobody waits for a daemon that does not read, or is not there; what is lost is counted",
          "[log][syslog]") {
  const SocketPath path;
  {
    auto writer = writer_to(path);
    for (int i = 0; i < 10; ++i) writer->write("lost");
    writer.reset();  // writes what is queued, and would not end if it waited
  }
  const Daemon daemon(path);
  auto writer = writer_to(path);
  const std::string line(1000, 'x');
  while (writer->dropped() == 0) writer->write(line);
  CHECK(daemon.receive().ends_with(line));
}

TEST_CASE("a daemon that was started again is found with the next line", "[log][syslog]") {
  const SocketPath path;
  auto first = std::make_unique<Daemon>(path);
  auto writer = writer_to(path);
  writer->write("one");
  CHECK(first->receive().ends_with("one"));
  first.reset();
  const Daemon second(path);
  writer->write("two");
  CHECK(second.receive().ends_with("two"));
  CHECK(writer->dropped() == 0);
}

TEST_CASE("a line too long for a datagram is lost alone", "[log][syslog]") {
  const SocketPath path;
  const Daemon daemon(path);
  auto writer = writer_to(path);
  writer->write(std::string(1 << 20, 'x'));
  writer->write("after");
  CHECK(daemon.receive().ends_with("after"));
  CHECK(writer->dropped() == 1);
}
