#include "edge/control/admin_handler.h"

#include "edge/base/bytes.h"
#include "edge/base/mac.h"
#include "edge/control/admin_pages.h"
#include "edge/control/admin_reply.h"
#include "edge/control/explain_page.h"
#include "edge/control/metrics_text.h"

namespace perigee::control {
namespace {

constexpr std::string_view json_type = "application/json";

bool is_head(const http::RequestHead& request) { return request.method == http::Method::head; }

std::string_view without_query(std::string_view path) { return path.substr(0, path.find('?')); }

Answer problem(int status, std::string_view text) {
  Answer answer;
  answer.status = status;
  answer.body = std::string(text) + "\n";
  return answer;
}

Answer json(std::string body, int status = 200) {
  Answer answer;
  answer.status = status;
  answer.content_type = json_type;
  answer.body = std::move(body);
  return answer;
}

Answer method_not_allowed(std::string_view allow) {
  Answer answer = problem(405, "method not allowed");
  answer.field_name = "allow";
  answer.field_value = allow;
  return answer;
}

Answer healthz() { return problem(200, "ok"); }
Answer readyz(bool ready) { return ready ? problem(200, "ready") : problem(503, "not ready"); }

bool is_read(const http::RequestHead& request) {
  return request.method == http::Method::get || is_head(request);
}

std::string_view query_of(std::string_view path) {
  const size_t question = path.find('?');
  return question == std::string_view::npos ? std::string_view() : path.substr(question + 1);
}

Answer explain(AdminBackend& backend, std::string_view query) {
  const Result<std::string> text = backend.explain_json(query);
  return text ? json(*text) : json(explain_error_json(text.error()), 400);
}

// Browsers name the page's site in Origin (RFC 6454 7) for every POST; programs send none.
bool from_another_site(const http::RequestHead& request) {
  const http::Field* origin = request.fields.find("origin");
  if (origin == nullptr) return false;
  const size_t authority = origin->value.find("://");
  return authority == std::string_view::npos ||
         !equal_ignoring_case(origin->value.substr(authority + 3), request.authority);
}

int reload_status(const ReloadResult& result) {
  if (result.applied) return 200;
  return result.busy ? 503 : 422;
}

// A POST /reload that waits for its result. Keeps itself until the exchange ends; the backend's callback
// keeps it too.
class PendingReload final : public serve::ExchangeHandler,
                            public std::enable_shared_from_this<PendingReload> {
 public:
  explicit PendingReload(serve::ServerExchange& exchange) : exchange_(&exchange) {}

  void start(AdminBackend& backend) {
    self_ = shared_from_this();
    exchange_->set_handler(*this);
    backend.reload([pending = self_](const ReloadResult& result) { pending->answer(result); });
  }

  void on_request_body(std::string_view) override {}
  void on_request_end() override {}
  void on_exchange_end(serve::ExchangeEnd) override {
    exchange_ = nullptr;
    const auto last = std::move(self_);
  }

 private:
  void answer(const ReloadResult& result) {
    if (exchange_ != nullptr && !answered_)
      send_answer(*exchange_, false, json(reload_json(result), reload_status(result)));
    answered_ = true;
  }

  serve::ServerExchange* exchange_;
  bool answered_ = false;
  std::shared_ptr<PendingReload> self_;
};

}  // namespace

struct AdminHandler::Route {
  std::string_view path;
  bool open;  // needs no token
  bool read;  // GET and HEAD, else POST
  // Null: the answer comes later.
  Answer (*answer)(AdminBackend& backend, std::string_view query);
};

const AdminHandler::Route* AdminHandler::find_route(std::string_view path) {
  static constexpr Route routes[] = {
      {"/healthz", true, true, [](AdminBackend&, std::string_view) { return healthz(); }},
      {"/readyz", true, true,
       [](AdminBackend& backend, std::string_view) { return readyz(backend.ready()); }},
      {"/metrics", false, true,
       [](AdminBackend& backend, std::string_view) {
         Answer answer;
         answer.content_type = metrics_content_type;
         answer.body = backend.metrics_text();
         return answer;
       }},
      {"/config", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.config_json()); }},
      {"/topology", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.topology_json()); }},
      {"/status", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.status_json()); }},
      {"/explain", false, true, explain},
      {"/reload", false, false, nullptr},
      {"/drain", false, false,
       [](AdminBackend& backend, std::string_view) {
         backend.drain();
         return json("{\"draining\": true}\n", 202);
       }},
  };
  for (const Route& route : routes) {
    if (route.path == path) return &route;
  }
  return nullptr;
}

bool AdminHandler::authorised(const http::RequestHead& request) {
  const std::string_view token = backend_.token();
  if (token.empty()) return true;
  constexpr std::string_view scheme = "bearer ";
  const std::string_view value = request.fields.value(http::FieldId::authorization);
  return value.size() > scheme.size() && equal_ignoring_case(value.substr(0, scheme.size()), scheme) &&
         equal_constant_time(trim_ows(value.substr(scheme.size())), token);
}

void AdminHandler::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const bool head_only = is_head(request);
  const Route* route = find_route(without_query(request.path));
  if ((route == nullptr || !route->open) && !authorised(request)) {
    Answer answer = problem(401, "a token is needed");
    answer.field_name = "www-authenticate";
    answer.field_value = "Bearer";
    return send_answer(exchange, head_only, std::move(answer));
  }
  if (route == nullptr) return send_answer(exchange, head_only, problem(404, "no such page"));
  if (route->read != is_read(request) || (!route->read && request.method != http::Method::post)) {
    return send_answer(exchange, head_only, method_not_allowed(route->read ? "GET, HEAD" : "POST"));
  }
  if (!route->read && from_another_site(request)) {
    return send_answer(exchange, head_only, problem(403, "refused: sent by a page of another site"));
  }
  if (route->answer != nullptr) {
    return send_answer(exchange, head_only, route->answer(backend_, query_of(request.path)));
  }
  std::make_shared<PendingReload>(exchange)->start(backend_);
}

void HealthHandler::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const std::string_view path = without_query(request.path);
  const bool head_only = is_head(request);
  if (path != "/healthz" && path != "/readyz")
    return send_answer(exchange, head_only, problem(404, "no such page"));
  if (!is_read(request)) return send_answer(exchange, head_only, method_not_allowed("GET, HEAD"));
  send_answer(exchange, head_only, path == "/healthz" ? healthz() : readyz(ready_()));
}

}  // namespace perigee::control
