#include "edge/proxy/max_forwards.h"

#include "edge/base/bytes.h"

namespace perigee::proxy {

std::optional<uint64_t> max_forwards(const http::RequestHead& request) {
  if (request.method != http::Method::options) return std::nullopt;
  const http::Field* field = request.fields.find(http::FieldId::max_forwards);
  return field == nullptr ? std::nullopt : parse_decimal(field->value);
}

}  // namespace perigee::proxy
