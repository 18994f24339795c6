#include "origin/origin_handler.h"

#include <utility>

#include "edge/base/bytes.h"
#include "edge/base/json.h"
#include "origin/upgrade_echo.h"

namespace perigee::origin {
namespace {

constexpr std::string_view text_plain = "text/plain; charset=utf-8";
constexpr std::string_view json_type = "application/json";

// What a request is about when it is not told: its whole target.
std::string id_of(const Query& query, const http::RequestHead& request) {
  const std::string* id = query.find("id");
  return id != nullptr && !id->empty() ? *id : std::string(request.path);
}

std::string echo_json(const Json& head, const std::string& content) {
  Json json = head;
  json["content"] = content;
  return to_text(json, 2) + "\n";
}

Json head_json(const http::RequestHead& request, const net::Address& client) {
  Json fields = Json::array();
  for (const http::Field& field : request.fields) {
    fields.push_back({std::string(field.name), std::string(field.value)});
  }
  return {{"method", std::string(request.method_text)},
          {"target", std::string(request.path)},
          {"authority", std::string(request.authority)},
          {"version", "1." + std::to_string(request.version_minor)},
          {"client", client.to_string()},
          {"fields", fields}};
}

}  // namespace

OriginHandler::OriginHandler(const OriginOptions& options, net::Files& files, Recorder& recorder)
    : options_(options), files_(files, options.root, options.max_age), recorder_(recorder) {}

void OriginHandler::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const size_t mark = request.path.find('?');
  const std::string_view path = request.path.substr(0, mark);
  const Query query(mark == std::string_view::npos ? std::string_view() : request.path.substr(mark + 1));
  if (path.starts_with("/_/") && answer_page(exchange, path.substr(3), query)) return;
  const uint64_t number = recorder_.begin(request, request.path, exchange.loop().wall_now());
  answer_resource(exchange, path, query, number);
}

// The pages about the origin itself. False when it is none of them.
bool OriginHandler::answer_page(serve::ServerExchange& exchange, std::string_view path, const Query& query) {
  const WallTime now = exchange.loop().wall_now();
  if (path == "log") {
    const std::string* after = query.find("after");
    const uint64_t number = after != nullptr ? parse_decimal(*after).value_or(0) : 0;
    send(exchange, 0, text_answer(200, "application/jsonl", recorder_.log(number), now));
  } else if (path == "stats") {
    send(exchange, 0, text_answer(200, json_type, recorder_.stats(), now));
  } else if (path == "reset") {
    recorder_.clear();
    send(exchange, 0, text_answer(200, text_plain, "forgotten\n", now));
  } else if (path == "script") {
    std::string parameters;
    const std::string_view target = exchange.request().path;
    for (const auto& [name, value] : query.pairs()) {
      if (name != "id") parameters = target.substr(target.find('?') + 1);
    }
    recorder_.set_override(id_of(query, exchange.request()), parameters);
    send(exchange, 0, text_answer(200, text_plain, "remembered\n", now));
  } else {
    return false;
  }
  return true;
}

void OriginHandler::answer_resource(serve::ServerExchange& exchange, std::string_view path,
                                    const Query& query, uint64_t number) {
  const http::RequestHead& request = exchange.request();
  const WallTime now = exchange.loop().wall_now();
  if (path == "/_/body") return answer_script(exchange, query, number);
  if (path == "/_/counter") return answer_counter(exchange, query, number);
  if (path == "/_/echo") return answer_echo(exchange, number);
  if (path == "/_/upgrade") return answer_upgrade(exchange, number);
  recorder_.about(number, path, request.method == http::Method::get);
  if (path.starts_with("/_/") || options_.root.empty()) {
    return send(exchange, number, text_answer(404, text_plain, "not found\n", now));
  }
  send(exchange, number, files_.answer(request, now));
}

void OriginHandler::answer_script(serve::ServerExchange& exchange, Query query, uint64_t number) {
  const http::RequestHead& request = exchange.request();
  const std::string id = id_of(query, request);
  query.append(Query(recorder_.override_of(id)));
  auto script = parse_script(query);
  const WallTime now = exchange.loop().wall_now();
  if (!script) {
    recorder_.about(number, id, request.method == http::Method::get);
    return send(exchange, number, text_answer(400, text_plain, script.error().context + "\n", now));
  }
  script->id = id;
  const std::string identity = body_identity(*script, request);
  recorder_.about(number, identity, request.method == http::Method::get);
  auto* origin_exchange = new OriginExchange(exchange, recorder_, number);
  origin_exchange->answer_by_script(*script, script_answer(*script, request, identity, now));
}

void OriginHandler::answer_counter(serve::ServerExchange& exchange, Query query, uint64_t number) {
  const http::RequestHead& request = exchange.request();
  const std::string id = id_of(query, request);
  const uint64_t version = http::is_safe(request.method) ? recorder_.version(id) : recorder_.bump(id);
  query.append(Query("version=" + std::to_string(version)));
  answer_script(exchange, std::move(query), number);
}

void OriginHandler::answer_echo(serve::ServerExchange& exchange, uint64_t number) {
  const auto head = head_json(exchange.request(), exchange.client_address());
  recorder_.about(number, "/_/echo", exchange.request().method == http::Method::get);
  auto* origin_exchange = new OriginExchange(exchange, recorder_, number);
  net::Loop& loop = exchange.loop();
  origin_exchange->answer_after_content([head, &loop](const std::string& content) {
    return text_answer(200, json_type, echo_json(head, content), loop.wall_now(),
                       "cache-control: no-store\r\n");
  });
}

void OriginHandler::answer_upgrade(serve::ServerExchange& exchange, uint64_t number) {
  const http::RequestHead& request = exchange.request();
  const WallTime now = exchange.loop().wall_now();
  recorder_.about(number, "/_/upgrade", request.method == http::Method::get);
  if (!request.upgrade) {
    return send(exchange, number,
                text_answer(426, text_plain, "upgrade to anything\n", now, "upgrade: echo\r\n"));
  }
  const std::string lines = "HTTP/1.1 101 Switching Protocols\r\nupgrade: " +
                            std::string(request.fields.value(http::FieldId::upgrade)) + "\r\n";
  serve::ReplyHead head;
  head.status = 101;
  head.more_lines = lines;  // copied, unlike lines
  exchange.reply(head, {}, {});
  recorder_.end(number, 101, 0, "upgraded", now);
  UpgradeEcho::start(exchange.take_stream());
}

void OriginHandler::send(serve::ServerExchange& exchange, uint64_t number, Answer answer) {
  auto* origin_exchange = new OriginExchange(exchange, recorder_, number);
  origin_exchange->answer_by_script({}, std::move(answer));
}

}  // namespace perigee::origin
