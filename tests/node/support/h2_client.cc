#include "tests/node/support/h2_client.h"

#include <algorithm>
#include <cstring>

namespace perigee::test {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

ssize_t read_content(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                     nghttp2_data_source* source, void*) {
  auto& exchange = *static_cast<H2Client::Exchange*>(source->ptr);
  const size_t part = std::min(size, exchange.content.size());
  if (part == 0 && exchange.more_content) return NGHTTP2_ERR_DEFERRED;
  std::memcpy(buffer, exchange.content.data(), part);
  exchange.content.erase(0, part);
  if (exchange.content.empty() && !exchange.more_content) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(part);
}

}  // namespace

H2Client::H2Client(net::Loop& loop, const net::Address& to) : scheme_("http") {
  stream_ = &loop.connect(to, *this);
  begin();
}

H2Client::H2Client(net::Loop& loop, const net::Address& to, const TestTls& tls) : scheme_("https") {
  net::Stream& below = loop.connect(to, *this);
  stream_ = &tls.factory.connect(below, tls.context, tls.name, tls.name, *this);
  begin();
}

H2Client::~H2Client() {
  struct Orphan final : net::StreamHandler {
    void on_read(std::string_view) override {}
    void on_end() override {}
    void on_writable() override {}
    void on_error(net::StreamError) override {}
    void on_closed() override { delete this; }
  };
  nghttp2_session_del(session_);
  if (closed_) return;
  stream_->set_handler(*new Orphan);
  stream_->close();
}

void H2Client::begin() {
  stream_->read_start();
  nghttp2_session_callbacks* on = nullptr;
  nghttp2_session_callbacks_new(&on);
  nghttp2_session_callbacks_set_on_header_callback(
      on, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void* self) {
        Answer& answer = static_cast<H2Client*>(self)->exchanges_[frame->hd.stream_id].answer;
        std::string key(reinterpret_cast<const char*>(name), name_size);
        std::string text(reinterpret_cast<const char*>(value), value_size);
        if (key == ":status") {
          answer.status = std::stoi(text);
          if (answer.status < 200) answer.interims.push_back(answer.status);
        } else {
          answer.headers.emplace_back(std::move(key), std::move(text));
        }
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      on, [](nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* self) {
        auto& client = *static_cast<H2Client*>(self);
        client.exchanges_[id].answer.body.append(reinterpret_cast<const char*>(bytes), size);
        if (!client.hold_windows_) nghttp2_session_consume(session, id, size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      on, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        auto& client = *static_cast<H2Client*>(self);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
          client.goaway_ = true;
          client.goaway_error_ = frame->goaway.error_code;
        }
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
          client.exchanges_[frame->hd.stream_id].answer.complete = true;
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      on, [](nghttp2_session*, int32_t id, uint32_t error, void* self) {
        auto& client = *static_cast<H2Client*>(self);
        client.exchanges_[id].closed = true;
        client.exchanges_[id].error = error;
        client.closed_order_.push_back(id);
        return 0;
      });
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, on, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(on);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
                                             {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
}

void H2Client::set_window(uint32_t bytes) {
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, bytes};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
  flush();
}

void H2Client::open_window(int32_t id, int32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, bytes);
  flush();
}

int32_t H2Client::request(std::string_view method, std::string_view path, std::string_view authority,
                          const Headers& headers, const std::string* content) {
  std::vector<nghttp2_nv> fields = {field(":method", method), field(":scheme", scheme_), field(":path", path),
                                    field(":authority", authority)};
  for (const auto& [name, value] : headers) fields.push_back(field(name, value));
  const int32_t id = nghttp2_session_get_next_stream_id(session_) == 0
                         ? 1
                         : static_cast<int32_t>(nghttp2_session_get_next_stream_id(session_));
  Exchange& exchange = exchanges_[id];
  nghttp2_data_provider provider{};
  provider.source.ptr = &exchange;
  provider.read_callback = read_content;
  if (content != nullptr) exchange.content = *content;
  nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                         content != nullptr ? &provider : nullptr, nullptr);
  flush();
  return id;
}

int32_t H2Client::begin_upload(std::string_view path, const Headers& headers) {
  const auto id = static_cast<int32_t>(nghttp2_session_get_next_stream_id(session_));
  exchanges_[id].more_content = true;
  const std::string nothing;
  return request("POST", path, "a.example", headers, &nothing);
}

void H2Client::send_content(int32_t id, std::string bytes, bool last) {
  exchanges_[id].content += bytes;
  exchanges_[id].more_content = !last;
  nghttp2_session_resume_data(session_, id);
  flush();
}

void H2Client::reset(int32_t id, uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, error);
  flush();
}

void H2Client::flush() {
  if (closed_) return;
  for (;;) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  if (out_.empty()) return;
  const Slice slice = out_;
  out_.erase(0, stream_->write({&slice, 1}));
}

void H2Client::on_read(std::string_view bytes) {
  nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  flush();
}

void H2Client::on_end() {
  ended_ = true;
  stream_->close();
}

void H2Client::on_error(net::StreamError) {
  ended_ = true;
  stream_->close();
}

}  // namespace perigee::test
