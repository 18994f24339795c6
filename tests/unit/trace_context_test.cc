#include "edge/http/trace_context.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

using namespace perigee::http;

namespace {

constexpr std::string_view trace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view parent = "b7ad6b7169203331";
const std::string good = "00-" + std::string(trace) + "-" + std::string(parent) + "-01";

using Lines = std::vector<std::pair<std::string, std::string>>;

// Good until the next call.
TraceContext read(Lines given) {
  static Lines lines;
  static FieldList fields;
  lines = std::move(given);
  fields.clear();
  for (const auto& [name, value] : lines) fields.add(name, value);
  return read_trace_context(fields);
}

std::string with(size_t at, std::string_view text) {
  std::string changed = good;
  return changed.replace(at, text.size(), text);
}

}  // namespace

TEST_CASE("a traceparent is taken or not, by its form", "[http][trace]") {
  const struct {
    std::string value;
    bool valid;
  } cases[] = {
      {good, true},
      {with(53, "00"), true},
      {with(53, "ff"), true},
      {with(0, "01"), true},                 // a version to come
      {with(0, "cc") + "-what-ever", true},  // may have more
      {with(0, "cc") + "what-ever", false},
      {good + "-more", false},  // version 00 may not
      {good + "-", false},
      {with(0, "ff"), false},
      {with(0, "0A"), false},
      {with(3, std::string(32, '0')), false},
      {with(36, std::string(16, '0')), false},
      {with(3, "A"), false},
      {with(40, "F"), false},
      {with(53, "0G"), false},
      {with(2, "_"), false},
      {with(35, "_"), false},
      {with(52, "_"), false},
      {good.substr(0, 54), false},
      {"", false},
      {std::string(55, '-'), false},
  };
  for (const auto& each : cases) {
    INFO(each.value);
    const TraceContext context = read({{"TraceParent", each.value}});
    CHECK(context.trace_id.empty() != each.valid);
    CHECK(context.passes("traceparent") == each.valid);
    if (each.value == good) CHECK((context.trace_id == trace && context.parent_id == parent));
  }
}

TEST_CASE("two traceparents are none", "[http][trace]") {
  CHECK(!read({{"traceparent", good}, {"traceparent", good}}).passes("traceparent"));
}

TEST_CASE("a tracestate passes with a traceparent, and only when it is well-formed", "[http][trace]") {
  std::string full;
  for (int i = 0; i < 32; ++i) full += "k" + std::to_string(i) + "=v,";
  const struct {
    std::vector<std::string> lines;
    bool valid;
  } cases[] = {
      {{"congo=t61rcWkgMzE"}, true},
      {{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, true},
      {{" a=1 ,\tb=2", "c=3"}, true},
      {{""}, true},
      {{",,a=1,"}, true},
      {{"tenant@system=x"}, true},
      {{"0a=1"}, true},
      {{"a=b c"}, true},
      {{full}, true},
      {{full, "k32=v"}, false},
      {{"a=1,a=2"}, false},
      {{"a=1", "a=2"}, false},
      {{"a"}, false},
      {{"a="}, false},
      {{"=1"}, false},
      {{"A=1"}, false},
      {{"-a=1"}, false},
      {{"a b=1"}, false},
      {{"a=1=2"}, false},
      {{"a=\x7f"}, false},
      {{"a=" + std::string(256, 'v')}, true},
      {{"a=" + std::string(257, 'v')}, false},
      {{std::string(257, 'k') + "=v"}, false},
  };
  for (const auto& each : cases) {
    Lines lines{{"traceparent", good}};
    for (const std::string& line : each.lines) lines.emplace_back("tracestate", line);
    INFO(each.lines.front().substr(0, 60));
    const TraceContext context = read(lines);
    CHECK(context.passes("tracestate") == each.valid);
    CHECK(context.passes("traceparent"));
    lines.erase(lines.begin());
    CHECK(!read(lines).passes("Tracestate"));
  }
}

TEST_CASE("other fields pass, whatever the trace", "[http][trace]") {
  CHECK(read({}).passes("x-traceparent"));
  CHECK(read({{"traceparent", "rubbish"}}).passes("baggage"));
}
