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

// A request whose answer comes later: reads the content, asks, answers. Keeps itself until the exchange ends;
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
    // The head is somebody else's once this call has returned.
    head_only_ = is_head(exchange_->request());
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
      send_answer(*exchange_, head_only_, json(std::move(text), status));
  }

  serve::ServerExchange* exchange_;
  AdminBackend& backend_;
  const Ask ask_;
  std::string body_;
  bool head_only_ = false;
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

void ask_urls(AdminBackend& backend, std::string_view, PendingAnswer::Answered answered) {
  backend.urls(answered);
}

// Holds no figures; what it asks for needs the token.
Answer dashboard(AdminBackend&, std::string_view) {
  Answer answer;
  answer.content_type = "text/html; charset=utf-8";
  answer.body = dashboard_page;
  answer.field_name = "content-security-policy";
  answer.field_value = "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'";
  return answer;
}

Answer metrics(AdminBackend& backend, std::string_view) {
  Answer answer;
  answer.content_type = metrics_content_type;
  answer.body = backend.metrics_text();
  return answer;
}

template <std::string (AdminBackend::*Page)()>
Answer json_page(AdminBackend& backend, std::string_view) {
  return json((backend.*Page)());
}

template <bool Out>
Answer set_out(AdminBackend& backend, std::string_view) {
  backend.set_out(Out);
  return json(Out ? "{\"draining\": true}\n" : "{\"draining\": false}\n");
}

}  // namespace

struct AdminHandler::Route {
  AdminRoute about;
  Answer (*answer)(AdminBackend& backend, std::string_view query);
  PendingAnswer::Ask ask = nullptr;  // in place of answer: it comes later
};

std::span<const AdminHandler::Route> AdminHandler::table() {
  using Backend = AdminBackend;
  static constexpr std::string_view text = "text/plain";
  static constexpr std::string_view purges =
      "One of url, prefix, tag (a string or a list of them), site, everything; soft beside it";
  static constexpr Route routes[] = {
      {{"/healthz", true, true, text, "Whether the process lives"},
       [](Backend&, std::string_view) { return healthz(); }},
      {{"/readyz", true, true, text, "Whether the node wants clients: 200, or 503 while it is taken out"},
       [](Backend& backend, std::string_view) { return readyz(backend.ready()); }},
      {{"/", true, true, "text/html", "The dashboard"}, dashboard},
      {{"/metrics", false, true, text, "Figures in Prometheus' text format"}, metrics},
      {{"/config", false, true, json_type, "The settings in force, and where they are from"},
       json_page<&Backend::config_json>},
      {{"/config/diff", false, true, json_type, "What a reload would change"},
       json_page<&Backend::diff_json>},
      {{"/topology", false, true, json_type, "The nodes, and how this one sees them"},
       json_page<&Backend::topology_json>},
      {{"/status", false, true, json_type, "Figures of the node on one page"},
       json_page<&Backend::status_json>},
      {{"/urls", false, true, json_type, "What clients ask for most just now"}, nullptr, ask_urls},
      {{"/explain", false, true, json_type, "What would be done with a request for a URL, and why", "url"},
       explain},
      {{"/purges", false, true, json_type, "What was purged at this node lately"},
       json_page<&Backend::purges_json>},
      {{"/purge", false, false, json_type, "Removes what is stored, on every node", "", purges},
       nullptr,
       ask_purge},
      {{"/reload", false, false, json_type, "Reads the configuration again"}, nullptr, ask_reload},
      {{"/reloads", false, true, json_type, "The reloads so far"}, json_page<&Backend::reloads_json>},
      {{"/rollback", false, false, json_type, "Puts the files of an earlier reload in force", "id"},
       nullptr,
       ask_roll_back},
      {{"/drain", false, false, json_type, "Takes the node out of DNS: /readyz answers 503"}, set_out<true>},
      {{"/undrain", false, false, json_type, "Takes the node back"}, set_out<false>},
  };
  return routes;
}

std::vector<AdminRoute> AdminHandler::routes() {
  std::vector<AdminRoute> list;
  for (const Route& route : table()) list.push_back(route.about);
  return list;
}

const AdminHandler::Route* AdminHandler::find_route(std::string_view path) {
  for (const Route& route : table()) {
    if (route.about.path == path) return &route;
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
  if ((route == nullptr || !route->about.open) && !authorised(request)) {
    Answer answer = problem(401, "a token is needed");
    answer.field_name = "www-authenticate";
    answer.field_value = "Bearer";
    return send_answer(exchange, head_only, std::move(answer));
  }
  if (route == nullptr) return send_answer(exchange, head_only, problem(404, "no such page"));
  if (route->about.read != is_read(request) || (!route->about.read && request.method != http::Method::post)) {
    return send_answer(exchange, head_only, method_not_allowed(route->about.read ? "GET, HEAD" : "POST"));
  }
  if (!route->about.read && from_another_site(request)) {
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
