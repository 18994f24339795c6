#include <algorithm>
#include <array>

#include "edge/base/bytes.h"
#include "edge/cache/key.h"
#include "edge/http/accept.h"
#include "edge/http/h1_lines.h"
#include "edge/http/lists.h"

namespace perigee::cache {

namespace {

// Neither byte can be part of a field value.
constexpr std::string_view absent = "\n";
constexpr char language_mark = '\r';  // before the Content-Language of the stored response
constexpr char end_mark = '\0';

// Steps over strings that are each ended by NUL.
std::string_view next_marked(std::string_view& left) {
  const size_t end = left.find(end_mark);
  const std::string_view item = left.substr(0, end);
  left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  return item;
}

bool has_field(const http::FieldList& fields, std::string_view name) {
  for (const http::Field& field : fields) {
    if (equal_ignoring_case(field.name, name)) return true;
  }
  return false;
}

void append_combined(const http::FieldList& request, std::string_view name, std::string& out) {
  http::ListMembers members(request, name);
  std::string_view member;
  for (bool first = true; members.next(member); first = false) {
    if (!first) out.push_back(',');
    out.append(member);
  }
}

bool matches_combined(std::string_view stored, const http::FieldList& request, std::string_view name) {
  http::ListMembers members(request, name);
  std::string_view member;
  for (bool first = true; members.next(member); first = false) {
    if (!first) {
      if (!stored.starts_with(',')) return false;
      stored.remove_prefix(1);
    }
    if (!stored.starts_with(member)) return false;
    stored.remove_prefix(member.size());
  }
  return stored.empty();
}

// Sorted by language, so that order does not count.
struct Languages {
  std::array<http::Weighted, 16> rows;
  size_t count = 0;
  bool too_many = false;

  explicit Languages(const http::FieldList& request) {
    http::ListMembers members(request, "accept-language");
    std::string_view member;
    while (members.next(member)) {
      if (member.empty()) continue;
      if (count == rows.size()) {
        too_many = true;
        return;
      }
      rows[count++] = http::parse_weighted(member);
    }
    std::sort(rows.begin(), rows.begin() + count, [](const http::Weighted& a, const http::Weighted& b) {
      const int order = compare_ignoring_case(a.name, b.name);
      return order != 0 ? order < 0 : a.thousandths < b.thousandths;
    });
  }

  static int compare_ignoring_case(std::string_view a, std::string_view b) {
    const size_t common = std::min(a.size(), b.size());
    for (size_t i = 0; i < common; ++i) {
      const auto x = static_cast<unsigned char>(to_lower(a[i]));
      const auto y = static_cast<unsigned char>(to_lower(b[i]));
      if (x != y) return x < y ? -1 : 1;
    }
    return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
  }

