// Bytes of an HTTP/2 client, on a whole server of the in-memory network. Properties: every exchange that a
// handler keeps ends exactly once; content arrives only of requests that have some; nothing is left when the
// client has gone.
#include <cstdlib>

#include "tests/node/serve_rig.h"

namespace {

using namespace perigee;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The path says what a handler does with the request.
void script(test::ServeRig& rig, serve::ServerExchange& exchange) {
  const char kind = exchange.request().path.back();
  if (kind == 'a') return exchange.reply({200, "HTTP/1.1 200 OK\r\na: b\r\n", {}}, "hello", {});
  test::KeptExchange& kept = rig.keep(exchange);
  kept.body = std::string(40'000, 'x');
  if (kind == 'b') return exchange.reply({200, "HTTP/1.1 200 OK\r\na: b\r\n", {}, kept.body.size()}, kept);
  if (kind == 'c') return exchange.cut();
  kept.fails = kind == 'd';
  exchange.read_request_body();
  exchange.reply({200, "HTTP/1.1 200 OK\r\n", "c: d\r\n"}, kept);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 64 * 1024) return 0;
  serve::ServerOptions options;
  options.http2_clear = true;
  // What an input of some hundred bytes can spend.
  if (data[0] % 2 == 1) options.http2.glitches_max = 4;
  test::ServeRig rig(data[0], options);
  rig.default_script = [&](serve::ServerExchange& exchange) { script(rig, exchange); };
  rig.server_io->shape().random_read_sizes = true;
  rig.server_io->shape().read_bytes_max = 1 + data[1] * size_t{64};
  test::RawClient& client = rig.connect();
  client.send(preface);
  client.send({reinterpret_cast<const char*>(data) + 2, size - 2});
  rig.world.run_until_idle();
  rig.world.advance(std::chrono::seconds(2));
  client.reset();
  rig.world.run_until_idle();
  require(rig.server->connections() == 0);
  for (const auto& kept : rig.kept) require(kept->ends.size() == 1);
  return 0;
}
