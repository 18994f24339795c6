#include "edge/proxy/error_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "edge/http/date.h"
#include "edge/http/h1.h"
#include "edge/http/proxy_status.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

bool is_disconnection(const Error& error) {
  constexpr std::string_view codes[] = {
      "connection_refused",
      "connection_timeout",
      "dns_error",
      "dns_timeout",
      "tls_protocol_error",
      "connection_terminated",
      "destination_unavailable",
      "http_response_timeout",
  };
  return std::find(std::begin(codes), std::end(codes), error.code) != std::end(codes);
}

int status_of(const Error& error) {
  if (error.side == Side::internal) return 500;
  if (error.code == "connection_limit_reached" || error.code == "destination_unavailable") return 503;
  const bool timeout = error.code == "http_response_timeout" || error.code == "connection_timeout" ||
                       error.code == "connection_read_timeout" || error.code == "dns_timeout";
  return timeout ? 504 : 502;
}

namespace {

// RFC 9209 2.3. What it has no type for is either our own fault or told by the status that was received.
void append_proxy_status(const ErrorAnswer& answer, http::HeadWriter& head) {
  http::ProxyStatus status;
  status.proxy = answer.node_name;
  status.error = http::parse_proxy_error(answer.error);
  status.received_status = answer.received_status;
  if (status.error == http::ProxyError::none && answer.status == 500 && answer.received_status == 0) {
    status.error = http::ProxyError::proxy_internal_error;
  }
  if (status.error == http::ProxyError::none && status.received_status == 0) return;
  char member[http::proxy_status_bytes];
  head.field("proxy-status", http::write_proxy_status(status, member));
}

}  // namespace

void answer_error(serve::ServerExchange& exchange, const ErrorAnswer& answer) {
  std::string body = fmt::format("{} {}\n", answer.status, http::reason_phrase(answer.status));
  std::string lines;
  http::HeadWriter head(lines);
  head.status_line(answer.status, "");
  char date[http::date_bytes];
  head.field("date", http::format_date(unix_seconds(exchange.loop().wall_now()), date));
  head.field("content-type", "text/plain; charset=utf-8");
  head.field("cache-control", "no-store");
  append_proxy_status(answer, head);
  lines += answer.more_lines;
  const uint64_t length = body.size();
  if (answer.head_only) body.clear();
  serve::reply_owned(exchange, answer.status, length, std::move(lines), std::move(body));
}

}  // namespace perigee::proxy
