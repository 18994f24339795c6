// The part of the /metrics page that tells sites and upstreams apart.
#include <fmt/format.h>

#include <map>

#include "edge/control/metrics_text.h"

namespace perigee::control {
namespace {

using proxy::LatencyHistogram;
using proxy::TrafficShard;

constexpr TrafficFamily families[] = {
    {"perigee_refused_total", "status", "counter",
     "Requests refused before the store was asked, by the status of the answer"},
    {"perigee_site_responses_total", "site, result, code", "counter",
     "Answers to clients, by the word of the access log for how they were made and the class of their "
     "status"},
    {"perigee_site_bytes_total", "site", "counter", "Content bytes of answers to clients"},
    {"perigee_site_forwards_total", "site, reason", "counter",
     "Requests of clients that went onward, by the forward reason of RFC 9211"},
    {"perigee_site_answer_seconds", "site", "histogram",
     "From the head of a client's request to the head of its answer; a hit takes no time by the loop's "
     "clock"},
    {"perigee_upstream_sent_total", "tier, upstream", "counter",
     "Requests sent, retries and hedges included; tier is region, shield or origin"},
    {"perigee_upstream_received_bytes_total", "tier, upstream", "counter", "Content bytes received"},
    {"perigee_upstream_failed_total", "tier, upstream, reason", "counter", "Attempts that failed, and why"},
    {"perigee_upstream_first_byte_seconds", "tier, upstream", "histogram",
     "From sending a request to the head of its answer"},
};

// The sums over all shards, by name.
template <typename Traffic>
using Summed = std::map<std::string, std::vector<const Traffic*>>;

// What the value of a label may not hold as it is in the text format.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped(value));
}

template <typename Traffic, typename Figure>
uint64_t sum(const std::vector<const Traffic*>& parts, Figure figure) {
  uint64_t total = 0;
  for (const Traffic* part : parts) total += figure(*part);
  return total;
}

class Page {
 public:
  void begin(std::string_view name) {
    for (const TrafficFamily& family : families) {
      if (family.name != name) continue;
      fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                     family.kind);
    }
    name_ = name;
  }
  void line(std::string_view labels, uint64_t value) { put("", labels, fmt::format("{}", value)); }
  void line_if_any(std::string_view labels, uint64_t value) {
    if (value > 0) line(labels, value);
  }
  // get: the histogram of a part.
  template <typename Traffic, typename Get>
  void histogram(std::string_view labels, const std::vector<const Traffic*>& parts, Get get) {
    uint64_t count = 0;
    for (size_t i = 0; i < LatencyHistogram::bucket_count; ++i) {
      count += sum(parts, [&](const Traffic& part) { return get(part).in_bucket(i); });
      const bool last = i + 1 == LatencyHistogram::bucket_count;
      const double end = std::chrono::duration<double>(LatencyHistogram::end_of(i)).count();
      const std::string le = last ? "+Inf" : fmt::format("{}", end);
      put("_bucket", fmt::format("{},{}", labels, label("le", le)), fmt::format("{}", count));
    }
    const uint64_t ns = sum(parts, [&](const Traffic& part) { return get(part).total_ns(); });
    put("_sum", labels, fmt::format("{}", static_cast<double>(ns) / 1e9));
    put("_count", labels, fmt::format("{}", count));
  }
  std::string take() { return std::move(text_); }

 private:
  void put(std::string_view suffix, std::string_view labels, std::string_view value) {
    fmt::format_to(std::back_inserter(text_), "{}{}{{{}}} {}\n", name_, suffix, labels, value);
  }

  std::string text_;
  std::string_view name_;
};

void add_refusals(std::span<const TrafficShard* const> shards, Page& page) {
  page.begin("perigee_refused_total");
  for (size_t i = 0; i < std::size(proxy::refusal_statuses); ++i) {
    uint64_t total = 0;
    for (const TrafficShard* shard : shards) total += shard->refusals(i);
    const int status = proxy::refusal_statuses[i];
    page.line(label("status", status == 0 ? "other" : std::to_string(status)), total);
  }
}

