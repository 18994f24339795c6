#include "origin/preconditions.h"

#include "edge/http/date.h"
#include "edge/http/entity_tag.h"

namespace perigee::origin {
namespace {

using http::FieldId;

// Whether any line of the field names the current representation; "*" names any there is.
bool names_current(const http::FieldList& fields, FieldId id, const std::string& etag, bool strong) {
  const auto current = http::parse_entity_tag(etag);
  for (const http::Field& field : fields) {
    if (field.id != id) continue;
    if (field.value == "*") return true;
    http::EntityTags tags(field.value);
    http::EntityTag tag;
    while (current && tags.next(tag)) {
      if (strong ? strong_match(tag, *current) : weak_match(tag, *current)) return true;
    }
  }
  return false;
}

// True when the field holds a date and the representation has not changed after it.
std::optional<bool> unmodified_since(std::string_view field, const Validators& validators, int64_t now) {
  const auto date = http::parse_date(field, now);
  if (!date || !validators.last_modified) return std::nullopt;
  return *validators.last_modified <= *date;
}

}  // namespace

Precondition check_preconditions(const http::RequestHead& request, const Validators& validators,
                                 int64_t now) {
  const http::FieldList& fields = request.fields;
  if (fields.has(FieldId::if_match)) {
    if (!names_current(fields, FieldId::if_match, validators.etag, true)) return Precondition::failed;
  } else if (const http::Field* field = fields.find(FieldId::if_unmodified_since)) {
    if (unmodified_since(field->value, validators, now) == false) return Precondition::failed;
  }
  const bool reads = request.method == http::Method::get || request.method == http::Method::head;
  if (fields.has(FieldId::if_none_match)) {
    if (!names_current(fields, FieldId::if_none_match, validators.etag, false)) return Precondition::proceed;
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  const http::Field* since = fields.find(FieldId::if_modified_since);
  if (reads && since != nullptr && unmodified_since(since->value, validators, now) == true) {
    return Precondition::not_modified;
  }
  return Precondition::proceed;
}

bool range_applies(const http::RequestHead& request, const Validators& validators, int64_t now) {
  // RFC 9110 14.2: Range is defined for GET only.
  if (request.method != http::Method::get || !request.fields.has(FieldId::range)) return false;
  const http::Field* condition = request.fields.find(FieldId::if_range);
  if (condition == nullptr) return true;
  const auto tag = http::parse_entity_tag(condition->value);
  if (tag) {
    const auto current = http::parse_entity_tag(validators.etag);
    return current && strong_match(*tag, *current);
  }
  // An HTTP-date must match exactly.
  const auto date = http::parse_date(condition->value, now);
  return date && validators.last_modified && *date == *validators.last_modified;
}

}  // namespace perigee::origin
