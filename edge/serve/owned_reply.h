// Whole answers from strings that were made for them: errors, admin pages.
//
// Thread rule: the exchange's loop.
#pragma once

#include <string>

#include "edge/serve/handler.h"

namespace perigee::serve {

// lines: status line and field lines as in ReplyHead, without framing fields. The strings live until they are
// written. body is empty where none is sent (HEAD, 304); content_length is what to announce all the same.
void reply_owned(ServerExchange& exchange, int status, uint64_t content_length, std::string lines,
                 std::string body);

}  // namespace perigee::serve
