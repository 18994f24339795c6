// A text that differs from request to request: "{n}" is the request's number, "{n%100}" that number modulo
// 100, and
// "{a,b,c}" takes its alternatives in turn. A doubled brace "{{" stands for one brace.
//
// Thread rule: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/result.h"

namespace perigee::load {

class Pattern {
 public:
  // Errors: side client, code "bad_pattern".
  static Result<Pattern> parse(std::string_view text);

  void append(std::string& out, uint64_t number) const;
  bool is_constant() const;

 private:
  enum class Kind : uint8_t { literal, number, alternatives };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text;
    uint64_t modulus = 0;  // zero: none
    std::vector<std::string> choices;
  };

  static Result<Piece> parse_braces(std::string_view inside);

  std::vector<Piece> pieces_;
};

}  // namespace perigee::load
