// Nanoseconds of CPU time per parsed and validated request head, for heads as load generators and browsers
// send them.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <vector>

#include "edge/http/h1.h"

namespace {

using perigee::http::HeadLimits;
using perigee::http::HeadParse;
using perigee::http::RequestHead;

struct Case {
  const char* name;
  std::string_view bytes;
};

constexpr Case cases[] = {
    {"wrk", "GET /object/1024/00042 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"},
    {"curl",
     "GET /docs/index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
     "Accept-Encoding: gzip\r\n\r\n"},
    {"browser",
     "GET /assets/site.css?v=7 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n"
     "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
     "Safari/537.36\r\n"
     "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: "
     "no-cors\r\nSec-Fetch-Dest: style\r\n"
     "Referer: https://www.example.com/\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: "
     "en-GB,en;q=0.9\r\n"
     "If-None-Match: \"5f3a-1b2c\"\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n"},
};

constexpr int rounds = 9;
constexpr int parses_per_round = 200'000;

// CPU time of this thread: other programs on the machine do not count.
double cpu_nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The median of the rounds.
double nanoseconds_per_parse(std::string_view bytes, RequestHead& head) {
  const HeadLimits limits;
  std::vector<double> figures;
  for (int round = 0; round < rounds; ++round) {
    const double begin = cpu_nanoseconds();
    int complete = 0;
    for (int i = 0; i < parses_per_round; ++i) {
      complete +=
          perigee::http::parse_request_head(bytes, 0, limits, head).outcome == HeadParse::Outcome::complete;
    }
    const double took = cpu_nanoseconds() - begin;
    if (complete != parses_per_round) return -1;
    figures.push_back(took / parses_per_round);
  }
  std::nth_element(figures.begin(), figures.begin() + rounds / 2, figures.end());
  return figures[rounds / 2];
}

}  // namespace

int main() {
  RequestHead head;
  for (const Case& each : cases) {
    const double nanoseconds = nanoseconds_per_parse(each.bytes, head);
    if (nanoseconds < 0) {
      std::fprintf(stderr, "%s: the head was refused\n", each.name);
      return 1;
    }
    std::printf("%-8s %4zu bytes %3zu fields %7.1f ns per parse_request_head\n", each.name, each.bytes.size(),
                head.fields.size(), nanoseconds);
  }
  return 0;
}
