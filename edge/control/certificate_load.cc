// Certificates of tables that name their files, and the listeners of nodes and operators that use them.
#include <fmt/format.h>

#include <algorithm>

#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr size_t certificate_bytes_max = 1024 * 1024;
constexpr size_t authorities_bytes_max = 4 * 1024 * 1024;
constexpr std::chrono::days expires_soon{14};

std::shared_ptr<const net::TlsServerSettings> serve_with(
    const std::shared_ptr<const net::TlsCertificate>& certificate, const std::string& authorities) {
  auto settings = std::make_shared<net::TlsServerSettings>();
  settings->offer_http2 = false;
  net::TlsHost host{"*", {certificate}};
  if (!authorities.empty())
    host.clients = std::make_shared<const net::TlsClientRules>(net::TlsClientRules{true, authorities});
  settings->hosts.push_back(std::move(host));
  return settings;
}

}  // namespace

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string CertificateReader::read_file(const SectionValues& values, std::string_view key,
                                         const std::string& whose) {
  const auto name = values.get<std::string>(key);
  if (name.empty()) return "";
  auto bytes = source_.files.read_all(beside(reader_.file(), name), certificate_bytes_max);
  if (!bytes) {
    reader_.errors().add(values.place(key), values.full_key(key), bytes.error().context,
                         "a readable file" + whose);
    return "";
  }
  add_fingerprint(source_.entries, values.full_key(key), *bytes);
  return *bytes;
}

std::shared_ptr<const net::TlsCertificate> CertificateReader::read(const SectionValues& values,
                                                                   const std::string& site) {
  const size_t errors_before = reader_.errors().list().size();
  net::TlsCertificateBytes bytes;
  bytes.chain = read_file(values, "chain", " with a certificate" + site);
  bytes.key = read_file(values, "key", " with the key of a certificate" + site);
  if (values.known("ocsp"))
    bytes.ocsp = read_file(values, "ocsp", " with an OCSP response for a certificate" + site);
  if (reader_.errors().list().size() > errors_before || !values.has("chain") || !values.has("key"))
    return nullptr;
  auto certificate = net::read_tls_certificate(std::move(bytes), source_.now);
  if (!certificate) {
    add_problem(values, certificate.error(), site);
    return nullptr;
  }
  // What only the making of a context can tell: keys too small, digests too weak.
  net::TlsServerSettings alone;
  alone.hosts.push_back({"*", {*certificate}});
  if (const auto context = net::TlsServerContext::build(alone); !context) {
    add_problem(values, {net::TlsFile::chain, context.error().context, "a certificate that TLS can use"},
                site);
    return nullptr;
  }
  warn_before_end(values, **certificate, site);
  if (!(*certificate)->ocsp_left_out.empty()) {
    source_.warnings.push_back({values.place("ocsp"), values.full_key("ocsp"),
                                "found " + (*certificate)->ocsp_left_out + site + "; it is not stapled"});
  }
  return std::move(*certificate);
}

std::string CertificateReader::read_authorities(const SectionValues& values, std::string_view key) {
  const auto name = values.get<std::string>(key);
  if (name.empty()) return "";
  const std::string path = beside(reader_.file(), name);
  auto bytes = source_.files.read_all(path, authorities_bytes_max);
  const std::optional<std::string> wrong =
      bytes ? net::check_certificate_authorities(*bytes) : std::optional<std::string>(bytes.error().context);
  if (wrong) {
    reader_.errors().add(values.place(key), values.full_key(key), bytes ? *wrong + " in " + path : *wrong,
                         "certificates in PEM form");
    return "";
  }
  add_fingerprint(source_.entries, values.full_key(key), *bytes);
  return std::move(*bytes);
}

void CertificateReader::add_problem(const SectionValues& values, const net::TlsCertificateProblem& problem,
                                    const std::string& site) {
  std::string_view key = "chain";
  if (problem.file == net::TlsFile::key) key = "key";
  if (problem.file == net::TlsFile::ocsp) key = "ocsp";
  const std::string file = beside(reader_.file(), values.get<std::string>(key));
  reader_.errors().add(values.place(key), values.full_key(key), problem.found + " in " + file,
                       problem.expected + site);
}

void CertificateReader::warn_before_end(const SectionValues& values, const net::TlsCertificate& certificate,
                                        const std::string& site) {
  if (!source_.now) return;
  // In days: in nanoseconds the year 9999, which is how RFC 5280 4.1.2.5 says "no end", is out of range.
  const auto left = std::chrono::floor<std::chrono::days>(certificate.not_after - *source_.now);
  if (left >= expires_soon) return;
  source_.warnings.push_back(
      {values.place("chain"), values.full_key("chain"),
       fmt::format("found a certificate{} that expires in {} days", site, left.count())});
}

PeerTlsSettings read_peer_tls(const TlsSource& source, SectionReader& reader, const TomlNode* peers,
                              const std::string& node_name) {
  const TomlNode* table = reader.find_table(peers, Section::peers_tls, "peers.");
  if (table == nullptr) return {};
  CertificateReader certificates(source, reader);
  const auto values = reader.read(Section::peers_tls, table, "peers.tls.");
  const auto certificate = certificates.read(values, "");
  const std::string authorities = certificates.read_authorities(values, "authorities");
  if (certificate == nullptr || authorities.empty()) return {};
  const auto& names = certificate->names;
  if (std::find(names.begin(), names.end(), node_name) == names.end()) {
    reader.errors().add(values.place("chain"), values.full_key("chain"), "a certificate for " + joined(names),
                        "one for this node, " + in_quotes(node_name));
    return {};
  }
  if (const auto wrong = net::check_trust(*certificate, authorities, source.now)) {
    reader.errors().add(values.place("chain"), values.full_key("chain"),
                        "a certificate that the authorities do not vouch for (" + *wrong + ")",
                        "one that they issued, and those between");
    return {};
  }
  PeerTlsSettings tls;
  tls.server = serve_with(certificate, authorities);
  net::TlsClientSettings client;
  client.authorities_pem = authorities;
  client.certificate = certificate;
  client.exact_names = true;
  tls.client = std::make_shared<const net::TlsClientSettings>(std::move(client));
  return tls;
}

std::shared_ptr<const net::TlsServerSettings> read_admin_tls(const TlsSource& source, SectionReader& reader,
                                                             const TomlNode* admin) {
  const TomlNode* table = reader.find_table(admin, Section::admin_tls, "admin.");
  if (table == nullptr) return nullptr;
  CertificateReader certificates(source, reader);
  const auto values = reader.read(Section::admin_tls, table, "admin.tls.");
  const auto certificate = certificates.read(values, "");
  const std::string authorities = certificates.read_authorities(values, "client_authorities");
  return certificate == nullptr ? nullptr : serve_with(certificate, authorities);
}

}  // namespace perigee::control
