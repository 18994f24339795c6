#include "tests/sim/support/sim_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "edge/base/bytes.h"
#include "edge/http/date.h"
#include "edge/http/h1_writer.h"
#include "edge/http/range.h"
#include "edge/serve/owned_reply.h"
#include "origin/self_verifying.h"
#include "tests/sim/support/purges.h"

namespace perigee::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration tick = 5ms;
// Longer than any node waits: then whoever asked has left, and an end of its half is no sign of that.
constexpr Duration silence = 40s;
constexpr size_t piece_bytes = 32 * 1024;

// "1.1 eu-2, 1.1 eu-1" -> eu-2, eu-1.
std::vector<std::string> via_names(std::string_view via) {
  std::vector<std::string> names;
  while (!via.empty()) {
    const size_t comma = via.find(',');
    const std::string_view element = trim_ows(via.substr(0, comma));
    names.emplace_back(element.substr(element.rfind(' ') + 1));
    if (comma == std::string_view::npos) break;
    via.remove_prefix(comma + 1);
  }
  return names;
}

std::string_view value_of(const http::RequestHead& head, std::string_view name) {
  const http::Field* field = head.fields.find(name);
  return field != nullptr ? field->value : std::string_view();
}

unsigned language_of(const Resource& resource, const http::RequestHead& head) {
  if (resource.languages == 0) return 0;
  const std::string_view value = value_of(head, "accept-language");
  return static_cast<unsigned>(parse_decimal(value.substr(value.starts_with('l') ? 1 : 0)).value_or(0));
}

}  // namespace

// One answer under way. Belongs to itself until its exchange ends.
class SimOriginAnswer final : public serve::ExchangeHandler,
                              public serve::BodySource,
                              public net::TimerHandler {
 public:
  SimOriginAnswer(SimOrigin& origin, serve::ServerExchange& exchange, size_t record)
      : origin_(origin), exchange_(exchange), record_(record), mood_(origin.mood_) {
    ++origin_.under_way_;
    const http::RequestHead& head = exchange.request();
    range_ = value_of(head, "range");
    if_range_ = value_of(head, "if-range");
    if_none_match_ = value_of(head, "if-none-match");
    head_only_ = head.method == http::Method::head;
    unsafe_ = !http::is_safe(head.method);
    exchange.set_handler(*this);
    if (http::has_content(head)) {
      exchange.read_request_body();
    } else {
      await_head();
    }
  }
  ~SimOriginAnswer() { --origin_.under_way_; }

  void on_request_body(std::string_view) override {}
  void on_request_end() override { await_head(); }
  void on_exchange_end(serve::ExchangeEnd end) override {
    OriginExchange& record = this->record();
    record.ended = exchange_now();
    record.complete = end == serve::ExchangeEnd::complete;
    record.asker_left = end == serve::ExchangeEnd::client_gone;
    delete this;
  }

  void on_timer(net::Timer&) override {
    if (silent_) return exchange_.cut();
    if (!answered_) return answer();
    allow_more();
    exchange_.body_ready();
  }

  State pull(std::span<Slice> out, size_t& count) override {
    count = 0;
    if (at_ >= cut_at_) {
      // Some break off because what they were sending has just been replaced.
      if (origin_.random_.chance(0.3)) origin_.truth_.advance(record().resource, exchange_now());
      return State::failed;
    }
    if (at_ == end_) return State::end;
    const uint64_t until = std::min(allowed_, cut_at_);
    if (at_ >= until) return State::wait;
    if (piece_.empty()) {
      piece_.resize(static_cast<size_t>(std::min<uint64_t>(piece_bytes, end_ - at_)));
      origin::fill_body(seed_, at_, piece_);
    }
    out[count++] = std::string_view(piece_).substr(0, static_cast<size_t>(until - at_));
    return State::ready;
  }
  void consumed(size_t bytes) override {
    at_ += bytes;
    piece_.erase(0, bytes);
  }

 private:
  OriginExchange& record() { return origin_.truth_.exchanges()[record_]; }
  const Resource& resource() { return origin_.truth_.resource(record().resource); }
  MonoTime exchange_now() const { return origin_.world_.now(); }

  void await_head() {
    silent_ = origin_.random_.chance(mood_.silent_share);
    Duration wait = silent_ ? silence : mood_.latency;
    if (mood_.latency_spread > Duration::zero()) {
      wait += Duration(static_cast<Duration::rep>(
          origin_.random_.below(static_cast<uint64_t>(mood_.latency_spread.count()))));
    }
    exchange_.loop().timers().arm(timer_, exchange_.loop().now() + wait);
  }

  void allow_more() {
    allowed_ = std::min(end_, allowed_ + std::max<uint64_t>(1, mood_.bytes_per_second * 5 / 1000));
    if (allowed_ < end_) exchange_.loop().timers().arm(timer_, exchange_.loop().now() + tick);
  }

  void answer() {
    answered_ = true;
    record().answered = exchange_now();
    if (origin_.random_.chance(mood_.error_share)) return answer_error();
    if (unsafe_) return answer_unsafe();
    record().version = origin_.truth_.version(record().resource);
    answer_representation();
  }

  void answer_error() {
    constexpr int errors[] = {500, 502, 503, 504};
    const int status = record().status = errors[origin_.random_.below(4)];
    std::string lines;
    http::HeadWriter head(lines);
    head.status_line(status, "");
    head.field("x-sim-error", "1");
    const std::string body = "the origin has a bad day";
    serve::reply_owned(exchange_, status, body.size(), std::move(lines), head_only_ ? "" : body);
  }

  void answer_unsafe() {
    record().version = origin_.truth_.advance(record().resource, exchange_now());
    record().status = 200;
    std::string lines;
    http::HeadWriter head(lines);
    head.status_line(200, "");
    head.field("x-version", record().version);
    serve::reply_owned(exchange_, 200, 0, std::move(lines), "");
  }

  // What is asked for of the representation; the status that goes with it.
  int select(uint64_t size, const std::string& tag, uint64_t& first) {
    first = 0;
    end_ = size;
    if (!tag.empty() && if_none_match_ == tag) return 304;
    if (range_.empty() || (!if_range_.empty() && if_range_ != tag)) return 200;
    const auto specs = http::parse_range(range_);
    if (!specs) return 200;
    const http::ResolvedRanges resolved = http::resolve_ranges(*specs, size);
    if (resolved.outcome == http::ResolvedRanges::Outcome::unsatisfiable) return 416;
    if (resolved.ranges.size() != 1) return 200;
    first = resolved.ranges.front().first;
    end_ = resolved.ranges.front().last + 1;
    return 206;
  }

  void answer_representation() {
    const Resource& what = resource();
    const uint64_t size = body_bytes(what, record().version);
    const std::string tag = what.has_etag ? entity_tag(record().version, record().language) : "";
    const std::string id = body_id(what.number, record().language);
    uint64_t first = 0;
    const int status = record().status = select(size, tag, first);
    seed_ = origin::body_seed(id, record().version);
    std::string lines;
    http::HeadWriter head(lines);
    head.status_line(status, "");
    std::array<char, http::date_bytes> date;
    head.field("date", http::format_date(unix_seconds(origin_.world_.wall_now()), date));
    head.field("cache-control", what.cache_control() + ", " + made_directive(record_));
    if (what.languages > 0) head.field("vary", "accept-language");
    if (!tag.empty()) head.field("etag", tag);
    head.field("x-body-id", id);
    head.field("x-version", record().version);
    head.field("x-body-length", size);
    head.field("surrogate-key", tag_of(what.number));
    if (status == 206) {
      head.field("content-range", fmt::format("bytes {}-{}/{}", first, end_ - 1, size));
    } else if (status == 416) {
      head.field("content-range", fmt::format("bytes */{}", size));
    }
    begin_body(status, first, std::move(lines));
  }

  void begin_body(int status, uint64_t first, std::string lines) {
    if (status == 304 || status == 416 || head_only_) {
      const bool announced = status == 200 && !resource().chunked;
      const uint64_t length = status == 416 ? 0 : announced ? end_ : serve::ReplyHead::unknown_length;
      return serve::reply_owned(exchange_, status, length, std::move(lines), "");
    }
    at_ = first;
    allowed_ = first;
    if (mood_.bytes_per_second == 0) allowed_ = end_;
    if (origin_.random_.chance(mood_.cut_share)) cut_at_ = first + origin_.random_.below(end_ - first);
    serve::ReplyHead reply;
    reply.status = status;
    reply.lines = lines;
    if (status == 206 || !resource().chunked) reply.content_length = end_ - first;
    if (allowed_ < end_) allow_more();
    exchange_.reply(reply, *this);
  }

  SimOrigin& origin_;
  serve::ServerExchange& exchange_;
  const size_t record_;
  const OriginMood mood_;
  std::string range_, if_range_, if_none_match_;
  bool head_only_ = false;
  bool unsafe_ = false;
  bool answered_ = false;
  bool silent_ = false;
  uint64_t seed_ = 0;
  uint64_t at_ = 0;
  uint64_t end_ = 0;
  uint64_t allowed_ = 0;
  uint64_t cut_at_ = ~uint64_t{0};
  std::string piece_;
  net::Timer timer_{*this};
};

