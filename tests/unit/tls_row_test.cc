// TLS streams that read in a row: all records are opened, then all of it is handed out.
#include "edge/net/tls_row.h"

#include <algorithm>

#include "edge/net/tls_stream.h"
#include "tests/unit/held_rig.h"
#include "tests/unit/test_files.h"

using namespace perigee;
using namespace perigee::net;
using namespace perigee::test;

namespace {

std::shared_ptr<const TlsServerContext> server_context() {
  TlsServerSettings settings;
  settings.hosts.push_back({"*", {*read_tls_certificate({pem("a.pem"), pem("a.key"), ""}, std::nullopt)}});
  settings.offer_http2 = false;
  return TlsServerContext::build(settings).value();
}

// Passes everything on to a TLS stream, and counts what it was given to open.
struct Tap final : StreamHandler {
  Tap(StreamHandler& handler, size_t& count) : tls(handler), given(count) {}
  void on_read(std::string_view bytes) override {
    tls.on_read(bytes);
    ++given;
  }
  void on_end() override { tls.on_end(); }
  void on_writable() override { tls.on_writable(); }
  void on_error(StreamError error) override { tls.on_error(error); }
  void on_closed() override { tls.on_closed(); }
  StreamHandler& tls;
  size_t& given;
};

struct TlsLayer final : Layer {
  explicit TlsLayer(HeldRig& rig) : accepting(rig.serving), connecting(rig.asking) {}

  StreamHandler& accept(Recorder& peer, Stream& below) override {
    const TlsAccepted accepted = accepting.accept(below, server, peer);
    peer.stream = &accepted.stream;
    return *taps.emplace_back(std::make_unique<Tap>(accepted.handler_of_below, given));
  }
  void connect(Recorder& client, Stream& below) override {
    client.stream = &connecting.connect(below, trusting, "a.example", "", client);
    client.stream->read_start();
  }

  TlsFactory accepting, connecting;
  std::shared_ptr<const TlsServerContext> server = server_context();
  std::shared_ptr<TlsClientContext> trusting = TlsClientContext::build({pem("root.pem"), nullptr}).value();
  size_t given = 0;
  std::vector<std::unique_ptr<Tap>> taps;
};

struct TlsHeld : HeldRig {
  explicit TlsHeld(size_t clients_wanted)
      : HeldRig(clients_wanted, [](HeldRig& rig) { return std::make_unique<TlsLayer>(rig); }) {
    until(
        [&] { return std::ranges::all_of(server.peers, [](auto& peer) { return peer->has("connected"); }); });
    rows.clear();
  }
  bool all_received(std::string_view text) {
    return std::ranges::all_of(server.peers, [&](auto& peer) { return peer->received == text; });
  }
};

TEST_CASE("all records of a row are opened before the first request is handed out", "[net][uv][tls]") {
  TlsHeld held(5);
  auto& given = static_cast<TlsLayer&>(*held.layer).given;
  const size_t before = given;
  size_t given_at_first = 0;
  held.count_reads([&](Recorder&) { given_at_first = given - before; });
  held.all_write("hello");
  held.until([&] { return held.reads == 5; });
  CHECK(given_at_first == 5);
  CHECK(held.rows == std::vector<size_t>{5});
  CHECK(held.reads_alone == 0);
  CHECK(held.all_received("hello"));
}

TEST_CASE("more streams than a row holds, and more bytes, are all heard", "[net][uv][tls]") {
  for (const size_t size : {5ul, 15'000ul, 20'000ul}) {
    INFO(size);
    TlsHeld held(20);
    held.count_reads({});
    const std::string text(size, 'm');
    held.all_write(text);
    held.until([&] { return held.all_received(text); });
    CHECK(held.reads_alone == 0);
  }
}

TEST_CASE("a TLS stream that is closed by one before it in the row hears no more", "[net][uv][tls]") {
  TlsHeld held(3);
  held.count_reads(
      [&](Recorder& first) { held.others(first, [](Recorder& peer) { peer.stream->close(); }); });
  held.all_write("hello");
  held.until([&] {
    return std::ranges::count_if(held.server.peers, [](auto& peer) { return peer->is_closed(); }) == 2;
  });
  CHECK(held.reads == 1);
  for (auto& peer : held.server.peers) CHECK(peer->received == (peer->is_closed() ? "" : "hello"));
}

TEST_CASE("a TLS stream that another stops from reading keeps what was opened, in order", "[net][uv][tls]") {
  TlsHeld held(3);
  held.count_reads(
      [&](Recorder& first) { held.others(first, [](Recorder& peer) { peer.stream->read_stop(); }); });
  held.all_write("one ");
  held.until([&] { return held.reads == 1; });
  // More comes, and an end, while the first bytes are kept.
  held.all_write_and_end("two");
  held.until(
      [&] { return std::ranges::any_of(held.server.peers, [](auto& peer) { return peer->has("end"); }); });
  run_on(held.serving, [&] {
    for (auto& peer : held.server.peers) {
      CHECK((peer->received.empty() || peer->received == "one two"));
      const std::string before = peer->received;
      peer->stream->read_start();
      // Not from inside this call.
      CHECK(peer->received == before);
    }
  });
  held.until(
      [&] { return std::ranges::all_of(held.server.peers, [](auto& peer) { return peer->has("end"); }); });
  CHECK(held.all_received("one two"));
}

TEST_CASE("an end right behind what waits for its turn comes after it", "[net][uv][tls]") {
  TlsHeld held(4);
  held.count_reads({});
  held.all_write_and_end("last");
  held.until(
      [&] { return std::ranges::all_of(held.server.peers, [](auto& peer) { return peer->has("end"); }); });
  CHECK(held.all_received("last"));
  for (auto& peer : held.server.peers) CHECK(peer->events.back() == "end");
}

}  // namespace
