// The Handler of perigee-origin: files of a directory at "/", and below "/_/":
//
//   /_/body      a self-verifying body as the query says (script.h), for any method
//   /_/counter   the same; its version begins at 1, and POST, PUT and DELETE raise it (answered 200 with the
//   new version)
//   /_/echo      the request's head and the beginning of its content as JSON
//   /_/upgrade   101, then every byte comes back
//   /_/script    not a resource: ?id=NAME&PARAMETERS makes every later /_/body and /_/counter request for
//   that id behave as
//                if the parameters were at the end of its query; without PARAMETERS that ends
//   /_/log       the requests received, one JSON object per line; ?after=NUMBER for the later ones
//   /_/stats     counts of them as one JSON object
//   /_/reset     forgets all of it, versions and overrides too
//
// script, log, stats and reset are not recorded themselves.
//
// One per worker; the Recorder and Files are shared and outlive it. Thread rule: the loop's thread.
#pragma once

#include <optional>
#include <string>

#include "edge/serve/handler.h"
#include "origin/origin_exchange.h"
#include "origin/recorder.h"
#include "origin/static_files.h"

namespace perigee::origin {

struct OriginOptions {
  std::string root;  // empty: no files, every such request is answered 404
  std::optional<Duration> max_age;
};

class OriginHandler final : public serve::Handler {
 public:
  OriginHandler(const OriginOptions& options, net::Files& files, Recorder& recorder);

  void on_request(serve::ServerExchange& exchange) override;

 private:
  bool answer_page(serve::ServerExchange& exchange, std::string_view path, const Query& query);
  void answer_resource(serve::ServerExchange& exchange, std::string_view path, const Query& query,
                       uint64_t number);
  void answer_script(serve::ServerExchange& exchange, Query query, uint64_t number);
  void answer_counter(serve::ServerExchange& exchange, Query query, uint64_t number);
  void answer_echo(serve::ServerExchange& exchange, uint64_t number);
  void answer_upgrade(serve::ServerExchange& exchange, uint64_t number);
  void send(serve::ServerExchange& exchange, uint64_t number, Answer answer);

  const OriginOptions options_;
  StaticFiles files_;
  Recorder& recorder_;
};

}  // namespace perigee::origin
