#include "edge/http/date.h"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace perigee::http;

namespace {

constexpr int64_t now = 1717761600;  // 2024-06-07 12:00:00 GMT

std::string formatted(int64_t seconds) {
  char out[date_bytes];
  return std::string(format_date(seconds, out));
}

int64_t parsed(std::string_view text) { return parse_date(text, now).value_or(-1); }

}  // namespace

TEST_CASE("the three forms of a date are read", "[date]") {
  CHECK(parsed("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(parsed("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777);
  CHECK(parsed("Sun Nov  6 08:49:37 1994") == 784111777);
  CHECK(parsed("Wed Nov 16 08:49:37 1994") == 784975777);
  CHECK(parsed("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  CHECK(parsed("Thu, 29 Feb 2024 23:59:59 GMT") == 1709251199);
  CHECK(parsed("Tue, 29 Feb 2000 00:00:00 GMT") == 951782400);
  CHECK(parsed("Fri, 31 Dec 9999 23:59:59 GMT") == 253402300799);
  CHECK(parse_date("Mon, 01 Jan 0001 00:00:00 GMT", now) == -62135596800);
}

TEST_CASE("the case of letters does not matter to a cache (RFC 9111 4.2)", "[date]") {
  CHECK(parsed("SUN, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(parsed("Sun, 06 nov 1994 08:49:37 GMT") == 784111777);
  CHECK(parsed("Sun, 06 Nov 1994 08:49:37 gMt") == 784111777);
  CHECK(parsed("SUNDAY, 06-NOV-94 08:49:37 gmt") == 784111777);
  CHECK(parsed("sUN nOV  6 08:49:37 1994") == 784111777);
}

TEST_CASE("a leap second is the first second of the next minute", "[date]") {
  CHECK(parsed("Sat, 31 Dec 2016 23:59:60 GMT") == parsed("Sun, 01 Jan 2017 00:00:00 GMT"));
  CHECK(parsed("Sat, 31 Dec 2016 23:59:61 GMT") == -1);
}

TEST_CASE("a two-digit year is in the past when it would be more than 50 years ahead", "[date]") {
  CHECK(parsed("Friday, 07-Jun-74 12:00:00 GMT") == parsed("Thu, 07 Jun 2074 12:00:00 GMT"));
  CHECK(parsed("Friday, 07-Jun-74 12:00:01 GMT") == parsed("Fri, 07 Jun 1974 12:00:01 GMT"));
  CHECK(parsed("Friday, 07-Jun-75 00:00:00 GMT") == parsed("Sat, 07 Jun 1975 00:00:00 GMT"));
  CHECK(parsed("Friday, 07-Jun-24 12:00:00 GMT") == now);
  CHECK(parsed("Friday, 07-Jun-00 12:00:00 GMT") == parsed("Wed, 07 Jun 2000 12:00:00 GMT"));
  CHECK(parse_date("Friday, 01-Jan-49 00:00:00 GMT", 946684800) == parsed("Fri, 01 Jan 2049 00:00:00 GMT"));
  CHECK(parse_date("Friday, 01-Jan-51 00:00:00 GMT", 946684800) == parsed("Mon, 01 Jan 1951 00:00:00 GMT"));
}

TEST_CASE("what is no date is refused", "[date]") {
  for (const char* text : {"",
                           "0",
                           "-1",
                           "Sun",
                           "Sun,",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "sun, 06 nov 1994 08:49:37 utc",
                           "SUN, 06 NOV 1994 08:49:37 AEST",
                           "Sun 06 Nov 1994 08:49:37 GMT",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sun, 06-Nov-1994 08:49:37 GMT",
                           "Sun, 06  Nov  1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 8:49:37 GMT",
                           "Sun, 06 Nov 1994 08.49.37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:00 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Wed, 29 Feb 2023 00:00:00 GMT",
                           "Thu, 29 Feb 1900 00:00:00 GMT",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           " Sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 08:49:37 GMTx",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sunday, 31-Feb-94 08:49:37 GMT",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 94",
                           "Sun Nov 06 08:49:37 1994 GMT",
                           "Xyz, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Xyz 1994 08:49:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(parse_date(text, now).has_value());
  }
}

TEST_CASE("dates are written as IMF-fixdate", "[date]") {
  CHECK(formatted(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(formatted(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(formatted(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(formatted(INT64_MAX) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(formatted(INT64_MIN) == "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST_CASE("what is written is read back as the same second", "[date]") {
  std::mt19937_64 random(1994);
  for (int i = 0; i < 20000; ++i) {
    const int64_t seconds = static_cast<int64_t>(random() % 315569520000ull) - 62167219200;
    INFO(seconds);
    REQUIRE(parse_date(formatted(seconds), now) == seconds);
  }
}
