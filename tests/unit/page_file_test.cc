#include "edge/net/page_file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "edge/net/page_pipe.h"
#include "edge/net/uv_send.h"

using namespace perigee;
using namespace perigee::net;

namespace {

constexpr size_t whole = BlockMemory::block_bytes_max;

uint64_t file_bytes(const PageFile& file) { return file.stats().bytes; }

// A TCP connection through the loopback interface; the sender does not block.
struct Connection {
  Connection() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, raw, size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, raw, &size) == 0);
    sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(sender, raw, size) == 0);
    receiver = ::accept(listener, nullptr, nullptr);
    REQUIRE(receiver >= 0);
    ::close(listener);
    const int room = 1 << 20;  // for a whole block, however the kernel's own idea grows
    REQUIRE(::setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
    REQUIRE(::fcntl(sender, F_SETFL, O_NONBLOCK) == 0);
  }
  ~Connection() {
    ::close(sender);
    ::close(receiver);
  }
  std::string receive(size_t bytes) const {
    std::string all(bytes, '\0');
    REQUIRE(::recv(receiver, all.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
    return all;
  }
  // What was received may not be acknowledged yet.
  void wait_for_room() const {
    pollfd room{sender, POLLOUT, 0};
    REQUIRE(::poll(&room, 1, 10'000) == 1);
  }
  int sender = -1;
  int receiver = -1;
};

// Not the same in any two pages.
std::string pattern(size_t bytes, uint64_t seed) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i / 7 + i / 4096 * 31 + seed * 101) & 0xff);
  return text;
}

}  // namespace

TEST_CASE("blocks of one body lie in a row, also when two bodies grow at a time", "[net][pages]") {
  const auto file = PageFile::create(1 << 20);
  REQUIRE(file != nullptr);
  char* a = file->take(whole, nullptr, 7);
  char* b = file->take(whole, nullptr, 7);
  for (int i = 1; i < 8; ++i) {
    char* const next_a = file->take(whole, a, static_cast<size_t>(7 - i));
    char* const next_b = file->take(whole, b, static_cast<size_t>(7 - i));
    CHECK(next_a == a + whole);
    CHECK(next_b == b + whole);
    a = next_a;
    b = next_b;
  }
}

TEST_CASE("a block takes its pages and no more, and they are gone when it is given back", "[net][pages]") {
  const auto file = PageFile::create(1 << 20);
  CHECK(file_bytes(*file) == 0);
  CHECK(file->allocated_bytes(1) == 4096);
  CHECK(file->allocated_bytes(4097) == 8192);
  char* const small = file->take(5000, nullptr, 0);
  CHECK(file_bytes(*file) == 8192);
  char* const large = file->take(whole, small, 0);
  std::memset(large, 1, whole);
  CHECK(file_bytes(*file) == 8192 + whole);
  CHECK(file->holds({large, whole}));
  CHECK_FALSE(file->holds("not of the file"));
  CHECK(large == small + whole);
  file->give_back(small);
  CHECK(file_bytes(*file) == 8192 + whole);
  CHECK(file->release());
  CHECK(file_bytes(*file) == whole);
  file->give_back(large);
  CHECK(file->release());
  CHECK(file_bytes(*file) == 0);
  CHECK_FALSE(file->release());
}

TEST_CASE("of many blocks given back at once a few are let go with each that is taken", "[net][pages]") {
  const auto file = PageFile::create(64 << 20);
  std::vector<char*> body;
  for (size_t i = 0; i < 640; ++i)
    body.push_back(file->take(whole, body.empty() ? nullptr : body.back(), 639 - i));
  for (char* block : body) file->give_back(block);
  CHECK(file_bytes(*file) == 640 * whole);
  uint64_t before = file_bytes(*file);
  for (size_t taken = 1; before > taken * whole; ++taken) {
    REQUIRE(file->take(whole, nullptr, 0) != nullptr);
    const uint64_t now = file_bytes(*file);
    CHECK(now < before);                // it shrinks though a block is taken
    CHECK(now + 40 * whole >= before);  // by a step
    before = now;
    REQUIRE(taken < 640);
  }
}

TEST_CASE("a full file says so, and what is given back is taken again", "[net][pages]") {
  const auto file = PageFile::create(0);
  std::vector<char*> blocks;
  while (char* block = file->take(1, blocks.empty() ? nullptr : blocks.back(), 3)) {
    *block = 'x';
    blocks.push_back(block);
    REQUIRE(blocks.size() <= 4096);
  }
  CHECK(blocks.size() >= 1024);
  file->give_back(blocks[500]);
  file->give_back(blocks[3]);
  char* const first = file->take(1, nullptr, 0);
  char* const second = file->take(1, nullptr, 0);
  CHECK(((first == blocks[3] && second == blocks[500]) || (first == blocks[500] && second == blocks[3])));
  CHECK(file->take(1, nullptr, 0) == nullptr);
}

