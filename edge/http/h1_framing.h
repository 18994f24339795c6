// What the fields of an HTTP/1.1 head say about the connection and the length of the content (RFC 9112 6 and
// 9), for requests and responses alike.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "edge/http/h1_lines.h"
#include "edge/http/message.h"

namespace perigee::http {

// The fields that a reader itself obeys, found in one pass. Pointers are into the list surveyed and null
// without such a field.
struct Survey {
  const Field* host = nullptr;
  const Field* content_length = nullptr;
  const Field* transfer_encoding = nullptr;
  bool host_repeated = false;
  bool content_length_repeated = false;
  bool transfer_encoding_repeated = false;
  bool close = false;  // options of Connection, over all its lines
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;  // an Upgrade field
  bool expect = false;
  bool expect_unknown = false;  // an Expect other than 100-continue
};

Survey survey(const FieldList& fields);

// RFC 9112 9.3: what the sender of the head can do.
bool wants_keep_alive(const Survey& found, uint8_t version_minor);

// RFC 9112 6.3: Framing::chunked or Framing::length with its bytes, Framing::none if the head speaks of
// neither. Refuses both at once, either repeated, a length other than digits or beyond 2^63-1,
// Transfer-Encoding in HTTP/1.0 (400), and codings other than chunked (501).
Refusal read_framing(const Survey& found, uint8_t version_minor, Framing& framing, uint64_t& content_length);

}  // namespace perigee::http
