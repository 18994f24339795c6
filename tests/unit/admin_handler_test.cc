#include "edge/control/admin_handler.h"

#include "edge/control/dashboard_page.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <optional>

#include "edge/control/admin_pages.h"
#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;

namespace {

// One request, and what was answered. It takes a hold on the answer as a connection with a full socket does.
class FakeExchange final : public serve::ServerExchange {
 public:
  FakeExchange(http::Method method, std::string_view path) {
    request_.method = method;
    request_.path = path;
    request_.authority = "127.0.0.1:9180";
  }
  ~FakeExchange() { let_go(); }
  FakeExchange& with(std::string_view name, std::string_view value) {
    request_.fields.add(name, value);
    return *this;
  }

  // The head belongs to the server: another request comes.
  void overwrite_request(http::Method method) { request_.method = method; }

  int status = 0;
  std::string head;
  std::string body;
  uint64_t content_length = 0;
  serve::ExchangeHandler* handler = nullptr;

  void end(serve::ExchangeEnd how) {
    let_go();
    if (handler != nullptr) handler->on_exchange_end(how);
    handler = nullptr;
  }

  const http::RequestHead& request() const override { return request_; }
  net::Loop& loop() const override { std::abort(); }
  net::Address client_address() const override { return {}; }
  const net::TlsFacts* tls() const override { return nullptr; }
  std::string_view scheme() const override { return "http"; }
  void reply(const serve::ReplyHead& reply, std::string_view content, const serve::Hold& hold) override {
    REQUIRE(status == 0);
    status = reply.status;
    head = reply.lines;
    body = content;
    content_length = reply.content_length;
    hold_ = hold;
    if (!hold_.given) hold_.acquire(hold_.owner, hold_.object);
  }
  void reply(const serve::ReplyHead&, serve::BodySource&) override { std::abort(); }
  void body_ready() override {}
  void send_interim(const serve::ReplyHead&) override {}
  void set_handler(serve::ExchangeHandler& to) override { handler = &to; }
  void read_request_body() override {}
  void pause_request_body() override {}
  void cut() override {}
  serve::TakenStream take_stream() override { return {}; }

 private:
  void let_go() {
    if (hold_.release != nullptr) hold_.release(hold_.owner, hold_.object);
    hold_ = {};
  }

  http::RequestHead request_;
  serve::Hold hold_;
};

struct FakeBackend final : AdminBackend {
  std::string metrics_text() override { return "perigee_requests_total 1\n"; }
  std::string config_json() override { return "{\"config\": 1}"; }
  std::string topology_json() override { return "{\"topology\": 1}"; }
  std::string status_json() override { return "{\"status\": 1}"; }
  Result<std::string> explain_json(std::string_view query) override {
    if (query.empty()) return fail(Side::client, "bad_query", "found no url");
    return "{\"query\": \"" + std::string(query) + "\"}";
  }
  void reload(ReloadDone done) override {
    ++reloads;
    if (at_once) return done(*at_once);
    waiting = std::move(done);
  }
  std::string reloads_json() override { return "{\"reloads\": []}"; }
  std::string diff_json() override { return "{\"changes\": []}"; }
  void roll_back(uint64_t id, ReloadDone done) override {
    rolled_back = id;
    done(*at_once);
  }
  void set_out(bool out) override { drains += out ? 1 : -1; }
  void purge(std::string_view body, const JsonDone& done) override {
    purged = body;
    done(200, "{\"position\": \"1.1\"}\n");
  }
  std::string purges_json() override { return "{\"purges\": []}"; }
  void urls(const JsonDone& done) override { done(200, "{\"urls\": []}"); }
  bool ready() override { return is_ready; }
  std::string_view token() override { return needed; }

  int reloads = 0;
  int drains = 0;
  bool is_ready = true;
  std::string needed;
  std::string purged;
  uint64_t rolled_back = 0;
  std::optional<ReloadResult> at_once;
  ReloadDone waiting;
};

ReloadResult result_of(bool applied) {
  ReloadResult result;
  result.id = 5;
  result.applied = applied;
  if (!applied) result.errors.push_back({{"n.toml", 1, 2}, "a.b", "found x, expected y"});
  return result;
}

constexpr auto get = http::Method::get;
constexpr auto post = http::Method::post;

}  // namespace

