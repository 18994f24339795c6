#include "origin/origin_exchange.h"

#include <utility>

#include "origin/raw_answer.h"

namespace perigee::origin {

OriginExchange::OriginExchange(serve::ServerExchange& exchange, Recorder& recorder, uint64_t number)
    : exchange_(exchange),
      loop_(exchange.loop()),
      recorder_(recorder),
      number_(number),
      has_content_(http::has_content(exchange.request())),
      head_only_(exchange.request().method == http::Method::head),
      timer_(static_cast<net::TimerHandler&>(*this)) {
  exchange.set_handler(*this);
}

void OriginExchange::answer_after_content(std::function<Answer(const std::string&)> make) {
  make_ = std::move(make);
  begin(has_content_);
}

void OriginExchange::answer_by_script(const Script& script, Answer answer) {
  script_ = script;
  answer_ = std::move(answer);
  begin(has_content_);
}

void OriginExchange::begin(bool wants_content) {
  if (wants_content) return exchange_.read_request_body();
  send_interim();
  if (script_.latency <= Duration::zero()) return send();
  step_ = Step::latency;
  loop_.timers().arm(timer_, loop_.now() + script_.latency);
}

void OriginExchange::send_interim() {
  for (const int status : script_.interim) {
    const bool hints = status == 103;
    exchange_.send_interim({status, hints ? "HTTP/1.1 103 Early Hints\r\n" : "HTTP/1.1 102 Processing\r\n",
                            hints ? "link: </style.css>; rel=preload\r\n" : ""});
  }
}

void OriginExchange::on_request_body(std::string_view bytes) {
  content_.append(bytes.substr(0, content_kept_max - content_.size()));
}

void OriginExchange::on_request_end() { begin(false); }

void OriginExchange::on_timer(net::Timer&) { send(); }

void OriginExchange::send() {
  step_ = Step::answer;
  if (make_) answer_ = make_(content_);
  if (script_.is_raw()) {
    const serve::TakenStream taken = exchange_.take_stream();
    RawAnswer::start(loop_, taken, script_, std::move(answer_), head_only_, recorder_, number_);
    delete this;
    return;
  }
  const uint64_t body_bytes = answer_.body_bytes();
  source_.emplace(loop_, std::move(answer_.parts), answer_.content, script_.pace,
                  [this] { exchange_.body_ready(); });
  source_->on_first_byte = [this] { recorder_.first_body_byte(number_, loop_.wall_now()); };
  serve::ReplyHead head;
  head.status = answer_.status;
  head.lines = answer_.lines;
  // Of a 304 nothing is known but its validators.
  if (answer_.known_length && answer_.status != 304) head.content_length = body_bytes;
  exchange_.reply(head, *source_);
}

void OriginExchange::on_exchange_end(serve::ExchangeEnd end) {
  if (number_ != 0) {
    const uint64_t sent = source_ ? source_->bytes_consumed() : 0;
    recorder_.end(number_, answer_.status, sent, to_string(end), loop_.wall_now());
  }
  delete this;
}

}  // namespace perigee::origin
