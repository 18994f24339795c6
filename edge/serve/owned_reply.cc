#include "edge/serve/owned_reply.h"

#include <utility>

namespace perigee::serve {

namespace {

struct OwnedText {
  std::string lines;
  std::string body;

  static void release(void*, const void* object) { delete static_cast<const OwnedText*>(object); }
};

}  // namespace

void reply_owned(ServerExchange& exchange, int status, uint64_t content_length, std::string lines,
                 std::string body) {
  auto* text = new OwnedText{std::move(lines), std::move(body)};
  ReplyHead head;
  head.status = status;
  head.lines = text->lines;
  head.content_length = content_length;
  Hold hold;
  hold.release = &OwnedText::release;
  hold.object = text;
  hold.given = true;
  exchange.reply(head, text->body, hold);
}

}  // namespace perigee::serve
