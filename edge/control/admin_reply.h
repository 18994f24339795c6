// Whole answers made at run time, kept alive for as long as the connection needs them.
//
// Thread rule: the exchange's loop.
#pragma once

#include <string>
#include <string_view>

#include "edge/serve/handler.h"

namespace perigee::control {

struct Answer {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string_view field_name;  // one more field; empty: none
  std::string_view field_value;
};

// Gives the whole answer; for HEAD without its body. Not to be stored by anybody.
void send_answer(serve::ServerExchange& exchange, bool head_only, Answer answer);

}  // namespace perigee::control
