// The parts of load_config(), one a file: origins and sites, the topology, secrets. Each reads its tables
// through a SectionReader, adds what is wrong to the reader's errors, and returns what could be read.
//
// Thread rule: one owner, during one load.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/control/section_reader.h"

namespace perigee::control {

using OriginList = std::vector<std::shared_ptr<const proxy::OriginGroup>>;
using SiteList = std::vector<std::shared_ptr<const proxy::Site>>;

// origin_load.cc
OriginList read_origins(net::Files& files, SectionReader& reader, const TomlNode& root,
                        std::vector<ConfigEntry>& entries);

// tls_load.cc
struct TlsSource {
  net::Files& files;
  std::vector<ConfigError>& warnings;
  std::vector<ConfigEntry>& entries;
  std::optional<WallTime> now;  // to judge certificates by; without it they are taken to be in their time
  bool listens = false;         // there is a listener that needs certificates
};
// A certificate whose table names its files: reads and judges them. site: " of site \"docs\"", or nothing.
class CertificateReader {
 public:
  CertificateReader(const TlsSource& source, SectionReader& reader) : source_(source), reader_(reader) {}
  // By "chain", "key" and, where the section has it, "ocsp". Null after adding an error.
  std::shared_ptr<const net::TlsCertificate> read(const SectionValues& values, const std::string& site);
  // Those who vouch for others, in PEM form; empty when none are named, or after adding an error.
  std::string read_authorities(const SectionValues& values, std::string_view key);

 private:
  std::string read_file(const SectionValues& values, std::string_view key, const std::string& whose);
  void add_problem(const SectionValues& values, const net::TlsCertificateProblem& problem,
                   const std::string& site);
  void warn_before_end(const SectionValues& values, const net::TlsCertificate& certificate,
                       const std::string& site);

  const TlsSource& source_;
  SectionReader& reader_;
};

// certificate_load.cc. Of the table of [peers] or [admin], which may be null; nothing without a [tls] in it.
PeerTlsSettings read_peer_tls(const TlsSource& source, SectionReader& reader, const TomlNode* peers,
                              const std::string& node_name);
std::shared_ptr<const net::TlsServerSettings> read_admin_tls(const TlsSource& source, SectionReader& reader,
                                                             const TomlNode* admin);
std::string joined(const std::vector<std::string>& names);

// site_load.cc. The topology, null when alone, tells which shield regions there are.
SiteList read_sites(const TlsSource& source, SectionReader& reader, const TomlNode& root,
                    const OriginList& origins, const cluster::Topology* topology);

// Null without a certificate. sites: those of the same file, in order.
std::shared_ptr<const net::TlsServerSettings> read_tls(const TlsSource& source, SectionReader& reader,
                                                       const TomlNode& root, const SiteList& sites);

// topology_load.cc
struct TopologyFile {
  std::shared_ptr<const cluster::Topology> topology;
  std::shared_ptr<const cluster::PeerKeyRing> peer_keys;   // null without keys
  std::vector<std::pair<std::string, Place>> node_places;  // of each [[node]], by name
};
// What its reader has to do with the nodes.
enum class TopologyUse {
  with_keys,          // a peer, by a shared secret
  with_certificates,  // a peer, by certificates: they need no keys, and no address of theirs is insecure
  without_secrets,    // none: no secret is read, and none needs to be there
};
// Null topology after an error.
TopologyFile read_topology(net::Files& files, const std::string& path, ErrorList& errors,
                           std::vector<ConfigError>& warnings, std::vector<ConfigEntry>& entries,
                           TopologyUse use);

// config_files.cc
// `name` as seen from the folder of the file that mentions it.
std::string beside(std::string_view file, std::string_view name);
// Reads and parses; false after adding an error. named_at: where the path was mentioned, or the file itself.
bool read_toml_file(net::Files& files, const std::string& path, const Place& named_at, const std::string& key,
                    TomlNode& root, ErrorList& errors);

struct SecretFile {
  std::string path;
  Place named_at;
  std::string key;
  size_t bytes_min;
};
// The content of a secret file without the white space around it; empty after adding an error. That every
// user can read it is a warning.
std::string read_secret(net::Files& files, const SecretFile& file, ErrorList& errors,
                        std::vector<ConfigError>& warnings);
// Lets the entry of that key differ when the secret does.
void add_fingerprint(std::vector<ConfigEntry>& entries, std::string_view key, std::string_view secret);

}  // namespace perigee::control
