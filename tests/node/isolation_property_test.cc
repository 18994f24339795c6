// No field of a request outside of the key and Vary reaches the answer to a later client: what a client gets
// from a node that others have used before is what it would get from an empty one.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "edge/base/random.h"
#include "edge/serve/owned_reply.h"
#include "tests/node/support/cluster.h"

namespace perigee::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view vary = "accept-language, x-variant";

// A well-behaved origin: conditions and ranges are answered as they should be, and the body repeats the
// target and the fields that Vary names. It remembers every byte of the requests it received.
class EchoOrigin final : private serve::Handler {
 public:
  explicit EchoOrigin(net::MemoryWorld& world) : io_(world.make_io("echo", "10.9.0.9")) {
    serve::ServerOptions options;
    options.address = net::Address::parse("10.9.0.9:80").value();
    serve::Handler& handler = *this;
    server_ = std::make_unique<serve::Server>(io_->add_loop("echo"), options, handler, metrics_);
    REQUIRE(server_->listen());
    io_->start();
  }
  ~EchoOrigin() { io_->stop(); }

  bool received(std::string_view text) const { return all_.find(text) != std::string::npos; }

 private:
  void on_request(serve::ServerExchange& exchange) override {
    const http::RequestHead& request = exchange.request();
    std::string body(request.path);
    for (const http::Field& field : request.fields) {
      all_ += std::string(field.name) + ": " + std::string(field.value) + "\n";
      const bool selects = field.name == "accept-language" || field.name == "x-variant";
      if (selects) body += "\n" + std::string(field.name) + "=" + std::string(field.value);
    }
    const std::string tag = "\"" + std::to_string(std::hash<std::string>()(body)) + "\"";
    std::string lines =
        "cache-control: max-age=60\r\nvary: " + std::string(vary) + "\r\netag: " + tag + "\r\n";
    int status = 200;
    if (request.fields.value(http::FieldId::if_none_match) == tag) {
      status = 304;
      body.clear();
    } else if (request.fields.has(http::FieldId::range)) {
      status = 206;
      lines += "content-range: bytes 0-0/" + std::to_string(body.size()) + "\r\n";
      body.resize(1);
    }
    const std::string_view phrase = status == 200 ? "OK" : status == 304 ? "Not Modified" : "Partial Content";
    lines.insert(0, "HTTP/1.1 " + std::to_string(status) + " " + std::string(phrase) + "\r\n");
    const uint64_t length = status == 304 ? serve::ReplyHead::unknown_length : body.size();
    serve::reply_owned(exchange, status, length, std::move(lines), std::move(body));
  }

  std::unique_ptr<net::MemoryIo> io_;
  MetricShard metrics_;
  std::unique_ptr<serve::Server> server_;
  std::string all_;
};

Setup setup() { return Setup().origin("servers = [\"10.9.0.9:80\"]\n"); }

std::string secret(Random& random) { return "secret" + std::to_string(random.next()); }

// What a stranger might send: everything that some cache or origin has once taken a hint from.
Headers strange_fields(Random& random, const std::string& word) {
  const std::string date = "Fri, 07 Jun 2024 12:00:00 GMT";
  const Headers all = {{"x-forwarded-host", word},
                       {"x-forwarded-for", word},
                       {"x-forwarded-proto", word},
                       {"forwarded", "host=" + word},
                       {"x-original-url", "/" + word},
                       {"cookie", word},
                       {"user-agent", word},
                       {"referer", word},
                       {"origin", "http://" + word},
                       {"via", "1.1 " + word},
                       {"cdn-loop", word},
                       {"cache-status", word},
                       {"age", "1000"},
                       {"date", date},
                       {"etag", "\"" + word + "\""},
                       {"if-none-match", "\"" + word + "\""},
                       {"if-modified-since", date},
                       {"if-range", "\"" + word + "\""},
                       {"if-match", "\"" + word + "\""},
                       {"if-unmodified-since", date},
                       {"range", "bytes=0-0"},
                       {"accept-encoding", "gzip;q=0.5, " + word},
                       {"connection", word},
                       {word, word},
                       {"x-" + word, "1"},
                       {"surrogate-capability", word + "=\"Surrogate/1.0\""},
                       {"cache-control", "max-age=1000, " + word},
                       {"pragma", word},
                       {"perigee-peer", word},
                       {"expect", "100-continue"},
                       {"te", "trailers"}};
  Headers chosen;
  for (const auto& field : all) {
    if (random.chance(0.3)) chosen.push_back(field);
  }
  return chosen;
}

Headers selecting_fields(Random& random) {
  static constexpr std::string_view languages[] = {"de", "en", "fr"};
  Headers fields;
  if (random.chance(0.6)) fields.emplace_back("accept-language", languages[random.below(3)]);
  if (random.chance(0.4)) fields.emplace_back("x-variant", std::to_string(random.below(3)));
  return fields;
}

// All of an answer but what time and the way it took put there, and the order of fields of different names.
std::string essence(const Answer& answer) {
  std::string text = std::to_string(answer.status) + "\n";
  Headers fields = answer.headers;
  std::sort(fields.begin(), fields.end());
  for (const auto& [name, value] : fields) {
    if (name != "age" && name != "cache-status" && name != "date") text += name + ": " + value + "\n";
  }
  return text + "\n" + answer.body;
}

TEST_CASE("a client gets the answer of an empty node, whoever came before", "[node][property][isolation]") {
  Random random(1945);
  Cluster used(setup());
  EchoOrigin origin(used.world());
  int hits = 0;
  for (int round = 0; round < 250; ++round) {
    const std::string path = "/" + std::to_string(random.below(12));
    std::vector<std::string> secrets;
    for (uint64_t strangers = 1 + random.below(3); strangers > 0; --strangers) {
      secrets.push_back(secret(random));
      Headers fields = strange_fields(random, secrets.back());
      for (const auto& field : selecting_fields(random)) fields.push_back(field);
      used.request("eu-1", random.chance(0.2) ? "HEAD" : "GET", path, fields);
    }
    const Headers mine = selecting_fields(random);
    const Answer answer = used.get("eu-1", path, mine).answer();
    INFO("round " << round << " " << path << " " << answer.header("cache-status"));
    hits += answer.hit();
    std::string whole = essence(answer) + answer.header("cache-status");
    for (const std::string& word : secrets) REQUIRE(whole.find(word) == std::string::npos);

    Cluster empty(setup());
    EchoOrigin fresh(empty.world());
    REQUIRE(essence(answer) == essence(empty.get("eu-1", path, mine).answer()));
    if (random.chance(0.1)) used.advance(61s);
  }
  CHECK(hits > 30);
  CHECK(origin.received("secret"));
}

}  // namespace
}  // namespace perigee::test
