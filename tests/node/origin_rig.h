// perigee-origin on the in-memory network, and answers taken apart.
//
// Thread rule: the test's one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/h1.h"
#include "edge/net/memory_io.h"
#include "edge/serve/server.h"
#include "origin/origin_handler.h"
#include "tests/node/raw_client.h"

namespace perigee::test {

// One answer of a client's received bytes.
struct Got {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool complete = false;
  bool broken = false;  // the connection was reset

  std::string field(std::string_view name) const {
    for (const auto& [each, value] : fields) {
      if (each == name) return value;
    }
    return {};
  }
};

// The first answer that is not interim, with what there is of its content.
inline Got take_apart(std::string_view bytes, http::Method to) {
  Got got;
  http::ResponseHead head;
  do {
    const http::HeadParse parse = http::parse_response_head(bytes, 0, {}, to, head);
    if (parse.outcome != http::HeadParse::Outcome::complete) return got;
    bytes.remove_prefix(parse.consumed);
  } while (head.status < 200);
  got.status = head.status;
  for (const http::Field& field : head.fields) {
    got.fields.emplace_back(std::string(field.name), std::string(field.value));
  }
  http::BodyReader reader;
  reader.start(head.framing, head.content_length);
  while (!reader.done() && !bytes.empty()) {
    const auto step = reader.feed(bytes);
    got.body.append(step.data);
    if (step.refused || step.consumed == 0) return got;
    bytes.remove_prefix(step.consumed);
  }
  got.complete = reader.done() || reader.end_of_stream();
  return got;
}

struct OriginRig {
  explicit OriginRig(origin::OriginOptions options = {}, uint64_t seed = 1) : world(seed) {
    handler = std::make_unique<origin::OriginHandler>(options, io->files(), recorder);
    serve::ServerOptions server_options;
    server_options.address = *net::Address::parse("10.0.0.1:80");
    server = std::make_unique<serve::Server>(loop, server_options, *handler, metrics);
    address = server->listen().value();
    io->start();
    client_io->start();
  }
  ~OriginRig() {
    clients.clear();
    client_io->stop();
    io->stop();
  }

  RawClient& send(std::string_view bytes) {
    clients.push_back(std::make_unique<RawClient>(client_loop, address));
    clients.back()->send(bytes);
    world.run_until_idle();
    return *clients.back();
  }
  static std::string request(std::string_view method, std::string_view target, std::string_view fields = {}) {
    return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nhost: o\r\n" +
           std::string(fields) + "\r\n";
  }
  // fields: lines ended by CRLF. Time moves by `waiting` before the answer is looked at.
  Got get(std::string_view target, std::string_view fields = {}, Duration waiting = {}) {
    return ask("GET", target, fields, waiting);
  }
  Got ask(std::string_view method, std::string_view target, std::string_view fields = {},
          Duration waiting = {}) {
    RawClient& client = send(request(method, target, fields));
    if (waiting > Duration::zero()) world.advance(waiting);
    Got got = take_apart(client.received, http::parse_method(method));
    got.broken = client.broken;
    return got;
  }

  net::MemoryWorld world;
  std::unique_ptr<net::MemoryIo> io = world.make_io("origin", "10.0.0.1");
  std::unique_ptr<net::MemoryIo> client_io = world.make_io("client", "10.0.0.2");
  net::Loop& loop = io->add_loop("worker");
  net::Loop& client_loop = client_io->add_loop("clients");
  origin::Recorder recorder{1000};
  std::unique_ptr<origin::OriginHandler> handler;
  MetricShard metrics;
  std::unique_ptr<serve::Server> server;
  net::Address address;
  std::vector<std::unique_ptr<RawClient>> clients;
};

}  // namespace perigee::test
