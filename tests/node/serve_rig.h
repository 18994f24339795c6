// One Server on the in-memory network with handlers scripted per path, and clients of raw bytes.
//
// Thread rule: the test's one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/net/memory_io.h"
#include "edge/serve/server.h"
#include "tests/node/raw_client.h"

namespace perigee::test {

// An exchange that a script keeps: remembers what was reported, serves a body from memory.
struct KeptExchange final : serve::ExchangeHandler, serve::BodySource {
  serve::ServerExchange* exchange = nullptr;
  std::string content;
  bool content_ended = false;
  std::vector<serve::ExchangeEnd> ends;

  std::string body;  // what pull() gives
  size_t slice_bytes = 1000;
  bool more_comes = false;  // at the end of body: wait, not end
  bool fails = false;       // at the end of body: failed
  size_t pulled_max = 0;
  size_t consumed_bytes = 0;

  void on_request_body(std::string_view bytes) override { content.append(bytes); }
  void on_request_end() override { content_ended = true; }
  void on_exchange_end(serve::ExchangeEnd end) override {
    ends.push_back(end);
    exchange = nullptr;
  }
  State pull(std::span<Slice> out, size_t& count) override {
    count = 0;
    std::string_view rest = std::string_view(body).substr(consumed_bytes);
    if (rest.empty()) return fails ? State::failed : more_comes ? State::wait : State::end;
    while (!rest.empty() && count < out.size()) {
      out[count] = rest.substr(0, slice_bytes);
      rest.remove_prefix(out[count++].size());
    }
    return State::ready;
  }
  void consumed(size_t bytes) override { consumed_bytes += bytes; }
};

// The plainest request, and what a ServeRig without scripts answers.
inline constexpr std::string_view get_root = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
inline constexpr std::string_view hello =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nhello\n";

struct ServeRig final : serve::Handler {
  using Script = std::function<void(serve::ServerExchange&)>;

  explicit ServeRig(uint64_t seed = 1, serve::ServerOptions with = {})
      : world(seed), options(std::move(with)) {
    options.address = *net::Address::parse("10.0.0.1:80");
    server = std::make_unique<serve::Server>(loop, options, *this, metrics);
    address = server->listen().value();
    server_io->start();
    client_io->start();
  }
  ~ServeRig() override {
    clients.clear();
    client_io->stop();
    server_io->stop();
  }

  void on_request(serve::ServerExchange& exchange) override {
    const std::string path(exchange.request().path);
    requests.push_back(path);
    const auto script = scripts.find(path);
    if (script != scripts.end()) return script->second(exchange);
    if (default_script) return default_script(exchange);
    exchange.reply({200, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n", {}}, "hello\n", {});
  }

  RawClient& connect() {
    clients.push_back(std::make_unique<RawClient>(client_loop, address));
    return *clients.back();
  }
  // A client that has sent this and got what there is to get.
  RawClient& ask(std::string_view bytes) {
    RawClient& client = connect();
    client.send(bytes);
    world.run_until_idle();
    return client;
  }
  // What one direction of a connection holds that the other side has not read.
  void set_buffers(size_t bytes) {
    client_io->shape().send_buffer_bytes = bytes;
    server_io->shape().send_buffer_bytes = bytes;
  }
  KeptExchange& keep(serve::ServerExchange& exchange) {
    kept.push_back(std::make_unique<KeptExchange>());
    kept.back()->exchange = &exchange;
    exchange.set_handler(*kept.back());
    return *kept.back();
  }
  uint64_t metric(Metric which) const { return metrics.read(which); }

  net::MemoryWorld world;
  std::unique_ptr<net::MemoryIo> server_io = world.make_io("server", "10.0.0.1");
  std::unique_ptr<net::MemoryIo> client_io = world.make_io("client", "10.0.0.2");
  net::Loop& loop = server_io->add_loop("worker");
  net::Loop& client_loop = client_io->add_loop("clients");
  serve::ServerOptions options;
  MetricShard metrics;
  std::map<std::string, Script> scripts;
  Script default_script;  // for paths without one
  std::vector<std::string> requests;
  std::vector<std::unique_ptr<KeptExchange>> kept;
  std::unique_ptr<serve::Server> server;
  net::Address address;
  std::vector<std::unique_ptr<RawClient>> clients;
};

}  // namespace perigee::test
