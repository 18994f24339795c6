#include "edge/serve/owned_reply.h"

#include <utility>

namespace perigee::serve {

namespace {

struct OwnedText {
  std::string lines;
  std::string body;
  int holders = 1;

  static void acquire(void*, const void* object) { ++text(object).holders; }
  static void release(void*, const void* object) {
    if (--text(object).holders == 0) delete &text(object);
  }
  static OwnedText& text(const void* object) { return *static_cast<OwnedText*>(const_cast<void*>(object)); }
};

}  // namespace

void reply_owned(ServerExchange& exchange, int status, uint64_t content_length, std::string lines, std::string body) {
  auto* text = new OwnedText{std::move(lines), std::move(body)};
  ReplyHead head;
  head.status = status;
  head.lines = text->lines;
  head.content_length = content_length;
  exchange.reply(head, text->body, Hold{&OwnedText::acquire, &OwnedText::release, nullptr, text});
  OwnedText::release(nullptr, text);
}

}  // namespace perigee::serve
