// [[origin]]: groups of servers with the same content.
#include <algorithm>
#include <set>

#include "edge/base/bytes.h"
#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr std::string_view server_form =
    "a server such as \"10.0.0.1:8000\", \"[::1]:8000\" or \"origin.example\"";

bool is_host_character(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '.' || c == '-' || c == '_';
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), is_host_character);
}

// "host", "host:port" or "[ip6]:port".
std::optional<proxy::OriginServer> parse_server(std::string_view text, uint16_t default_port) {
  proxy::OriginServer server;
  server.port = default_port;
  std::string_view host = text;
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && (!bracketed || text[colon - 1] == ']')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const auto number = parse_decimal(port);
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
    server.port = static_cast<uint16_t>(*number);
  }
  if (bracketed) {
    if (host.size() < 3 || !host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    auto address = net::Address::parse_ip(host, server.port);
    if (!address || address->family != net::Address::Family::v6) return std::nullopt;
  } else if (!is_host_name(host)) {
    return std::nullopt;
  }
  server.host = std::string(host);
  return server;
}

std::optional<proxy::OriginServer> read_server(SectionReader& reader, const TomlNode& node,
                                               const std::string& key, uint16_t default_port) {
  if (const auto* text = std::get_if<std::string>(&node.value)) {
    auto server = parse_server(*text, default_port);
    if (!server) reader.errors().add(reader.place(node), key, node.describe(), server_form);
    return server;
  }
  if (node.table() == nullptr) {
    reader.errors().add(reader.place(node), key, node.describe(), server_form);
    return std::nullopt;
  }
  const auto values = reader.read(Section::origin_server, &node, key + ".");
  if (!values.has("address")) return std::nullopt;
  const auto text = values.get<std::string>("address");
  auto server = parse_server(text, default_port);
  if (!server) {
    reader.errors().add(values.place("address"), values.full_key("address"), in_quotes(text), server_form);
    return std::nullopt;
  }
  server->weight = static_cast<uint32_t>(values.get<int64_t>("weight"));
  server->backup = values.get<bool>("backup");
  return server;
}

void read_servers(SectionReader& reader, const SectionValues& values, proxy::OriginGroup& group) {
  const TomlNode* node = values.node("servers");
  if (node == nullptr) return;
  const std::string key = values.full_key("servers");
  const TomlNode::Array* list = node->array();
  if (list == nullptr || list->empty()) {
    const std::string found = list == nullptr ? node->describe() : "an empty list";
    reader.errors().add(reader.place(*node), key, found, "a list of servers such as \"10.0.0.1:8000\"");
    return;
  }
  const uint16_t default_port = values.get<bool>("tls") ? 443 : 80;
  std::set<std::pair<std::string, uint16_t>> seen;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string element_key = key + "[" + std::to_string(i) + "]";
    auto server = read_server(reader, (*list)[i], element_key, default_port);
    if (!server) continue;
    if (!seen.emplace(server->host, server->port).second) {
      reader.errors().add(reader.place((*list)[i]), element_key, "a server that is listed already",
                          "each server once");
    }
    group.servers.push_back(std::move(*server));
  }
  const bool all_backup =
      !group.servers.empty() && std::all_of(group.servers.begin(), group.servers.end(),
                                            [](const auto& server) { return server.backup; });
  if (all_backup)
    reader.errors().add(reader.place(*node), key, "only backup servers", "at least one other server");
}

void read_origin_tls(net::Files& files, SectionReader& reader, const SectionValues& values,
                     proxy::OriginGroup& group, std::vector<ConfigEntry>& entries) {
  constexpr size_t authorities_bytes_max = 4 * 1024 * 1024;
  group.tls_name = values.get<std::string>("tls_name");
  if (!values.get<bool>("tls")) {
    for (const std::string_view key : {"tls_name", "tls_authorities"}) {
      if (values.given(key))
        reader.errors().add(values.place(key), values.full_key(key), "a setting of TLS without TLS",
                            "tls = true beside it");
    }
    return;
  }
  auto settings = std::make_shared<net::TlsClientSettings>();
  if (const auto file = values.get<std::string>("tls_authorities"); !file.empty()) {
    const std::string path = beside(reader.file(), file);
    auto bytes = files.read_all(path, authorities_bytes_max);
    std::optional<std::string> wrong = bytes ? net::check_certificate_authorities(*bytes)
                                             : std::optional<std::string>(bytes.error().context);
    if (wrong) {
      reader.errors().add(values.place("tls_authorities"), values.full_key("tls_authorities"),
                          bytes ? *wrong + " in " + path : *wrong, "certificates in PEM form");
    } else {
      add_fingerprint(entries, values.full_key("tls_authorities"), *bytes);
      settings->authorities_pem = std::move(*bytes);
    }
  }
  group.tls_identity = net::identity_of(*settings);
  group.tls = std::move(settings);
}

void read_health(SectionReader& reader, const SectionValues& values, proxy::OriginGroup& group) {
  const auto number = [&](std::string_view key) { return static_cast<uint32_t>(values.get<int64_t>(key)); };
  group.probe_path = values.get<std::string>("probe_path");
  const bool is_path = group.probe_path.starts_with('/') &&
                       std::all_of(group.probe_path.begin(), group.probe_path.end(),
                                   [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!group.probe_path.empty() && !is_path) {
    reader.errors().add(values.place("probe_path"), values.full_key("probe_path"),
                        in_quotes(group.probe_path), "a path such as \"/healthz\"");
  }
  group.probe_interval = values.get<Duration>("probe_interval");
  group.probe_timeout = values.get<Duration>("probe_timeout");
  group.connections_adapt = values.get<bool>("connections_adapt");
  group.connections_min = number("connections_min");
  group.health.failed_probes = number("probes_failed");
  group.health.good_probes = number("probes_good");
  group.health.slow_start = values.get<Duration>("slow_start");
  group.health.breaker_percent = number("breaker_percent");
  group.health.breaker_requests = number("breaker_requests");
  group.health.breaker_open = values.get<Duration>("breaker_open");
}

}  // namespace

OriginList read_origins(net::Files& files, SectionReader& reader, const TomlNode& root,
                        std::vector<ConfigEntry>& entries) {
  OriginList origins;
  std::set<std::string> names;
  for (const NamedTable& table : reader.find_tables(&root, Section::origin)) {
    const auto values = reader.read(Section::origin, table.node, table.prefix);
    auto group = std::make_shared<proxy::OriginGroup>();
    group->name = values.get<std::string>("name");
    if (!group->name.empty() && !names.insert(group->name).second) {
      reader.errors().add(values.place("name"), values.full_key("name"), "a second origin of that name",
                          "different names");
    }
    read_servers(reader, values, *group);
    group->host_header = values.get<std::string>("host_header");
    read_origin_tls(files, reader, values, *group, entries);
    group->connect_timeout = values.get<Duration>("connect_timeout");
    group->first_byte_timeout = values.get<Duration>("first_byte_timeout");
    group->idle_body_timeout = values.get<Duration>("idle_body_timeout");
    group->connections_max = static_cast<uint32_t>(values.get<int64_t>("connections"));
    group->idle_connections_max = static_cast<uint32_t>(values.get<int64_t>("idle_connections"));
    read_health(reader, values, *group);
    origins.push_back(std::move(group));
  }
  return origins;
}

}  // namespace perigee::control
