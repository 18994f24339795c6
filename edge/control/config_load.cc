// The node file as a whole, and what its parts must agree on.
#include <algorithm>
#include <bit>
#include <exception>

#include "edge/control/config_parts.h"
#include "edge/control/log_writer.h"

namespace perigee::control {
namespace {

uint32_t count(const SectionValues& values, std::string_view key) {
  return static_cast<uint32_t>(values.get<int64_t>(key));
}
uint64_t size(const SectionValues& values, std::string_view key) {
  return static_cast<uint64_t>(values.get<int64_t>(key));
}

class NodeFileReader {
 public:
  NodeFileReader(net::Files& files, const std::string& path, std::string_view node_name,
                 std::optional<WallTime> now, Config& config, ErrorList& errors)
      : files_(files),
        node_name_(node_name),
        now_(now),
        config_(config),
        errors_(errors),
        reader_(path, errors, config.entries) {}

  void read(const TomlNode& root) {
    reader_.check_top_level(root, false);
    read_node(root);
    read_listen(root);
    read_cache(root);
    read_server(root);
    read_retries(root);
    read_peers(root);
    read_purge(root);
    read_log(root);
    read_admin(root);
    const OriginList origins = read_origins(files_, reader_, root, config_.entries);
    const TlsSource source{files_, config_.warnings, config_.entries, now_, !config_.listen.tls.empty()};
    SiteList sites = read_sites(source, reader_, root, origins, config_.topology.get());
    read_certificates(source, root, sites);
    if (!errors_.empty()) return;
    auto table = proxy::SiteTable::build(std::move(sites));
    if (!table) {
      errors_.add({reader_.file(), 0, 0}, std::string(table.error().code), table.error().context);
    } else {
      config_.sites = std::move(*table);
    }
  }

 private:
  SectionValues section(const TomlNode& root, Section id) {
    return reader_.read(id, reader_.find_table(&root, id), std::string(section_info(id).name) + ".");
  }

  void add(const SectionValues& values, std::string_view key, std::string_view found,
           std::string_view expected) {
    errors_.add(values.place(key), values.full_key(key), found, expected);
  }

  void read_node(const TomlNode& root) {
    const auto values = section(root, Section::node);
    NodeSettings& node = config_.node;
    node.name = node_name_.empty() ? values.get<std::string>("name") : std::string(node_name_);
    node.cdn_id = values.get<std::string>("cdn_id");
    node.workers = count(values, "workers");
    set_entry("node.name", node.name, node_name_.empty() ? Place{} : Place{"--node", 0, 0});
    const auto file = values.get<std::string>("topology");
    if (file.empty()) return;
    node.topology_file = beside(reader_.file(), file);
    const auto use = has_peer_certificates(root) ? TopologyUse::with_certificates : TopologyUse::with_keys;
    TopologyFile topology =
        read_topology(files_, node.topology_file, errors_, config_.warnings, config_.entries, use);
    if (topology.topology == nullptr) return;
    config_.topology = topology.topology;
    config_.peer_keys = std::move(topology.peer_keys);
    find_self(values, topology);
  }

  static bool has_peer_certificates(const TomlNode& root) {
    const TomlNode* peers = root.find("peers");
    return peers != nullptr && peers->find("tls") != nullptr;
  }

  void find_self(const SectionValues& values, const TopologyFile& file) {
    const std::string& name = config_.node.name;
    for (const auto& [node, place] : file.node_places) {
      if (node == name) self_place_ = place;
    }
    if (config_.topology->find_node(name)) return;
    std::vector<std::string_view> known;
    for (const auto& node : config_.topology->nodes) known.push_back(node.name);
    const Place place = node_name_.empty() ? values.place("name") : Place{"--node", 0, 0};
    errors_.add(place, "node.name", in_quotes(name),
                "a node of " + config_.node.topology_file + ": " + alternatives(known));
  }

