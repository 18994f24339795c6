#include "edge/ctl/asking.h"

#include <cstdio>

#include "edge/base/bytes.h"

namespace perigee::ctl {

int complain(const Error& error) {
  std::fprintf(stderr, "perigeectl: %s\n", error.context.c_str());
  return error.code == "unreachable" ? exit_unreachable : exit_refused;
}

Result<Response> ask(const Target& target, std::string_view method, std::string path, std::string body) {
  Request request;
  request.to = target.admin;
  request.tls = target.tls;
  request.tls_name = target.tls_name;
  request.method = method;
  request.target = std::move(path);
  request.body = std::move(body);
  request.token = target.token;
  request.timeout = target.timeout;
  return perform(request);
}

// What the node says about why it refused.
int refused(const Response& response) {
  const Json json = parse_json(response.body);
  std::string why(trim_ows(response.body.substr(0, response.body.find('\n'))));
  if (json.is_object() && json.contains("message")) why = json["message"].get<std::string>();
  std::fprintf(stderr, "perigeectl: the node answered %d: %s\n", response.status, why.c_str());
  return exit_refused;
}

tl::expected<Json, int> page(const Target& target, const std::string& path) {
  const auto response = ask(target, "GET", path);
  if (!response) return tl::unexpected(complain(response.error()));
  if (response->status != 200) return tl::unexpected(refused(*response));
  Json json = parse_json(response->body);
  if (json.is_discarded()) {
    return tl::unexpected(complain({Side::upstream, "bad_answer", path + ": found no JSON"}));
  }
  return json;
}

tl::expected<std::vector<Member>, int> members(const Target& target) {
  const auto topology = page(target, "/topology");
  if (!topology) return tl::unexpected(topology.error());
  std::vector<Member> nodes;
  for (const Json& node : (*topology)["nodes"]) {
    const auto address = net::Address::parse(node.value("admin", ""));
    if (!address) continue;
    Target other = target;
    other.admin = *address;
    nodes.emplace_back(node.value("name", ""), other);
  }
  if (nodes.empty()) nodes.emplace_back((*topology).value("self", ""), target);
  return nodes;
}

std::string text(const Json& json, const char* name) {
  if (!json.contains(name) || json[name].is_null()) return "-";
  return json[name].is_string() ? json[name].get<std::string>() : json[name].dump();
}

uint64_t number(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_unsigned() ? json[name].get<uint64_t>() : 0;
}

std::string error_words(const Json& error) {
  std::string words;
  for (const char* name : {"at", "key", "message"}) {
    const std::string part = error.value(name, "");
    if (!part.empty()) words += (words.empty() ? "" : ": ") + part;
  }
  return words;
}

}  // namespace perigee::ctl
