#include "edge/http/h2_head.h"

#include <algorithm>
#include <cstring>

#include "edge/base/bytes.h"
#include "edge/http/authority.h"
#include "edge/http/byte_scan.h"
#include "edge/http/h1_framing.h"
#include "edge/http/h1_target.h"

namespace perigee::http {
namespace {

constexpr size_t line_overhead = 4;  // ": " and CRLF, as it would count in HTTP/1.1

// Names are short and nearly always good: no branch per character.
bool has_upper_case(std::string_view name) {
  bool found = false;
  for (char c : name) found = found | (c >= 'A' && c <= 'Z');
  return found;
}

bool has_control(std::string_view value) {
  size_t at = find_byte_of<Controls>(value, 0);
  while (at < value.size() && value[at] == '\t') at = find_byte_of<Controls>(value, at + 1);
  return at < value.size();
}

// RFC 9113 8.2.2.
bool is_connection_field(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace

void H2HeadReader::start() {
  text_.clear();
  rows_.clear();
  method_ = scheme_ = authority_ = path_ = {};
  cookies_ = 0;
  bytes_ = 0;
  refusal_ = {};
}

void H2HeadReader::refuse(const Refusal& refusal) {
  if (!refusal_) refusal_ = refusal;
}

void H2HeadReader::Text::grow(size_t more) {
  constexpr size_t least = 128;
  const size_t room = std::max({size_ + more, 2 * room_, least});
  auto bytes = std::make_unique_for_overwrite<char[]>(room);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  room_ = room;
}

void H2HeadReader::add(std::string_view name, std::string_view value, const HeadLimits& limits) {
  bytes_ += name.size() + value.size() + line_overhead;
  if (refusal_) return;
  if (bytes_ > limits.head_bytes_max) return refuse({431, "head too long"});
  if (rows_.size() >= limits.fields_max) return refuse({431, "too many fields"});
  if (has_control(value)) return refuse({400, "control character in a field value"});
  if (!name.empty() && name.front() == ':') return add_pseudo(name, value);
  add_field(name, value);
}

void H2HeadReader::add_pseudo(std::string_view name, std::string_view value) {
  // RFC 9113 8.3: before all others, each once, and only those that are defined.
  if (!rows_.empty()) return refuse({400, "pseudo-header field behind a field"});
  Pseudo* pseudo = nullptr;
  if (name == ":path") {
    pseudo = &path_;
  } else if (name == ":method") {
    pseudo = &method_;
  } else if (name == ":scheme") {
    pseudo = &scheme_;
  } else if (name == ":authority") {
    pseudo = &authority_;
  }
  if (pseudo == nullptr) return refuse({400, "unknown pseudo-header field"});
  if (pseudo->given) return refuse({400, "repeated pseudo-header field"});
  pseudo->given = true;
  pseudo->value = text_.add(value);
}

void H2HeadReader::add_field(std::string_view name, std::string_view value) {
  const FieldId id = field_id(name);
  // A name that is well known is a token.
  if (id == FieldId::other && !is_token(name)) return refuse({400, "malformed field name"});
  if (has_upper_case(name)) return refuse({400, "field name with upper case"});
  if (trim_ows(value).size() != value.size()) return refuse({400, "white space around a field value"});
  if (is_connection_field(id)) return refuse({400, "field of the connection"});
  if (id == FieldId::te && !equal_ignoring_case(value, "trailers"))
    return refuse({400, "TE other than trailers"});
  if (id == FieldId::cookie) ++cookies_;
  const Span kept_name = text_.add(name);
  rows_.push_back({kept_name, text_.add(value), id});
}

// Method and target, as they would be read in HTTP/1.1.
Refusal H2HeadReader::read_request_line(const HeadLimits& limits, RequestHead& head) const {
  if (!method_.given || !scheme_.given || !path_.given) {
    if (method_.given && method() == "CONNECT") return {501, "CONNECT is not supported"};
    return {400, "missing pseudo-header field"};
  }
  const std::string_view scheme = view(scheme_.value);
  const bool secure = equal_ignoring_case(scheme, "https");
  if (!secure && !equal_ignoring_case(scheme, "http")) return {421, "target of a foreign scheme"};
  if (path().empty() || path().find(' ') != std::string_view::npos) return {400, "malformed target"};
  if (method().find(' ') != std::string_view::npos) return {400, "malformed method"};
  if (Refusal refusal = parse_method_and_target(method(), path(), limits, head)) return refusal;
  if (head.method == Method::connect) return {501, "CONNECT is not supported"};
  // RFC 9113 8.3.1: :path is never an absolute URI.
  if (head.form == TargetForm::absolute || head.form == TargetForm::authority)
    return {400, "malformed target"};
  head.scheme = secure ? "https" : "http";
  return {};
}

Refusal H2HeadReader::read_authority(RequestHead& head) const {
  const Field* host = head.fields.find(FieldId::host);
  if (head.fields.count(FieldId::host) > 1) return {400, "repeated Host"};
  std::string_view authority = authority_.given ? view(authority_.value) : std::string_view();
  // RFC 9113 8.3.1: one of the two, and the same in both.
  if (!authority_.given && host != nullptr) authority = host->value;
  if (authority.empty()) return {400, "missing authority"};
  if (host != nullptr && !equal_ignoring_case(host->value, authority))
    return {400, "Host other than the authority"};
  if (!parse_authority(authority)) return {400, "malformed authority"};
  head.authority = authority;
  if (host == nullptr) head.fields.add({"host", authority, FieldId::host});
  return {};
}

// RFC 9113 8.2.3: cookies may come in pieces and are put together for whoever speaks HTTP/1.1.
void H2HeadReader::join_cookies() {
  text_.reserve(bytes_);
  Span joined;
  size_t kept = 0;
  size_t first = rows_.size();
  for (const Row& row : rows_) {
    if (row.id != FieldId::cookie) {
      rows_[kept++] = row;
      continue;
    }
    if (first == rows_.size()) {
      first = kept++;
      rows_[first] = row;
      joined = text_.add(view(row.value));
    } else {
      joined.size += text_.add("; ").size;
      joined.size += text_.add(view(row.value)).size;
    }
  }
  rows_[first].value = joined;
  rows_.resize(kept);
}

Refusal H2HeadReader::read_content(bool content_follows, RequestHead& head) const {
  const Survey found = survey(head.fields);
  if (Refusal refusal = read_framing(found, 1, head.framing, head.content_length)) return refusal;
  if (!content_follows) {
    // RFC 9113 8.1.1: a length that the content does not have.
    if (head.content_length > 0) return {400, "content-length without content"};
    head.framing = Framing::none;
  } else if (head.framing == Framing::none) {
    head.framing = Framing::chunked;
  }
  if (found.expect_unknown) return {417, "unknown expectation"};
  head.expect_continue = found.expect && has_content(head);
  return {};
}

Refusal H2HeadReader::finish_trailers() const {
  if (refusal_) return refusal_;
  const bool pseudo = method_.given || scheme_.given || authority_.given || path_.given;
  return pseudo ? Refusal{400, "pseudo-header field in trailers"} : Refusal{};
}

Refusal H2HeadReader::finish(const HeadLimits& limits, bool content_follows, RequestHead& head) {
  if (refusal_) return refusal_;
  head.scheme = head.authority = head.path = {};
  head.fields.clear();
  head.framing = Framing::none;
  head.content_length = 0;
  head.expect_continue = head.upgrade = false;
  head.keep_alive = true;
  if (cookies_ > 1) join_cookies();
  if (Refusal refusal = read_request_line(limits, head)) return refusal;
  for (const Row& row : rows_) head.fields.add({view(row.name), view(row.value), row.id});
  if (Refusal refusal = read_authority(head)) return refusal;
  return read_content(content_follows, head);
}

}  // namespace perigee::http
