#include <algorithm>
#include <charconv>
#include <cmath>

#include "edge/base/bytes.h"
#include "edge/http/h1_lines.h"
#include "edge/http/structured_fields.h"
#include "edge/http/utf8.h"

namespace perigee::http::sf {

namespace {

constexpr int64_t number_max = 999'999'999'999'999;

bool append_number(int64_t value, std::string& out) {
  if (value > number_max || value < -number_max) return false;
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
  return true;
}

bool is_key(std::string_view text) {
  const auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || c == '*'; };
  if (text.empty() || !is_start(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_start(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; });
}

void append_base64(std::string_view bytes, std::string& out) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 4; ++j) out.push_back(j <= have ? alphabet[bits >> (18 - 6 * j) & 63] : '=');
  }
}

// One overload per type of bare item. False: the value has no form.
struct BareItemWriter {
  std::string& out;

  bool operator()(int64_t value) const { return append_number(value, out); }

  bool operator()(const Decimal& value) const {
    const uint64_t magnitude = value.thousandths < 0 ? 0 - static_cast<uint64_t>(value.thousandths)
                                                     : static_cast<uint64_t>(value.thousandths);
    if (magnitude > static_cast<uint64_t>(number_max)) return false;
    if (value.thousandths < 0) out.push_back('-');
    append_number(static_cast<int64_t>(magnitude / 1000), out);
    const uint64_t fraction = magnitude % 1000;
    const char digits[3] = {static_cast<char>('0' + fraction / 100),
                            static_cast<char>('0' + fraction / 10 % 10),
                            static_cast<char>('0' + fraction % 10)};
    size_t length = 3;
    while (length > 1 && digits[length - 1] == '0') --length;
    out.push_back('.');
    out.append(digits, length);
    return true;
  }

  bool operator()(const std::string& value) const {
    if (!is_sf_string(value)) return false;
    out.push_back('"');
    for (char c : value) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
    return true;
  }

  bool operator()(const Token& value) const {
    if (!is_sf_token(value.text)) return false;
    out.append(value.text);
    return true;
  }

  bool operator()(const Bytes& value) const {
    out.push_back(':');
    append_base64(value.bytes, out);
    out.push_back(':');
    return true;
  }

  bool operator()(bool value) const {
    out.append(value ? "?1" : "?0");
    return true;
  }

  bool operator()(const Date& value) const {
    out.push_back('@');
    return append_number(value.seconds, out);
  }

  bool operator()(const DisplayString& value) const {
    static constexpr std::string_view hex = "0123456789abcdef";
    if (!is_utf8(value.utf8)) return false;
    out.append("%\"");
    for (char c : value.utf8) {
      if (c == '%' || c == '"' || c < 0x20 || c > 0x7e) {
        const auto byte = static_cast<uint8_t>(c);
        out.push_back('%');
        out.push_back(hex[byte >> 4]);
        out.push_back(hex[byte & 15]);
      } else {
        out.push_back(c);
      }
    }
    out.push_back('"');
    return true;
  }
};

bool append(const BareItem& value, std::string& out) { return std::visit(BareItemWriter{out}, value); }

bool append(const Parameters& parameters, std::string& out) {
  for (const auto& [key, value] : parameters) {
    if (!is_key(key)) return false;
    out.push_back(';');
    out.append(key);
    if (value == BareItem(true)) continue;
    out.push_back('=');
    if (!append(value, out)) return false;
  }
  return true;
}

bool append(const Item& item, std::string& out) {
  return append(item.value, out) && append(item.parameters, out);
}

bool append(const InnerList& inner, std::string& out) {
  out.push_back('(');
  for (size_t i = 0; i < inner.items.size(); ++i) {
    if (i > 0) out.push_back(' ');
    if (!append(inner.items[i], out)) return false;
  }
  out.push_back(')');
  return append(inner.parameters, out);
}

bool append(const Member& member, std::string& out) {
  return std::visit([&out](const auto& value) { return append(value, out); }, member);
}

bool append(const List& list, std::string& out) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out.append(", ");
    if (!append(list[i], out)) return false;
  }
  return true;
}

bool append(const Dictionary& dictionary, std::string& out) {
  bool first = true;
  for (const auto& [key, member] : dictionary) {
    if (!first) out.append(", ");
    first = false;
    if (!is_key(key)) return false;
    out.append(key);
    const Item* item = std::get_if<Item>(&member);
    if (item != nullptr && item->value == BareItem(true)) {
      if (!append(item->parameters, out)) return false;
      continue;
    }
    out.push_back('=');
    if (!append(member, out)) return false;
  }
  return true;
}

template <typename T>
bool append_or_restore(const T& value, std::string& out) {
  const size_t before = out.size();
  if (append(value, out)) return true;
  out.resize(before);
  return false;
}

}  // namespace

bool serialise(const Item& item, std::string& out) { return append_or_restore(item, out); }
bool serialise(const List& list, std::string& out) { return append_or_restore(list, out); }
bool serialise(const Dictionary& dictionary, std::string& out) { return append_or_restore(dictionary, out); }

std::optional<Decimal> to_decimal(double value) {
  // A double's shortest decimal form is what its author wrote; halves are judged on that, not on binary
  // residue.
  char text[400];
  const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
  if (!std::isfinite(value) || written.ec != std::errc()) return std::nullopt;
  std::string_view digits(text, static_cast<size_t>(written.ptr - text));
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const size_t point = std::min(digits.find('.'), digits.size());
  if (point > 13) return std::nullopt;
  int64_t thousandths = 0;
  for (char c : digits.substr(0, point)) thousandths = thousandths * 10 + (c - '0');
  const std::string_view fraction = point < digits.size() ? digits.substr(point + 1) : std::string_view();
  for (size_t i = 0; i < 3; ++i)
    thousandths = thousandths * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  const std::string_view rest = fraction.size() > 3 ? fraction.substr(3) : std::string_view();
  const bool half = rest.starts_with('5') && rest.find_first_not_of('0', 1) == std::string_view::npos;
  const bool up = !rest.empty() && rest.front() >= '5' && (!half || thousandths % 2 != 0);
  if (up) ++thousandths;
  if (thousandths > number_max) return std::nullopt;
  return Decimal{negative ? -thousandths : thousandths};
}

bool is_sf_token(std::string_view text) {
  if (text.empty()) return false;
  const char first = to_lower(text.front());
  if (first != '*' && (first < 'a' || first > 'z')) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ':' || c == '/' || is_token_char(c); });
}

bool is_sf_string(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace perigee::http::sf