  void read_listen(const TomlNode& root) {
    const auto values = section(root, Section::listen);
    ListenSettings& listen = config_.listen;
    listen.client = values.get<std::vector<net::Address>>("client");
    listen.tls = values.get<std::vector<net::Address>>("tls");
    listen.http2_clear = values.get<bool>("http2_clear");
    if (values.has("peer")) listen.peer = values.get<net::Address>("peer");
    if (values.has("admin")) listen.admin = values.get<net::Address>("admin");
    if (values.has("health")) listen.health = values.get<net::Address>("health");
    if (config_.topology != nullptr) {
      take_listeners_from_topology(values);
    } else if (values.given("peer")) {
      add(values, "peer", "an address without a topology", "node.topology to name the peers");
    } else if (config_.node.topology_file.empty() && listen.client.empty() && listen.tls.empty() &&
               errors_.empty()) {
      add(values, "client", "no address", "at least one, such as [\"0.0.0.0:80\"]");
    }
    refuse_shared_addresses(values);
  }

  void take_listeners_from_topology(const SectionValues& values) {
    const cluster::NodeInfo* self = config_.self();
    if (self == nullptr) return;
    ListenSettings& listen = config_.listen;
    auto take = [&](std::string_view key, const std::string& address, std::optional<net::Address>& into) {
      if (values.given(key)) return;
      into.reset();
      if (auto parsed = net::Address::parse(address)) into = *parsed;
      set_entry(values.full_key(key), into ? into->to_string() : "", into ? self_place_ : Place{});
    };
    if (!values.given("client")) {
      std::optional<net::Address> client;
      take("client", self->client_address, client);
      if (client) listen.client = {*client};
    }
    take("peer", self->peer_address, listen.peer);
    take("admin", self->admin_address, listen.admin);
    take("health", self->health_address, listen.health);
  }

  void refuse_shared_addresses(const SectionValues& values) {
    std::vector<std::pair<net::Address, std::string_view>> seen;
    auto check = [&](const net::Address& address, std::string_view key) {
      for (const auto& [other, other_key] : seen) {
        if (other != address) continue;
        const std::string found =
            in_quotes(address.to_string()) + ", which listen." + std::string(other_key) + " has";
        add(values, key, found, "every listener's own address");
      }
      seen.emplace_back(address, key);
    };
    const ListenSettings& listen = config_.listen;
    for (const net::Address& address : listen.client) check(address, "client");
    for (const net::Address& address : listen.tls) check(address, "tls");
    if (listen.peer) check(*listen.peer, "peer");
    if (listen.admin) check(*listen.admin, "admin");
    if (listen.health) check(*listen.health, "health");
  }

  void read_certificates(const TlsSource& source, const TomlNode& root, const SiteList& sites) {
    const ListenSettings& listen = config_.listen;
    const bool sound = errors_.empty();
    config_.tls = read_tls(source, reader_, root, sites);
    config_.peers.tls =
        read_peer_tls(source, reader_, reader_.find_table(&root, Section::peers), config_.node.name);
    config_.admin.tls = read_admin_tls(source, reader_, reader_.find_table(&root, Section::admin));
    // Whether a listener speaks TLS is decided when it is opened; with which certificate is not.
    add_listener_entry("listen.peer.tls", config_.peers.tls.server != nullptr);
    add_listener_entry("listen.admin.tls", config_.admin.tls != nullptr);
    if (config_.tls == nullptr && !listen.tls.empty() && sound && errors_.empty()) {
      errors_.add(Place{reader_.file(), 0, 0}, "listen.tls", "a TLS listener and no certificate",
                  "a [[certificate]], or a [[site.certificate]]");
    }
  }

  void read_cache(const TomlNode& root) {
    const auto values = section(root, Section::cache);
    CacheSettings& cache = config_.cache;
    cache.store.budget_bytes = size(values, "budget");
    cache.store.shards = count(values, "shards");
    // The table's choices are the names of eviction.h.
    cache.store.eviction =
        cache::parse_eviction(values.get<std::string>("eviction")).value_or(cache.store.eviction);
    if (values.has("shards") && !std::has_single_bit(cache.store.shards)) {
      add(values, "shards", std::to_string(cache.store.shards), "a power of two");
    }
    cache.fill.window_bytes = size(values, "window");
    cache.fill.private_window_bytes = size(values, "private_window");
    cache.fill.finish_without_followers_bytes = size(values, "finish_without_followers");
    cache.fill.followers_max = count(values, "followers");
    cache.hot_copies_percent = count(values, "hot_copies_percent");
    cache.hot_keys.requests_min = count(values, "hot_requests_min");
    cache.hot_keys.one_in = count(values, "hot_one_in");
    cache.hot_keys.spread_one_in = count(values, "spread_one_in");
    cache.fill_age_max = values.get<Duration>("fill_age_max");
    cache.follower_wait_max = values.get<Duration>("follower_wait_max");
  }

