// An origin for tests on the in-memory network: answers as told, path by path, and remembers what it was
// asked.
//
//   origin.on("/a").reply(200).max_age(60).body("hello");
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/memory_io.h"
#include "edge/serve/server.h"
#include "tests/node/support/test_client.h"

namespace perigee::test {

struct ReceivedRequest {
  std::string method;
  std::string target;
  Headers headers;  // lower-case names
  std::string body;
  bool complete = false;  // the content has ended in order
  std::string header(std::string_view name) const;
};

// What one path is answered with. Every setter returns the script, so that a scenario reads as a sentence.
class Script {
 public:
  Script& reply(int status) {
    status_ = status;
    return *this;
  }
  Script& field(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  Script& max_age(int seconds) { return field("cache-control", "max-age=" + std::to_string(seconds)); }
  Script& etag(std::string tag) {
    etag_ = tag;
    return field("etag", std::move(tag));
  }
  Script& body(std::string text) {
    body_ = std::move(text);
    return *this;
  }
  // The body is the request's Accept-Language, '#' and a number of its own, so that mixing shows.
  Script& echo_language() {
    echo_language_ = true;
    return *this;
  }
  // Waits before the head.
  Script& delay(Duration wait) {
    delay_ = wait;
    return *this;
  }
  // An interim response with one field, before the head.
  Script& interim(int status, std::string name, std::string value) {
    interim_ = status;
    interim_field_ = {std::move(name), std::move(value)};
    return *this;
  }
  // Takes no content until so much time has passed.
  Script& read_late(Duration wait) {
    read_late_ = wait;
    return *this;
  }
  // Bytes per second of the body; 0: at once.
  Script& rate(uint64_t bytes_per_second) {
    rate_ = bytes_per_second;
    return *this;
  }
  // The connection breaks after so many body bytes.
  Script& cut_after(uint64_t bytes) {
    cut_after_ = bytes;
    return *this;
  }
  // Understands ranges that have an end, too; others get the whole.
  Script& closed_ranges() {
    closed_ranges_ = true;
    return *this;
  }
  Script& chunked() {
    chunked_ = true;
    return *this;
  }

 private:
  friend class ScriptedOrigin;
  friend class OriginAnswer;
  int status_ = 200;
  Headers headers_;
  std::string etag_;
  std::string body_;
  bool echo_language_ = false;
  bool chunked_ = false;
  bool closed_ranges_ = false;
  int interim_ = 0;
  std::pair<std::string, std::string> interim_field_;
  Duration delay_{};
  Duration read_late_{};
  uint64_t rate_ = 0;
  uint64_t cut_after_ = ~uint64_t{0};
};

class ScriptedOrigin final : private serve::Handler {
 public:
  ScriptedOrigin(net::MemoryWorld& world, std::string_view name, const net::Address& at);
  ~ScriptedOrigin();

  // Begins the script of a path anew. Requests under way keep the one they began with.
  Script& on(const std::string& path) { return scripts_[path] = Script(); }
  const std::vector<ReceivedRequest>& requests() const { return requests_; }
  size_t count(std::string_view method, std::string_view target) const;
  const ReceivedRequest& last() const { return requests_.back(); }
  void forget() { requests_.clear(); }
  // Open now.
  size_t connections() const { return server_->connections(); }
  // As if the machine had lost power.
  void crash();

  net::MemoryIo& io() { return *io_; }

 private:
  friend class OriginAnswer;
  void on_request(serve::ServerExchange& exchange) override;

  net::MemoryWorld& world_;
  std::unique_ptr<net::MemoryIo> io_;
  MetricShard metrics_;
  std::unique_ptr<serve::Server> server_;
  std::map<std::string, Script> scripts_;
  std::vector<ReceivedRequest> requests_;
};

}  // namespace perigee::test