void add_sites(const Summed<proxy::SiteTraffic>& sites, Page& page) {
  using proxy::AnswerKind;
  page.begin("perigee_site_responses_total");
  for (const auto& [labels, parts] : sites) {
    for (size_t kind = 0; kind < proxy::answer_kind_count; ++kind) {
      for (size_t status = 0; status < proxy::status_classes; ++status) {
        const auto result = label("result", proxy::answer_kinds[kind]);
        const auto code = label("code", status == 0 ? "none" : fmt::format("{}xx", status));
        page.line_if_any(fmt::format("{},{},{}", labels, result, code), sum(parts, [&](const auto& part) {
                           return part.answers(static_cast<AnswerKind>(kind), status);
                         }));
      }
    }
  }
  page.begin("perigee_site_bytes_total");
  for (const auto& [labels, parts] : sites)
    page.line(labels, sum(parts, [](const auto& part) { return part.bytes(); }));
  page.begin("perigee_site_forwards_total");
  for (const auto& [labels, parts] : sites) {
    for (size_t i = 0; i < proxy::forward_reason_count; ++i) {
      const auto reason = static_cast<cache::ForwardReason>(i);
      page.line_if_any(labels + "," + label("reason", to_string(reason)),
                       sum(parts, [&](const auto& part) { return part.forwards(reason); }));
    }
  }
  page.begin("perigee_site_answer_seconds");
  for (const auto& [labels, parts] : sites) {
    page.histogram(labels, parts,
                   [](const auto& part) -> const LatencyHistogram& { return part.answer_time(); });
  }
}

void add_upstreams(const Summed<proxy::UpstreamTraffic>& upstreams, Page& page) {
  page.begin("perigee_upstream_sent_total");
  for (const auto& [labels, parts] : upstreams)
    page.line(labels, sum(parts, [](const auto& part) { return part.requests(); }));
  page.begin("perigee_upstream_received_bytes_total");
  for (const auto& [labels, parts] : upstreams)
    page.line(labels, sum(parts, [](const auto& part) { return part.bytes(); }));
  page.begin("perigee_upstream_failed_total");
  for (const auto& [labels, parts] : upstreams) {
    // Some failures share a word of RFC 9209, and a line may be there once only.
    std::map<std::string_view, uint64_t> by_word;
    for (size_t i = 0; i < proxy::upstream_failure_count; ++i) {
      const auto why = static_cast<proxy::UpstreamFailure>(i);
      by_word[to_string(why)] += sum(parts, [&](const auto& part) { return part.failures(why); });
    }
    for (const auto& [word, count] : by_word) page.line_if_any(labels + "," + label("reason", word), count);
  }
  page.begin("perigee_upstream_first_byte_seconds");
  for (const auto& [labels, parts] : upstreams) {
    page.histogram(labels, parts,
                   [](const auto& part) -> const LatencyHistogram& { return part.first_byte(); });
  }
}

}  // namespace

std::span<const TrafficFamily> traffic_families() { return families; }

std::string traffic_text(std::span<const TrafficShard* const> shards) {
  Summed<proxy::SiteTraffic> sites;
  Summed<proxy::UpstreamTraffic> upstreams;
  for (const TrafficShard* shard : shards) {
    shard->visit_sites([&](const std::string& name, const proxy::SiteTraffic& traffic) {
      sites[label("site", name)].push_back(&traffic);
    });
    shard->visit_upstreams([&](const proxy::UpstreamName& name, const proxy::UpstreamTraffic& traffic) {
      upstreams[label("tier", to_string(name.first)) + "," + label("upstream", name.second)].push_back(
          &traffic);
    });
  }
  Page page;
  add_refusals(shards, page);
  add_sites(sites, page);
  add_upstreams(upstreams, page);
  return page.take();
}

}  // namespace perigee::control
