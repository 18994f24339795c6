// A complete head cut into its fields by llhttp, and checked against the raw bytes: the fields must tile the
// head, with no byte left that the tokeniser passed over in silence. Two independent readings that agree are
// what the rest of the reader trusts.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/http/fields.h"
#include "edge/http/h1_lines.h"

namespace perigee::http {

enum class HeadKind : uint8_t { request, response };

// What llhttp made of a head, for comparison with what we make of it.
struct Tokens {
  std::string_view start_part;  // the target of a request, the reason phrase of a response
  uint8_t version_minor = 0;
  int status = 0;
  bool chunked = false;
  bool has_length = false;
  uint64_t content_length = 0;
};

// head: start line to empty line, found complete by scan_head(). line_end: where the CR of the start line is.
// Fields are added to `fields`, in order, values without surrounding white space. llhttp knows a closed list
// of methods and we do not: method_bytes, if not zero, is the length of a method to show to it as GET.
// Refuses with 400, with 431 for more than fields_max fields. A response is never HTTP/1.1 content to llhttp
// here: only its head is read.
Refusal tokenise(HeadKind kind, std::string_view head, size_t line_end, size_t method_bytes,
                 uint32_t fields_max, FieldList& fields, Tokens& tokens);

}  // namespace perigee::http
