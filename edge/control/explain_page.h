// GET /explain?url=...: its query, and its JSON.
//
//   url=URL          needed; absolute. Encoded as every value here: "+" is a space, %2B a plus.
//   method=METHOD    GET unless said
//   header=NAME:%20VALUE   as often as the request has header fields
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "edge/base/result.h"
#include "edge/proxy/explain.h"

namespace perigee::control {

// query: what follows "?". Error: client, "bad_query", with what was found and what was expected.
Result<proxy::ExplainQuery> parse_explain_query(std::string_view query);

std::string explain_json(const proxy::ExplainQuery& query, const proxy::Explanation& explanation,
                         std::string_view node_name);
std::string explain_error_json(const Error& error);

}  // namespace perigee::control
