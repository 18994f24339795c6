// W3C Trace Context: which trace a request belongs to, and whether what it says of it may be passed on.
//
// This node makes no spans of its own, so it passes both fields on as they came (W3C Trace Context 4.2,
// "forward"). What is malformed is not passed on: a tracestate without its traceparent means nothing, and a
// traceparent that cannot be read would break the trace further on.
//
// Thread rule: pure; views are those of the fields.
#pragma once

#include <string_view>

#include "edge/http/fields.h"

namespace perigee::http {

struct TraceContext {
  std::string_view trace_id;   // 32 lower-case hexadecimal digits; empty: no valid traceparent
  std::string_view parent_id;  // 16 of them
  bool valid_state = false;    // tracestate is well-formed, or there is none

  // Whether a field of that name goes upstream: false for traceparent and tracestate that are malformed.
  bool passes(std::string_view name) const;
};

TraceContext read_trace_context(const FieldList& fields);

}  // namespace perigee::http