TEST_CASE("each admin page answers its method and refuses others", "[admin]") {
  struct Case {
    http::Method method;
    std::string_view path;
    int status;
    std::string_view body;
  };
  const Case cases[] = {
      {get, "/metrics", 200, "perigee_requests_total 1\n"},
      {get, "/config", 200, "{\"config\": 1}"},
      {get, "/topology?pretty", 200, "{\"topology\": 1}"},
      {get, "/status", 200, "{\"status\": 1}"},
      {get, "/purges", 200, "{\"purges\": []}"},
      {get, "/urls", 200, "{\"urls\": []}"},
      {http::Method::head, "/urls", 200, ""},
      {post, "/urls", 405, "method not allowed\n"},
      {get, "/purge", 405, "method not allowed\n"},
      {post, "/purge", 200, "{\"position\": \"1.1\"}\n"},
      {get, "/explain?url=x?y", 200, "{\"query\": \"url=x?y\"}"},
      {post, "/explain?url=x", 405, "method not allowed\n"},
      {get, "/healthz", 200, "ok\n"},
      {get, "/readyz", 200, "ready\n"},
      {get, "/reloads", 200, "{\"reloads\": []}"},
      {get, "/config/diff", 200, "{\"changes\": []}"},
      {post, "/rollback", 400, "{\"error\": \"expected /rollback?id=NUMBER\"}\n"},
      {post, "/rollback?id=x", 400, "{\"error\": \"expected /rollback?id=NUMBER\"}\n"},
      {post, "/drain", 200, "{\"draining\": true}\n"},
      {post, "/undrain", 200, "{\"draining\": false}\n"},
      {get, "/", 200, dashboard_page},
      {get, "/index.html", 404, "no such page\n"},
      {get, "/metrics/", 404, "no such page\n"},
      {post, "/nothing", 404, "no such page\n"},
      {post, "/metrics", 405, "method not allowed\n"},
      {get, "/reload", 405, "method not allowed\n"},
      {http::Method::delete_, "/drain", 405, "method not allowed\n"},
      {http::Method::options, "/config", 405, "method not allowed\n"},
  };
  for (const Case& example : cases) {
    INFO(example.path);
    FakeBackend backend;
    FakeExchange exchange(example.method, example.path);
    AdminHandler(backend).on_request(exchange);
    CHECK(exchange.status == example.status);
    CHECK(exchange.body == example.body);
    CHECK(exchange.head.find("cache-control: no-store\r\n") != std::string::npos);
    CHECK(backend.reloads == 0);
    exchange.end(serve::ExchangeEnd::complete);
  }
}

TEST_CASE("a rollback asks for the reload it names", "[admin]") {
  FakeBackend backend;
  backend.at_once = result_of(true);
  FakeExchange exchange(post, "/rollback?id=7");
  AdminHandler(backend).on_request(exchange);
  CHECK(backend.rolled_back == 7);
  CHECK(exchange.status == 200);
  exchange.end(serve::ExchangeEnd::complete);
}

TEST_CASE("a refused method is told which are allowed", "[admin]") {
  FakeBackend backend;
  FakeExchange wrong_post(post, "/config");
  AdminHandler(backend).on_request(wrong_post);
  CHECK(wrong_post.head.find("allow: GET, HEAD\r\n") != std::string::npos);
  FakeExchange wrong_get(get, "/drain");
  AdminHandler(backend).on_request(wrong_get);
  CHECK(wrong_get.head.find("allow: POST\r\n") != std::string::npos);
  CHECK(backend.drains == 0);
}

TEST_CASE("HEAD has the length of the page and no body", "[admin]") {
  FakeBackend backend;
  FakeExchange exchange(http::Method::head, "/config");
  AdminHandler(backend).on_request(exchange);
  CHECK(exchange.status == 200);
  CHECK(exchange.body.empty());
  CHECK(exchange.content_length == 13);
}

TEST_CASE("a reload is answered when its result comes", "[admin]") {
  FakeBackend backend;
  FakeExchange exchange(post, "/reload");
  AdminHandler(backend).on_request(exchange);
  CHECK(exchange.status == 0);
  REQUIRE(exchange.handler != nullptr);
  backend.waiting(result_of(true));
  CHECK(exchange.status == 200);
  CHECK(exchange.body.find("\"id\": 5") != std::string::npos);
  exchange.end(serve::ExchangeEnd::complete);
}

TEST_CASE("an answer that comes later is to its own request, whatever was asked meanwhile", "[admin]") {
  FakeBackend backend;
  AdminHandler handler(backend);
  FakeExchange exchange(post, "/reload");
  handler.on_request(exchange);
  exchange.overwrite_request(http::Method::head);
  backend.waiting(result_of(true));
  CHECK(exchange.status == 200);
  CHECK(!exchange.body.empty());
  CHECK(exchange.content_length == exchange.body.size());
  exchange.end(serve::ExchangeEnd::complete);
}

TEST_CASE("a refused reload is 422 with its errors, a busy one 503", "[admin]") {
  FakeBackend backend;
  backend.at_once = result_of(false);
  FakeExchange refused(post, "/reload");
  AdminHandler(backend).on_request(refused);
  CHECK(refused.status == 422);
  CHECK(refused.body.find("found x, expected y") != std::string::npos);
  refused.end(serve::ExchangeEnd::complete);
  backend.at_once->busy = true;
  FakeExchange busy(post, "/reload");
  AdminHandler(backend).on_request(busy);
  CHECK(busy.status == 503);
  busy.end(serve::ExchangeEnd::complete);
}

TEST_CASE("a client that leaves before its reload ends is not answered", "[admin]") {
  FakeBackend backend;
  auto exchange = std::make_unique<FakeExchange>(post, "/reload");
  AdminHandler(backend).on_request(*exchange);
  exchange->end(serve::ExchangeEnd::client_gone);
  CHECK(exchange->status == 0);
  exchange.reset();
  backend.waiting(result_of(true));
  CHECK(backend.reloads == 1);
}

