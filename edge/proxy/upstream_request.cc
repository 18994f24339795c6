#include "edge/proxy/upstream_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/http/h1.h"
#include "edge/http/lists.h"
#include "edge/http/trace_context.h"
#include "edge/proxy/max_forwards.h"

namespace perigee::proxy {

namespace {

using http::FieldId;

// Calls visit(token) for each element of a comma-separated list; stops when it returns true.
template <typename Visit>
bool any_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (visit(trim_ows(list.substr(0, comma)))) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

bool is_condition(FieldId id) {
  switch (id) {
    case FieldId::if_match:
    case FieldId::if_none_match:
    case FieldId::if_modified_since:
    case FieldId::if_unmodified_since:
    case FieldId::if_range:
    case FieldId::range:
      return true;
    default:
      return false;
  }
}

// Fields of this connection (RFC 9110 7.6.1), fields we write ourselves, and fields only a peer may send.
bool never_passed_on(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::proxy_connection:
    case FieldId::keep_alive:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::content_length:
    case FieldId::expect:
    case FieldId::host:
    case FieldId::proxy_authorization:
    case FieldId::proxy_authenticate:
    case FieldId::perigee_peer:
    case FieldId::perigee_peer_auth:
    case FieldId::via:
    case FieldId::cdn_loop:
      return true;
    default:
      return false;
  }
}

bool is_client_certificate(FieldId id) {
  return id == FieldId::client_cert || id == FieldId::client_cert_chain;
}

bool is_forwarded_field(FieldId id) {
  return id == FieldId::x_forwarded_for || id == FieldId::x_forwarded_proto ||
         id == FieldId::x_forwarded_host;
}

// All lines of a list-valued field, joined (RFC 9110 5.3), with one element more at the end.
std::string joined_with(const http::FieldList& fields, FieldId id, std::string_view last) {
  std::string value;
  for (const http::Field& field : fields) {
    if (field.id != id || field.value.empty()) continue;
    if (!value.empty()) value += ", ";
    value += field.value;
  }
  if (last.empty()) return value;
  if (!value.empty()) value += ", ";
  value += last;
  return value;
}

void write_passed_fields(const UpstreamRequest& parts, http::HeadWriter& head) {
  const http::FieldList& fields = parts.request->fields;
  const bool has_connection = fields.has(FieldId::connection);
  const std::optional<uint64_t> forwards = max_forwards(*parts.request);
  const http::TraceContext trace = http::read_trace_context(fields);
  for (const http::Field& field : fields) {
    if (never_passed_on(field.id)) continue;
    // For CGI and its heirs (RFC 3875 4.1.18) a name with underscores is the one with hyphens: it would say
    // what clients must not say of themselves, and what no key has.
    if (field.name.find('_') != std::string_view::npos) continue;
    if (is_condition(field.id) && (parts.whole_representation || parts.resume != nullptr)) continue;
    if (is_forwarded_field(field.id) && parts.add_forwarded_fields) continue;
    // RFC 9440 2.4: clients that say it themselves must not be believed.
    if (is_client_certificate(field.id) && !parts.from_peer) continue;
    if (field.id == FieldId::early_data && parts.early_data) continue;
    if (field.id == FieldId::accept_encoding && !parts.accept_encoding.empty()) continue;
    if (field.id == FieldId::surrogate_capability && !parts.surrogate_device.empty()) continue;
    if (has_connection && named_in_connection(fields, field.name)) continue;
    if (field.id == FieldId::max_forwards && forwards) continue;
    if (field.id == FieldId::other && !trace.passes(field.name)) continue;
    head.field(field.name, field.value);
  }
  // RFC 9110 7.6.2; zero has been answered here.
  if (forwards) head.field("max-forwards", *forwards - std::min<uint64_t>(*forwards, 1));
  if (!parts.accept_encoding.empty()) head.field("accept-encoding", parts.accept_encoding);
}

void write_conditions(const UpstreamRequest& parts, http::HeadWriter& head) {
  if (parts.resume != nullptr) {
    head.field("range", fmt::format("bytes={}-", parts.resume->offset));
    head.field("if-range", parts.resume->etag);
    return;
  }
  if (parts.range != nullptr) {
    head.field("range", parts.range->range);
    if (!parts.range->if_range.empty()) head.field("if-range", parts.range->if_range);
  }
  if (!parts.if_none_match.empty()) head.field("if-none-match", parts.if_none_match);
  if (!parts.if_modified_since.empty()) head.field("if-modified-since", parts.if_modified_since);
}

void write_trace_fields(const UpstreamRequest& parts, http::HeadWriter& head) {
  const http::FieldList& fields = parts.request->fields;
  const std::string via = fmt::format("1.{} {}", parts.request->version_minor, parts.via_name);
  head.field("via", joined_with(fields, FieldId::via, via));
  const bool present = names_cdn(fields, parts.cdn_id);
  head.field("cdn-loop", joined_with(fields, FieldId::cdn_loop, present ? std::string_view() : parts.cdn_id));
  if (!parts.surrogate_device.empty()) {
    head.field("surrogate-capability",
               joined_with(fields, FieldId::surrogate_capability,
                           fmt::format("{}=\"Surrogate/1.0\"", parts.surrogate_device)));
  }
  if (!parts.client_certificate.empty()) head.field("client-cert", parts.client_certificate);
  if (!parts.client_chain.empty()) head.field("client-cert-chain", parts.client_chain);
  if (parts.early_data) head.field("early-data", "1");
  if (!parts.add_forwarded_fields) return;
  head.field("x-forwarded-for", joined_with(fields, FieldId::x_forwarded_for, parts.client_ip));
  head.field("x-forwarded-proto", parts.client_scheme);
  head.field("x-forwarded-host",
             parts.request->authority.empty() ? parts.authority : parts.request->authority);
}

void write_framing(const UpstreamRequest& parts, http::HeadWriter& head) {
  if (parts.upgrade) {
    head.field("connection", "upgrade");
    head.field("upgrade", parts.request->fields.value(FieldId::upgrade));
  }
  switch (parts.request->framing) {
    case http::Framing::length:
      head.field("content-length", parts.request->content_length);
      break;
    case http::Framing::chunked:
      head.field("transfer-encoding", "chunked");
      break;
    case http::Framing::none:
    case http::Framing::until_close:
      break;
  }
}

}  // namespace

