// [[site]]: hosts, their origin, and what the cache may do.
#include <algorithm>
#include <map>
#include <set>

#include "edge/base/bytes.h"
#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr std::string_view host_form =
    "a host such as \"example.org\", \"*.example.org\" or \"*\", without port";

bool is_label_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }

// A token of RFC 9110 5.6.2, as far as field names in use go.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_label_character(to_lower(c)); });
}

cache::PolicyOptions::SetCookie set_cookie_rule(std::string_view name) {
  using SetCookie = cache::PolicyOptions::SetCookie;
  if (name == "shared_lifetime") return SetCookie::shared_lifetime;
  if (name == "never") return SetCookie::never;
  return SetCookie::explicit_lifetime;
}

// Lower-case text. An IPv6 literal keeps its brackets, as in Host.
bool is_host_pattern(std::string_view host) {
  if (host == "*") return true;
  if (host.starts_with('[') && host.ends_with(']')) {
    return net::Address::parse_ip(host.substr(1, host.size() - 2), 1).has_value();
  }
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.back() == '.') return false;
  for (size_t i = 0; i < host.size(); ++i) {
    const bool dot = host[i] == '.' && host[i - 1] != '.';
    if (!dot && !is_label_character(host[i])) return false;
  }
  return true;
}

class SiteReader {
 public:
  SiteReader(const TlsSource& source, SectionReader& reader, const OriginList& origins,
             const cluster::Topology* topology)
      : reader_(reader), certificates_(source, reader), origins_(origins), topology_(topology) {}

  std::shared_ptr<const proxy::Site> read(const NamedTable& table, uint32_t index) {
    const auto values = reader_.read(Section::site, table.node, table.prefix);
    auto site = std::make_shared<proxy::Site>();
    site->name = values.get<std::string>("name");
    site->index = index;
    if (!site->name.empty() && !names_.insert(site->name).second) {
      add(values, "name", "a second site of that name", "different names");
    }
    read_hosts(values, *site);
    read_origin(values, *site);
    read_shield(values, *site);
    site->allow_upgrade = values.get<bool>("allow_upgrade");
    site->forward_client_address = values.get<bool>("forward_client_address");
    site->tells_key = values.get<bool>("cache_status_key");
    site->request_body_bytes_max = static_cast<uint64_t>(values.get<int64_t>("request_body_max"));
    if (values.has("access_sample")) site->access_sample = values.get<double>("access_sample");
    read_clients(values, *site);
    read_cache(table, *site);
    read_rules(table, *site);
    return site;
  }

 private:
  void add(const SectionValues& values, std::string_view key, std::string_view found,
           std::string_view expected) {
    reader_.errors().add(values.place(key), values.full_key(key), found, expected);
  }

  void read_hosts(const SectionValues& values, proxy::Site& site) {
    const auto hosts = values.get<std::vector<std::string>>("hosts");
    if (values.has("hosts") && hosts.empty()) add(values, "hosts", "an empty list", "at least one host");
    for (const std::string& host : hosts) {
      std::string lower = host;
      std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
      if (!is_host_pattern(lower)) {
        add(values, "hosts", in_quotes(host), host_form);
        continue;
      }
      const auto [owner, fresh] = owner_of_.emplace(lower, site.name);
      if (!fresh) {
        add(values, "hosts", in_quotes(host) + ", which site " + in_quotes(owner->second) + " has",
            "every host once");
        continue;
      }
      site.hosts.push_back(std::move(lower));
    }
  }

  void read_origin(const SectionValues& values, proxy::Site& site) {
    const auto name = values.get<std::string>("origin");
    if (!values.has("origin")) return;
    std::vector<std::string_view> known;
    for (const auto& origin : origins_) {
      if (origin->name == name) site.origin = origin;
      known.push_back(origin->name);
    }
    if (site.origin != nullptr) return;
    const std::string expected =
        known.empty() ? "an [[origin]] of that name, and there is none" : alternatives(known);
    add(values, "origin", in_quotes(name), expected);
  }

  void read_shield(const SectionValues& values, proxy::Site& site) {
    site.shield_region = values.get<std::string>("shield");
    if (site.shield_region.empty()) return;
    if (topology_ == nullptr) {
      add(values, "shield", in_quotes(site.shield_region),
          "no shield: without a topology there are no regions");
    } else if (!topology_->find_region(site.shield_region)) {
      std::vector<std::string_view> known;
      for (const auto& region : topology_->regions) known.push_back(region.name);
      add(values, "shield", in_quotes(site.shield_region),
          "a region of the topology: " + alternatives(known));
    }
  }

