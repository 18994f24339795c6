#include "edge/http/structured_fields.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "edge/base/json.h"
#include "tests/unit/fields_of.h"

using namespace perigee::http;
using perigee::Json;

namespace {

// The HTTP working group's vectors: under $PERIGEE_SHARED, else in a directory "shared" beside any ancestor
// of where the test runs. Empty when they are nowhere.
std::filesystem::path vectors() {
  const std::filesystem::path below = std::filesystem::path("data") / "structured-field-tests";
  if (const char* shared = std::getenv("PERIGEE_SHARED")) return std::filesystem::path(shared) / below;
  for (std::filesystem::path at = std::filesystem::current_path();; at = at.parent_path()) {
    if (std::filesystem::exists(at / "shared" / below)) return at / "shared" / below;
    if (at == at.parent_path()) return {};
  }
}

std::string decode_base32(const std::string& text) {
  std::string bytes;
  uint64_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=') break;
    bits = bits << 5 | static_cast<uint64_t>(c >= 'A' && c <= 'Z' ? c - 'A' : c - '2' + 26);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

// nullopt: the value does not even fit the type, so it cannot be serialised.
std::optional<sf::BareItem> to_bare_item(const Json& json) {
  if (json.is_boolean()) return sf::BareItem(json.get<bool>());
  if (json.is_number_float()) {
    const auto decimal = sf::to_decimal(json.get<double>());
    if (!decimal) return std::nullopt;
    return sf::BareItem(*decimal);
  }
  if (json.is_number()) return sf::BareItem(json.get<int64_t>());
  if (json.is_string()) return sf::BareItem(json.get<std::string>());
  const auto type = json.at("__type").get<std::string>();
  if (type == "date") return sf::BareItem(sf::Date{json.at("value").get<int64_t>()});
  const auto value = json.at("value").get<std::string>();
  if (type == "token") return sf::BareItem(sf::Token{value});
  if (type == "binary") return sf::BareItem(sf::Bytes{decode_base32(value)});
  REQUIRE(type == "displaystring");
  return sf::BareItem(sf::DisplayString{value});
}

std::optional<sf::Parameters> to_parameters(const Json& json) {
  sf::Parameters parameters;
  for (const Json& pair : json) {
    const auto value = to_bare_item(pair.at(1));
    if (!value) return std::nullopt;
    parameters.emplace_back(pair.at(0).get<std::string>(), *value);
  }
  return parameters;
}

std::optional<sf::Item> to_item(const Json& json) {
  const auto value = to_bare_item(json.at(0));
  const auto parameters = to_parameters(json.at(1));
  if (!value || !parameters) return std::nullopt;
  return sf::Item{*value, *parameters};
}

std::optional<sf::Member> to_member(const Json& json) {
  if (!json.at(0).is_array()) {
    const auto item = to_item(json);
    if (!item) return std::nullopt;
    return sf::Member(*item);
  }
  sf::InnerList inner;
  for (const Json& one : json.at(0)) {
    const auto item = to_item(one);
    if (!item) return std::nullopt;
    inner.items.push_back(*item);
  }
  const auto parameters = to_parameters(json.at(1));
  if (!parameters) return std::nullopt;
  inner.parameters = *parameters;
  return sf::Member(inner);
}

std::optional<sf::List> to_list(const Json& json) {
  sf::List list;
  for (const Json& one : json) {
    const auto member = to_member(one);
    if (!member) return std::nullopt;
    list.push_back(*member);
  }
  return list;
}

std::optional<sf::Dictionary> to_dictionary(const Json& json) {
  sf::Dictionary dictionary;
  for (const Json& pair : json) {
    const auto member = to_member(pair.at(1));
    if (!member) return std::nullopt;
    dictionary.emplace_back(pair.at(0).get<std::string>(), *member);
  }
  return dictionary;
}

// The text that all lines of the canonical form make together.
std::string joined(const Json& lines) {
  std::string text;
  for (const Json& line : lines) {
    if (!text.empty()) text.append(", ");
    text.append(line.get<std::string>());
  }
  return text;
}

// One record, for the type T that parse() gives and from_json() expects. Returns "" or what went wrong.
template <typename T, typename Parse, typename FromJson>
std::string run_record(const Json& record, Parse parse, FromJson from_json) {
  const bool must_fail = record.value("must_fail", false);
  const bool can_fail = record.value("can_fail", false);
  if (!record.contains("raw")) {
    const std::optional<T> value = from_json(record.at("expected"));
    std::string text;
    const bool done = value && serialise(*value, text);
    if (done == must_fail) return done ? "was serialised" : "was not serialised";
    return must_fail || text == joined(record.at("canonical")) ? "" : "serialised as " + text;
  }
  FieldList fields;
  std::vector<std::string> lines;
  for (const Json& line : record.at("raw")) lines.push_back(line.get<std::string>());
  for (const std::string& line : lines) fields.add("a", line);
  const std::optional<T> parsed = parse(fields, "a");
  if (must_fail) return parsed ? "was parsed" : "";
  if (!parsed) return can_fail ? "" : "was not parsed";
  if (const std::optional<T> expected = from_json(record.at("expected")); !expected || *parsed != *expected) {
    return "was parsed into something else";
  }
  std::string text;
  if (!serialise(*parsed, text)) return "was not serialised";
  const std::string canonical =
      joined(record.contains("canonical") ? record.at("canonical") : record.at("raw"));
  return text == canonical ? "" : "serialised as " + text;
}

std::string run_record(const Json& record) {
  using Fields = const FieldList&;
  const auto type = record.at("header_type").get<std::string>();
  if (type == "item") {
    return run_record<sf::Item>(
        record, [](Fields f, std::string_view n) { return sf::parse_item(f, n); }, to_item);
  }
  if (type == "list") {
    return run_record<sf::List>(
        record, [](Fields f, std::string_view n) { return sf::parse_list(f, n); }, to_list);
  }
  return run_record<sf::Dictionary>(
      record, [](Fields f, std::string_view n) { return sf::parse_dictionary(f, n); }, to_dictionary);
}

int run_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  const Json records = Json::parse(file);
  int count = 0;
  for (const Json& record : records) {
    ++count;
    INFO(path.filename().string() << ": " << record.at("name").get<std::string>());
    CHECK(run_record(record) == "");
  }
  return count;
}

}  // namespace

