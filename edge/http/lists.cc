#include "edge/http/lists.h"

#include <array>

#include "edge/base/bytes.h"

namespace perigee::http {

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    table[c] = std::string_view("\"(),/:;<=>?@[\\]{}").find(static_cast<char>(c)) == std::string_view::npos;
  }
  return table;
}
constexpr std::array<bool, 256> token_table = make_token_table();

// Where the member at the start of text ends: at a comma outside of a quoted string, or at the end.
size_t member_end(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ',' && !quoted) {
      return i;
    }
  }
  return text.size();
}

}  // namespace

bool is_token(std::string_view text) {
  for (char c : text) {
    if (!token_table[static_cast<uint8_t>(c)]) return false;
  }
  return !text.empty();
}

bool ListMembers::next_line() {
  if (fields_ == nullptr) return false;
  while (row_ < fields_->size()) {
    const Field& field = (*fields_)[row_++];
    if (!equal_ignoring_case(field.name, name_)) continue;
    line_ = field.value;
    return true;
  }
  return false;
}

bool ListMembers::next(std::string_view& member) {
  if (!in_line_ && !next_line()) return false;
  const size_t end = member_end(line_);
  member = trim_ows(line_.substr(0, end));
  in_line_ = end < line_.size();
  line_.remove_prefix(in_line_ ? end + 1 : end);
  return true;
}

}  // namespace perigee::http