TEST_CASE("a file says how many blocks it has, what they take, and how often it had none", "[net][pages]") {
  const auto file = PageFile::create(0);
  const auto figures = [&] {
    const BlockMemory::Stats stats = file->stats();
    return std::vector<uint64_t>{stats.used, stats.waiting, stats.lost, stats.bytes, stats.refused};
  };
  CHECK(figures() == std::vector<uint64_t>{0, 0, 0, 0, 0});
  char* const first = file->take(5000, nullptr, 0);
  CHECK(file->take(whole, first, 0) != nullptr);
  CHECK(figures() == std::vector<uint64_t>{2, 0, 0, 8192 + whole, 0});
  file->give_back(first);
  CHECK(figures() == std::vector<uint64_t>{1, 1, 0, 8192 + whole, 0});
  CHECK(file->release());
  CHECK(figures() == std::vector<uint64_t>{1, 0, 0, whole, 0});
  while (file->take(1, nullptr, 0) != nullptr) {
  }
  CHECK(file->stats().refused == 1);
}

TEST_CASE("what a socket was given from pages arrives as it was, though the place has new bytes since",
          "[net][pages]") {
  const auto file = PageFile::create(1 << 20);
  Connection connection;
  PagePipe pipe;
  const std::string first = pattern(whole, 1);
  const std::string second = pattern(whole, 2);
  char* block = file->take(whole, nullptr, 0);
  std::memcpy(block, first.data(), whole);
  const std::string head = "head\r\n\r\n";
  const Slice slices[] = {head, {block, whole}};
  const Sent sent = send_slices(connection.sender, slices, file.get(), pipe);
  CHECK(sent.calls == 3);
  REQUIRE(sent.taken == head.size() + whole);
  file->give_back(block);
  // All the others too, so that the same place comes round.
  bool again = false;
  for (int i = 0; i < 2000 && !again; ++i) {
    char* const other = file->take(whole, nullptr, 0);
    REQUIRE(other != nullptr);
    again = other == block;
    std::memcpy(other, second.data(), whole);
    if (!again) file->give_back(other);
  }
  REQUIRE(again);
  CHECK(connection.receive(sent.taken) == head + first);
}

TEST_CASE("slices of all kinds arrive in order, whatever the kernel takes at a time", "[net][pages]") {
  const auto file = PageFile::create(8 << 20);
  Connection connection;
  PagePipe pipe;
  std::string expected;
  std::vector<std::string> texts(40);
  std::vector<Slice> slices;
  char* behind = nullptr;
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i] = pattern(i % 3 == 0 ? 20 : 50'000, i);
    slices.emplace_back(texts[i]);
    for (size_t size : {whole, whole, size_t{9000 + i * 1000}}) {
      const std::string bytes = pattern(size, 1000 + i);
      behind = file->take(size, behind, 2);
      REQUIRE(behind != nullptr);
      std::memcpy(behind, bytes.data(), size);
      slices.emplace_back(behind, size);
    }
  }
  for (Slice slice : slices) expected += slice;
  std::string received;
  std::span<Slice> rest(slices);
  while (received.size() < expected.size()) {
    Sent sent = send_slices(connection.sender, rest, file.get(), pipe);
    REQUIRE((sent.error == 0 || sent.error == EAGAIN));
    received += connection.receive(sent.taken);
    connection.wait_for_room();
    while (!rest.empty() && sent.taken >= rest.front().size()) {
      sent.taken -= rest.front().size();
      rest = rest.subspan(1);
    }
    if (!rest.empty()) rest.front().remove_prefix(sent.taken);
  }
  CHECK(received == expected);
}

