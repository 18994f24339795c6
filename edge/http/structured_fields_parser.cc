#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/http/h1_lines.h"
#include "edge/http/structured_fields.h"
#include "edge/http/utf8.h"

namespace perigee::http::sf {

namespace {

bool is_lower_alpha(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower_alpha(to_lower(c)); }
bool is_key_start(char c) { return is_lower_alpha(c) || c == '*'; }
bool is_key_char(char c) { return is_key_start(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; }
bool is_token_start(char c) { return is_alpha(c) || c == '*'; }
bool is_sf_token_char(char c) { return c == ':' || c == '/' || is_token_char(c); }
bool is_visible_or_space(char c) { return c >= 0x20 && c <= 0x7e; }

// -1: no lower-case hexadecimal digit.
int lower_hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// RFC 4648 section 4. Missing padding and non-zero pad bits are accepted, as RFC 9651 4.2.7 asks by default.
std::optional<std::string> decode_base64(std::string_view text) {
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  if (text.size() % 4 == 1 || (padding > 0 && (text.size() + padding) % 4 != 0)) return std::nullopt;
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  return bytes;
}

// The algorithms of RFC 9651 4.2. A method that fails returns nullopt or false and leaves the position
// anywhere.
class Parser {
 public:
  explicit Parser(std::string_view text) : left_(text) {}

  template <typename T, typename Parse>
  static std::optional<T> whole(std::string_view text, Parse parse) {
    Parser parser(text);
    parser.skip_spaces();
    std::optional<T> value = parse(parser);
    parser.skip_spaces();
    if (!parser.left_.empty()) return std::nullopt;
    return value;
  }

  std::optional<Item> item() {
    auto value = bare_item();
    if (!value) return std::nullopt;
    auto found = parameters();
    if (!found) return std::nullopt;
    return Item{std::move(*value), std::move(*found)};
  }

  std::optional<List> list() {
    List members;
    while (!left_.empty()) {
      auto one = member();
      if (!one) return std::nullopt;
      members.push_back(std::move(*one));
      if (!separator()) return std::nullopt;
    }
    return members;
  }

  std::optional<Dictionary> dictionary() {
    Dictionary members;
    while (!left_.empty()) {
      const auto name = key();
      if (!name) return std::nullopt;
      std::optional<Member> value;
      if (take('=')) {
        value = member();
      } else if (auto found = parameters()) {
        value = Item{true, std::move(*found)};
      }
      if (!value) return std::nullopt;
      put(members, *name, std::move(*value));
      if (!separator()) return std::nullopt;
    }
    return members;
  }

 private:
  bool take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }

  // What stands between two members: a comma, and something after it. At the end of the text: nothing.
  bool separator() {
    left_.remove_prefix(std::min(left_.find_first_not_of(" \t"), left_.size()));
    if (left_.empty()) return true;
    if (!take(',')) return false;
    left_.remove_prefix(std::min(left_.find_first_not_of(" \t"), left_.size()));
    return !left_.empty();
  }

  template <typename Pairs, typename Value>
  static void put(Pairs& pairs, std::string_view name, Value value) {
    for (auto& [key, old] : pairs) {
      if (key != name) continue;
      old = std::move(value);
      return;
    }
    pairs.emplace_back(std::string(name), std::move(value));
  }

  std::optional<std::string_view> key() {
    if (left_.empty() || !is_key_start(left_.front())) return std::nullopt;
    return run(is_key_char);
  }

  std::string_view run(bool (*accept)(char)) {
    size_t length = 0;
    while (length < left_.size() && accept(left_[length])) ++length;
    const std::string_view text = left_.substr(0, length);
    left_.remove_prefix(length);
    return text;
  }

  std::optional<Parameters> parameters() {
    Parameters found;
    while (take(';')) {
      skip_spaces();
      const auto name = key();
      if (!name) return std::nullopt;
      BareItem value = true;
      if (take('=')) {
        auto given = bare_item();
        if (!given) return std::nullopt;
        value = std::move(*given);
      }
      put(found, *name, std::move(value));
    }
    return found;
  }

  std::optional<Member> member() {
    if (!left_.starts_with('(')) {
      auto one = item();
      if (!one) return std::nullopt;
      return Member(std::move(*one));
    }
    auto inner = inner_list();
    if (!inner) return std::nullopt;
    return Member(std::move(*inner));
  }

  std::optional<InnerList> inner_list() {
    InnerList inner;
    take('(');
    while (true) {
      skip_spaces();
      if (take(')')) break;
      auto one = item();
      if (!one || left_.empty() || (left_.front() != ' ' && left_.front() != ')')) return std::nullopt;
      inner.items.push_back(std::move(*one));
    }
    auto found = parameters();
    if (!found) return std::nullopt;
    inner.parameters = std::move(*found);
    return inner;
  }

  std::optional<BareItem> bare_item() {
    if (left_.empty()) return std::nullopt;
    const char c = left_.front();
    if (c == '-' || is_digit(c)) return number();
    if (c == '"') return string();
    if (is_token_start(c)) return Token{std::string(run(is_sf_token_char))};
    if (c == ':') return byte_sequence();
    if (c == '?') return boolean();
    if (c == '@') return date();
    if (c == '%') return display_string();
    return std::nullopt;
  }

  // RFC 9651 4.2.4: 15 digits, or 12 and at most 3 after the point.
  std::optional<BareItem> number() {
    const bool negative = take('-');
    const std::string_view whole_part = run(is_digit);
    if (whole_part.empty()) return std::nullopt;
    int64_t value = 0;
    if (whole_part.size() > 15) return std::nullopt;
    for (char c : whole_part) value = value * 10 + (c - '0');
    if (!take('.')) return BareItem(negative ? -value : value);
    const std::string_view fraction = run(is_digit);
    if (whole_part.size() > 12 || fraction.empty() || fraction.size() > 3) return std::nullopt;
    for (size_t i = 0; i < 3; ++i) value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
    return BareItem(Decimal{negative ? -value : value});
  }

  std::optional<BareItem> string() {
    std::string text;
    take('"');
    while (!left_.empty()) {
      char c = left_.front();
      left_.remove_prefix(1);
      if (c == '"') return BareItem(std::move(text));
      if (c == '\\') {
        if (left_.empty() || (left_.front() != '"' && left_.front() != '\\')) return std::nullopt;
        c = left_.front();
        left_.remove_prefix(1);
      } else if (!is_visible_or_space(c)) {
        return std::nullopt;
      }
      text.push_back(c);
    }
    return std::nullopt;
  }

  std::optional<BareItem> byte_sequence() {
    take(':');
    const size_t end = left_.find(':');
    if (end == std::string_view::npos) return std::nullopt;
    auto bytes = decode_base64(left_.substr(0, end));
    left_.remove_prefix(end + 1);
    if (!bytes) return std::nullopt;
    return BareItem(Bytes{std::move(*bytes)});
  }

  std::optional<BareItem> boolean() {
    take('?');
    if (take('1')) return BareItem(true);
    if (take('0')) return BareItem(false);
    return std::nullopt;
  }

  std::optional<BareItem> date() {
    take('@');
    const auto value = number();
    if (!value || !std::holds_alternative<int64_t>(*value)) return std::nullopt;
    return BareItem(Date{std::get<int64_t>(*value)});
  }

  std::optional<BareItem> display_string() {
    if (!left_.starts_with("%\"")) return std::nullopt;
    left_.remove_prefix(2);
    std::string bytes;
    while (!left_.empty()) {
      const char c = left_.front();
      left_.remove_prefix(1);
      if (!is_visible_or_space(c)) return std::nullopt;
      if (c == '"') {
        if (!is_utf8(bytes)) return std::nullopt;
        return BareItem(DisplayString{std::move(bytes)});
      }
      if (c != '%') {
        bytes.push_back(c);
        continue;
      }
      if (left_.size() < 2) return std::nullopt;
      const int high = lower_hex_value(left_[0]);
      const int low = lower_hex_value(left_[1]);
      if (high < 0 || low < 0) return std::nullopt;
      bytes.push_back(static_cast<char>(high * 16 + low));
      left_.remove_prefix(2);
    }
    return std::nullopt;
  }

  std::string_view left_;
};

// RFC 9651 4.2: lines are combined before they are parsed.
std::string combine(const FieldList& fields, std::string_view name) {
  std::string text;
  bool first = true;
  for (const Field& field : fields) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (!first) text.append(", ");
    text.append(field.value);
    first = false;
  }
  return text;
}

template <typename Pairs>
auto find_value(const Pairs& pairs, std::string_view key) -> const decltype(pairs.front().second)* {
  for (const auto& [name, value] : pairs) {
    if (name == key) return &value;
  }
  return nullptr;
}

}  // namespace

std::optional<Item> parse_item(std::string_view text) {
  return Parser::whole<Item>(text, [](Parser& parser) { return parser.item(); });
}
std::optional<List> parse_list(std::string_view text) {
  return Parser::whole<List>(text, [](Parser& parser) { return parser.list(); });
}
std::optional<Dictionary> parse_dictionary(std::string_view text) {
  return Parser::whole<Dictionary>(text, [](Parser& parser) { return parser.dictionary(); });
}

std::optional<Item> parse_item(const FieldList& fields, std::string_view name) {
  return parse_item(combine(fields, name));
}
std::optional<List> parse_list(const FieldList& fields, std::string_view name) {
  return parse_list(combine(fields, name));
}
std::optional<Dictionary> parse_dictionary(const FieldList& fields, std::string_view name) {
  return parse_dictionary(combine(fields, name));
}

const Member* find(const Dictionary& dictionary, std::string_view key) { return find_value(dictionary, key); }
const BareItem* find(const Parameters& parameters, std::string_view key) {
  return find_value(parameters, key);
}

}  // namespace perigee::http::sf
