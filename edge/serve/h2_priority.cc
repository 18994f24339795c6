// PRIORITY_UPDATE (RFC 9218 7.1), and frames of types that nobody has defined.
//
// nghttp2 1.52 would read PRIORITY_UPDATE itself. But a stream of which it hears in this way before its
// HEADERS it keeps in a list of idle ones, also when the stream has begun and when it is freed. So the frame
// is read here, and the library is told of streams that live.
#include <algorithm>
#include <utility>
#include <variant>

#include "edge/http/structured_fields.h"
#include "edge/serve/h2_connection.h"

namespace perigee::serve {
namespace {

constexpr size_t id_bytes = 4;
// "u=3, i" is all there is to say; a few parameters of the future have room.
constexpr size_t update_bytes_max = 64;

// RFC 9218 4: what is missing, out of range or of another type has its default.
nghttp2_extpri priority_of(const http::sf::Dictionary& fields) {
  nghttp2_extpri priority{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 0};
  const auto value = [&](std::string_view key) -> const http::sf::BareItem* {
    const auto* member = http::sf::find(fields, key);
    const auto* item = member == nullptr ? nullptr : std::get_if<http::sf::Item>(member);
    return item == nullptr ? nullptr : &item->value;
  };
  if (const auto* urgency = value("u")) {
    const auto* number = std::get_if<int64_t>(urgency);
    if (number != nullptr && *number >= NGHTTP2_EXTPRI_URGENCY_HIGH && *number <= NGHTTP2_EXTPRI_URGENCY_LOW)
      priority.urgency = static_cast<uint32_t>(*number);
  }
  if (const auto* incremental = value("i")) {
    const auto* yes = std::get_if<bool>(incremental);
    priority.inc = yes != nullptr && *yes ? 1 : 0;
  }
  return priority;
}

}  // namespace

int H2Connection::on_extension_bytes(nghttp2_session*, const nghttp2_frame_hd* head, const uint8_t* bytes,
                                     size_t size, void* self) {
  if (head->type != NGHTTP2_PRIORITY_UPDATE) return 0;
  std::string& update = of(self).priority_update_;
  const size_t room = update_bytes_max - update.size();
  update.append(reinterpret_cast<const char*>(bytes), std::min(size, room));
  return 0;
}

int H2Connection::on_extension(nghttp2_session*, void**, const nghttp2_frame_hd* head, void* self) {
  H2Connection& connection = of(self);
  connection.glitch();
  if (head->type == NGHTTP2_PRIORITY_UPDATE) connection.update_priority(*head);
  return connection.verdict(NGHTTP2_ERR_CANCEL);
}

void H2Connection::update_priority(const nghttp2_frame_hd& head) {
  const std::string update = std::exchange(priority_update_, {});
  if (head.stream_id != 0) return fail(NGHTTP2_PROTOCOL_ERROR);
  if (head.length < id_bytes) return fail(NGHTTP2_FRAME_SIZE_ERROR);
  uint32_t id = 0;
  for (size_t i = 0; i < id_bytes; ++i) id = id << 8 | static_cast<uint8_t>(update[i]);
  id &= 0x7fffffff;
  // Of streams that we would begin there are none.
  if (id % 2 == 0) return fail(NGHTTP2_PROTOCOL_ERROR);
  if (head.length > update_bytes_max) return;
  const auto fields = http::sf::parse_dictionary(std::string_view(update).substr(id_bytes));
  if (!fields) return;
  const auto stream = static_cast<int32_t>(id);
  const nghttp2_extpri priority = priority_of(*fields);
  if (find(stream) != nullptr) {
    nghttp2_session_change_extpri_stream_priority(session_, stream, &priority, 0);
  } else if (stream > last_begun_) {
    // RFC 9218 7.1: it waits for its stream, as one may that is the last.
    early_priority_ = {stream, priority};
  }
}

// The head of a request is whole: what was said before counts more than what it says itself.
void H2Connection::use_early_priority(int32_t id) {
  if (early_priority_.stream != id) return;
  nghttp2_session_change_extpri_stream_priority(session_, id, &early_priority_.priority, 0);
  early_priority_.stream = 0;
}

}  // namespace perigee::serve
