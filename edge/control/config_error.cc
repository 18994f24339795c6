#include "edge/control/config_error.h"

#include <algorithm>

namespace perigee::control {
namespace {

// Levenshtein's distance in one row of memory. Words longer than any key are not worth the product of
// lengths.
size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr size_t word_max = 64;
  if (a.size() > word_max || b.size() > word_max) return SIZE_MAX;
  size_t row[word_max + 1];
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, above + 1, row[j - 1] + 1});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Place::to_string() const {
  if (file.empty()) return "default";
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string ConfigError::to_string() const {
  std::string text = place.to_string() + ": ";
  if (!key.empty()) text += key + ": ";
  return text + message;
}

void ErrorList::add(Place place, std::string key, std::string message) {
  if (full()) return;
  if (errors_.size() == errors_max - 1) {
    place = Place{place.file, 0, 0};
    key.clear();
    message = "too many errors; the rest is not shown";
  }
  errors_.push_back({std::move(place), std::move(key), std::move(message)});
}

void ErrorList::add(Place place, std::string key, std::string_view found, std::string_view expected) {
  add(std::move(place), std::move(key),
      "found " + std::string(found) + ", expected " + std::string(expected));
}

std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string alternatives(const std::vector<std::string_view>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += in_quotes(names[i]);
  }
  return text;
}

}  // namespace perigee::control
