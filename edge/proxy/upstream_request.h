// Writes the head of a request that goes upstream, from parsed fields: nothing of what the client sent is
// passed on as bytes, and exactly one framing header goes out.
//
// The target is the one of the cache key, so that what is asked for is what was keyed.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/http/message.h"

namespace perigee::proxy {

// Ask only for what is missing of a representation already under way (RFC 9110 14.2, 13.1.5).
struct ResumePoint {
  uint64_t offset = 0;
  std::string etag;  // a strong validator, with its quotes
};

// Ask for a run of bytes for the store (RFC 9110 14.2).
struct RangeAsk {
  std::string range;        // value of Range
  std::string if_range;     // a strong validator; empty: none
  uint64_t first = 0;       // of the bytes asked for; not known for a suffix
  bool is_clients = false;  // it is what the client asked for, word for word
};

// Under this fill key the first run of a representation is fetched: its head tells what there is, so all who
// ask for a range meanwhile wait for it.
inline std::string range_fill_key(std::string_view key) {
  return std::string(key) + std::string("\0range", 6);
}

// Under this one what nodes of another membership ask for waits, apart from the fill of that fill key.
inline constexpr std::string_view apart_mark("\0apart", 6);
inline std::string apart_fill_key(std::string_view fill_key) {
  return std::string(fill_key).append(apart_mark);
}
inline bool is_apart(std::string_view fill_key) { return fill_key.ends_with(apart_mark); }

struct UpstreamRequest {
  const http::RequestHead* request = nullptr;
  std::string_view scheme;     // of the key
  std::string_view authority;  // of the key; sent as Host unless host_header is set
  std::string_view path;       // of the key: path and query
  std::string_view host_header;

  // The whole representation is wanted for the store: the client's own conditions and range stay here.
  bool whole_representation = false;
  // Sent in place of the client's Accept-Encoding: the class that variants are keyed by. Empty: the client's.
  std::string_view accept_encoding;
  // Validators of what is stored, when it is to be validated; empty: none.
  std::string_view if_none_match;
  std::string_view if_modified_since;
  const ResumePoint* resume = nullptr;
  const RangeAsk* range = nullptr;

  bool to_peer = false;            // absolute-form target; forwarded fields pass as they came
  std::string_view peer_envelope;  // values of the two peer fields, to_peer only
  std::string_view peer_auth;

  bool add_forwarded_fields = false;  // X-Forwarded-For, -Proto, -Host
  std::string_view client_ip;
  std::string_view client_scheme;
  std::string_view via_name;  // added to Via
  std::string_view cdn_id;    // added to CDN-Loop unless it is there
  // Sent as Surrogate-Capability, so that an origin can address this cache; empty: not sent.
  std::string_view surrogate_device;
  bool upgrade = false;  // pass Connection: upgrade and Upgrade on

  // RFC 9440: what the client proved to be, as Client-Cert and Client-Cert-Chain; empty: it did not. What the
  // request itself says of that comes from a peer, who has proven who it is, or is left out.
  std::string_view client_certificate;
  std::string_view client_chain;
  bool from_peer = false;
  bool early_data = false;  // RFC 8470: the client's handshake was not complete
};

// Appends the head, blank line included, to out.
void write_upstream_request(const UpstreamRequest& parts, std::string& out);

// By this field a node tells a peer that it did not serve the request, and why; the peer asks somebody else.
inline constexpr std::string_view peer_refusal_field = "perigee-refused";

// Does CDN-Loop (RFC 8586) name this CDN already?
bool names_cdn(const http::FieldList& fields, std::string_view cdn_id);

// Not a field of one connection, and none that only peers or this node write.
bool is_end_to_end(http::FieldId id);

// Is `name` one of the comma-separated tokens of the Connection fields?
bool named_in_connection(const http::FieldList& fields, std::string_view name);

}  // namespace perigee::proxy
