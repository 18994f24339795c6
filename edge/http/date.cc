#include "edge/http/date.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "edge/base/bytes.h"

namespace perigee::http {

namespace {

constexpr std::array<std::string_view, 7> short_days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t first_second = -62167219200;  // 0000-01-01 00:00:00
constexpr int64_t last_second = 253402300799;   // 9999-12-31 23:59:59

struct Moment {
  int year = 0;
  int month = 0;  // 1 to 12
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// Reads a text of known form from left to right; the first thing that does not fit fails the whole.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : left_(text) {}

  void literal(std::string_view text) { ok_ = take(text) && ok_; }
  template <size_t n>
  int one_of(const std::array<std::string_view, n>& names) {
    for (size_t i = 0; i < n; ++i) {
      if (take(names[i])) return static_cast<int>(i);
    }
    ok_ = false;
    return 0;
  }
  int digits(size_t count) {
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (i >= left_.size() || !is_digit(left_[i])) {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (left_[i] - '0');
    }
    left_.remove_prefix(count);
    return value;
  }
  // Two characters: two digits, or a space and a digit.
  int padded_day() {
    if (!left_.starts_with(' ')) return digits(2);
    left_.remove_prefix(1);
    return digits(1);
  }
  void clock(Moment& at) {
    at.hour = digits(2);
    literal(":");
    at.minute = digits(2);
    literal(":");
    at.second = digits(2);
  }
  bool finished() const { return ok_ && left_.empty(); }

 private:
  // RFC 9111 4.2: a cache matches names, and GMT, whatever their case.
  bool take(std::string_view text) {
    if (!equal_ignoring_case(left_.substr(0, text.size()), text)) return false;
    left_.remove_prefix(text.size());
    return true;
  }

  std::string_view left_;
  bool ok_ = true;
};

constexpr bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[static_cast<size_t>(month - 1)];
}

bool exists(const Moment& at) {
  return at.day >= 1 && at.day <= days_in_month(at.year, at.month) && at.hour <= 23 && at.minute <= 59 &&
         at.second <= 60;
}

// Days since 1970-01-01 in the proleptic Gregorian calendar, counted from a March-based year.
int64_t days_since_epoch(const Moment& at) {
  const int64_t year = at.month <= 2 ? at.year - 1 : at.year;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t month = (at.month + 9) % 12;
  const int64_t day_of_year = (153 * month + 2) / 5 + at.day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t to_seconds(const Moment& at) {
  return days_since_epoch(at) * 86400 + at.hour * 3600 + at.minute * 60 + at.second;
}

Moment from_seconds(int64_t seconds) {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;
  Moment at;
  at.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  at.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  at.year = static_cast<int>(year_of_era + era * 400 + (at.month <= 2 ? 1 : 0));
  at.hour = static_cast<int>(rest / 3600);
  at.minute = static_cast<int>(rest / 60 % 60);
  at.second = static_cast<int>(rest % 60);
  return at;
}

std::optional<int64_t> finish(const Cursor& cursor, const Moment& at) {
  if (!cursor.finished() || !exists(at)) return std::nullopt;
  return to_seconds(at);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<int64_t> parse_imf(std::string_view text) {
  Cursor cursor(text);
  Moment at;
  cursor.one_of(short_days);
  cursor.literal(", ");
  at.day = cursor.digits(2);
  cursor.literal(" ");
  at.month = cursor.one_of(months) + 1;
  cursor.literal(" ");
  at.year = cursor.digits(4);
  cursor.literal(" ");
  cursor.clock(at);
  cursor.literal(" GMT");
  return finish(cursor, at);
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<int64_t> parse_rfc850(std::string_view text, int64_t now) {
  Cursor cursor(text);
  Moment at;
  cursor.one_of(long_days);
  cursor.literal(", ");
  at.day = cursor.digits(2);
  cursor.literal("-");
  at.month = cursor.one_of(months) + 1;
  cursor.literal("-");
  const int two_digits = cursor.digits(2);
  cursor.literal(" ");
  cursor.clock(at);
  cursor.literal(" GMT");
  // RFC 9110 5.6.7: the latest year with these digits that is not more than 50 years ahead.
  const Moment today = from_seconds(std::clamp(now, first_second, last_second));
  Moment horizon = today;
  horizon.year += 50;
  at.year = horizon.year - horizon.year % 100 + two_digits;
  if (at.year > horizon.year) at.year -= 100;
  if (cursor.finished() && exists(at) && to_seconds(at) > to_seconds(horizon)) at.year -= 100;
  return finish(cursor, at);
}

// "Sun Nov  6 08:49:37 1994"
std::optional<int64_t> parse_asctime(std::string_view text) {
  Cursor cursor(text);
  Moment at;
  cursor.one_of(short_days);
  cursor.literal(" ");
  at.month = cursor.one_of(months) + 1;
  cursor.literal(" ");
  at.day = cursor.padded_day();
  cursor.literal(" ");
  cursor.clock(at);
  cursor.literal(" ");
  at.year = cursor.digits(4);
  return finish(cursor, at);
}

void put_digits(char* at, int value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<int64_t> parse_date(std::string_view text, int64_t now) {
  if (text.size() < 4) return std::nullopt;
  if (text[3] == ',') return parse_imf(text);
  if (text[3] == ' ') return parse_asctime(text);
  return parse_rfc850(text, now);
}

std::string_view format_date(int64_t seconds, std::span<char, date_bytes> out) {
  const int64_t clamped = std::clamp(seconds, first_second, last_second);
  const Moment at = from_seconds(clamped);
  const int64_t days = days_since_epoch(at);
  const auto weekday = static_cast<size_t>(((days + 4) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  std::memcpy(out.data(), "Sun, 06 Nov 1994 08:49:37 GMT", date_bytes);
  std::memcpy(out.data(), short_days[weekday].data(), 3);
  put_digits(out.data() + 5, at.day, 2);
  std::memcpy(out.data() + 8, months[static_cast<size_t>(at.month - 1)].data(), 3);
  put_digits(out.data() + 12, at.year, 4);
  put_digits(out.data() + 17, at.hour, 2);
  put_digits(out.data() + 20, at.minute, 2);
  put_digits(out.data() + 23, at.second, 2);
  return {out.data(), out.size()};
}

}  // namespace perigee::http