SimOrigin::SimOrigin(net::MemoryWorld& world, const net::Address& at, Truth& truth, uint64_t seed)
    : world_(world), truth_(truth), random_(seed), io_(world.make_io(node, at.ip())) {
  serve::ServerOptions options;
  options.address = at;
  serve::Handler& handler = *this;
  server_ = std::make_unique<serve::Server>(io_->add_loop("origin"), options, handler, metrics_);
  if (!server_->listen()) throw std::logic_error("the origin cannot listen");
  io_->start();
}

SimOrigin::~SimOrigin() { io_->stop(); }

void SimOrigin::on_request(serve::ServerExchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const auto number = resource_of_path(head.path);
  if (!number || *number >= truth_.resources().size()) {
    std::string lines;
    http::HeadWriter(lines).status_line(404, "");
    return serve::reply_owned(exchange, 404, 0, std::move(lines), "");
  }
  OriginExchange record;
  record.received = world_.now();
  record.method = head.method_text;
  record.resource = *number;
  record.language = language_of(truth_.resource(*number), head);
  record.via = via_names(value_of(head, "via"));
  record.cdn_loop = value_of(head, "cdn-loop");
  record.request = parse_decimal(value_of(head, "x-sim-request")).value_or(0);
  record.peer_field =
      head.fields.has(http::FieldId::perigee_peer) || head.fields.has(http::FieldId::perigee_peer_auth);
  record.plain = !head.fields.has(http::FieldId::range) && !head.fields.has(http::FieldId::if_none_match);
  new SimOriginAnswer(*this, exchange, truth_.add(std::move(record)));
}

}  // namespace perigee::sim
