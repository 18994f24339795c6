#include "edge/http/lists.h"

#include "edge/base/bytes.h"

namespace perigee::http {

namespace {

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

bool ListMembers::next_line() {
  if (fields_ == nullptr || !fields_->has(id_)) return false;
  while (row_ < fields_->size()) {
    const Field& field = (*fields_)[row_++];
    // Two names that are not well known are the same if they read the same.
    if (field.id != id_ || (id_ == FieldId::other && !equal_ignoring_case(field.name, name_))) continue;
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