  // The one language that is liked better than all others; empty when there is none such.
  std::string_view favourite() const {
    const http::Weighted* best = nullptr;
    bool alone = false;
    for (size_t i = 0; i < count; ++i) {
      if (best == nullptr || rows[i].thousandths > best->thousandths) {
        best = &rows[i];
        alone = true;
      } else if (rows[i].thousandths == best->thousandths) {
        alone = false;
      }
    }
    const bool usable = alone && !too_many && best->thousandths > 0 && best->name != "*";
    return usable ? best->name : std::string_view();
  }
};

// "de;500,en": Emit takes the normal form piece by piece and returns false to stop.
template <typename Emit>
bool each_piece(const Languages& languages, Emit emit) {
  for (size_t i = 0; i < languages.count; ++i) {
    const http::Weighted& row = languages.rows[i];
    if (i > 0 && !emit(std::string_view(","))) return false;
    if (!emit(row.name)) return false;
    if (row.thousandths == 1000) continue;
    const char weight[4] = {';', static_cast<char>('0' + row.thousandths / 100),
                            static_cast<char>('0' + row.thousandths / 10 % 10),
                            static_cast<char>('0' + row.thousandths % 10)};
    if (!emit(std::string_view(weight, sizeof weight))) return false;
  }
  return true;
}

void append_languages(const http::FieldList& request, std::string& out) {
  const Languages languages(request);
  if (languages.too_many) {
    append_combined(request, "accept-language", out);
    return;
  }
  each_piece(languages, [&out](std::string_view piece) {
    for (char c : piece) out.push_back(to_lower(c));
    return true;
  });
}

bool matches_languages(std::string_view stored, const http::FieldList& request) {
  const size_t mark = stored.find(language_mark);
  const std::string_view content_language =
      mark == std::string_view::npos ? std::string_view() : stored.substr(mark + 1);
  stored = stored.substr(0, mark);
  if (!has_field(request, "accept-language")) return stored == absent;
  const Languages languages(request);
  if (languages.too_many) return matches_combined(stored, request, "accept-language");
  const bool favourite =
      !content_language.empty() && equal_ignoring_case(languages.favourite(), content_language);
  if (favourite) return true;
  const bool walked = each_piece(languages, [&stored](std::string_view piece) {
    if (stored.size() < piece.size() || !equal_ignoring_case(stored.substr(0, piece.size()), piece))
      return false;
    stored.remove_prefix(piece.size());
    return true;
  });
  return walked && stored.empty();
}

void append_content_language(const http::FieldList& response, std::string& out) {
  http::ListMembers members(response, "content-language");
  std::string_view language;
  std::string_view second;
  if (!members.next(language) || language.empty() || members.next(second)) return;
  out.push_back(language_mark);
  for (char c : language) out.push_back(to_lower(c));
}

void append_selecting(std::string_view names, const http::FieldList& request, const http::FieldList* response,
                      std::string& out) {
  out.clear();
  while (!names.empty()) {
    const std::string_view name = next_marked(names);
    out.append(name);
    out.push_back(end_mark);
    if (name == "accept-encoding") {
      out.append(accept_encoding_class(request));
    } else if (!has_field(request, name)) {
      out.append(absent);
    } else if (name == "accept-language") {
      append_languages(request, out);
    } else {
      append_combined(request, name, out);
    }
    if (name == "accept-language" && response != nullptr) append_content_language(*response, out);
    out.push_back(end_mark);
  }
}

}  // namespace

Vary parse_vary(const http::FieldList& response) {
  std::vector<std::string> names;
  http::ListMembers members(response, "vary");
  std::string_view member;
  while (members.next(member)) {
    if (member.empty()) continue;
    // RFC 9110 12.5.5: "*" anywhere in the list. What is no field name cannot be compared, so it counts as
    // "*" too.
    if (member == "*" || !http::is_token(member)) return {true, {}};
    std::string& name = names.emplace_back(member);
    for (char& c : name) c = to_lower(c);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  Vary vary;
  for (const std::string& name : names) vary.names.append(name).push_back(end_mark);
  return vary;
}

void selecting_bytes(std::string_view vary_names, const http::FieldList& request, std::string& out) {
  append_selecting(vary_names, request, nullptr, out);
}

void selecting_bytes(std::string_view vary_names, const http::FieldList& request,
                     const http::FieldList& response, std::string& out) {
  append_selecting(vary_names, request, &response, out);
}

std::string updated_selecting(std::string_view selecting, const http::FieldList& request,
                              const http::FieldList& updated_response) {
  std::string names;
  for (std::string_view left = selecting; !left.empty(); next_marked(left)) {
    names.append(next_marked(left)).push_back(end_mark);
  }
  const Vary vary = parse_vary(updated_response);
  if (vary.names.empty() || vary.names == names) return std::string(selecting);
  std::string renewed;
  selecting_bytes(vary.names, request, updated_response, renewed);
  return renewed;
}

bool selects(std::string_view selecting, const http::FieldList& request) {
  while (!selecting.empty()) {
    const std::string_view name = next_marked(selecting);
    const std::string_view stored = next_marked(selecting);
    if (name == "accept-encoding") {
      if (stored != accept_encoding_class(request)) return false;
    } else if (name == "accept-language") {
      if (!matches_languages(stored, request)) return false;
    } else if (!has_field(request, name)) {
      if (stored != absent) return false;
    } else if (stored == absent || !matches_combined(stored, request, name)) {
      return false;
    }
  }
  return true;
}

std::vector<SelectingField> selecting_fields(std::string_view selecting) {
  std::vector<SelectingField> fields;
  while (!selecting.empty()) {
    SelectingField& field = fields.emplace_back();
    field.name = next_marked(selecting);
    std::string_view value = next_marked(selecting);
    if (const size_t mark = value.find(language_mark); mark != std::string_view::npos) {
      field.content_language = value.substr(mark + 1);
      value = value.substr(0, mark);
    }
    if (value != absent) field.value = std::string(value);
  }
  return fields;
}

std::string_view accept_encoding_class(const http::FieldList& request) {
  static constexpr std::array<std::string_view, 8> classes = {
      "identity", "gzip", "br", "br, gzip", "zstd", "zstd, gzip", "zstd, br", "zstd, br, gzip"};
  static constexpr std::array<std::string_view, 3> codings = {"gzip", "br", "zstd"};
  unsigned accepted = 0;
  unsigned named = 0;
  bool any = false;
  http::ListMembers members(request, "accept-encoding");
  std::string_view member;
  while (members.next(member)) {
    const http::Weighted weighted = http::parse_weighted(member);
    if (weighted.name == "*") any = weighted.thousandths > 0;
    for (unsigned i = 0; i < codings.size(); ++i) {
      const bool alias = i == 0 && equal_ignoring_case(weighted.name, "x-gzip");  // RFC 9110 8.4.1.3
      if (!alias && !equal_ignoring_case(weighted.name, codings[i])) continue;
      named |= 1u << i;
      if (weighted.thousandths > 0) accepted |= 1u << i;
    }
  }
  if (any) accepted |= 7u & ~named;
  return classes[accepted];
}

}  // namespace perigee::cache