bool is_end_to_end(FieldId id) { return !never_passed_on(id); }

bool named_in_connection(const http::FieldList& fields, std::string_view name) {
  for (const http::Field& field : fields) {
    if (field.id != FieldId::connection) continue;
    if (any_element(field.value, [&](std::string_view token) { return equal_ignoring_case(token, name); }))
      return true;
  }
  return false;
}

bool names_cdn(const http::FieldList& fields, std::string_view cdn_id) {
  if (!fields.has(FieldId::cdn_loop)) return false;
  // RFC 8586 2: parameters may be quoted, and hold commas.
  http::ListMembers members(fields, "cdn-loop");
  for (std::string_view member; members.next(member);) {
    if (equal_ignoring_case(trim_ows(member.substr(0, member.find(';'))), cdn_id)) return true;
  }
  return false;
}

void write_upstream_request(const UpstreamRequest& parts, std::string& out) {
  http::HeadWriter head(out);
  if (parts.to_peer) {
    head.request_line(parts.request->method_text,
                      fmt::format("{}://{}{}", parts.scheme, parts.authority, parts.path));
  } else {
    // RFC 9112 3.2.4: an OPTIONS for the server as a whole stays one; its key is that of "/".
    const bool asterisk = parts.request->path == "*";
    head.request_line(parts.request->method_text, asterisk ? std::string_view("*") : parts.path);
  }
  head.field("host", parts.host_header.empty() ? parts.authority : parts.host_header);
  write_passed_fields(parts, head);
  write_conditions(parts, head);
  write_trace_fields(parts, head);
  if (parts.to_peer) {
    head.field("perigee-peer", parts.peer_envelope);
    if (!parts.peer_auth.empty()) head.field("perigee-peer-auth", parts.peer_auth);
  }
  write_framing(parts, head);
  head.end();
}

}  // namespace perigee::proxy
