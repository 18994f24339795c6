#include "edge/proxy/error_answer.h"

#include <fmt/format.h>

#include "edge/http/date.h"
#include "edge/http/h1.h"
#include "edge/serve/owned_reply.h"

namespace perigee::proxy {

bool is_disconnection(const Error& error) {
  return error.code == "connection_refused" || error.code == "connection_timeout" ||
         error.code == "dns_error" || error.code == "dns_timeout" || error.code == "destination_unavailable";
}

int status_of(const Error& error) {
  if (error.side == Side::internal) return 500;
  if (error.code == "connection_limit_reached") return 503;
  const bool timeout = error.code == "http_response_timeout" || error.code == "connection_timeout" ||
                       error.code == "connection_read_timeout" || error.code == "dns_timeout";
  return timeout ? 504 : 502;
}

void answer_error(serve::ServerExchange& exchange, const ErrorAnswer& answer) {
  std::string body = fmt::format("{} {}\n", answer.status, http::reason_phrase(answer.status));
  std::string lines;
  http::HeadWriter head(lines);
  head.status_line(answer.status, "");
  char date[http::date_bytes];
  head.field("date", http::format_date(unix_seconds(exchange.loop().wall_now()), date));
  head.field("content-type", "text/plain; charset=utf-8");
  head.field("cache-control", "no-store");
  if (!answer.error.empty())
    head.field("proxy-status", fmt::format("{};error={}", answer.node_name, answer.error));
  lines += answer.more_lines;
  const uint64_t length = body.size();
  if (answer.head_only) body.clear();
  serve::reply_owned(exchange, answer.status, length, std::move(lines), std::move(body));
}

}  // namespace perigee::proxy
