#include <algorithm>
#include <array>

#include "edge/base/bytes.h"
#include "edge/cache/freshness.h"
#include "edge/cache/key.h"
#include "edge/cache/policy.h"
#include "edge/http/cache_control.h"
#include "edge/http/entity_tag.h"

namespace perigee::cache {

namespace {

using http::FieldId;

template <size_t n>
bool is_one_of(int status, const std::array<int, n>& list) {
  return std::find(list.begin(), list.end(), status) != list.end();
}

// RFC 9110 15.1, without 206.
bool is_heuristically_cacheable(int status) {
  return is_one_of(status, std::array{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501});
}

// Answers to what only this request carried: credentials, preconditions, framing, content, pace. RFC 6585
// forbids to store 428, 429, 431 and 511.
bool is_answer_to_fields(int status) {
  return is_one_of(status,
                   std::array{401, 407, 408, 411, 412, 415, 416, 417, 421, 425, 426, 428, 429, 431, 511});
}

// Final statuses whose requirements on caches are implemented here: what must-understand asks for.
bool is_understood(int status) {
  static constexpr std::array registered = {
      200, 201, 202, 203, 204, 205, 207, 208, 226, 300, 301, 302, 303, 305, 307, 308, 400, 402, 403, 404,
      405, 406, 409, 410, 413, 414, 422, 423, 424, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510};
  return is_one_of(status, registered);
}

// Everything the response says about caching, from the field that decides.
struct Statement {
  http::ResponseCacheControl control;
  bool targeted = false;
};

Statement read_statement(const http::FieldList& fields, const PolicyOptions& options) {
  if (auto control = targeted_cache_control(fields, options)) return {std::move(*control), true};
  return {http::parse_response_cache_control(fields), false};
}

struct Judgement {
  const http::RequestHead& request;
  const RequestPolicy& request_policy;
  const http::ResponseHead& response;
  const PolicyOptions& options;
  Statement statement;
  Lifetime lifetime;
};

bool is_shared_on_purpose(const Judgement& judgement) {
  const http::ResponseCacheControl& control = judgement.statement.control;
  return control.is_public || control.s_maxage.valid();
}

// A Set-Cookie that qualified private or no-cache names is not stored (stored_head.h), so it does not count.
bool stores_set_cookie(const Judgement& judgement) {
  const http::ResponseCacheControl& control = judgement.statement.control;
  const auto names_it = [](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), "set-cookie") != names.end();
  };
  return judgement.response.fields.has(FieldId::set_cookie) && !names_it(control.private_fields) &&
         !names_it(control.no_cache_fields);
}

bool set_cookie_allowed(const Judgement& judgement) {
  switch (judgement.options.set_cookie) {
    case PolicyOptions::SetCookie::explicit_lifetime:
      return is_shared_on_purpose(judgement) || judgement.lifetime.is_explicit;
    case PolicyOptions::SetCookie::shared_lifetime:
      return is_shared_on_purpose(judgement);
    case PolicyOptions::SetCookie::never:
      return false;
  }
  return false;
}

std::string_view why_status_forbids(const Judgement& judgement) {
  const int status = judgement.response.status;
  if (status < 200) return "interim";
  if (status == 206) return "partial";
  if (status == 304) return "not_modified";
  if (is_answer_to_fields(status)) return "status";
  // RFC 9111 5.2.2.3
  if (judgement.statement.control.must_understand && !is_understood(status)) return "must_understand";
  return {};
}

// RFC 9111 section 3, in its order; empty when nothing stands against storing.
std::string_view why_not_storable(const Judgement& judgement) {
  const http::ResponseCacheControl& control = judgement.statement.control;
  if (!judgement.options.enabled) return "disabled";
  if (judgement.request.method != http::Method::get || !judgement.request_policy.cacheable_method)
    return "method";
  if (const auto reason = why_status_forbids(judgement); !reason.empty()) return reason;
  // RFC 9111 5.2.2.3: who understands the status ignores a no-store beside must-understand.
  if (control.no_store && !control.must_understand) return "no_store";
  if (judgement.request_policy.no_store) return "request_no_store";
  if (control.is_private) return "private";
  // RFC 9111 3.5
  if (judgement.request_policy.has_authorization && !is_shared_on_purpose(judgement) &&
      !control.must_revalidate) {
    return "authorization";
  }
  if (stores_set_cookie(judgement) && !set_cookie_allowed(judgement)) return "set_cookie";
  if (judgement.response.fields.has(FieldId::vary) && parse_vary(judgement.response.fields).any)
    return "vary";
  if (!judgement.lifetime.is_explicit && !control.is_public &&
      !is_heuristically_cacheable(judgement.response.status)) {
    return "status";
  }
  return {};
}

void set(ResponseMeta& meta, ResponseMeta::Flag flag, bool on) {
  if (on) meta.set(flag, true);
}

void set_validators(const http::FieldList& fields, ResponseMeta& meta) {
  const http::Field* etag = fields.find(FieldId::etag);
  const auto tag = etag != nullptr ? http::parse_entity_tag(etag->value) : std::nullopt;
  set(meta, ResponseMeta::has_etag, etag != nullptr && !etag->value.empty());
  set(meta, ResponseMeta::strong_etag, tag && !tag->weak);
  set(meta, ResponseMeta::has_last_modified, !fields.value(FieldId::last_modified).empty());
}