TEST_CASE("a reload whose result never comes leaves nothing behind", "[admin]") {
  FakeBackend backend;
  FakeExchange exchange(post, "/reload");
  AdminHandler(backend).on_request(exchange);
  backend.waiting = nullptr;
  exchange.end(serve::ExchangeEnd::shutdown);
  CHECK(exchange.status == 0);
}

TEST_CASE("with a token everything but the health pages needs it", "[admin]") {
  FakeBackend backend;
  backend.needed = "right-token";
  struct Case {
    std::string_view path;
    std::string_view authorization;
    int status;
  };
  const Case cases[] = {
      {"/config", "Bearer right-token", 200},
      {"/config", "bearer right-token", 200},
      {"/config", "", 401},
      {"/config", "Bearer wrong-token", 401},
      {"/config", "Bearer", 401},
      {"/config", "right-token", 401},
      {"/config", "Bearer right-token2", 401},
      {"/nothing", "", 401},
      {"/healthz", "", 200},
      {"/readyz", "", 200},
  };
  for (const Case& example : cases) {
    INFO(example.path << " " << example.authorization);
    FakeExchange exchange(get, example.path);
    if (!example.authorization.empty()) exchange.with("Authorization", example.authorization);
    AdminHandler(backend).on_request(exchange);
    CHECK(exchange.status == example.status);
    CHECK(
        (exchange.status != 401 || exchange.head.find("www-authenticate: Bearer\r\n") != std::string::npos));
  }
}

TEST_CASE("a POST from a page of another site is refused", "[admin]") {
  FakeBackend backend;
  struct Case {
    std::string_view origin;
    int status;
  };
  const Case cases[] = {{"http://evil.example", 403}, {"null", 403}, {"http://127.0.0.1:9180", 200}};
  for (const Case& example : cases) {
    INFO(example.origin);
    FakeExchange exchange(post, "/drain");
    exchange.with("Origin", example.origin);
    AdminHandler(backend).on_request(exchange);
    CHECK(exchange.status == example.status);
  }
  CHECK(backend.drains == 1);
}

TEST_CASE("the health listener serves its two pages and nothing else", "[admin]") {
  bool ready = true;
  HealthHandler handler([&ready] { return ready; });
  struct Case {
    http::Method method;
    std::string_view path;
    bool ready;
    int status;
  };
  const Case cases[] = {
      {get, "/healthz", false, 200}, {get, "/readyz", true, 200},    {get, "/readyz", false, 503},
      {post, "/readyz", true, 405},  {get, "/metrics", true, 404},   {get, "/config", true, 404},
      {post, "/drain", true, 404},   {get, "/healthz?x", true, 200},
  };
  for (const Case& example : cases) {
    INFO(example.path);
    ready = example.ready;
    FakeExchange exchange(example.method, example.path);
    handler.on_request(exchange);
    CHECK(exchange.status == example.status);
  }
}

TEST_CASE("the status page counts requests, hits and bytes over all shards", "[admin]") {
  MetricShard a;
  MetricShard b;
  const MetricShard* const shards[] = {&a, &b};
  NodeStatus status;
  status.name = "eu-1";
  CHECK(status_json(status, shards).find("\"hit_ratio\": null") != std::string::npos);
  a.add(Metric::requests, 4);
  a.add(Metric::requests_hit, 2);
  b.add(Metric::requests_stale, 1);
  b.add(Metric::requests_miss, 1);
  a.add(Metric::client_bytes_sent, 100);
  b.add(Metric::upstream_bytes_origin, 130);
  const std::string page = status_json(status, shards);
  CHECK(page.find("\"node\": \"eu-1\"") != std::string::npos);
  CHECK(page.find("\"requests\": 4") != std::string::npos);
  CHECK(page.find("\"hit_ratio\": 0.75") != std::string::npos);
  CHECK(page.find("\"origin_bytes_saved\": -30") != std::string::npos);
}

TEST_CASE("the topology page lists nodes with their state", "[admin]") {
  auto topology = std::make_shared<cluster::Topology>();
  topology->regions = {{"eu", 0, ""}};
  topology->nodes = {{"eu-1", "eu", "127.0.1.1:80", "127.0.1.1:81", "", "", 1},
                     {"eu-2", "eu", "127.0.1.2:80", "127.0.1.2:81", "", "", 2}};
  Config config;
  config.node.name = "eu-1";
  CHECK(topology_json(config, nullptr).find("\"nodes\": []") != std::string::npos);
  config.topology = topology;
  const cluster::HealthView health({cluster::PeerState::up, cluster::PeerState::ejected});
  const std::string page = topology_json(config, &health);
  CHECK(page.find("\"self\": \"eu-1\"") != std::string::npos);
  CHECK(page.find("\"state\": \"ejected\"") != std::string::npos);
  CHECK(page.find("\"weight\": 2") != std::string::npos);
}
