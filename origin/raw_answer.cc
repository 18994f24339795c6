#include "origin/raw_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/http/h1.h"

namespace perigee::origin {
namespace {

// How long a liar waits for the client to draw its conclusions.
constexpr Duration patience = std::chrono::seconds(120);
constexpr Duration before_reset = std::chrono::milliseconds(20);

// Noise that is no status line, with every kind of byte.
std::string garbage() {
  std::string noise = "\x16\x03\x01 not http at all \r\n";
  for (int i = 0; i < 256; ++i) noise.push_back(static_cast<char>(i));
  return noise + "\r\n\r\n";
}

std::string raw_head(const Script& script, const Answer& answer) {
  if (script.lies.silent) return {};
  if (script.lies.garbage) return garbage();
  std::string head = answer.lines;
  http::HeadWriter writer(head);
  if (script.lies.announced) {
    writer.field("content-length", *script.lies.announced);
  } else if (script.framing == ScriptFraming::chunked || script.lies.bad_chunk) {
    writer.field("transfer-encoding", "chunked");
  } else if (script.framing == ScriptFraming::length) {
    writer.field("content-length", answer.body_bytes() - script.lies.overrun);
  } else {
    writer.field("connection", "close");
  }
  writer.end();
  return head;
}

}  // namespace

void RawAnswer::start(net::Loop& loop, serve::TakenStream taken, const Script& script, Answer answer,
                      bool head_only, Recorder& recorder, uint64_t number) {
  auto* raw = new RawAnswer(loop, *taken.stream, script, std::move(answer), head_only, recorder, number);
  taken.stream->set_handler(*raw);
  taken.stream->read_start();
  raw->advance();
}

RawAnswer::RawAnswer(net::Loop& loop, net::Stream& stream, const Script& script, Answer answer,
                     bool head_only, Recorder& recorder, uint64_t number)
    : loop_(loop),
      stream_(stream),
      script_(script),
      recorder_(recorder),
      number_(number),
      status_(answer.status),
      head_only_(head_only),
      source_(loop, answer.parts, answer.content, script.pace, [this] { advance(); }),
      timer_(static_cast<net::TimerHandler&>(*this)),
      head_(raw_head(script, answer)) {}

void RawAnswer::advance() {
  if (step_ == Step::head && !write_head()) return;
  if (step_ == Step::body) {
    while (write_body()) {
    }
  }
  if (step_ == Step::over && flush() && close_when_out_) stream_.close();
}

// True when the whole head is written.
bool RawAnswer::write_head() {
  if (script_.lies.silent) {
    step_ = Step::over;
    stream_.close();
    return false;
  }
  while (!head_.empty()) {
    if (head_waits_) return false;
    const bool slow = script_.lies.slow_head > Duration::zero();
    const Slice next = Slice(head_).substr(0, slow ? 1 : head_.size());
    const size_t taken = stream_.write({&next, 1});
    head_.erase(0, taken);
    if (taken == 0) return false;
    if (slow && !head_.empty()) {
      head_waits_ = true;
      loop_.timers().arm(timer_, loop_.now() + script_.lies.slow_head);
    }
  }
  step_ = Step::body;
  loop_.timers().arm(timer_, loop_.now() + patience);
  if (head_only_ || script_.lies.garbage) end_body();
  return true;
}

// Writes one run of body bytes; false when there is nothing more to do now.
bool RawAnswer::write_body() {
  if (!flush() || at_limit()) return false;
  Slice slice;
  size_t count = 0;
  switch (source_.pull({&slice, 1}, count)) {
    case serve::BodySource::State::wait:
      return false;
    case serve::BodySource::State::failed:
      step_ = Step::over;
      stream_.reset();
      return false;
    case serve::BodySource::State::end:
      end_body();
      return false;
    case serve::BodySource::State::ready:
      break;
  }
  for (const auto& limit :
       {script_.lies.truncate, script_.lies.reset, script_.lies.stall, script_.lies.bad_chunk}) {
    if (limit) slice = slice.substr(0, static_cast<size_t>(*limit - sent_));
  }
  if (sent_ == 0) recorder_.first_body_byte(number_, loop_.wall_now());
  sent_ += slice.size();
  write_chunk(slice);
  source_.consumed(slice.size());
  return true;
}

void RawAnswer::write_chunk(std::string_view bytes) {
  const bool chunked = script_.framing == ScriptFraming::chunked || script_.lies.bad_chunk;
  if (chunked) {
    std::array<char, 18> prefix;
    pending_.append(prefix.data(), http::write_chunk_prefix(bytes.size(), prefix.data()));
  }
  pending_.append(bytes);
  if (chunked) pending_.append("\r\n");
}

// Whether a lie ends the body here; then it is told.
bool RawAnswer::at_limit() {
  const Lies& lies = script_.lies;
  if (lies.truncate && sent_ >= *lies.truncate) {
    stream_.close();
  } else if (lies.reset && sent_ >= *lies.reset) {
    // A reset overtakes what is still under way, and N bytes were promised.
    reset_waits_ = true;
    step_ = Step::over;
    loop_.timers().arm(timer_, loop_.now() + before_reset);
    return true;
  } else if (lies.bad_chunk && sent_ >= *lies.bad_chunk) {
    pending_ = "xyz\r\n";
  } else if (!lies.stall || sent_ < *lies.stall) {
    return false;
  }
  step_ = Step::over;
  loop_.timers().arm(timer_, loop_.now() + patience);
  return true;
}

void RawAnswer::end_body() {
  step_ = Step::over;
  if (script_.framing == ScriptFraming::chunked && !head_only_ && !script_.lies.garbage) {
    pending_.append("0\r\n\r\n");
  }
  // Bytes beyond the announced end only tell themselves on a connection that stays open.
  close_when_out_ = script_.lies.overrun == 0 && !script_.lies.announced && !script_.lies.garbage;
}

bool RawAnswer::flush() {
  if (pending_.empty()) return true;
  const Slice slice = pending_;
  pending_.erase(0, stream_.write({&slice, 1}));
  return pending_.empty();
}

void RawAnswer::on_timer(net::Timer&) {
  if (std::exchange(head_waits_, false)) return advance();
  if (reset_waits_) return stream_.reset();
  // A body under way may take its time; one that is over, or was stopped by its script, may not.
  if (step_ == Step::over) return stream_.close();
  loop_.timers().arm(timer_, loop_.now() + patience);
}

void RawAnswer::on_end() {
  if (step_ == Step::over) stream_.close();
}

void RawAnswer::on_error(net::StreamError) {
  step_ = Step::over;
  stream_.close();
}

void RawAnswer::on_closed() {
  recorder_.end(number_, status_, sent_, "raw", loop_.wall_now());
  delete this;
}

}  // namespace perigee::origin
