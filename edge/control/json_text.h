// JSON for log lines: appended to a string piece by piece, without a tree.
//
// Thread rule: pure functions on the caller's string.
#pragma once

#include <string>
#include <string_view>

#include "edge/base/clock.h"

namespace perigee::control {

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that whatever a client sends a
// line stays JSON.
void append_json_string(std::string& out, std::string_view text);

// `,"name":` before a value; name is a literal of ours.
void append_json_name(std::string& out, std::string_view name);

// "2026-01-31T12:00:00.000Z" with quotes (RFC 3339, UTC, milliseconds).
void append_json_time(std::string& out, WallTime time);

}  // namespace perigee::control
