// One request at the origin from beginning to end: its content is read away, time passes if the script wants
// it, the answer is sent.
//
// Owns itself until on_exchange_end(), or until the stream went to a RawAnswer. Thread rule: the loop's
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "edge/serve/handler.h"
#include "origin/paced_source.h"
#include "origin/recorder.h"
#include "origin/script.h"

namespace perigee::origin {

class OriginExchange final : public serve::ExchangeHandler, private net::TimerHandler {
 public:
  // number: the request's in the recorder; 0 for requests that are not recorded.
  OriginExchange(serve::ServerExchange& exchange, Recorder& recorder, uint64_t number);

  // Sends what make() gives once the request's content, of which it gets the first 64 KiB, has been read.
  void answer_after_content(std::function<Answer(const std::string& content)> make);
  // Sends the answer as the script says.
  void answer_by_script(const Script& script, Answer answer);

 private:
  // In the order in which they happen.
  enum class Step : uint8_t { content, latency, answer };
  static constexpr size_t content_kept_max = 64 * 1024;

  void on_request_body(std::string_view bytes) override;
  void on_request_end() override;
  void on_exchange_end(serve::ExchangeEnd end) override;
  void on_timer(net::Timer& timer) override;
  void begin(bool wants_content);
  void send_interim();
  void send();

  serve::ServerExchange& exchange_;
  net::Loop& loop_;
  Recorder& recorder_;
  const uint64_t number_;
  const bool has_content_;
  const bool head_only_;
  std::function<Answer(const std::string&)> make_;
  std::string content_;
  Script script_;
  Answer answer_;
  std::optional<PacedSource> source_;
  net::Timer timer_;
  Step step_ = Step::content;
};

}  // namespace perigee::origin
