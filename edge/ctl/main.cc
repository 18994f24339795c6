// perigeectl: asks and tells the nodes of a cluster, over their admin listeners, and writes what DNS needs.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "edge/base/json.h"
#include "edge/control/config_parts.h"
#include "edge/ctl/canary.h"
#include "edge/ctl/commands.h"
#include "edge/ctl/completion.h"
#include "edge/ctl/dns.h"
#include "edge/net/posix_files.h"

namespace {

using namespace perigee;
using namespace perigee::ctl;

struct Arguments {
  std::string admin = "127.0.0.1:9180";
  std::string token_file;
  std::string authorities;
  std::string certificate;
  std::string key;
  std::string tls_name;
  double timeout_s = 10;
  bool json = false;
  bool all = false;
  double every_s = 1;
  uint64_t rounds = 0;
  std::string url;
  uint64_t id = 0;
  PurgeOptions purge;
  std::string file;
  std::string through;
  std::string topology = "topology.toml";
  std::string networks;
  std::string out = "-";
  std::string shell = "bash";
  DnsOptions dns;
  CanaryOptions canary;
  double watch_s = 30;
};

int usage(const std::string& message) {
  std::fprintf(stderr, "perigeectl: %s\n", message.c_str());
  return exit_usage;
}

std::chrono::milliseconds ms_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

// What --authorities, --certificate and --key name; nothing without them. False after a message.
bool read_tls(const Arguments& arguments, Target& target) {
  if (arguments.certificate.empty() != arguments.key.empty()) {
    usage("--certificate and --key: expected both or neither");
    return false;
  }
  if (arguments.authorities.empty()) {
    if (arguments.certificate.empty() && arguments.tls_name.empty()) return true;
    usage("--certificate, --key and --tls-name: expected --authorities beside them");
    return false;
  }
  net::PosixFiles files;
  net::TlsClientSettings settings;
  constexpr size_t file_bytes_max = 4 * 1024 * 1024;
  const auto read = [&](const std::string& path, std::string& into) {
    auto bytes = files.read_all(path, file_bytes_max);
    if (bytes) into = std::move(*bytes);
    if (!bytes) usage(bytes.error().context);
    return bytes.has_value();
  };
  if (!read(arguments.authorities, settings.authorities_pem)) return false;
  if (!arguments.certificate.empty()) {
    // An operator's certificate needs no DNS name; whether it fits its key is found when it is used.
    auto certificate = std::make_shared<net::TlsCertificate>();
    if (!read(arguments.certificate, certificate->chain_pem) || !read(arguments.key, certificate->key_pem))
      return false;
    settings.certificate = std::move(certificate);
  }
  target.tls = std::make_shared<const net::TlsClientSettings>(std::move(settings));
  target.tls_name = arguments.tls_name;
  return true;
}

// Empty after a message: what was given makes no target.
std::optional<Target> target_of(const Arguments& arguments) {
  Target target;
  const auto address = net::Address::parse(arguments.admin);
  if (!address) {
    usage("--admin: found \"" + arguments.admin + "\", expected an address such as 127.0.0.1:9180");
    return std::nullopt;
  }
  target.admin = *address;
  if (!read_tls(arguments, target)) return std::nullopt;
  target.timeout = ms_of(arguments.timeout_s);
  target.json = arguments.json;
  if (!arguments.token_file.empty()) {
    net::PosixFiles files;
    const auto token = files.read_all(arguments.token_file, 4096);
    if (!token) {
      usage("--token-file: " + token.error().context);
      return std::nullopt;
    }
    target.token = token->substr(0, token->find_last_not_of(" \r\n\t") + 1);
  }
  return target;
}

// What a script wants to know of it: the files, with their content when they go nowhere else.
void print_files(const std::vector<DnsFile>& files, const std::string& folder) {
  Json list = Json::array();
  for (const DnsFile& file : files) {
    Json one = {{"path", folder == "-" ? file.path : (std::filesystem::path(folder) / file.path).string()}};
    if (folder == "-") one["content"] = file.content;
    list.push_back(std::move(one));
  }
  std::printf("%s\n", to_text(Json{{"files", std::move(list)}}, 2).c_str());
}

int write_files(const std::vector<DnsFile>& files, const std::string& folder, bool json) {
  net::PosixFiles disk;
  for (const DnsFile& file : files) {
    if (folder == "-") {
      if (json) continue;
      std::printf("# --- %s\n%s", file.path.c_str(), file.content.c_str());
      continue;
    }
    const std::filesystem::path path = std::filesystem::path(folder) / file.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (const auto written = disk.write_atomically(path.string(), file.content); !written) {
      std::fprintf(stderr, "perigeectl: %s\n", written.error().context.c_str());
      return exit_refused;
    }
    // The DNS server has another user.
    std::filesystem::permissions(path, std::filesystem::perms(0644), error);
  }
  if (json) print_files(files, folder);
  return exit_ok;
}

int write_dns(Arguments& arguments, bool gdnsd) {
  net::PosixFiles files;
  control::ErrorList errors;
  std::vector<control::ConfigError> warnings;
  std::vector<control::ConfigEntry> entries;
  const auto read = control::read_topology(files, arguments.topology, errors, warnings, entries,
                                           control::TopologyUse::without_secrets);
  if (!errors.empty() || read.topology == nullptr) {
    for (const control::ConfigError& error : errors.take()) {
      std::fprintf(stderr, "perigeectl: %s\n", error.to_string().c_str());
    }
    return exit_refused;
  }
  if (!arguments.networks.empty()) {
    const auto text = files.read_all(arguments.networks, size_t{64} << 20);
    if (!text) return usage("--networks: " + text.error().context);
    auto networks = read_networks(*text, *read.topology);
    if (!networks) return usage(arguments.networks + ": " + networks.error().context);
    arguments.dns.networks = std::move(*networks);
  }
  const auto written =
      gdnsd ? write_gdnsd(*read.topology, arguments.dns) : write_powerdns(*read.topology, arguments.dns);
  if (!written) {
    std::fprintf(stderr, "perigeectl: %s\n", written.error().context.c_str());
    return exit_refused;
  }
  return write_files(*written, arguments.out, arguments.json);
}

// A command and what it does; run once the command line is known to be good.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_version_flag("--version", "perigeectl " PERIGEE_VERSION);
    app_.add_option("--admin", a_.admin, "Admin address of a node")
        ->envname("PERIGEE_ADMIN")
        ->capture_default_str();
    app_.add_option("--token-file", a_.token_file, "File with the admin token")
        ->envname("PERIGEE_TOKEN_FILE");
    app_.add_option("--authorities", a_.authorities,
                    "File with those who may vouch for admin listeners: speak TLS with them")
        ->envname("PERIGEE_AUTHORITIES");
    app_.add_option("--tls-name", a_.tls_name, "Whom they must prove to be; without it, their address");
    app_.add_option("--certificate", a_.certificate, "Certificate to show them");
    app_.add_option("--key", a_.key, "Its key");
    app_.add_option("--timeout", a_.timeout_s, "Seconds to wait for an answer")->capture_default_str();
    app_.add_flag("--json", a_.json, "Print JSON");
    add_views();
    add_purges();
    add_configuration();
    add_dns();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? exit_ok : exit_usage;
    }
    return chosen_();
  }

 private:
  template <typename Run>
  CLI::App* add(const char* name, const char* text, Run run, CLI::App* below = nullptr) {
    CLI::App* command = (below == nullptr ? &app_ : below)->add_subcommand(name, text);
    command->callback([this, run] { chosen_ = run; });
    return command;
  }
  template <typename Ask>
  CLI::App* add_asking(const char* name, const char* text, Ask ask, CLI::App* below = nullptr) {
    return add(
        name, text,
        [this, ask] {
          const std::optional<Target> target = target_of(a_);
          return target ? ask(*target) : exit_usage;
        },
        below);
  }

  void add_views() {
    add_asking("status", "One line about the node", [this](const Target& to) {
      return show_status(to, a_.all);
    })->add_flag("--all", a_.all, "About every node of the topology");
    CLI::App* top = add_asking("top", "Live table of every node of the topology", [this](const Target& to) {
      return show_top(to, ms_of(a_.every_s), a_.rounds);
    });
    top->add_option("--every", a_.every_s, "Seconds between two looks")->check(CLI::Range(0.05, 3600.0));
    top->add_option("--rounds", a_.rounds, "How often; 0: until interrupted");
    add_asking("topology", "The nodes, and how the asked one sees them", show_topology);
    add_asking("urls", "What clients ask the node for most just now", show_urls);
    add_asking("explain", "What would be done with a URL, and why",
               [this](const Target& to) { return explain(to, a_.url); })
        ->add_option("url", a_.url, "URL")
        ->required();
    add_asking("drain", "Take the node out of DNS: /readyz answers 503",
               [](const Target& to) { return drain(to, false); });
    add_asking("undrain", "Take the node back", [](const Target& to) { return drain(to, true); });
    CLI::App* warm_command = add("warm", "Fetch a list of URLs through a node", [this] {
      const std::optional<Target> target = target_of(a_);
      const auto through = net::Address::parse(a_.through);
      if (!through) return usage("--through: expected the client address of a node, such as 127.0.0.1:8080");
      return target ? warm(*target, a_.file, *through) : exit_usage;
    });
    warm_command->add_option("file", a_.file, "One URL a line; - for standard input")->required();
    warm_command->add_option("--through", a_.through, "Client address of the node")->required();
  }

  void add_purges() {
    CLI::App* command = add_asking("purge", "Remove what is stored, on every node",
                                   [this](const Target& to) { return purge(to, a_.purge); });
    command->add_option("--url", a_.purge.urls, "Every variant of a URL")->expected(1, 1000);
    command->add_option("--prefix", a_.purge.prefixes, "Every URL that begins so")->expected(1, 1000);
    command->add_option("--tag", a_.purge.tags, "Everything with a tag; with --site: of that site")
        ->expected(1, 1000);
    command->add_option("--site", a_.purge.site, "Everything of a site");
    command->add_flag("--everything", a_.purge.everything, "Everything");
    command->add_flag("--soft", a_.purge.soft, "Mark stale in place of removing");
    add_asking("purges", "What was purged at this node lately", list_purges);
  }

  void add_configuration() {
    CLI::App* command = add_asking("reload", "Read the configuration again", [this](const Target& to) {
      if (a_.canary.node.empty()) return reload(to);
      a_.canary.watch = ms_of(a_.watch_s);
      return canary_reload(to, a_.canary);
    });
    CLI::Option* on = command->add_option("--on", a_.canary.node,
                                          "A node to try it on first; then every node of the topology");
    command->add_option("--watch", a_.watch_s, "Seconds to watch that node")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str()
        ->needs(on);
    command
        ->add_option("--failures-max", a_.canary.failures_max,
                     "Share of its answers that may fail, beyond that of the others; more takes it back")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str()
        ->needs(on);
    add_asking("reloads", "The reloads so far", list_reloads);
    add_asking("rollback", "Put the configuration of an earlier reload in force",
               [this](const Target& to) { return roll_back(to, a_.id); })
        ->add_option("id", a_.id, "Id of the reload")
        ->required();
    CLI::App* config = app_.add_subcommand("config", "The configuration");
    config->require_subcommand(1);
    add_asking("diff", "What a reload would change", diff_config, config);
    add("completion", "Print completions for a shell",
        [this] {
          const auto commands = app_.get_subcommands([](CLI::App*) { return true; });
          if (a_.json) {
            std::printf("%s\n", to_text(command_table(commands), 2).c_str());
          } else {
            std::fputs(completion(a_.shell, app_).c_str(), stdout);
          }
          return exit_ok;
        })
        ->add_option("shell", a_.shell, "bash or zsh")
        ->check(CLI::IsMember({"bash", "zsh"}));
  }

  void add_dns() {
    CLI::App* dns = app_.add_subcommand("dns", "Write the configuration of a geographic name server");
    dns->require_subcommand(1);
    CLI::App* kinds[] = {
        add(
            "gdnsd", "For gdnsd 3", [this] { return write_dns(a_, true); }, dns),
        add(
            "pdns", "For PowerDNS with GeoIP and Lua records", [this] { return write_dns(a_, false); }, dns)};
    for (CLI::App* kind : kinds) {
      kind->add_option("--topology", a_.topology, "The topology file")->capture_default_str();
      kind->add_option("--zone", a_.dns.zone, "Zone")->capture_default_str();
      kind->add_option("--name", a_.dns.name, "Name within the zone")->capture_default_str();
      kind->add_option("--name-server", a_.dns.name_server, "Name of the name server")->capture_default_str();
      kind->add_option("--ttl", a_.dns.ttl_s, "Seconds")->capture_default_str();
      kind->add_option("--networks", a_.networks, "File of lines \"network region\"");
      kind->add_option("--geoip", a_.dns.geoip_database, "GeoIP2 database");
      kind->add_option("--listen", a_.dns.listen, "Addresses to listen on");
      kind->add_option("--out", a_.out, "Folder to write to; - for standard output")->capture_default_str();
    }
  }

  CLI::App app_{
      "Operates Perigee nodes. Exit codes: 0 done, 1 refused, 2 usage, 3 unreachable, 4 not everywhere yet."};
  Arguments a_;
  std::function<int()> chosen_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return CommandLine().run(argc, argv);
  } catch (const Json::exception& error) {
    // Of a page that is JSON, but not what a node writes.
    std::fprintf(stderr, "perigeectl: the answer is no node's: %s\n", error.what());
    return exit_refused;
  }
}
