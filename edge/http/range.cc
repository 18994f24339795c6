#include "edge/http/range.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "edge/base/bytes.h"
#include "edge/http/lists.h"

namespace perigee::http {

namespace {

constexpr uint64_t position_max = std::numeric_limits<uint64_t>::max();

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// text: digits only.
uint64_t saturating(std::string_view text) { return parse_decimal(text).value_or(position_max); }

std::optional<RangeSpec> parse_spec(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = text.substr(dash + 1);
  if ((!first.empty() && !is_number(first)) || (!last.empty() && !is_number(last))) return std::nullopt;
  if (first.empty() && last.empty()) return std::nullopt;
  RangeSpec spec;
  if (!first.empty()) spec.first = saturating(first);
  if (!last.empty()) spec.last = saturating(last);
  if (spec.first && spec.last && *spec.last < *spec.first) return std::nullopt;
  return spec;
}

std::optional<ByteRange> resolve(const RangeSpec& spec, uint64_t length) {
  if (length == 0) return std::nullopt;
  if (!spec.first) {
    const uint64_t suffix = std::min(*spec.last, length);
    if (suffix == 0) return std::nullopt;
    return ByteRange{length - suffix, length - 1};
  }
  if (*spec.first >= length) return std::nullopt;
  return ByteRange{*spec.first, std::min(spec.last.value_or(position_max), length - 1)};
}

// Sorted and merged, if there is anything to merge; else as it was.
std::vector<ByteRange> merge(std::vector<ByteRange> ranges, uint64_t gap) {
  std::vector<ByteRange> sorted = ranges;
  std::sort(sorted.begin(), sorted.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.first < b.first; });
  std::vector<ByteRange> merged;
  for (const ByteRange& range : sorted) {
    if (!merged.empty() &&
        (range.first <= merged.back().last || range.first - merged.back().last - 1 < gap)) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged.size() == ranges.size() ? ranges : merged;
}

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}
char* put(char* at, uint64_t number) { return std::to_chars(at, at + 20, number).ptr; }

}  // namespace

std::optional<std::vector<RangeSpec>> parse_range(std::string_view value) {
  const size_t equals = value.find('=');
  if (equals == std::string_view::npos || !equal_ignoring_case(value.substr(0, equals), "bytes"))
    return std::nullopt;
  std::vector<RangeSpec> specs;
  ListMembers members(value.substr(equals + 1));
  std::string_view member;
  while (members.next(member)) {
    if (member.empty()) continue;
    const auto spec = parse_spec(member);
    if (!spec || specs.size() == range_specs_max) return std::nullopt;
    specs.push_back(*spec);
  }
  if (specs.empty()) return std::nullopt;
  return specs;
}

ResolvedRanges resolve_ranges(std::span<const RangeSpec> specs, uint64_t length, const RangeLimits& limits) {
  ResolvedRanges resolved;
  for (const RangeSpec& spec : specs) {
    if (const auto range = resolve(spec, length)) resolved.ranges.push_back(*range);
  }
  if (resolved.ranges.empty()) return resolved;
  resolved.ranges = merge(std::move(resolved.ranges), limits.gap_merged);
  resolved.outcome = ResolvedRanges::Outcome::partial;
  if (resolved.ranges.size() > limits.ranges_max) {
    resolved.outcome = ResolvedRanges::Outcome::too_many;
    resolved.ranges.clear();
  }
  return resolved;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  const size_t space = value.find(' ');
  if (space == std::string_view::npos || !equal_ignoring_case(value.substr(0, space), "bytes"))
    return std::nullopt;
  value.remove_prefix(space + 1);
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  ContentRange parsed;
  const std::string_view length = value.substr(slash + 1);
  if (length != "*") {
    parsed.length = parse_decimal(length);
    if (!parsed.length) return std::nullopt;
  }
  const std::string_view range = value.substr(0, slash);
  if (range == "*") return parsed.length ? std::optional(parsed) : std::nullopt;
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_decimal(range.substr(0, dash));
  const auto last = parse_decimal(range.substr(dash + 1));
  // RFC 9110 14.4
  if (!first || !last || *last < *first || (parsed.length && *last >= *parsed.length)) return std::nullopt;
  parsed.range = ByteRange{*first, *last};
  return parsed;
}

std::string_view format_content_range(const ContentRange& content_range,
                                      std::span<char, content_range_bytes> out) {
  char* at = put(out.data(), "bytes ");
  if (content_range.range) {
    at = put(at, content_range.range->first);
    at = put(at, "-");
    at = put(at, content_range.range->last);
  } else {
    at = put(at, "*");
  }
  at = put(at, "/");
  at = content_range.length ? put(at, *content_range.length) : put(at, "*");
  return {out.data(), static_cast<size_t>(at - out.data())};
}

}  // namespace perigee::http