  void read_server(const TomlNode& root) {
    const auto limits = section(root, Section::limits);
    ServerSettings& server = config_.server;
    server.connections_max = count(limits, "connections");
    server.head_bytes_max = count(limits, "head_bytes");
    server.fields_max = count(limits, "fields");
    server.target_bytes_max = count(limits, "target_bytes");
    server.http2_streams_max = count(limits, "http2_streams");
    server.http2_glitches_max = count(limits, "http2_glitches");
    if (limits.has("target_bytes") && limits.has("head_bytes") &&
        server.target_bytes_max > server.head_bytes_max) {
      add(limits, "target_bytes", print_bytes(server.target_bytes_max),
          "at most limits.head_bytes, which is " + print_bytes(server.head_bytes_max));
    }
    const auto timeouts = section(root, Section::timeouts);
    server.header_timeout = timeouts.get<Duration>("header");
    server.keep_alive_timeout = timeouts.get<Duration>("keep_alive");
    server.request_body_timeout = timeouts.get<Duration>("request_body");
    server.upstream_idle_timeout = timeouts.get<Duration>("upstream_idle");
    server.write_stall_timeout = timeouts.get<Duration>("write_stall");
    server.drain_deadline = timeouts.get<Duration>("drain");
  }

  void read_retries(const TomlNode& root) {
    const auto values = section(root, Section::retries);
    config_.retries.max = count(values, "max");
    config_.retries.budget.percent = count(values, "budget_percent");
    config_.retries.budget.per_second = count(values, "per_second");
  }

  void read_peers(const TomlNode& root) {
    const auto values = section(root, Section::peers);
    PeerSettings& peers = config_.peers;
    peers.connect_timeout = values.get<Duration>("connect");
    peers.connect_across_timeout = values.get<Duration>("connect_across");
    peers.first_answer_timeout = values.get<Duration>("first_answer");
    peers.idle_body_timeout = values.get<Duration>("idle_body");
    peers.invalidation_wait = values.get<Duration>("invalidation_wait");
    peers.joining = values.get<Duration>("joining");
    peers.probe_interval = values.get<Duration>("probe");
    peers.hedging.percent = count(values, "hedge_percent");
    peers.hedging.delay_min = values.get<Duration>("hedge_after_min");
    peers.load_bound.percent = count(values, "load_bound_percent");
    peers.load_bound.floor = count(values, "load_bound_floor");
    peers.connections_max = count(values, "connections");
    peers.idle_connections_max = count(values, "idle_connections");
    cluster::PeerHealthOptions& health = peers.health;
    health.consecutive_failures = count(values, "ejection_failures");
    health.connect_failures = count(values, "ejection_connect_failures");
    health.ejection_base = values.get<Duration>("ejection");
    health.ejection_max = values.get<Duration>("ejection_max");
    health.ejected_one_in = count(values, "ejected_one_in");
    if (values.has("ejection_max") && health.ejection_max < health.ejection_base) {
      add(values, "ejection_max", print_duration(health.ejection_max),
          "at least peers.ejection, which is " + print_duration(health.ejection_base));
    }
  }

  void read_purge(const TomlNode& root) {
    const auto values = section(root, Section::purge);
    PurgeSettings& purge = config_.purge;
    const auto journal = values.get<std::string>("journal");
    if (!journal.empty()) purge.journal = beside(reader_.file(), journal);
    purge.verify_after = values.get<Duration>("verify_after");
    purge.receipt_wait = values.get<Duration>("receipt_wait");
  }

  void read_log(const TomlNode& root) {
    const auto values = section(root, Section::log);
    LogSettings& log = config_.log;
    const auto level = values.get<std::string>("level");
    for (LogLevel candidate : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
      if (to_string(candidate) == level) log.level = candidate;
    }
    log.path = read_log_path(values, "path");
    log.access = read_log_path(values, "access");
    log.access_sample = values.get<double>("access_sample");
    log.access_fields = read_access_fields(values);
    log.queue_lines = count(values, "queue_lines");
  }

  AccessFields read_access_fields(const SectionValues& values) {
    AccessFields fields = 0;
    for (const std::string& name : values.get<std::vector<std::string>>("access_fields")) {
      const std::optional<AccessField> field = access_field(name);
      if (field) fields |= access_fields({*field});
      if (!field) add(values, "access_fields", in_quotes(name), alternatives(access_field_names));
    }
    return fields;
  }

