#include "edge/http/accept.h"

#include <optional>

#include "edge/base/bytes.h"

namespace perigee::http {

namespace {

// qvalue = "0" [ "." *3DIGIT ] / "1" [ "." *3"0" ]
std::optional<uint16_t> parse_qvalue(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  unsigned value = text[0] == '1' ? 1000 : 0;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  unsigned unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!is_digit(text[i])) return std::nullopt;
    value += static_cast<unsigned>(text[i] - '0') * unit;
  }
  if (value > 1000) return std::nullopt;
  return static_cast<uint16_t>(value);
}

}  // namespace

Weighted parse_weighted(std::string_view member) {
  const size_t semicolon = member.rfind(';');
  if (semicolon == std::string_view::npos) return {member, 1000};
  const std::string_view weight = trim_ows(member.substr(semicolon + 1));
  if (weight.size() < 3 || to_lower(weight[0]) != 'q' || weight[1] != '=') return {member, 1000};
  const auto thousandths = parse_qvalue(weight.substr(2));
  if (!thousandths) return {member, 1000};
  return {trim_ows(member.substr(0, semicolon)), *thousandths};
}

}  // namespace perigee::http
