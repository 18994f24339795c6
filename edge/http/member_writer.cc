#include "edge/http/member_writer.h"

#include <charconv>
#include <cstring>

#include "edge/http/structured_fields.h"

namespace perigee::http {

void MemberWriter::name(std::string_view text) {
  at_ = used_;
  fits_ = true;
  if (sf::is_sf_token(text)) {
    put(text);
  } else {
    put_string(text);
  }
  commit();
}

void MemberWriter::flag(std::string_view key) {
  begin(key);
  commit();
}

void MemberWriter::integer(std::string_view key, int64_t value) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  begin(key);
  put("=");
  put({digits, static_cast<size_t>(end - digits)});
  commit();
}

void MemberWriter::token(std::string_view key, std::string_view value) {
  begin(key);
  put("=");
  fits_ = fits_ && sf::is_sf_token(value);
  put(value);
  commit();
}

void MemberWriter::string(std::string_view key, std::string_view value) {
  begin(key);
  put("=");
  put_string(value);
  commit();
}

void MemberWriter::token_or_string(std::string_view key, std::string_view value) {
  if (sf::is_sf_token(value)) {
    token(key, value);
  } else {
    string(key, value);
  }
}

void MemberWriter::begin(std::string_view key) {
  at_ = used_;
  fits_ = used_ > 0;  // no parameters without an item
  put("; ");
  put(key);
}

void MemberWriter::put(std::string_view text) {
  if (!fits_ || text.size() > out_.size() - at_) {
    fits_ = false;
    return;
  }
  std::memcpy(out_.data() + at_, text.data(), text.size());
  at_ += text.size();
}

void MemberWriter::put_string(std::string_view text) {
  fits_ = fits_ && sf::is_sf_string(text);
  put("\"");
  for (size_t i = 0; i < text.size() && fits_; ++i) {
    if (text[i] == '"' || text[i] == '\\') put("\\");
    put(text.substr(i, 1));
  }
  put("\"");
}

void MemberWriter::commit() {
  if (fits_) used_ = at_;
}

}  // namespace perigee::http
