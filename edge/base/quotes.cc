#include "edge/base/quotes.h"

namespace perigee {

std::string in_quotes(std::string_view text) {
  constexpr size_t shown_max = 64;
  std::string out = "\"";
  for (char c : text.substr(0, shown_max)) {
    const bool printable = c >= 0x20 && c < 0x7f;
    out.push_back(printable ? c : '?');
  }
  if (text.size() > shown_max) out += "...";
  out.push_back('"');
  return out;
}

}  // namespace perigee
