// Header fields of one message, as views, in the order they came.
//
// Which well-known fields there are is known without a walk. Owns only the rows; the bytes belong to whoever
// parsed them (a receive buffer, an arena). Names keep the case of the wire and are compared without it; a
// well-known name is recognised once, when the row is added.
//
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace perigee::http {

// X(enumerator, lower-case name): the fields some code of ours asks for by name.
#define PERIGEE_FIELDS(X)                                 \
  X(accept_encoding, "accept-encoding")                   \
  X(accept_ranges, "accept-ranges")                       \
  X(age, "age")                                           \
  X(allow, "allow")                                       \
  X(authorization, "authorization")                       \
  X(cache_control, "cache-control")                       \
  X(cache_group_invalidation, "cache-group-invalidation") \
  X(cache_groups, "cache-groups")                         \
  X(cache_status, "cache-status")                         \
  X(cdn_cache_control, "cdn-cache-control")               \
  X(cdn_loop, "cdn-loop")                                 \
  X(client_cert, "client-cert")                           \
  X(client_cert_chain, "client-cert-chain")               \
  X(connection, "connection")                             \
  X(content_encoding, "content-encoding")                 \
  X(content_length, "content-length")                     \
  X(content_location, "content-location")                 \
  X(content_range, "content-range")                       \
  X(content_type, "content-type")                         \
  X(cookie, "cookie")                                     \
  X(date, "date")                                         \
  X(early_data, "early-data")                             \
  X(etag, "etag")                                         \
  X(expect, "expect")                                     \
  X(expires, "expires")                                   \
  X(forwarded, "forwarded")                               \
  X(host, "host")                                         \
  X(if_match, "if-match")                                 \
  X(if_modified_since, "if-modified-since")               \
  X(if_none_match, "if-none-match")                       \
  X(if_range, "if-range")                                 \
  X(if_unmodified_since, "if-unmodified-since")           \
  X(keep_alive, "keep-alive")                             \
  X(last_modified, "last-modified")                       \
  X(location, "location")                                 \
  X(max_forwards, "max-forwards")                         \
  X(perigee_peer, "perigee-peer")                         \
  X(perigee_peer_auth, "perigee-peer-auth")               \
  X(pragma, "pragma")                                     \
  X(proxy_authenticate, "proxy-authenticate")             \
  X(proxy_authorization, "proxy-authorization")           \
  X(proxy_connection, "proxy-connection")                 \
  X(proxy_status, "proxy-status")                         \
  X(range, "range")                                       \
  X(server, "server")                                     \
  X(set_cookie, "set-cookie")                             \
  X(surrogate_capability, "surrogate-capability")         \
  X(te, "te")                                             \
  X(trailer, "trailer")                                   \
  X(transfer_encoding, "transfer-encoding")               \
  X(upgrade, "upgrade")                                   \
  X(vary, "vary")                                         \
  X(via, "via")                                           \
  X(warning, "warning")                                   \
  X(x_forwarded_for, "x-forwarded-for")                   \
  X(x_forwarded_host, "x-forwarded-host")                 \
  X(x_forwarded_proto, "x-forwarded-proto")

enum class FieldId : uint8_t {
  other,
#define PERIGEE_FIELD_ENUM(id, name) id,
  PERIGEE_FIELDS(PERIGEE_FIELD_ENUM)
#undef PERIGEE_FIELD_ENUM
};

#define PERIGEE_FIELD_COUNT(id, name) +1
static_assert(0 PERIGEE_FIELDS(PERIGEE_FIELD_COUNT) < 64, "a FieldSet has no bit left");
#undef PERIGEE_FIELD_COUNT

// The well-known field of that name, ignoring case; FieldId::other for all the rest.
FieldId field_id(std::string_view name);
// Lower-case name; empty for FieldId::other.
std::string_view field_name(FieldId id);

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::other;
};

// Several well-known fields at once, one bit each.
using FieldSet = uint64_t;
template <typename... Ids>
constexpr FieldSet field_set(Ids... ids) {
  return ((FieldSet{1} << static_cast<unsigned>(ids)) | ...);
}

class FieldList {
 public:
  // Keeps the memory of the rows, so that a list used again allocates nothing.
  void clear() {
    rows_.clear();
    present_ = 0;
  }
  void reserve(size_t rows) { rows_.reserve(rows); }
  void add(std::string_view name, std::string_view value) { add(Field{name, value, field_id(name)}); }
  void add(const Field& field) {
    rows_.push_back(field);
    present_ |= field_set(field.id);
  }
  size_t size() const { return rows_.size(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }
  const Field& operator[](size_t i) const { return rows_[i]; }
  const Field& back() const { return rows_.back(); }
  // Gives the last line its value, when that comes after its name.
  void set_last_value(std::string_view value) { rows_.back().value = value; }

  // The first field line of that name; null without one.
  const Field* find(FieldId id) const {
    if (!has(id)) return nullptr;
    for (const Field& row : rows_) {
      if (row.id == id) return &row;
    }
    return nullptr;
  }
  const Field* find(std::string_view name) const;
  bool has(FieldId id) const { return has_any(field_set(id)); }
  bool has_any(FieldSet ids) const { return (present_ & ids) != 0; }
  // The value of the first line of that name; empty without one.
  std::string_view value(FieldId id) const {
    const Field* field = find(id);
    return field != nullptr ? field->value : std::string_view();
  }
  size_t count(FieldId id) const;

 private:
  std::vector<Field> rows_;
  FieldSet present_ = 0;  // the ids of all rows
};

}  // namespace perigee::http
