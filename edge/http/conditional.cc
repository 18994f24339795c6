#include "edge/http/conditional.h"

#include <optional>

#include "edge/base/bytes.h"
#include "edge/http/date.h"

namespace perigee::http {

namespace {

// All lines of the field name one list. compare: strong_match or weak_match.
bool any_matches(const FieldList& fields, FieldId id, std::string_view stored,
                 bool (*compare)(const EntityTag&, const EntityTag&)) {
  const auto mine = parse_entity_tag(stored);
  for (const Field& field : fields) {
    if (field.id != id) continue;
    if (field.value == "*") return true;
    EntityTags tags(field.value);
    EntityTag tag;
    while (mine && tags.next(tag)) {
      if (compare(*mine, tag)) return true;
    }
  }
  return false;
}

std::optional<int64_t> date_of(const FieldList& fields, FieldId id, int64_t now) {
  return fields.count(id) == 1 ? parse_date(fields.value(id), now) : std::nullopt;
}

// When the representation was last changed, as far as it can be known.
std::optional<int64_t> changed_at(const Validators& validators, int64_t now) {
  return parse_date(validators.last_modified.empty() ? validators.date : validators.last_modified, now);
}

bool none_match_names(const RequestHead& request, const Validators& validators) {
  if (any_matches(request.fields, FieldId::if_none_match, validators.etag, weak_match)) return true;
  return !validators.etag.empty() && request.fields.value(FieldId::if_none_match) == validators.etag;
}

}  // namespace

Validators validators_of(const FieldList& response) {
  return {response.value(FieldId::etag), response.value(FieldId::last_modified),
          response.value(FieldId::date)};
}

bool meets_origin_conditions(const RequestHead& request, const Validators& validators, int64_t now) {
  if (request.fields.has(FieldId::if_match)) {
    return any_matches(request.fields, FieldId::if_match, validators.etag, strong_match);
  }
  const auto since = date_of(request.fields, FieldId::if_unmodified_since, now);
  const auto changed = parse_date(validators.last_modified, now);
  return !since || !changed || *changed <= *since;
}

Precondition evaluate_conditions(const RequestHead& request, const Validators& validators,
                                 Evaluator evaluator, int64_t now) {
  if (evaluator == Evaluator::origin && !meets_origin_conditions(request, validators, now))
    return Precondition::failed;
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (request.fields.has(FieldId::if_none_match)) {
    if (!none_match_names(request, validators)) return Precondition::proceed;
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  if (!reads) return Precondition::proceed;
  const auto since = date_of(request.fields, FieldId::if_modified_since, now);
  const auto changed = changed_at(validators, now);
  return since && changed && *changed <= *since ? Precondition::not_modified : Precondition::proceed;
}

bool if_range_matches(const RequestHead& request, const Validators& validators, int64_t now) {
  const size_t lines = request.fields.count(FieldId::if_range);
  if (lines == 0) return true;
  if (lines > 1) return false;
  const std::string_view value = request.fields.value(FieldId::if_range);
  if (const auto tag = parse_entity_tag(value)) {
    const auto mine = parse_entity_tag(validators.etag);
    return mine && strong_match(*mine, *tag);
  }
  // RFC 9110 8.8.2.2: Last-Modified is strong when it is at least a second older than Date.
  const auto asked = parse_date(value, now);
  const auto modified = parse_date(validators.last_modified, now);
  const auto date = parse_date(validators.date, now);
  return asked && modified && date && *asked == *modified && *modified < *date;
}

}  // namespace perigee::http