// Without an explicit lifetime: the site's default, else a guess (RFC 9111 4.2.2).
void set_implicit_lifetime(const Judgement& judgement, int64_t date_value, int64_t now, ResponseMeta& meta) {
  const http::ResponseHead& response = judgement.response;
  if (!is_heuristically_cacheable(response.status) && !judgement.statement.control.is_public) return;
  if (judgement.options.default_freshness_lifetime > 0) {
    meta.freshness_lifetime = judgement.options.default_freshness_lifetime;
    return;
  }
  if (!judgement.options.heuristic_freshness) return;
  const auto guess =
      heuristic_lifetime(response.fields, date_value, now, judgement.options.heuristic_freshness_max);
  if (!guess) return;
  meta.freshness_lifetime = *guess;
  set(meta, ResponseMeta::heuristic, true);
}

int32_t allowance(const http::DeltaSeconds& stated, int32_t otherwise) {
  return stated.present() ? stated.seconds : otherwise;
}

ResponseMeta make_meta(const Judgement& judgement, WallTime request_time, WallTime response_time) {
  const http::ResponseCacheControl& control = judgement.statement.control;
  const http::FieldList& fields = judgement.response.fields;
  const int64_t now = unix_seconds(response_time);
  const int64_t date = date_value(fields, response_time);
  const AgeValue age = age_value(fields);
  ResponseMeta meta;
  meta.status = static_cast<uint16_t>(judgement.response.status & 0x3ff);
  meta.set_response_time(response_time);
  meta.corrected_initial_age = corrected_initial_age(age.seconds, date, request_time, response_time);
  meta.freshness_lifetime = judgement.lifetime.freshness_lifetime;
  if (!judgement.lifetime.is_explicit) set_implicit_lifetime(judgement, date, now, meta);
  if (!age.trusted) meta.freshness_lifetime = 0;
  set(meta, ResponseMeta::no_cache, control.no_cache);
  // RFC 9111 5.2.2.8 and 5.2.2.10: both bind a shared cache like must-revalidate.
  set(meta, ResponseMeta::must_revalidate,
      control.must_revalidate || control.proxy_revalidate || control.s_maxage.present());
  set(meta, ResponseMeta::immutable, control.immutable);
  set(meta, ResponseMeta::has_vary, fields.has(FieldId::vary));
  set_validators(fields, meta);
  if (!meta.is(ResponseMeta::must_revalidate) && !meta.is(ResponseMeta::no_cache) && age.trusted) {
    meta.stale_while_revalidate =
        allowance(control.stale_while_revalidate, judgement.options.stale_while_revalidate);
    meta.stale_if_error = allowance(control.stale_if_error, judgement.options.stale_if_error);
  }
  return meta;
}

// Could it ever be used? Without lifetime and without validators it would only take room, and others would
// wait for it in vain.
bool is_useful(const ResponseMeta& meta) {
  if (meta.is(ResponseMeta::has_etag) || meta.is(ResponseMeta::has_last_modified)) return true;
  return meta.freshness_lifetime > 0 && !meta.is(ResponseMeta::no_cache);
}

}  // namespace

std::optional<http::ResponseCacheControl> targeted_cache_control(const http::FieldList& response,
                                                                 const PolicyOptions& options) {
  for (const std::string& target : options.targets) {
    auto control = target == "surrogate-control"
                       ? http::parse_surrogate_control(response, options.surrogate_device)
                       : http::parse_targeted_cache_control(response, target);
    if (control) return control;
  }
  return std::nullopt;
}

Storability judge_response(const http::RequestHead& request, const RequestPolicy& request_policy,
                           const http::ResponseHead& response, WallTime request_time, WallTime response_time,
                           const PolicyOptions& options) {
  Judgement judgement{request, request_policy, response, options, read_statement(response.fields, options),
                      {}};
  judgement.lifetime = explicit_lifetime(judgement.statement.control, response.fields,
                                         date_value(response.fields, response_time),
                                         unix_seconds(response_time), !judgement.statement.targeted);
  Storability storability;
  storability.meta = make_meta(judgement, request_time, response_time);
  storability.why_not = why_not_storable(judgement);
  if (storability.why_not.empty() && !is_useful(storability.meta)) storability.why_not = "no_lifetime";
  storability.storable = storability.why_not.empty();
  return storability;
}

Storability judge_post_response(const http::RequestHead& request, const RequestPolicy& request_policy,
                                const http::ResponseHead& response, bool names_target, WallTime request_time,
                                WallTime response_time, const PolicyOptions& options) {
  // As if it answered the GETs that it is to be reused for.
  http::RequestHead get = request;
  get.method = http::Method::get;
  RequestPolicy policy = request_policy;
  policy.cacheable_method = true;
  Storability storability = judge_response(get, policy, response, request_time, response_time, options);
  if (!storability.storable) return storability;
  const Statement statement = read_statement(response.fields, options);
  const bool is_explicit =
      explicit_lifetime(statement.control, response.fields, date_value(response.fields, response_time),
                        unix_seconds(response_time), !statement.targeted)
          .is_explicit;
  if (request.method != http::Method::post || !names_target || !is_explicit || response.status != 200) {
    storability.storable = false;
    storability.why_not = "method";
  }
  return storability;
}

}  // namespace perigee::cache
