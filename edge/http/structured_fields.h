// Structured Fields (RFC 9651): types, one strict parser, one serialiser.
//
// A field of a structured type is parsed from the values of all its lines; the serialiser gives the canonical
// text. Both follow the algorithms of RFC 9651 section 4 to the letter: what they call failure is nullopt,
// nothing is repaired. Limits are those of the RFC's types (integers of 15 digits and so on); the length of
// the text is the caller's affair.
//
// Decimals are exact: thousandths in an integer. Keys of dictionaries and parameters keep the order of the
// RFC: a key that comes again keeps its first place and takes the last value.
//
// Thread rule: plain values that own their bytes; the functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "edge/http/fields.h"

namespace perigee::http::sf {

struct Decimal {
  int64_t thousandths = 0;  // within +-999,999,999,999,999
  bool operator==(const Decimal&) const = default;
};
struct Token {
  std::string text;
  bool operator==(const Token&) const = default;
};
struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};
struct Date {
  int64_t seconds = 0;  // since the Unix epoch
  bool operator==(const Date&) const = default;
};
struct DisplayString {
  std::string utf8;
  bool operator==(const DisplayString&) const = default;
};

// An Integer is int64_t, a String std::string, a Boolean bool.
using BareItem = std::variant<int64_t, Decimal, std::string, Token, Bytes, bool, Date, DisplayString>;

using Parameters = std::vector<std::pair<std::string, BareItem>>;

struct Item {
  BareItem value;
  Parameters parameters;
  bool operator==(const Item&) const = default;
};
struct InnerList {
  std::vector<Item> items;
  Parameters parameters;
  bool operator==(const InnerList&) const = default;
};
using Member = std::variant<Item, InnerList>;
using List = std::vector<Member>;
using Dictionary = std::vector<std::pair<std::string, Member>>;

// The member of that key; null without one.
const Member* find(const Dictionary& dictionary, std::string_view key);
const BareItem* find(const Parameters& parameters, std::string_view key);

// RFC 9651 4.2. nullopt: the field is to be ignored as a whole. An absent list or dictionary is an empty one.
std::optional<Item> parse_item(std::string_view text);
std::optional<List> parse_list(std::string_view text);
std::optional<Dictionary> parse_dictionary(std::string_view text);
// All lines of that name, combined with ", ".
std::optional<Item> parse_item(const FieldList& fields, std::string_view name);
std::optional<List> parse_list(const FieldList& fields, std::string_view name);
std::optional<Dictionary> parse_dictionary(const FieldList& fields, std::string_view name);

// RFC 9651 4.1: appends the canonical text to out. False: the value cannot be serialised, and out is as it
// was. An empty list or dictionary is serialised by leaving the field out: nothing is appended.
bool serialise(const Item& item, std::string& out);
bool serialise(const List& list, std::string& out);
bool serialise(const Dictionary& dictionary, std::string& out);

// The nearest thousandth, halves to even (RFC 9651 4.1.5); nullopt beyond twelve digits before the point.
std::optional<Decimal> to_decimal(double value);

// Pieces for writers that put members together without building the types. Text that has no form as that type
// is refused.
bool is_sf_token(std::string_view text);
bool is_sf_string(std::string_view text);

}  // namespace perigee::http::sf
