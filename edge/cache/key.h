// Cache keys and variants. The primary key is scheme, normalised authority, path and query: exactly what is forwarded.
// The hash only picks a place; a hit compares the whole key.
//
// Key bytes: "https://example.org/path?query" after normalisation (host in lower case, default port dropped, dot segments removed,
// unreserved escapes decoded, other escapes in upper case; an empty path is "/"). A fragment never gets here.
//
// Selecting bytes (RFC 9111 4.1) hang a variant under its key: for each name in Vary, in sorted order, name, NUL, normalised value of the request or
// a marker for its absence, NUL.
//
// Thread rule: pure functions; views belong to the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/http/fields.h"

namespace perigee::cache {

struct KeyView {
  std::string_view bytes;
  uint64_t hash = 0;
};

// Normalises into out (cleared first) and returns false when authority or path cannot be part of a URL (the request is a 400). No
// allocation when out has room.
bool build_key(std::string_view scheme, std::string_view authority, std::string_view path, std::string& out);

uint64_t key_hash(std::string_view key);

// A parsed Vary value.
struct Vary {
  bool any = false;  // "*": never reusable without validation by the origin, not shared
  std::string names; // lower-case, sorted, unique, each ended by NUL
};
Vary parse_vary(const http::FieldList& response);

// The selecting bytes of a request under those names (Vary::names). Values of repeated fields are combined (RFC 9110 5.3) and white space around commas is
// normalised; accept-encoding is reduced to the classes we serve.
void selecting_bytes(std::string_view vary_names, const http::FieldList& request, std::string& out);
// Does a request select the variant with these selecting bytes? Equivalent to building them, without allocation.
bool selects(std::string_view selecting, const http::FieldList& request);

}  // namespace perigee::cache
