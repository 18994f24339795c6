#include "edge/http/fields.h"

#include <array>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::http {
namespace {

constexpr std::string_view names[] = {"",
#define PERIGEE_FIELD_NAME(id, name) name,
                                      PERIGEE_FIELDS(PERIGEE_FIELD_NAME)
#undef PERIGEE_FIELD_NAME
};
constexpr size_t name_count = std::size(names);
constexpr size_t known_name_bytes_max = 24;
constexpr unsigned table_bits = 9;
constexpr size_t table_size = size_t{1} << table_bits;

// Names are told apart by length and four letters; setting the case bit makes both cases of a letter one.
constexpr uint32_t features(const char* name, size_t size) {
  auto letter = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(name[at]) | 0x20); };
  return (letter(0) << 24 | letter(size / 2) << 16 | letter(size - 1) << 8 | letter(size / 3)) +
         static_cast<uint32_t>(size) * 0x01010101u;
}

constexpr size_t slot_of(uint32_t features, uint32_t multiplier) {
  return (features * multiplier) >> (32 - table_bits);
}

constexpr bool is_perfect(uint32_t multiplier) {
  std::array<bool, table_size> taken{};
  for (size_t i = 1; i < name_count; ++i) {
    bool& slot = taken[slot_of(features(names[i].data(), names[i].size()), multiplier)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr uint32_t find_multiplier() {
  uint32_t candidate = 0x9e3779b1u;
  for (int tries = 0; tries < 2000; ++tries, candidate = candidate * 1664525u + 1013904223u) {
    if (is_perfect(candidate | 1u)) return candidate | 1u;
  }
  return 0;
}

constexpr uint32_t multiplier = find_multiplier();
static_assert(multiplier != 0, "no perfect hash found: give features() one more letter");

// case_bits has 0x20 under every letter, so that (received | case_bits) == name holds exactly for the same
// name in any case.
struct Known {
  std::array<char, known_name_bytes_max> name{};
  std::array<char, known_name_bytes_max> case_bits{};
  uint8_t size = 0;
  FieldId id = FieldId::other;
};

constexpr std::array<Known, table_size> make_table() {
  std::array<Known, table_size> table{};
  for (size_t i = 1; i < name_count; ++i) {
    Known& known = table[slot_of(features(names[i].data(), names[i].size()), multiplier)];
    known.size = static_cast<uint8_t>(names[i].size());
    known.id = static_cast<FieldId>(i);
    for (size_t at = 0; at < names[i].size(); ++at) {
      known.name[at] = names[i][at];
      known.case_bits[at] = names[i][at] >= 'a' && names[i][at] <= 'z' ? 0x20 : 0;
    }
  }
  return table;
}

constexpr std::array<Known, table_size> known_names = make_table();

uint64_t load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

bool equals(const Known& known, std::string_view name) {
  const size_t size = name.size();
  if (size < sizeof(uint64_t)) {
    for (size_t i = 0; i < size; ++i) {
      if ((name[i] | known.case_bits[i]) != known.name[i]) return false;
    }
    return true;
  }
  auto same_word = [&](size_t at) {
    return (load(name.data() + at) | load(known.case_bits.data() + at)) == load(known.name.data() + at);
  };
  for (size_t at = 0; at + sizeof(uint64_t) < size; at += sizeof(uint64_t)) {
    if (!same_word(at)) return false;
  }
  return same_word(size - sizeof(uint64_t));
}

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > known_name_bytes_max) return FieldId::other;
  const Known& known = known_names[slot_of(features(name.data(), name.size()), multiplier)];
  return known.size == name.size() && equals(known, name) ? known.id : FieldId::other;
}

std::string_view field_name(FieldId id) { return names[static_cast<size_t>(id)]; }

const Field* FieldList::find(std::string_view name) const {
  const FieldId id = field_id(name);
  if (id != FieldId::other) return find(id);
  for (const Field& row : rows_) {
    if (row.id == FieldId::other && equal_ignoring_case(row.name, name)) return &row;
  }
  return nullptr;
}

size_t FieldList::count(FieldId id) const {
  size_t count = 0;
  for (const Field& row : rows_) count += row.id == id;
  return count;
}

}  // namespace perigee::http
