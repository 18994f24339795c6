// Cache keys and variants. The primary key is scheme, normalised authority, path and query: exactly what is
// forwarded. The hash only picks a place; a hit compares the whole key.
//
// Key bytes: "https://example.org/path?query" after normalisation (host in lower case, default port dropped,
// dot segments removed, unreserved escapes decoded, other escapes in upper case; an empty path is "/"). A
// fragment never gets here.
//
// Selecting bytes (RFC 9111 4.1) hang a variant under its key: for each name in Vary, in sorted order, name,
// NUL, normalised value of the request or a marker for its absence, NUL. Normalisation only joins what is
// known to mean the same:
//   any field        lines combined, white space around commas dropped (outside quoted strings)
//   accept-encoding  the set of zstd, br and gzip that is acceptable, in that order, or "identity". Only
//   right when the
//                    request goes onward with that value too: see accept_encoding_class()
//   accept-language  case, order and the spelling of weights do not count (RFC 9110 12.5.4); and a stored
//   response whose
//                    Content-Language is the one language that a request likes best is what negotiation would
//                    give it
//
// What these functions do not do: touch a URL's meaning. Double slashes stay, the query keeps its order, a
// trailing dot of the host stays.
//
// Thread rule: pure functions; views belong to the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/fields.h"

namespace perigee::cache {

struct KeyView {
  std::string_view bytes;
  uint64_t hash = 0;
};

// Normalises into out (cleared first) and returns false when authority or path cannot be part of an http URL
// (the request is a 400): userinfo, an empty or escaped host, a port beyond 65535, a path without leading "/"
// (so also "*"), a broken escape in the path, "#", control characters, white space, bytes beyond ASCII. A "%"
// of the query that begins no escape becomes "%25", which is how lenient readers understand it. No allocation
// when out has room (4 bytes more than all parts and two for each stray "%").
//
// The exchange must forward key_parts() of the key, never what the client sent: then the key is a function of
// the bytes forwarded, and the result is a fixed point, so every node of a chain builds the same key.
bool build_key(std::string_view scheme, std::string_view authority, std::string_view path, std::string& out);

// The parts of a built key, as views into it: what goes into Host and the request target.
struct KeyParts {
  std::string_view scheme;
  std::string_view authority;  // without default port
  std::string_view path;       // with query, at least "/"
};
KeyParts key_parts(std::string_view key);

uint64_t key_hash(std::string_view key);

// A parsed Vary value.
struct Vary {
  bool any =
      false;  // "*", or a value that is no list of names: never reusable without the origin, not shared
  std::string names;  // lower-case, sorted, unique, each ended by NUL; empty with any
};
Vary parse_vary(const http::FieldList& response);

// The selecting bytes of a request under those names (Vary::names); out is cleared first.
void selecting_bytes(std::string_view vary_names, const http::FieldList& request, std::string& out);
// The same, with what the response says about itself (Content-Language): what the response should be stored
// under.
void selecting_bytes(std::string_view vary_names, const http::FieldList& request,
                     const http::FieldList& response, std::string& out);
// What a stored response is selected by once its head has been updated: as before, unless its Vary now names
// other fields (RFC 9111 3.2); then by what the request that the update answers says in them.
std::string updated_selecting(std::string_view selecting, const http::FieldList& request,
                              const http::FieldList& updated_response);
// Does a request select the variant with these selecting bytes? Equivalent to building them, without
// allocation. Empty selecting bytes are selected by every request.
bool selects(std::string_view selecting, const http::FieldList& request);

// Selecting bytes for people: a field that selected, its normalised value, and for accept-language what the
// response said of itself.
struct SelectingField {
  std::string name;
  std::optional<std::string> value;  // nullopt: the request did not have it
  std::string content_language;      // empty: not said
};
std::vector<SelectingField> selecting_fields(std::string_view selecting);

// What a request's Accept-Encoding is reduced to, one of eight literals such as "br, gzip" or "identity".
// Requests that may be answered from the cache are forwarded with it in place of the client's.
std::string_view accept_encoding_class(const http::FieldList& request);

}  // namespace perigee::cache