  // As it is opened: a file is looked for beside the node file.
  std::string read_log_path(const SectionValues& values, std::string_view key) {
    const auto path = values.get<std::string>(key);
    if (path == "stderr" || path == "stdout" || path == "off") return path;
    if (values.has(key) && path.empty())
      add(values, key, "an empty string", "\"stderr\", \"stdout\", \"off\", \"syslog:/dev/log\" or a file");
    if (path.starts_with(LogWriter::syslog_scheme)) {
      const std::string socket = path.substr(LogWriter::syslog_scheme.size());
      if (!socket.starts_with('/') || socket.size() > LogWriter::socket_path_max)
        add(values, key, in_quotes(path),
            "the absolute path of a socket behind \"syslog:\", at most 107 bytes");
      return path;
    }
    return beside(reader_.file(), path);
  }

  void read_admin(const TomlNode& root) {
    const auto values = section(root, Section::admin);
    const auto file = values.get<std::string>("token_file");
    if (!file.empty()) {
      constexpr size_t token_bytes_min = 16;
      const SecretFile token{beside(reader_.file(), file), values.place("token_file"),
                             values.full_key("token_file"), token_bytes_min};
      config_.admin.token = read_secret(files_, token, errors_, config_.warnings);
      add_fingerprint(config_.entries, token.key, config_.admin.token);
    }
    const auto& admin = config_.listen.admin;
    if (admin && !admin->is_loopback() && file.empty()) {
      errors_.add(values.place("token_file"), "admin.token_file",
                  "none for the admin address " + admin->to_string(),
                  "a token file, or an admin address on loopback");
    }
  }

  void add_listener_entry(std::string key, bool on) {
    config_.entries.push_back({std::move(key), on ? "true" : "false", Place{}, Reload::restart, 0});
  }

  void set_entry(std::string_view key, std::string value, Place place) {
    for (ConfigEntry& entry : config_.entries) {
      if (entry.key != key) continue;
      entry.value = std::move(value);
      if (!place.file.empty()) entry.place = std::move(place);
    }
  }

  net::Files& files_;
  std::string_view node_name_;
  std::optional<WallTime> now_;
  Config& config_;
  ErrorList& errors_;
  SectionReader reader_;
  Place self_place_;
};

ConfigResult load(net::Files& files, const std::string& path, std::string_view node_name,
                  std::optional<WallTime> now) {
  auto config = std::make_shared<Config>();
  ErrorList errors;
  TomlNode root;
  if (read_toml_file(files, path, {path, 0, 0}, "", root, errors)) {
    NodeFileReader(files, path, node_name, now, *config, errors).read(root);
  }
  if (!errors.empty()) {
    auto list = errors.take();
    std::stable_sort(list.begin(), list.end(),
                     [](const ConfigError& a, const ConfigError& b) { return a.place < b.place; });
    return tl::unexpected(std::move(list));
  }
  std::sort(config->entries.begin(), config->entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.key < b.key; });
  return std::shared_ptr<const Config>(std::move(config));
}

}  // namespace

const cluster::NodeInfo* Config::self() const {
  if (topology == nullptr) return nullptr;
  const auto index = topology->find_node(node.name);
  return index ? &topology->nodes[*index] : nullptr;
}

ConfigResult load_config(net::Files& files, const std::string& path, std::string_view node_name,
                         std::optional<WallTime> now) {
  try {
    return load(files, path, node_name, now);
  } catch (const std::exception& error) {
    const std::string message = "could not be read: " + std::string(error.what());
    return tl::unexpected(std::vector<ConfigError>{{{path, 0, 0}, "", message}});
  }
}

ConfigCheck check_config(net::Files& files, const std::string& path, std::string_view node_name,
                         std::optional<WallTime> now) {
  ConfigCheck check;
  auto config = load_config(files, path, node_name, now);
  if (!config) {
    for (const ConfigError& error : config.error()) check.text += error.to_string() + "\n";
    check.text += path + ": refused, " + std::to_string(config.error().size()) + " errors\n";
    return check;
  }
  for (const ConfigError& warning : (*config)->warnings) check.text += warning.to_string() + " (warning)\n";
  check.text += path + ": good\n";
  check.ok = true;
  return check;
}

}  // namespace perigee::control