  void read_clients(const SectionValues& values, proxy::Site& site) {
    const auto mode = values.get<std::string>("client_certificates");
    const std::string authorities = certificates_.read_authorities(values, "client_authorities");
    if (mode == "off" || mode.empty()) {
      if (values.given("client_authorities"))
        add(values, "client_authorities", "authorities of clients that are asked for nothing",
            "client_certificates = \"optional\" or \"required\" beside it");
      return;
    }
    if (!values.given("client_authorities"))
      add(values, "client_authorities", "nothing", "a file with those who may vouch for clients");
    const bool required = mode == "required";
    site.client_certificates =
        required ? proxy::ClientCertificates::required : proxy::ClientCertificates::optional;
    site.client_rules =
        std::make_shared<const net::TlsClientRules>(net::TlsClientRules{required, authorities});
  }

  static int32_t whole_seconds(const SectionValues& values, std::string_view key) {
    return static_cast<int32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(values.get<Duration>(key)).count());
  }

  void read_cache(const NamedTable& table, proxy::Site& site) {
    const TomlNode* node = reader_.find_table(table.node, Section::site_cache, table.prefix);
    const auto values = reader_.read(Section::site_cache, node, table.prefix + "cache.");
    cache::PolicyOptions& policy = site.policy;
    policy.enabled = values.get<bool>("enabled");
    policy.default_freshness_lifetime = whole_seconds(values, "default_freshness");
    policy.heuristic_freshness = values.get<bool>("heuristic_freshness");
    policy.heuristic_freshness_max = whole_seconds(values, "heuristic_freshness_max");
    policy.stale_while_revalidate = whole_seconds(values, "stale_while_revalidate");
    policy.stale_if_error = whole_seconds(values, "stale_if_error");
    policy.stale_if_disconnected = whole_seconds(values, "stale_if_disconnected");
    policy.hit_for_miss = whole_seconds(values, "hit_for_miss");
    policy.set_cookie = set_cookie_rule(values.get<std::string>("set_cookie"));
    policy.surrogate_device = values.get<std::string>("surrogate_device");
    policy.targets = values.get<std::vector<std::string>>("targeted_fields");
    for (std::string& target : policy.targets) {
      if (!is_field_name(target)) add(values, "targeted_fields", in_quotes(target), "the name of a field");
      std::transform(target.begin(), target.end(), target.begin(), to_lower);
    }
  }

  void read_rules(const NamedTable& table, proxy::Site& site) {
    for (const NamedTable& element :
         reader_.find_tables(table.node, Section::site_rule, table.prefix, "path_prefix")) {
      const auto values = reader_.read(Section::site_rule, element.node, element.prefix);
      proxy::CacheRule rule;
      rule.path_prefix = values.get<std::string>("path_prefix");
      rule.policy = site.policy;
      if (values.get<bool>("bypass")) rule.policy.enabled = false;
      if (values.has("default_freshness")) {
        rule.policy.default_freshness_lifetime = whole_seconds(values, "default_freshness");
      }
      if (values.has("path_prefix") && !rule.path_prefix.starts_with('/')) {
        add(values, "path_prefix", in_quotes(rule.path_prefix), "a path that begins with \"/\"");
      }
      for (const proxy::CacheRule& earlier : site.rules) {
        if (!earlier.path_prefix.empty() && rule.path_prefix.starts_with(earlier.path_prefix)) {
          add(values, "path_prefix", in_quotes(rule.path_prefix),
              "a prefix that the earlier rule " + in_quotes(earlier.path_prefix) + " does not cover");
          break;
        }
      }
      site.rules.push_back(std::move(rule));
    }
  }

  SectionReader& reader_;
  CertificateReader certificates_;
  const OriginList& origins_;
  const cluster::Topology* topology_;
  std::set<std::string> names_;
  std::map<std::string, std::string> owner_of_;  // of a host
};

}  // namespace

SiteList read_sites(const TlsSource& source, SectionReader& reader, const TomlNode& root,
                    const OriginList& origins, const cluster::Topology* topology) {
  SiteList sites;
  SiteReader site_reader(source, reader, origins, topology);
  for (const NamedTable& table : reader.find_tables(&root, Section::site))
    sites.push_back(site_reader.read(table, static_cast<uint32_t>(sites.size())));
  return sites;
}

}  // namespace perigee::control
