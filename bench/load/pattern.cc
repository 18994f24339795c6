#include "bench/load/pattern.h"

#include <algorithm>
#include <charconv>

#include "edge/base/bytes.h"

namespace perigee::load {

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  std::string literal;
  const auto finish_literal = [&] {
    if (!literal.empty()) pattern.pieces_.push_back(Piece{Kind::literal, literal, 0, {}});
    literal.clear();
  };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{' || text.substr(at, 2) == "{{") {
      literal += text[at];
      if (text[at] == '{') ++at;
      continue;
    }
    const size_t close = text.find('}', at);
    if (close == std::string_view::npos) {
      return fail(Side::client, "bad_pattern", "found '{' without '}' in \"" + std::string(text) + '"');
    }
    finish_literal();
    auto piece = parse_braces(text.substr(at + 1, close - at - 1));
    if (!piece) return tl::unexpected<Error>(piece.error());
    pattern.pieces_.push_back(std::move(*piece));
    at = close;
  }
  finish_literal();
  return pattern;
}

Result<Pattern::Piece> Pattern::parse_braces(std::string_view inside) {
  Piece piece;
  if (inside == "n" || inside.substr(0, 2) == "n%") {
    piece.kind = Kind::number;
    if (inside == "n") return piece;
    const auto modulus = parse_decimal(inside.substr(2));
    if (!modulus || *modulus == 0) {
      return fail(Side::client, "bad_pattern",
                  "found {" + std::string(inside) + "}, expected {n%K} with K above zero");
    }
    piece.modulus = *modulus;
    return piece;
  }
  piece.kind = Kind::alternatives;
  size_t start = 0;
  while (true) {
    const size_t comma = inside.find(',', start);
    piece.choices.emplace_back(inside.substr(start, comma - start));
    if (comma == std::string_view::npos) return piece;
    start = comma + 1;
  }
}

void Pattern::append(std::string& out, uint64_t number) const {
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::literal:
        out += piece.text;
        break;
      case Kind::alternatives:
        out += piece.choices[number % piece.choices.size()];
        break;
      case Kind::number: {
        char digits[20];
        const uint64_t value = piece.modulus == 0 ? number : number % piece.modulus;
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out.append(digits, end);
        break;
      }
    }
  }
}

bool Pattern::is_constant() const {
  return std::all_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& piece) { return piece.kind == Kind::literal; });
}

}  // namespace perigee::load
