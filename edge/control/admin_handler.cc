#include "edge/control/admin_handler.h"

#include <algorithm>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/base/mac.h"
#include "edge/control/admin_pages.h"
#include "edge/control/admin_reply.h"
#include "edge/control/dashboard_page.h"
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

constexpr size_t body_bytes_max = 256 * 1024;

// A POST whose answer comes later: reads the content, asks, answers. Keeps itself until the exchange ends;
// the backend's callback keeps it too.
class PendingAnswer final : public serve::ExchangeHandler,
                            public std::enable_shared_from_this<PendingAnswer> {
 public:
  using Answered = std::function<void(int status, std::string json)>;
  // input: the content, or without any the query.
  using Ask = void (*)(AdminBackend& backend, std::string_view input, Answered answered);

  PendingAnswer(serve::ServerExchange& exchange, AdminBackend& backend, Ask ask)
      : exchange_(&exchange), backend_(backend), ask_(ask) {}

  void start() {
    self_ = shared_from_this();
    exchange_->set_handler(*this);
    if (!http::has_content(exchange_->request())) {
      const std::string_view path = exchange_->request().path;
      body_ = path.substr(std::min(path.size(), path.find('?')));
      return on_request_end();
    }
    exchange_->read_request_body();
  }

  void on_request_body(std::string_view bytes) override {
    if (body_.size() + bytes.size() > body_bytes_max) {
      asked_ = true;
      return answer(413, "{\"error\": \"content_too_large\"}\n");
    }
    body_ += bytes;
  }
  void on_request_end() override {
    if (std::exchange(asked_, true)) return;
    ask_(backend_, body_, [pending = shared_from_this()](int status, std::string text) {
      pending->answer(status, std::move(text));
    });
  }
  void on_exchange_end(serve::ExchangeEnd) override {
    exchange_ = nullptr;
    const auto last = std::move(self_);
  }

 private:
  void answer(int status, std::string text) {
    if (exchange_ != nullptr && !std::exchange(answered_, true))
      send_answer(*exchange_, false, json(std::move(text), status));
  }

  serve::ServerExchange* exchange_;
  AdminBackend& backend_;
  const Ask ask_;
  std::string body_;
  bool asked_ = false;
  bool answered_ = false;
  std::shared_ptr<PendingAnswer> self_;
};

void ask_reload(AdminBackend& backend, std::string_view, PendingAnswer::Answered answered) {
  backend.reload([answered = std::move(answered)](const ReloadResult& result) {
    answered(reload_status(result), reload_json(result));
  });
}

void ask_roll_back(AdminBackend& backend, std::string_view query, PendingAnswer::Answered answered) {
  constexpr std::string_view parameter = "?id=";
  const auto id = query.starts_with(parameter) ? parse_decimal(query.substr(parameter.size())) : std::nullopt;
  if (!id) return answered(400, "{\"error\": \"expected /rollback?id=NUMBER\"}\n");
  backend.roll_back(*id, [answered = std::move(answered)](const ReloadResult& result) {
    answered(reload_status(result), reload_json(result));
  });
}

void ask_purge(AdminBackend& backend, std::string_view body, PendingAnswer::Answered answered) {
  backend.purge(body, answered);
}

}  // namespace

struct AdminHandler::Route {
  std::string_view path;
  bool open;  // needs no token
  bool read;  // GET and HEAD, else POST
  Answer (*answer)(AdminBackend& backend, std::string_view query);
  PendingAnswer::Ask ask = nullptr;  // in place of answer: it comes later
};

const AdminHandler::Route* AdminHandler::find_route(std::string_view path) {
  static constexpr Route routes[] = {
      {"/healthz", true, true, [](AdminBackend&, std::string_view) { return healthz(); }},
      {"/readyz", true, true,
       [](AdminBackend& backend, std::string_view) { return readyz(backend.ready()); }},
      // Holds no figures; what it asks for needs the token.
      {"/", true, true,
       [](AdminBackend&, std::string_view) {
         Answer answer;
         answer.content_type = "text/html; charset=utf-8";
         answer.body = dashboard_page;
         answer.field_name = "content-security-policy";
         answer.field_value = "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'";
         return answer;
       }},
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
      {"/purges", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.purges_json()); }},
      {"/purge", false, false, nullptr, ask_purge},
      {"/reload", false, false, nullptr, ask_reload},
      {"/reloads", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.reloads_json()); }},
      {"/config/diff", false, true,
       [](AdminBackend& backend, std::string_view) { return json(backend.diff_json()); }},
      {"/rollback", false, false, nullptr, ask_roll_back},
      {"/drain", false, false,
       [](AdminBackend& backend, std::string_view) {
         backend.set_out(true);
         return json("{\"draining\": true}\n");
       }},
      {"/undrain", false, false,
       [](AdminBackend& backend, std::string_view) {
         backend.set_out(false);
         return json("{\"draining\": false}\n");
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
  std::make_shared<PendingAnswer>(exchange, backend_, route->ask)->start();
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
