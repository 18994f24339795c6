#include "edge/ctl/commands.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "edge/base/bytes.h"
#include "edge/base/json.h"
#include "edge/ctl/asking.h"
#include "edge/ctl/canary.h"

namespace perigee::ctl {
namespace {

void out(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int print_page(const Target& target, const std::string& path) {
  const auto json = page(target, path);
  if (!json) return json.error();
  out(to_text(*json, 2) + "\n");
  return exit_ok;
}

std::string ratio(const Json& value) {
  return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "-";
}

std::string size_text(uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

// Of the answers between two looks, the end of the bucket that holds the quantile, in milliseconds.
std::string quantile_text(const Json& before, const Json& after, double share) {
  const auto was = before.value("answer_buckets", std::vector<uint64_t>{});
  auto buckets = after.value("answer_buckets", std::vector<uint64_t>{});
  if (was.size() != buckets.size()) return "-";
  for (size_t i = 0; i < buckets.size(); ++i) buckets[i] -= std::min(was[i], buckets[i]);
  const auto bucket = bucket_of_quantile(buckets, share);
  if (!bucket) return "-";
  const double end = 0.5 * static_cast<double>(uint64_t{1} << *bucket);
  return *bucket + 1 == buckets.size() ? fmt::format("> {} ms", end / 2) : fmt::format("{} ms", end);
}

std::string state_of(const Json& status) {
  if (status.value("draining", false)) return "draining";
  return status.value("ready", false) ? "ready" : "not ready";
}

std::vector<std::string> status_row(const Json& status) {
  return {text(status, "node"),
          text(status, "region"),
          state_of(status),
          text(status, "version"),
          text(status, "config_id"),
          text(status, "requests"),
          ratio(status["hit_ratio"]),
          size_text(number(status, "store_bytes")),
          fmt::format("{} of {}", number(status, "peers_up"), number(status, "peers"))};
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool is_number = !row[i].empty() && (is_digit(row[i].front()) || row[i].front() == '-');
      line +=
          is_number ? fmt::format("{:>{}}  ", row[i], widths[i]) : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::optional<size_t> bucket_of_quantile(const std::vector<uint64_t>& buckets, double share) {
  uint64_t total = 0;
  for (const uint64_t count : buckets) total += count;
  if (total == 0) return std::nullopt;
  const double wanted = share * static_cast<double>(total);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    seen += buckets[i];
    if (static_cast<double>(seen) >= wanted) return i;
  }
  return buckets.size() - 1;
}

namespace {

// Of asking several nodes, some of which failed so.
int code_of(const std::vector<int>& failures, size_t asked) {
  if (failures.empty()) return exit_ok;
  return failures.size() < asked ? exit_incomplete : failures.front();
}

}  // namespace

int show_status(const Target& target, bool all) {
  std::vector<Member> nodes = {{"", target}};
  if (all) {
    auto found = members(target);
    if (!found) return found.error();
    nodes = std::move(*found);
  }
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"node", "region", "state", "version", "config", "requests", "hit ratio", "store", "peers up"}};
  std::vector<int> failures;
  for (const auto& [name, node] : nodes) {
    const auto status = page(node, "/status");
    if (!status) {
      failures.push_back(status.error());
      rows.push_back({name, "-", "unreachable"});
      list.push_back({{"node", name}, {"unreachable", true}});
      continue;
    }
    rows.push_back(status_row(*status));
    list.push_back(*status);
  }
  out(target.json ? to_text(all ? list : list[0], 2) + "\n" : table(rows));
  return code_of(failures, nodes.size());
}

namespace {

// What a node said of itself, and when.
struct Look {
  Json status;
  std::chrono::steady_clock::time_point at;
};

// A counter of now less that of before; of a node that has started anew, all of it.
uint64_t grown(const Look& before, const Look& now, const char* name) {
  const uint64_t was = number(before.status, name);
  const uint64_t is = number(now.status, name);
  return is >= was ? is - was : is;
}

std::vector<std::string> top_row(const std::string& name, const Look& before, const Look& now) {
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  const auto rate = [&](const char* key) {
    return fmt::format("{:.0f}", static_cast<double>(grown(before, now, key)) / seconds);
  };
  const uint64_t answered = grown(before, now, "requests");
  const double hits = static_cast<double>(std::min(answered, grown(before, now, "hits")));
  const int64_t saved = now.status.value("origin_bytes_saved", int64_t{0});
  return {name,
          state_of(now.status),
          rate("requests"),
          answered == 0 ? "-" : fmt::format("{:.3f}", hits / static_cast<double>(answered)),
          quantile_text(before.status, now.status, 0.5),
          quantile_text(before.status, now.status, 0.99),
          rate("origin_requests"),
          saved < 0 ? "-" : size_text(static_cast<uint64_t>(saved)),
          text(now.status, "connections_open"),
          fmt::format("{} of {}", number(now.status, "peers_up"), number(now.status, "peers"))};
}

}  // namespace

int show_top(const Target& target, std::chrono::milliseconds every, uint64_t rounds) {
  const auto nodes = members(target);
  if (!nodes) return nodes.error();
  std::map<std::string, Look> before;
  std::vector<int> failures;
  for (uint64_t round = 0; rounds == 0 || round <= rounds; ++round) {
    // Until a signal ends the program.
    if (round > 0) ::poll(nullptr, 0, static_cast<int>(every.count()));
    std::vector<std::vector<std::string>> rows = {
        {"node", "state", "requests/s", "hit ratio", "p50", "p99", "origin/s", "saved", "open", "peers up"}};
    Json list = Json::array();
    failures.clear();
    for (const auto& [name, node] : *nodes) {
      const auto status = page(node, "/status");
      if (!status) {
        failures.push_back(status.error());
        rows.push_back({name, "unreachable"});
        list.push_back({{"node", name}, {"unreachable", true}});
        continue;
      }
      const Look now{*status, std::chrono::steady_clock::now()};
      if (before.contains(name)) rows.push_back(top_row(name, before[name], now));
      list.push_back(now.status);
      before[name] = now;
    }
    if (round == 0) continue;  // nothing to compare with
    if (target.json) {
      out(to_text(list) + "\n");
    } else {
      out((rounds == 0 ? "\x1b[H\x1b[2J" : "") + table(rows));
    }
    std::fflush(stdout);
  }
  return code_of(failures, nodes->size());
}

int show_topology(const Target& target) {
  if (target.json) return print_page(target, "/topology");
  const auto topology = page(target, "/topology");
  if (!topology) return topology.error();
  std::vector<std::vector<std::string>> rows = {
      {"node", "region", "weight", "state", "client", "peer", "admin", "health"}};
  for (const Json& node : (*topology)["nodes"]) {
    std::vector<std::string> row;
    for (const char* column : {"name", "region", "weight", "state", "client", "peer", "admin", "health"})
      row.push_back(text(node, column));
    if (text(node, "name") == text(*topology, "self")) row[0] += " (asked)";
    rows.push_back(std::move(row));
  }
  out(table(rows));
  if (topology->contains("purge_log")) out("purge log: " + text(*topology, "purge_log") + "\n");
  return exit_ok;
}

int show_urls(const Target& target) {
  if (target.json) return print_page(target, "/urls");
  const auto top = page(target, "/urls");
  if (!top) return top.error();
  std::vector<std::vector<std::string>> rows = {{"share", "requests", "url"}};
  for (const Json& one : (*top)["urls"]) {
    rows.push_back({fmt::format("{:.1f} %", 100 * one.value("share", 0.0)), text(one, "requests"),
                    text(one, "url") + (one.value("cut", false) ? "..." : "")});
  }
  out(table(rows));
  return exit_ok;
}

int explain(const Target& target, const std::string& url) {
  std::string escaped;
  for (const char c : url) {
    const bool plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~/:").find(c) != std::string_view::npos;
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  const auto json = page(target, "/explain?url=" + escaped);
  if (!json) return json.error();
  if (target.json || !json->is_object()) {
    out(to_text(*json, 2) + "\n");
    return exit_ok;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : json->items()) {
    rows.push_back({name, value.is_string() ? value.get<std::string>() : to_text(value)});
  }
  out(table(rows));
  return exit_ok;
}

std::string purge_body(const PurgeOptions& options) {
  Json json = Json::object();
  int kinds = 0;
  const auto list = [&](const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json[name] = values;
    ++kinds;
  };
  list("url", options.urls);
  list("prefix", options.prefixes);
  list("tag", options.tags);
  if (options.everything) {
    json["everything"] = true;
    ++kinds;
  }
  if (!options.site.empty()) json["site"] = options.site;
  if (kinds > 1 || json.empty()) return {};
  if (options.soft) json["soft"] = true;
  return to_text(json);
}

int purge(const Target& target, const PurgeOptions& options) {
  const std::string body = purge_body(options);
  if (body.empty()) {
    std::fputs("perigeectl: expected one of --url, --prefix, --tag, --site, --everything\n", stderr);
    return exit_usage;
  }
  const auto response = ask(target, "POST", "/purge", body);
  if (!response) return complain(response.error());
  if (response->status != 200) return refused(*response);
  const Json json = parse_json(response->body);
  const bool applied = json.is_object() && json.value("applied", false);
  if (target.json) {
    out(response->body);
  } else {
    std::vector<std::vector<std::string>> rows = {{"node", "state"}};
    for (const Json& node : json["nodes"]) rows.push_back({text(node, "node"), text(node, "state")});
    out("purged at position " + text(json, "position") + "\n" + table(rows));
  }
  return applied ? exit_ok : exit_incomplete;
}

int list_purges(const Target& target) { return print_page(target, "/purges"); }

namespace {

int print_reload(const Target& target, const Result<Response>& response) {
  if (!response) return complain(response.error());
  const Json json = parse_json(response->body);
  if (!json.is_object() || !json.contains("changes")) return refused(*response);
  const bool applied = json.value("applied", false);
  if (target.json) {
    out(response->body);
    return applied || json.value("dry_run", false) ? exit_ok : exit_refused;
  }
  for (const Json& change : json["changes"]) {
    out(fmt::format("{} {}: {} -> {}{}\n", text(change, "change"), text(change, "key"),
                    Json(text(change, "before")).dump(), Json(text(change, "after")).dump(),
                    change.value("restart", false) ? " (needs a restart)" : ""));
  }
  for (const Json& error : json["errors"]) {
    std::fprintf(stderr, "%s\n", error_words(error).c_str());
  }
  const bool good = json["errors"].empty();
  if (json.value("dry_run", false)) {
    if (json["changes"].empty() && good) out("no difference\n");
    return good ? exit_ok : exit_refused;
  }
  out(fmt::format("reload {}: {}\n", text(json, "id"), applied ? "applied" : "refused"));
  return applied ? exit_ok : exit_refused;
}

}  // namespace

int reload(const Target& target) { return print_reload(target, ask(target, "POST", "/reload")); }

int diff_config(const Target& target) { return print_reload(target, ask(target, "GET", "/config/diff")); }

int roll_back(const Target& target, uint64_t id) {
  return print_reload(target, ask(target, "POST", "/rollback?id=" + std::to_string(id)));
}

int list_reloads(const Target& target) {
  if (target.json) return print_page(target, "/reloads");
  const auto json = page(target, "/reloads");
  if (!json) return json.error();
  std::vector<std::vector<std::string>> rows = {{"id", "at", "outcome", "changes", "first error"}};
  for (const Json& one : (*json)["reloads"]) {
    rows.push_back({text(one, "id"), text(one, "at"), one.value("applied", false) ? "applied" : "refused",
                    std::to_string(one["changes"].size()),
                    one["errors"].empty() ? "" : text(one["errors"][0], "message")});
  }
  out(table(rows));
  return exit_ok;
}

int drain(const Target& target, bool back) {
  const auto response = ask(target, "POST", back ? "/undrain" : "/drain");
  if (!response) return complain(response.error());
  if (response->status >= 300) return refused(*response);
  out(target.json ? response->body
      : back      ? "taken back: /readyz answers 200\n"
                  : "taken out: /readyz answers 503; clients are still served\n");
  return exit_ok;
}

namespace {

// "https://example.org/a" -> Host and target; the listener speaks plain HTTP whatever the scheme.
bool split_url(const std::string& url, Request& request) {
  const size_t slashes = url.find("://");
  if (slashes == std::string::npos) return false;
  const std::string rest = url.substr(slashes + 3);
  const size_t slash = rest.find_first_of("/?");
  request.host = rest.substr(0, slash);
  request.target = slash == std::string::npos ? "/" : rest.substr(slash);
  if (request.target.front() == '?') request.target.insert(0, "/");
  return !request.host.empty();
}

std::vector<std::string> read_lines(std::FILE* file) {
  std::vector<std::string> lines;
  std::string line;
  for (int c = std::fgetc(file);; c = std::fgetc(file)) {
    if (c != '\n' && c != EOF) {
      line += static_cast<char>(c);
      continue;
    }
    const std::string_view trimmed = trim_ows(line);
    if (!trimmed.empty() && trimmed.front() != '#') lines.emplace_back(trimmed);
    line.clear();
    if (c == EOF) return lines;
  }
}

}  // namespace

int warm(const Target& target, const std::string& file, const net::Address& through) {
  std::FILE* from = file == "-" ? stdin : std::fopen(file.c_str(), "re");
  if (from == nullptr) return complain({Side::internal, "file", file + ": cannot be opened"});
  const std::vector<std::string> urls = read_lines(from);
  if (from != stdin) std::fclose(from);
  uint64_t done = 0;
  uint64_t hits = 0;
  uint64_t failed = 0;
  uint64_t bytes = 0;
  for (const std::string& url : urls) {
    Request request;
    request.to = through;
    request.timeout = target.timeout;
    request.keep_body = false;
    std::string why = "expected an absolute URL";
    bool good = split_url(url, request);
    if (good) {
      const auto response = perform(request);
      good = response && response->status < 400;
      why = response ? "status " + std::to_string(response->status) : response.error().context;
      if (response && response->cache_status.find("; hit") != std::string::npos) ++hits;
      if (response) bytes += response->body_bytes;
    }
    ++done;
    if (!good) {
      ++failed;
      std::fprintf(stderr, "perigeectl: %s: %s\n", url.c_str(), why.c_str());
    }
    if (!target.json && (done % 100 == 0 || done == urls.size())) {
      out(fmt::format("{} of {}, {} were there already, {} failed, {}\n", done, urls.size(), hits, failed,
                      size_text(bytes)));
      std::fflush(stdout);
    }
  }
  if (target.json) {
    out(Json({{"urls", urls.size()}, {"hits", hits}, {"failed", failed}, {"bytes", bytes}}).dump() + "\n");
  }
  return failed == 0 ? exit_ok : exit_incomplete;
}

}  // namespace perigee::ctl
