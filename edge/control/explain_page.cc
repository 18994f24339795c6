#include "edge/control/explain_page.h"

#include <optional>

#include "edge/base/bytes.h"
#include "edge/base/json.h"
#include "edge/control/json_text.h"
#include "edge/http/h1_lines.h"

namespace perigee::control {
namespace {

std::string print(const Json& json) { return to_text(json, 2) + "\n"; }

std::optional<int> hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

// As forms are encoded, which is what curl --data-urlencode writes.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return out;
}

tl::unexpected<Error> bad(std::string found, std::string_view expected) {
  return fail(Side::client, "bad_query", "found " + std::move(found) + ", expected " + std::string(expected));
}

bool add_field(std::string_view line, proxy::ExplainQuery& out) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon))) return false;
  const std::string_view value = trim_ows(line.substr(colon + 1));
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return false;
  out.fields.emplace_back(line.substr(0, colon), value);
  return true;
}

Result<void> add_parameter(std::string_view name, const std::string& value, proxy::ExplainQuery& out) {
  if (name == "url") {
    out.url = value;
  } else if (name == "method") {
    if (!http::is_token(value)) return bad("method \"" + value + "\"", "a method such as GET");
    out.method = value;
  } else if (name == "header") {
    if (!add_field(value, out)) return bad("header \"" + value + "\"", "\"Name: value\"");
  } else {
    return bad("the parameter \"" + std::string(name) + "\"", "url, method or header");
  }
  return {};
}

Json time_json(int64_t response_time_ms) {
  std::string text;
  append_json_time(text, WallTime{std::chrono::milliseconds(response_time_ms)});
  return text.substr(1, text.size() - 2);
}

Json flags_json(const cache::ResponseMeta& meta) {
  using Meta = cache::ResponseMeta;
  constexpr std::pair<Meta::Flag, std::string_view> names[] = {
      {Meta::must_revalidate, "must_revalidate"},
      {Meta::no_cache, "no_cache"},
      {Meta::has_etag, "has_etag"},
      {Meta::strong_etag, "strong_etag"},
      {Meta::has_last_modified, "has_last_modified"},
      {Meta::heuristic, "heuristic"},
      {Meta::has_vary, "has_vary"},
      {Meta::immutable, "immutable"},
      {Meta::partial, "partial"},
  };
  Json list = Json::array();
  for (const auto& [flag, name] : names) {
    if (meta.is(flag)) list.push_back(std::string(name));
  }
  return list;
}

Json selecting_json(const std::vector<cache::SelectingField>& fields) {
  Json list = Json::array();
  for (const cache::SelectingField& field : fields) {
    Json entry = {{"field", field.name}, {"value", field.value ? Json(*field.value) : Json(nullptr)}};
    if (!field.content_language.empty()) entry["content_language"] = field.content_language;
    list.push_back(std::move(entry));
  }
  return list;
}

Json lines_json(const std::vector<std::pair<std::string, std::string>>& fields) {
  Json list = Json::array();
  for (const auto& [name, value] : fields) list.push_back(name + ": " + value);
  return list;
}

Json sum_json(const std::vector<cache::SumLine>& sum) {
  Json list = Json::array();
  for (const cache::SumLine& line : sum)
    list.push_back({{"name", std::string(line.name)}, {"value", line.value}, {"from", line.from}});
  return list;
}

Json response_json(const proxy::ExplainedResponse& response) {
  return {{"selected", response.selected},
          {"status", response.meta.status},
          {"body_bytes", response.body_bytes},
          {"stored_bytes", response.stored_bytes},
          {"received", time_json(response.meta.response_time_ms)},
          {"selecting", selecting_json(response.selecting)},
          {"flags", flags_json(response.meta)},
          {"freshness", sum_json(response.sum)},
          {"stale_while_revalidate", response.meta.stale_while_revalidate},
          {"stale_if_error", response.meta.stale_if_error},
          {"fields", lines_json(response.fields)}};
}

Json decision_json(const cache::Decision& decision) {
  const cache::RuleText rule = cache::text_of(decision.rule);
  const bool forward = decision.action != cache::Decision::Action::serve &&
                       decision.action != cache::Decision::Action::serve_stale_while_revalidate;
  return {{"action", std::string(to_string(decision.action))},
          {"fwd", forward ? Json(std::string(to_string(decision.reason))) : Json(nullptr)},
          {"rule", std::string(rule.name)},
          {"source", std::string(rule.source)},
          {"because", std::string(rule.text)}};
}

}  // namespace

Result<proxy::ExplainQuery> parse_explain_query(std::string_view query) {
  proxy::ExplainQuery out;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const auto value = decode(parameter.substr(std::min(equals + 1, parameter.size())));
    if (!value)
      return bad("a broken escape in \"" + std::string(parameter) + "\"", "% and two hexadecimal digits");
    if (auto added = add_parameter(parameter.substr(0, equals), *value, out); !added)
      return tl::unexpected(added.error());
  }
  if (out.url.empty()) return bad("no url", "/explain?url=http://host/path");
  return out;
}

std::string explain_json(const proxy::ExplainQuery& query, const proxy::Explanation& explanation,
                         std::string_view node_name) {
  Json owners = Json::array();
  for (const auto& [region, nodes] : explanation.owners)
    owners.push_back({{"region", region}, {"nodes", nodes}});
  Json stored = Json::array();
  for (const proxy::ExplainedResponse& response : explanation.stored)
    stored.push_back(response_json(response));
  const bool marked = explanation.hit_for_miss_s.has_value();
  return print(
      {{"node", std::string(node_name)},
       {"request", {{"method", query.method}, {"url", query.url}, {"fields", lines_json(query.fields)}}},
       {"key", explanation.key},
       {"site", explanation.site},
       {"site_rule", explanation.rule_prefix.empty() ? Json(nullptr) : Json(explanation.rule_prefix)},
       {"owners", std::move(owners)},
       {"stored", std::move(stored)},
       {"hit_for_miss_s", marked ? Json(*explanation.hit_for_miss_s) : Json(nullptr)},
       {"decision", decision_json(explanation.decision)},
       {"answer",
        {{"status", explanation.status != 0 ? Json(explanation.status) : Json(nullptr)},
         {"asks", explanation.asks}}}});
}

std::string explain_error_json(const Error& error) {
  return print({{"error", std::string(error.code)}, {"message", error.context}});
}

}  // namespace perigee::control
