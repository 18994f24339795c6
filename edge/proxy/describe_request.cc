#include "edge/proxy/describe_request.h"

#include "edge/http/trace_context.h"

namespace perigee::proxy {
namespace {

std::string_view value_of(const http::FieldList& fields, std::string_view name) {
  const http::Field* field = fields.find(name);
  return field == nullptr ? std::string_view() : field->value;
}

}  // namespace

void describe_request(const http::FieldList& fields, ExchangeRecord& record) {
  record.user_agent = value_of(fields, "user-agent");
  record.referer = value_of(fields, "referer");
  const http::TraceContext trace = http::read_trace_context(fields);
  record.trace_id = trace.trace_id;
  record.parent_id = trace.parent_id;
}

}  // namespace perigee::proxy
