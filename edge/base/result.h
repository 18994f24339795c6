// Errors are values that say whose fault they are. Not found, stale and "not storable" are answers, not
// errors.
//
// Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace perigee {

// Who caused an error: the client that asked, what we asked in turn (peer, shield, origin, resolver), or this
// node.
enum class Side : uint8_t { client, upstream, internal };

constexpr std::string_view to_string(Side side) {
  switch (side) {
    case Side::client:
      return "client";
    case Side::upstream:
      return "upstream";
    case Side::internal:
      return "internal";
  }
  return "internal";
}

struct Error {
  Side side = Side::internal;
  // A short stable token for logs, metrics and tests, such as "connection_refused". Always a string literal.
  std::string_view code;
  // What was found, what was expected, and where; for a person.
  std::string context;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Side side, std::string_view code, std::string context = {}) {
  return tl::unexpected<Error>(Error{side, code, std::move(context)});
}

}  // namespace perigee