TEST_CASE("every vector of the HTTP working group parses and serialises as it says", "[sf]") {
  const std::filesystem::path directory = vectors();
  if (directory.empty() || !std::filesystem::exists(directory)) {
    std::puts("structured field vectors skipped: no shared/data/structured-field-tests found");
    SKIP("no vectors here");
  }
  int count = 0;
  for (const auto& folder : {directory, directory / "serialisation-tests"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".json") count += run_file(entry.path());
    }
  }
  std::printf("structured field vectors: %d records\n", count);
  CHECK(count >= 2135);
}

TEST_CASE("structured values that are out of range or malformed are refused", "[sf]") {
  for (const char* text : {"",
                           "1000000000000000",
                           "1.",
                           "1.2345",
                           "1234567890123.1",
                           "\"a",
                           "\"\\x\"",
                           "?2",
                           "?",
                           "@1.5",
                           "@",
                           ":a:",
                           ":ab=c:",
                           "%\"%ff\"",
                           "%\"%C3%BC\"",
                           "%\"\xc3\xbc\"",
                           "%\"%ed%a0%80\"",
                           "%\"%4\"",
                           "a b",
                           "a;",
                           "a;A=1",
                           "-",
                           "--1",
                           "(1)"}) {
    INFO(text);
    CHECK_FALSE(sf::parse_item(std::string_view(text)).has_value());
  }
  for (const char* text : {"1,", "1, ", "1 2", "(1 2", "(1,2)", "(1\"a\")", ",1"}) {
    INFO(text);
    CHECK_FALSE(sf::parse_list(std::string_view(text)).has_value());
  }
  for (const char* text : {"a=1,", "A=1", "a=", "a=1 b=2", "=1", "a==1"}) {
    INFO(text);
    CHECK_FALSE(sf::parse_dictionary(std::string_view(text)).has_value());
  }
}

TEST_CASE("a dictionary key that comes again keeps its place and takes the last value", "[sf]") {
  const auto dictionary = sf::parse_dictionary("a=1, b=2, a=3");
  REQUIRE(dictionary.has_value());
  std::string text;
  REQUIRE(sf::serialise(*dictionary, text));
  CHECK(text == "a=3, b=2");
  REQUIRE(sf::find(*dictionary, "b") != nullptr);
  CHECK(sf::find(*dictionary, "c") == nullptr);
}

TEST_CASE("a value that cannot be serialised leaves the text as it was", "[sf]") {
  std::string text = "before";
  CHECK_FALSE(sf::serialise(sf::Item{sf::BareItem(std::string("line\nbreak")), {}}, text));
  CHECK_FALSE(sf::serialise(sf::Item{sf::BareItem(sf::Token{"1a"}), {}}, text));
  CHECK_FALSE(sf::serialise(sf::Item{sf::BareItem(sf::DisplayString{"\xff"}), {}}, text));
  CHECK_FALSE(sf::serialise(sf::Item{sf::BareItem(int64_t{1}), {{"Upper", sf::BareItem(true)}}}, text));
  CHECK_FALSE(sf::serialise(sf::Item{sf::BareItem(sf::Decimal{1'000'000'000'000'000}), {}}, text));
  CHECK(text == "before");
}

TEST_CASE("decimals round to the nearest thousandth, halves to even", "[sf]") {
  CHECK(sf::to_decimal(0.0015)->thousandths == 2);
  CHECK(sf::to_decimal(0.0025)->thousandths == 2);
  CHECK(sf::to_decimal(-0.0025)->thousandths == -2);
  CHECK(sf::to_decimal(9.9995)->thousandths == 10000);
  CHECK(sf::to_decimal(5)->thousandths == 5000);
  CHECK_FALSE(sf::to_decimal(1000000000000.1).has_value());
  CHECK_FALSE(sf::to_decimal(1e300).has_value());
  CHECK_FALSE(sf::to_decimal(std::nan("")).has_value());
}
