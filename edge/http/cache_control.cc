#include "edge/http/cache_control.h"

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/http/h1_lines.h"
#include "edge/http/lists.h"

namespace perigee::http {

namespace {

// One directive of the list. A quoted argument is given without its quotes and not unescaped: no argument
// that we understand has use for a backslash, so one that holds any is not understood.
struct Directive {
  std::string_view name;
  std::string_view argument;
  bool has_argument = false;
  bool well_formed = false;
  bool unfinished_quote = false;
};

size_t token_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is_token_char(text[length])) ++length;
  return length;
}

// The length of the quoted string at the start of text, quotes included; npos when it does not end.
size_t quoted_length(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

Directive parse_directive(std::string_view member) {
  Directive directive;
  const size_t name_length = token_length(member);
  directive.name = member.substr(0, name_length);
  std::string_view rest = member.substr(name_length);
  directive.well_formed = name_length > 0 && rest.empty();
  directive.unfinished_quote = std::count(member.begin(), member.end(), '"') % 2 != 0;
  if (name_length == 0 || !rest.starts_with('=')) return directive;
  rest.remove_prefix(1);
  directive.has_argument = true;
  if (!rest.starts_with('"')) {
    directive.argument = rest;
    directive.well_formed = is_token(rest);
    return directive;
  }
  const size_t length = quoted_length(rest);
  directive.unfinished_quote = length == std::string_view::npos;
  directive.well_formed = length == rest.size();
  if (directive.well_formed) directive.argument = rest.substr(1, length - 2);
  return directive;
}

void set_seconds(DeltaSeconds& target, const Directive& directive) {
  const auto seconds = directive.well_formed ? parse_delta_seconds(directive.argument) : std::nullopt;
  const bool contradicts = target.present() && (!seconds || target.seconds != *seconds);
  if (!seconds || contradicts) {
    target.state = DeltaSeconds::State::invalid;
    target.seconds = 0;
  } else if (target.state != DeltaSeconds::State::invalid) {
    target = {DeltaSeconds::State::valid, *seconds};
  }
}

// no-cache and private: with a list of names only those fields, otherwise everything.
void restrict_fields(const Directive& directive, bool& everything, std::vector<std::string>& names) {
  ListMembers members(directive.argument);
  std::string_view member;
  std::vector<std::string> found;
  bool understood = directive.well_formed && directive.has_argument;
  while (understood && members.next(member)) {
    if (member.empty()) continue;
    understood = is_token(member);
    for (char& c : found.emplace_back(member)) c = to_lower(c);
  }
  if (!understood || found.empty()) {
    everything = true;
  } else {
    names.insert(names.end(), found.begin(), found.end());
  }
}

void apply(const Directive& directive, ResponseCacheControl& control) {
  const auto named = [&](std::string_view name) { return equal_ignoring_case(directive.name, name); };
  if (named("no-store")) control.no_store = true;
  if (named("no-cache")) restrict_fields(directive, control.no_cache, control.no_cache_fields);
  if (named("private")) restrict_fields(directive, control.is_private, control.private_fields);
  if (named("must-revalidate")) control.must_revalidate = true;
  if (named("proxy-revalidate")) control.proxy_revalidate = true;
  if (named("no-transform")) control.no_transform = true;
  if (named("max-age")) set_seconds(control.max_age, directive);
  if (named("s-maxage")) set_seconds(control.s_maxage, directive);
  if (!directive.well_formed) return;
  if (named("public")) control.is_public = true;
  if (named("must-understand")) control.must_understand = true;
  if (named("immutable")) control.immutable = true;
  if (named("stale-while-revalidate")) set_seconds(control.stale_while_revalidate, directive);
  if (named("stale-if-error")) set_seconds(control.stale_if_error, directive);
}

void apply(const Directive& directive, RequestCacheControl& control) {
  const auto named = [&](std::string_view name) { return equal_ignoring_case(directive.name, name); };
  if (named("no-store")) control.no_store = true;
  if (named("no-cache")) control.no_cache = true;
  if (named("only-if-cached")) control.only_if_cached = true;
  if (named("no-transform")) control.no_transform = true;
  if (named("max-age")) set_seconds(control.max_age, directive);
  if (named("min-fresh")) set_seconds(control.min_fresh, directive);
  if (!directive.well_formed) return;
  if (named("max-stale") && !directive.has_argument) control.max_stale_any = true;
  if (named("max-stale") && directive.has_argument) set_seconds(control.max_stale, directive);
  if (named("stale-if-error")) set_seconds(control.stale_if_error, directive);
}

// A quote that never closes may have swallowed anything up to the end of its line: what restricts counts
// wherever it stands, and no lifetime of such a field is to be trusted.
void apply_unfinished(std::string_view member, ResponseCacheControl& control) {
  while (!member.empty()) {
    const size_t comma = member.find(',');
    Directive directive = parse_directive(trim_ows(member.substr(0, comma)));
    directive.well_formed = false;
    apply(directive, control);
    member.remove_prefix(comma == std::string_view::npos ? member.size() : comma + 1);
  }
  control.max_age = control.s_maxage = {DeltaSeconds::State::invalid, 0};
}
void apply_unfinished(std::string_view member, RequestCacheControl& control) {
  while (!member.empty()) {
    const size_t comma = member.find(',');
    apply(parse_directive(trim_ows(member.substr(0, comma))), control);
    member.remove_prefix(comma == std::string_view::npos ? member.size() : comma + 1);
  }
}

template <typename Control>
Control parse_lines(const FieldList& fields) {
  Control control;
  ListMembers members(fields, "cache-control");
  std::string_view member;
  while (members.next(member)) {
    const Directive directive = parse_directive(member);
    if (directive.unfinished_quote) {
      apply_unfinished(member, control);
    } else {
      apply(directive, control);
    }
  }
  return control;
}

}  // namespace

std::optional<int32_t> parse_delta_seconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min<int64_t>(value * 10 + (c - '0'), delta_seconds_max);
  }
  return static_cast<int32_t>(value);
}

ResponseCacheControl parse_response_cache_control(const FieldList& response) {
  return parse_lines<ResponseCacheControl>(response);
}

RequestCacheControl parse_request_cache_control(const FieldList& request) {
  return parse_lines<RequestCacheControl>(request);
}

bool has_pragma_no_cache(const FieldList& request) {
  ListMembers members(request, "pragma");
  std::string_view member;
  while (members.next(member)) {
    if (equal_ignoring_case(member, "no-cache")) return true;
  }
  return false;
}

}  // namespace perigee::http
