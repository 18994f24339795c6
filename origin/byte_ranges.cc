#include "origin/byte_ranges.h"

#include <algorithm>
#include <optional>

#include "edge/base/bytes.h"

namespace perigee::origin {
namespace {

constexpr size_t ranges_max = 16;

enum class Spec : uint8_t { bad, missing, there };

// One of "0-99", "100-", "-5".
Spec parse_spec(std::string_view spec, uint64_t size, ByteRange& range) {
  const size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return Spec::bad;
  const std::string_view left = spec.substr(0, dash);
  const std::string_view right = spec.substr(dash + 1);
  if (left.empty()) {
    const auto suffix = parse_decimal(right);
    if (!suffix) return Spec::bad;
    range.length = std::min(*suffix, size);
    range.first = size - range.length;
    return range.length > 0 ? Spec::there : Spec::missing;
  }
  const auto first = parse_decimal(left);
  if (!first) return Spec::bad;
  uint64_t last = ~uint64_t{0};
  if (!right.empty()) {
    const auto given = parse_decimal(right);
    if (!given || *given < *first) return Spec::bad;
    last = *given;
  }
  if (*first >= size) return Spec::missing;
  range.first = *first;
  range.length = std::min(last, size - 1) - *first + 1;
  return Spec::there;
}

bool overlap(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.first < b.first; });
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].first + ranges[i - 1].length) return true;
  }
  return false;
}

}  // namespace

RangeRequest parse_ranges(std::string_view field, uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (field.size() <= unit.size() || !equal_ignoring_case(field.substr(0, unit.size()), unit)) return {};
  field.remove_prefix(unit.size());
  RangeRequest request;
  size_t specs = 0;
  while (true) {
    const size_t comma = field.find(',');
    const std::string_view spec = trim_ows(field.substr(0, comma));
    if (!spec.empty()) {
      ByteRange range;
      const Spec parsed = parse_spec(spec, size, range);
      if (parsed == Spec::bad || ++specs > ranges_max) return {};
      if (parsed == Spec::there) request.ranges.push_back(range);
    }
    if (comma == std::string_view::npos) break;
    field.remove_prefix(comma + 1);
  }
  if (specs == 0 || overlap(request.ranges)) return {};
  request.outcome =
      request.ranges.empty() ? RangeRequest::Outcome::unsatisfiable : RangeRequest::Outcome::ranges;
  return request;
}

}  // namespace perigee::origin
