#include "bench/load/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace perigee::load {

namespace {

constexpr size_t bar_columns = 48;

std::string milliseconds(uint64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%10.3f ms", static_cast<double>(nanoseconds) * 1e-6);
  return text;
}

template <typename... Values>
std::string printed(const char* format, Values... values) {
  char text[160];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string latency_chart(const Histogram& latency) {
  if (latency.count() == 0) return {};
  // From a tenth of the least to the largest, so that the least has a bar too.
  const double least = std::max(1.0, static_cast<double>(latency.percentile(0))) / 10;
  const double most = std::max(least * 10, static_cast<double>(latency.largest()));
  std::string chart;
  for (const double share : curve_shares) {
    const uint64_t value = latency.percentile(share);
    const double part =
        std::log(std::max(static_cast<double>(value), least) / least) / std::log(most / least);
    const auto columns = static_cast<size_t>(std::lround(part * bar_columns));
    chart += printed("  %7.2f %%", share * 100) + milliseconds(value) + "  " +
             std::string(std::min(columns, bar_columns), '#') + "\n";
  }
  return chart;
}

std::string summary(const Tally& tally, double seconds, bool open_loop) {
  const auto requests = static_cast<double>(tally.requests());
  const double rate = seconds > 0 ? requests / seconds : 0;
  const double megabytes = static_cast<double>(tally.bytes()) * 1e-6;
  std::string text =
      printed("%lu requests in %.1f s, %.0f per second; %.1f MB, %.1f MB/s; %.2f %% hits\n", tally.requests(),
              seconds, rate, megabytes, seconds > 0 ? megabytes / seconds : 0,
              requests > 0 ? 100 * static_cast<double>(tally.hits()) / requests : 0);
  text += open_loop ? "latency, from when a request was due:\n" : "latency:\n";
  return text + latency_chart(tally.latency());
}

}  // namespace perigee::load
