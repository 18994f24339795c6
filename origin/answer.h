// An answer made ready: its head lines and what its body consists of. The one place where conditions and
// ranges are applied, for files and scripted bodies alike.
//
// Owns all it names. Thread rule: one owner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/http/message.h"
#include "origin/content.h"

namespace perigee::origin {

// A text, then a run of the content.
struct BodyPart {
  std::string text;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct Answer {
  int status = 200;
  std::string lines;  // status line and field lines, without framing fields and blank line
  std::vector<BodyPart> parts;
  std::shared_ptr<Content> content;
  bool known_length = true;

  uint64_t body_bytes() const;
};

// What a resource says of itself before the request's conditions are looked at.
struct Representation {
  std::string content_type = "application/octet-stream";
  std::string more_lines;                // further field lines, each ended by CRLF
  std::string etag;                      // as in the field, quotes and W/ included; empty: none
  std::optional<int64_t> last_modified;  // seconds since the Unix epoch
  std::shared_ptr<Content> content;
  bool accepts_ranges = true;
};

// 200, 206 (also multipart/byteranges), 304, 412 or 416.
Answer answer_with(const http::RequestHead& request, const Representation& representation, WallTime now);

// A short text; for errors and pages. more_lines as above.
Answer text_answer(int status, std::string_view content_type, std::string text, WallTime now,
                   std::string_view more_lines = {});

// Status line, date and server.
std::string head_start(int status, WallTime now);

}  // namespace perigee::origin
