#include "edge/control/admin_reply.h"

#include "edge/http/h1.h"

namespace perigee::control {
namespace {

// One reference is ours during reply(); the connection takes another if it cannot write everything at once.
struct Page {
  std::string head;
  std::string body;
  size_t references = 1;

  static void acquire(void*, const void* object) { ++as_page(object)->references; }
  static void release(void*, const void* object) {
    Page* page = as_page(object);
    if (--page->references == 0) delete page;
  }

 private:
  static Page* as_page(const void* object) { return static_cast<Page*>(const_cast<void*>(object)); }
};

}  // namespace

void send_answer(serve::ServerExchange& exchange, bool head_only, Answer answer) {
  auto* page = new Page;
  http::HeadWriter writer(page->head);
  writer.status_line(answer.status, "");
  writer.field("content-type", answer.content_type);
  writer.field("cache-control", "no-store");
  if (!answer.field_name.empty()) writer.field(answer.field_name, answer.field_value);
  page->body = std::move(answer.body);
  serve::ReplyHead head;
  head.status = answer.status;
  head.lines = page->head;
  head.content_length = page->body.size();
  const std::string_view body = head_only ? std::string_view() : std::string_view(page->body);
  exchange.reply(head, body, {&Page::acquire, &Page::release, nullptr, page});
  Page::release(nullptr, page);
}

}  // namespace perigee::control
