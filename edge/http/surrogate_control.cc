#include "edge/base/bytes.h"
#include "edge/http/cache_control.h"
#include "edge/http/lists.h"

namespace perigee::http {

namespace {

enum class Audience : uint8_t { everybody, this_device, others };

// parameters: what follows the directive, from its first ";" on.
Audience audience_of(std::string_view parameters, std::string_view device) {
  if (parameters.empty()) return Audience::everybody;
  while (!parameters.empty()) {
    parameters.remove_prefix(1);
    const size_t end = parameters.find(';');
    if (equal_ignoring_case(trim_ows(parameters.substr(0, end)), device)) return Audience::this_device;
    parameters.remove_prefix(end == std::string_view::npos ? parameters.size() : end);
  }
  return Audience::others;
}

// "3600" or "3600+600". What is neither is no lifetime that could be trusted.
void set_lifetime(std::string_view argument, ResponseCacheControl& control) {
  const size_t plus = argument.find('+');
  const auto fresh = parse_delta_seconds(argument.substr(0, plus));
  control.max_age = {fresh ? DeltaSeconds::State::valid : DeltaSeconds::State::invalid, fresh.value_or(0)};
  if (plus == std::string_view::npos) return;
  const auto stale = parse_delta_seconds(argument.substr(plus + 1));
  if (stale) control.stale_while_revalidate = {DeltaSeconds::State::valid, *stale};
}

// False for a directive that says nothing about storing.
bool apply(std::string_view directive, ResponseCacheControl& control) {
  const size_t equals = directive.find('=');
  const std::string_view name = directive.substr(0, equals);
  if (equal_ignoring_case(name, "no-store") || equal_ignoring_case(name, "no-store-remote")) {
    control.no_store = true;
    return true;
  }
  if (!equal_ignoring_case(name, "max-age")) return false;
  set_lifetime(equals == std::string_view::npos ? std::string_view() : directive.substr(equals + 1), control);
  return true;
}

}  // namespace

std::optional<ResponseCacheControl> parse_surrogate_control(const FieldList& response,
                                                            std::string_view device) {
  ResponseCacheControl control;
  bool said = false;
  for (const Audience round : {Audience::everybody, Audience::this_device}) {
    ListMembers members(response, "surrogate-control");
    std::string_view member;
    while (members.next(member)) {
      const size_t end = std::min(member.find(';'), member.size());
      if (audience_of(member.substr(end), device) != round) continue;
      said = apply(trim_ows(member.substr(0, end)), control) || said;
    }
  }
  if (!said) return std::nullopt;
  return control;
}

}  // namespace perigee::http
