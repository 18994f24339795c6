// The answering half of H2Connection: heads as nghttp2 takes them.
#include <array>
#include <charconv>

#include "edge/http/h1_writer.h"
#include "edge/serve/h2_connection.h"

namespace perigee::serve {
namespace {

// Changes with every answer or every response: not worth a place in the client's table.
bool is_volatile(std::string_view name) {
  return name == "age" || name == "cache-status" || name == "date" || name == "last-modified" ||
         name == "etag" || name == "content-range";
}

class NameValues {
 public:
  void add(std::string_view name, std::string_view value, uint8_t flags) {
    if (count_ == list_.size()) {
      overflow_ = true;
      return;
    }
    if (is_volatile(name)) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    list_[count_++] = {bytes(name), bytes(value), name.size(), value.size(), flags};
  }
  // The field lines of a head; a start line before them is left out.
  void add_lines(std::string_view lines, bool start_line, uint8_t flags) {
    if (start_line) lines.remove_prefix(std::min(lines.find("\r\n"), lines.size() - 2) + 2);
    http::FieldLines reader(lines);
    for (std::string_view name, value; reader.next(name, value);) add(name, value, flags);
  }
  const nghttp2_nv* data() const { return list_.data(); }
  size_t size() const { return count_; }
  bool overflow() const { return overflow_; }

 private:
  static uint8_t* bytes(std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }
  std::array<nghttp2_nv, 256> list_;
  size_t count_ = 0;
  bool overflow_ = false;
};

void put_status(int status, std::array<char, 3>& into) {
  std::to_chars(into.data(), into.data() + into.size(), status);
}

constexpr uint8_t views = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
constexpr uint8_t literal_name = NGHTTP2_NV_FLAG_NO_COPY_NAME;

}  // namespace

void H2Connection::submit_reply(H2Stream& stream, const ReplyHead& head, uint64_t length, bool has_body) {
  if (stream.closed_) return;
  stream.answered_ = true;
  stream.takes_.begin(host_.loop.now());
  NameValues fields;
  put_status(head.status, stream.status_);
  fields.add(":status", {stream.status_.data(), stream.status_.size()}, views);
  fields.add_lines(head.lines, true, stream.head_lasts_ ? views : uint8_t{NGHTTP2_NV_FLAG_NONE});
  fields.add_lines(head.more_lines, false, NGHTTP2_NV_FLAG_NONE);
  std::array<char, 20> digits;
  if (length != ReplyHead::unknown_length && head.status >= 200 && head.status != 204) {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
    fields.add("content-length", {digits.data(), static_cast<size_t>(end - digits.data())}, literal_name);
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = on_offer;
  if (stream.cut_ || fields.overflow() ||
      nghttp2_submit_response(session_, stream.id(), fields.data(), fields.size(),
                              has_body ? &provider : nullptr) != 0) {
    stream.cut();
  }
  if (working_) return;
  newcomer_ = true;
  stream.keep_answer();
  want_turn();
}

void H2Connection::submit_interim(H2Stream& stream, const ReplyHead& head) {
  NameValues fields;
  std::array<char, 3> status{};
  put_status(head.status, status);
  fields.add(":status", {status.data(), status.size()}, literal_name);
  fields.add_lines(head.lines, true, NGHTTP2_NV_FLAG_NONE);
  fields.add_lines(head.more_lines, false, NGHTTP2_NV_FLAG_NONE);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id(), nullptr, fields.data(), fields.size(),
                         nullptr);
  want_turn();
}

void H2Connection::send_continue(H2Stream& stream) {
  ReplyHead head;
  head.status = 100;
  submit_interim(stream, head);
}

void H2Connection::resume(H2Stream& stream) {
  if (!stream.closed_) nghttp2_session_resume_data(session_, stream.id());
  want_turn();
}

void H2Connection::cut(H2Stream& stream) {
  if (stream.closed_ || closing_) return;
  host_.metrics.add(Metric::responses_cut);
  reset_stream(stream, NGHTTP2_INTERNAL_ERROR);
  want_turn();
}

}  // namespace perigee::serve
