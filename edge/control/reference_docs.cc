#include "edge/control/reference_docs.h"

#include <fmt/format.h>

#include "edge/base/metrics.h"
#include "edge/control/metrics_text.h"
#include "edge/control/settings_table.h"

namespace perigee::control {
namespace {

// "|" would end a cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string allowed(const Setting& setting) {
  if (setting.type == SettingType::choice) {
    std::string text;
    for (char c : setting.choices) text += c == '|' ? std::string(", ") : std::string(1, c);
    return text;
  }
  return range_text(setting);
}

std::string default_of(const Setting& setting) {
  if (setting.required) return "required";
  return setting.fallback.empty() ? "" : fmt::format("`{}`", setting.fallback);
}

void append_section(std::string& text, const SectionInfo& section) {
  fmt::format_to(std::back_inserter(text), "\n### {}\n\n{}\n\n", section.title, section.text);
  text += "| key | type | default | range | reload | |\n|---|---|---|---|---|---|\n";
  for (const Setting& setting : setting_table()) {
    if (setting.section != section.id) continue;
    fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} | {} | {} |\n", setting.key,
                   to_string(setting.type), default_of(setting), allowed(setting),
                   setting.reload == Reload::live ? "live" : "restart", cell(setting.text));
  }
}

void append_file(std::string& text, bool topology) {
  for (const SectionInfo& section : section_table()) {
    if (section.topology == topology) append_section(text, section);
  }
}

}  // namespace

std::string config_reference() {
  std::string text =
      "# Configuration\n\n"
      "Made by `perigee-edge --print-config-doc` from the table in edge/control/settings_table.cc; do not "
      "edit.\n\n"
      "Files are TOML. Unknown keys, duplicates, wrong types and values out of range are refused with\n"
      "`file:line:column: key: found X, expected Y`; nothing is clipped. `perigee-edge --config FILE "
      "--check-config`\n"
      "says what is wrong without starting. Paths are relative to the file that names them.\n\n"
      "A setting marked *live* takes effect with a reload (SIGHUP or POST /reload); a reload that changes "
      "one marked\n"
      "*restart* is refused by name.\n\n"
      "Sizes are written `\"256MiB\"` (B, KiB, MiB, GiB, TiB) or as a number of bytes, durations `\"10s\"` "
      "(ms, s, m, h,\n"
      "d), addresses `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`.\n\n"
      "## The node file\n";
  append_file(text, false);
  text +=
      "\n## The topology file\n\nThe same on every node; `--node NAME` says which of them a process is.\n";
  append_file(text, true);
  return text;
}

std::string metrics_reference() {
  std::string text =
      "# Metrics\n\n"
      "Made by `perigee-edge --print-metrics-doc` from the tables in edge/base/metrics.h and "
      "edge/control/traffic_text.cc; do not"
      " edit.\n\n"
      "GET /metrics on the admin listener answers in Prometheus' text format. Counters never fall while a "
      "process\n"
      "lives.\n\n"
      "| name | labels | kind | |\n|---|---|---|---|\n";
  std::string_view help;
  for (const MetricInfo& metric : metric_table) {
    if (!metric.help.empty()) help = metric.help;
    const std::string labels = metric.labels.empty() ? "" : fmt::format("`{}`", metric.labels);
    const std::string_view kind = metric.kind == MetricKind::counter ? "counter" : "gauge";
    fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} |\n", metric.name, labels, kind,
                   cell(help));
  }
  text +=
      "\n## By site and by upstream\n\n"
      "Sites and origins go by their names in the configuration, peers by those in the topology; beyond 256 "
      "names of a\n"
      "kind the rest share `(other)`. Requests of peers count where their clients asked. A line for a reason "
      "or a\n"
      "status begins with the first time it is seen. Histograms have buckets that double from 0.0005 to "
      "32.768 seconds,\n"
      "which the names' suffixes `_bucket` (with `le`), `_sum` and `_count` stand for.\n\n"
      "| name | labels | kind | |\n|---|---|---|---|\n";
  for (const TrafficFamily& family : traffic_families()) {
    fmt::format_to(std::back_inserter(text), "| `{}` | `{}` | {} | {} |\n", family.name, family.labels,
                   family.kind, cell(family.help));
  }
  return text;
}

}  // namespace perigee::control