TEST_CASE("what is short goes out with its head in one call", "[net][pages]") {
  const auto file = PageFile::create(1 << 20);
  Connection connection;
  PagePipe pipe;
  char* const block = file->take(20'000, nullptr, 0);
  const std::string bytes = pattern(20'000, 3);
  std::memcpy(block, bytes.data(), bytes.size());
  const Slice slices[] = {"head", {block, bytes.size()}, "tail"};
  const Sent sent = send_slices(connection.sender, slices, file.get(), pipe);
  CHECK(sent.calls == 1);
  CHECK(connection.receive(sent.taken) == "head" + bytes + "tail");
}

TEST_CASE("an end that is gone is an error, not a signal", "[net][pages]") {
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  const auto file = PageFile::create(1 << 20);
  Connection connection;
  PagePipe pipe;
  char* const block = file->take(whole, nullptr, 0);
  ::shutdown(connection.sender, SHUT_WR);
  const Slice slices[] = {{block, whole}};
  const Sent sent = send_slices(connection.sender, slices, file.get(), pipe);
  CHECK(sent.error == EPIPE);
  CHECK(sent.taken == 0);
  const timespec now{0, 0};
  ::sigtimedwait(&signals, nullptr, &now);  // take what is pending away
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

namespace {

// A body of a MiB in pages.
struct LargeBody {
  LargeBody() {
    char* behind = nullptr;
    for (size_t i = 0; i < 16; ++i) {
      behind = file->take(whole, behind, 15 - i);
      REQUIRE(behind != nullptr);
      if (i == 0) begin = behind;
    }
    REQUIRE(behind == begin + 15 * whole);
    text = pattern(16 * whole, 5);
    std::memcpy(begin, text.data(), text.size());
  }
  Slice from(size_t at) const { return {begin + at, text.size() - at}; }

  std::unique_ptr<PageFile> file = PageFile::create(1 << 20);
  char* begin = nullptr;
  std::string text;
};

// The descriptor that a pipe throws away to: the first of those it opens, and so the lowest that is free.
int nowhere_of(PagePipe& pipe) {
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  REQUIRE(pipe.ready());
  struct stat facts {};
  struct stat null {};
  REQUIRE(::stat("/dev/null", &null) == 0);
  REQUIRE(::fstat(next, &facts) == 0);
  REQUIRE(facts.st_rdev == null.st_rdev);
  return next;
}

// Takes little at a time, whatever the system thinks a socket should have.
struct SlowConnection : Connection {
  SlowConnection() {
    const int little = 4096;
    REQUIRE(::setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == 0);
    REQUIRE(::setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
  }
};

}  // namespace

TEST_CASE("what one socket did not take is not what the next one is sent", "[net][pages]") {
  const LargeBody body;
  PagePipe pipe;
  for (size_t at : {size_t{0}, size_t{4096}, size_t{100'001}}) {
    SlowConnection slow;
    Connection other;
    const Slice all[] = {body.from(0)};
    const Slice part[] = {body.from(at)};
    const Sent first = send_slices(slow.sender, all, body.file.get(), pipe);
    REQUIRE(first.taken > 0);
    REQUIRE(first.taken < body.text.size());
    const Slice rest[] = {body.from(first.taken)};
    const Sent next = send_slices(slow.sender, rest, body.file.get(), pipe);
    CHECK(next.taken < rest[0].size());
    const Sent second = send_slices(other.sender, part, body.file.get(), pipe);
    REQUIRE(second.taken > 0);
    CHECK(other.receive(second.taken) == body.text.substr(at, second.taken));
    CHECK(slow.receive(first.taken + next.taken) == body.text.substr(0, first.taken + next.taken));
  }
}

TEST_CASE("a pipe that does not let go of what it holds is closed with it", "[net][pages]") {
  const LargeBody body;
  PagePipe pipe;
  const int nowhere = nowhere_of(pipe);
  const int unwritable = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(unwritable >= 0);
  REQUIRE(::dup2(unwritable, nowhere) == nowhere);
  ::close(unwritable);
  SlowConnection slow;
  Connection other;
  const Slice all[] = {body.from(0)};
  const Sent first = send_slices(slow.sender, all, body.file.get(), pipe);
  REQUIRE(first.taken < body.text.size());
  CHECK(::fcntl(nowhere, F_GETFD) == -1);
  const Slice rest[] = {body.from(77)};
  const Sent second = send_slices(other.sender, rest, body.file.get(), pipe);
  REQUIRE(second.taken > 0);
  CHECK(other.receive(second.taken) == body.text.substr(77, second.taken));
  CHECK(slow.receive(first.taken) == body.text.substr(0, first.taken));
}

// In a process of its own, as a user without privileges.
TEST_CASE("a user with so many pipes that the next are small sends copies", "[net][pages]") {
  enum Outcome { refused, accepted, no_limit };
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    if (::getuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) ::_exit(no_limit);
    int ends[2];
    do {
      if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(no_limit);
    } while (::fcntl(ends[0], F_GETPIPE_SZ) >= 64 * 1024);
    PagePipe pipe;
    ::_exit(pipe.ready() || pipe.ready() ? accepted : refused);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  // Where the system has no such limit, or none below that of descriptors, there is nothing to see.
  if (WEXITSTATUS(status) == no_limit) WARN("no limit of pipes for a user was reached");
  CHECK(WEXITSTATUS(status) != accepted);
}

TEST_CASE("without descriptors for a pipe what lies in pages is copied", "[net][pages]") {
  const LargeBody body;
  PagePipe pipe;
  Connection connection;
  const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(lowest);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  for (int spare : {0, 1, 2}) {
    const rlimit few{static_cast<rlim_t>(lowest + spare), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    const bool ready = pipe.ready();
    const Slice slices[] = {body.from(0).substr(0, whole)};
    const Sent sent = send_slices(connection.sender, slices, body.file.get(), pipe);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK_FALSE(ready);
    CHECK(sent.calls == 1);
    REQUIRE(sent.taken == whole);
    CHECK(connection.receive(whole) == body.text.substr(0, whole));
    connection.wait_for_room();
  }
  CHECK(pipe.ready());
}
