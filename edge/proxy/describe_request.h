// What the access log tells of a request's fields.
//
// Thread rule: pure; the record's views are those of the fields.
#pragma once

#include "edge/http/fields.h"
#include "edge/proxy/outcome.h"

namespace perigee::proxy {

// User-Agent, Referer and, if it is valid, the trace that the request belongs to.
void describe_request(const http::FieldList& fields, ExchangeRecord& record);

}  // namespace perigee::proxy
