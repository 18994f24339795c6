// docs/openapi.json, from the table of admin pages.
#include <utility>

#include "edge/base/json.h"
#include "edge/control/admin_handler.h"
#include "edge/control/reference_docs.h"

namespace perigee::control {
namespace {

Json answer(std::string_view says, std::string_view content_type) {
  Json json = {{"description", std::string(says)}};
  const char* type = content_type == "application/json" ? "object" : "string";
  json["content"][std::string(content_type)]["schema"] = {{"type", type}};
  return json;
}

Json refusal(std::string_view says) { return {{"description", std::string(says)}}; }

Json operation(const AdminRoute& route) {
  Json json = {{"summary", std::string(route.says)}};
  json["operationId"] = std::string(route.read ? "get" : "post") + std::string(route.path);
  Json answers;
  answers["200"] = answer("Done, or what was asked for", route.content_type);
  if (route.path == "/readyz") answers["503"] = refusal("Not ready");
  if (!route.open) {
    answers["401"] = refusal("A token is needed");
    json["security"] = Json::array({{{"token", Json::array()}}});
  }
  if (!route.read) answers["403"] = refusal("Sent by a page of another site");
  answers["405"] = refusal("Another method");
  if (!route.parameter.empty()) {
    json["parameters"] =
        Json::array({{{"name", std::string(route.parameter)},
                      {"in", "query"},
                      {"required", true},
                      {"schema", {{"type", route.parameter == "id" ? "integer" : "string"}}}}});
    answers["400"] = refusal("The query is wrong; the answer says how");
  }
  if (!route.content.empty()) {
    Json content = {{"type", "object"}, {"description", std::string(route.content)}};
    json["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", content}}}}}};
    answers["413"] = refusal("The content is longer than 256 KiB");
    answers["422"] = answer("The content is wrong; the answer says how", route.content_type);
    answers["503"] =
        answer("The log of purges is away, or there is none; nothing was purged", route.content_type);
  }
  if (route.path == "/reload" || route.path == "/rollback") {
    answers["422"] = answer("Refused; the answer says where and why", route.content_type);
    answers["503"] = answer("Too many configurations are still in use", route.content_type);
  }
  json["responses"] = std::move(answers);
  return json;
}

}  // namespace

std::string openapi_reference() {
  Json json = {{"openapi", "3.1.0"},
               {"info",
                {{"title", "Perigee admin listener"},
                 {"version", "1"},
                 {"description", "Made by perigee-edge --print-openapi; do not edit."}}}};
  json["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
  for (const AdminRoute& route : AdminHandler::routes())
    json["paths"][std::string(route.path)][route.read ? "get" : "post"] = operation(route);
  return to_text(json, 2) + "\n";
}

}  // namespace perigee::control
