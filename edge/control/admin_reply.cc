#include "edge/control/admin_reply.h"

#include <utility>

#include "edge/http/h1.h"
#include "edge/serve/owned_reply.h"

namespace perigee::control {

void send_answer(serve::ServerExchange& exchange, bool head_only, Answer answer) {
  std::string lines;
  http::HeadWriter writer(lines);
  writer.status_line(answer.status, "");
  writer.field("content-type", answer.content_type);
  writer.field("cache-control", "no-store");
  if (!answer.field_name.empty()) writer.field(answer.field_name, answer.field_value);
  const uint64_t length = answer.body.size();
  if (head_only) answer.body.clear();
  serve::reply_owned(exchange, answer.status, length, std::move(lines), std::move(answer.body));
}

}  // namespace perigee::control
