#include "tests/node/support/scripted_origin.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace perigee::test {

std::string ReceivedRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

// One answer under way. Belongs to itself until the exchange ends.
class OriginAnswer final : public serve::ExchangeHandler, public serve::BodySource, public net::TimerHandler {
 public:
  OriginAnswer(ScriptedOrigin& origin, serve::ServerExchange& exchange, const Script& script, size_t request)
      : origin_(origin), exchange_(exchange), script_(script), request_(request) {
    const ReceivedRequest& received = origin_.requests_[request];
    body_ = script.body_;
    if (script.echo_language_) body_ = received.header("accept-language") + "#" + std::to_string(request);
    exchange.set_handler(*this);
    has_content_ = http::has_content(exchange.request());
    if (script_.interim_ != 0) send_interim();
    if (!has_content_) {
      origin_.requests_[request].complete = true;
      begin();
    } else if (script_.read_late_ == Duration::zero()) {
      exchange.read_request_body();
    } else {
      reading_late_ = true;
      exchange.loop().timers().arm(timer_, exchange.loop().now() + script_.read_late_);
    }
  }

  void on_request_body(std::string_view bytes) override { origin_.requests_[request_].body.append(bytes); }
  void on_request_end() override {
    origin_.requests_[request_].complete = true;
    begin();
  }
  void on_exchange_end(serve::ExchangeEnd) override { delete this; }

  void on_timer(net::Timer&) override {
    if (std::exchange(reading_late_, false)) return exchange_.read_request_body();
    if (!started_) return answer();
    allowed_ += std::max<uint64_t>(script_.rate_ / 1000, 1);
    exchange_.body_ready();
    arm_rate();
  }

  State pull(std::span<Slice> out, size_t& count) override {
    count = 0;
    const uint64_t end = std::min<uint64_t>({allowed_, body_.size(), script_.cut_after_});
    if (sent_ < end) {
      out[count++] = std::string_view(body_).substr(sent_, end - sent_);
      return State::ready;
    }
    if (sent_ == script_.cut_after_) return State::failed;
    return sent_ == body_.size() ? State::end : State::wait;
  }
  void consumed(size_t bytes) override { sent_ += bytes; }

 private:
  void send_interim() {
    std::string lines;
    http::HeadWriter head(lines);
    head.status_line(script_.interim_, "");
    head.field(script_.interim_field_.first, script_.interim_field_.second);
    serve::ReplyHead interim;
    interim.status = script_.interim_;
    interim.lines = lines;
    exchange_.send_interim(interim);
  }

  void begin() {
    if (script_.delay_ == Duration::zero()) return answer();
    exchange_.loop().timers().arm(timer_, exchange_.loop().now() + script_.delay_);
  }

  void arm_rate() {
    if (script_.rate_ > 0 && allowed_ < body_.size()) {
      exchange_.loop().timers().arm(timer_, exchange_.loop().now() + std::chrono::milliseconds(1));
    }
  }

  void answer() {
    started_ = true;
    const ReceivedRequest& received = origin_.requests_[request_];
    int status = script_.status_;
    uint64_t first = 0;
    uint64_t last = body_.size() - 1;
    if (!script_.etag_.empty() && received.header("if-none-match") == script_.etag_) status = 304;
    const std::string range = received.header("range");
    const bool ranged = status == 200 && range.starts_with("bytes=") &&
                        (range.ends_with("-") || script_.closed_ranges_) &&
                        (received.header("if-range").empty() || received.header("if-range") == script_.etag_);
    std::string lines;
    http::HeadWriter head(lines);
    if (ranged) {
      const char* end = range.data() + range.size();
      const char* dash = std::from_chars(range.data() + 6, end, first).ptr;
      if (dash + 1 < end) std::from_chars(dash + 1, end, last);
      last = std::min(last, body_.size() - 1);
      status = 206;
    }
    head.status_line(status, "");
    for (const auto& [name, value] : script_.headers_) head.field(name, value);
    if (ranged) {
      head.field("content-range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                                      std::to_string(body_.size()));
      body_ = body_.substr(first, last - first + 1);
    }
    if (status == 304) body_.clear();
    allowed_ = script_.rate_ == 0 ? body_.size() : 0;
    serve::ReplyHead reply;
    reply.status = status;
    reply.lines = lines;
    reply.content_length = script_.chunked_ ? serve::ReplyHead::unknown_length : body_.size();
    if (status == 304) reply.content_length = serve::ReplyHead::unknown_length;
    exchange_.reply(reply, *this);
    arm_rate();
  }

  ScriptedOrigin& origin_;
  serve::ServerExchange& exchange_;
  const Script script_;
  const size_t request_;
  std::string body_;
  bool has_content_ = false;
  bool reading_late_ = false;
  bool started_ = false;
  uint64_t allowed_ = 0;
  uint64_t sent_ = 0;
  net::Timer timer_{*this};
};

ScriptedOrigin::ScriptedOrigin(net::MemoryWorld& world, std::string_view name, const net::Address& at)
    : world_(world), io_(world.make_io(name, at.ip())) {
  serve::ServerOptions options;
  options.address = at;
  serve::Handler& handler = *this;
  server_ = std::make_unique<serve::Server>(io_->add_loop("origin"), options, handler, metrics_);
  if (!server_->listen()) throw std::logic_error("the origin cannot listen");
  io_->start();
}

ScriptedOrigin::~ScriptedOrigin() { io_->stop(); }

void ScriptedOrigin::crash() { world_.stop_node(*io_); }

size_t ScriptedOrigin::count(std::string_view method, std::string_view target) const {
  return static_cast<size_t>(std::count_if(
      requests_.begin(), requests_.end(),
      [&](const ReceivedRequest& request) { return request.method == method && request.target == target; }));
}

void ScriptedOrigin::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& head = exchange.request();
  ReceivedRequest received;
  received.method = head.method_text;
  received.target = head.path;
  for (const http::Field& field : head.fields) {
    std::string name(field.name);
    for (char& c : name) c = to_lower(c);
    received.headers.emplace_back(std::move(name), std::string(field.value));
  }
  requests_.push_back(std::move(received));
  const std::string path(head.path.substr(0, head.path.find('?')));
  const auto found = scripts_.find(path);
  static const Script missing = Script().reply(404).body("no script");
  new OriginAnswer(*this, exchange, found == scripts_.end() ? missing : found->second, requests_.size() - 1);
}

}  // namespace perigee::test
