// What to answer from a representation: all of it, "not modified", ranges, or a refusal (RFC 9110 13.2.2,
// 14.2). Decides and writes heads; who sends is the caller.
//
// Thread rule: pure functions; views are the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/random.h"
#include "edge/cache/store.h"
#include "edge/http/conditional.h"
#include "edge/http/message.h"
#include "edge/http/range.h"
#include "edge/proxy/parts_cursor.h"
#include "edge/serve/handler.h"

namespace perigee::proxy {

struct StoredPlan {
  int status = 200;     // 200, 206, 304, 412 or 416; or the stored status when that is not 200
  uint64_t first = 0;   // of the bytes to send
  uint64_t length = 0;  // of the content: for several ranges with the text around them
  // Several ranges: multipart/byteranges; else empty.
  std::vector<http::ByteRange> ranges;
  uint64_t boundary = 0;
  bool too_many = false;  // ranges: the whole answers them, if it is at hand
  // The caller's to say: a peer asked, over the authenticated listener. See write_planned_head().
  bool for_peer = false;

  bool is_multipart() const { return !ranges.empty(); }
  bool sends_bytes(int stored_status) const { return status == stored_status || status == 206; }
};

// lines: the stored head. length: of the representation. random: for the boundary, which must not occur in
// the content.
StoredPlan plan_stored(const http::RequestHead& request, int status, std::string_view lines, uint64_t length,
                       WallTime now, Random& random);

// What the plan sends, in order.
std::vector<Part> parts_of(const StoredPlan& plan, std::string_view stored_lines, uint64_t length);

// What of the plan's bytes is not in the body: the first gap.
std::optional<cache::ByteRun> missing_of(const StoredPlan& plan, const cache::SparseBody& body);

// What one stored head says, "" without: etag, content-type and so on, by lower-case name.
std::string_view stored_field(std::string_view stored_lines, std::string_view name);
http::Validators stored_validators(std::string_view stored_lines);

// The head of a plan that is not the stored one as it is (206, 304, 412, 416), in the form of
// ReplyHead::lines. A 304 repeats what RFC 9110 15.4.5 asks for; for a peer, which renews a copy that it
// serves and purges by itself, all that is stored but what describes the content.
void write_planned_head(const StoredPlan& plan, std::string_view stored_lines, uint64_t length,
                        std::string& out);

// Content-Length to announce for the plan.
uint64_t planned_content_length(const StoredPlan& plan, uint64_t representation_length);

// Keeps a stored response where it is found, beyond the turn, for the reader's worker.
serve::Hold hold_of(cache::Reader& reader, const cache::StoredResponse& stored);

// Answers from a stored response at once when its body is small or of a few blocks, or nothing of it is sent.
// False: nothing was done, stream parts_of() the large body with `head`, which is filled in either way
// (lines_scratch holds what it points to).
bool reply_stored(serve::ServerExchange& exchange, cache::Reader& reader, const cache::StoredResponse& stored,
                  bool head_only, const StoredPlan& plan, std::string_view more_lines,
                  std::string& lines_scratch, serve::ReplyHead& head);

}  // namespace perigee::proxy
