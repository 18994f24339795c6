// Certificates, of the node and of sites, and keys of session tickets.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr size_t certificate_bytes_max = 1024 * 1024;
constexpr size_t ticket_secret_bytes_min = 32;
constexpr Duration expires_soon = std::chrono::hours(14 * 24);

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class TlsReader {
 public:
  TlsReader(const TlsSource& source, SectionReader& reader)
      : source_(source), reader_(reader), settings_(std::make_shared<net::TlsServerSettings>()) {}

  std::shared_ptr<const net::TlsServerSettings> read(const TomlNode& root, const SiteList& sites) {
    const auto values = reader_.read(Section::tls, reader_.find_table(&root, Section::tls), "tls.");
    settings_->offer_http2 = values.get<bool>("http2");
    read_ticket_keys(values);
    net::TlsCertificates common;
    for (const NamedTable& table : reader_.find_tables(&root, Section::certificate, "", "chain"))
      read_certificate(Section::certificate, table, "", common);
    size_t at = 0;
    for (const NamedTable& table : reader_.find_tables(&root, Section::site))
      read_site(table, *sites[at++], common);
    for (const auto& certificate : common) add_common(*certificate, common);
    if (first_.empty()) return nullptr;
    if (!known("*")) settings_->hosts.push_back({"*", first_});
    return settings_;
  }

 private:
  void read_ticket_keys(const SectionValues& values) {
    const auto files = values.get<std::vector<std::string>>("ticket_keys");
    for (const std::string& file : files) {
      const SecretFile secret{beside(reader_.file(), file), values.place("ticket_keys"),
                              values.full_key("ticket_keys"), ticket_secret_bytes_min};
      settings_->ticket_secrets.push_back(
          read_secret(source_.files, secret, reader_.errors(), source_.warnings));
      add_fingerprint(source_.entries, secret.key, settings_->ticket_secrets.back());
    }
  }

  // The bytes of a file that is named; empty without one, or after adding an error.
  std::string read_file(const SectionValues& values, std::string_view key, const std::string& whose) {
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

  // site: " of site \"docs\"", or nothing.
  void read_certificate(Section section, const NamedTable& table, const std::string& site,
                        net::TlsCertificates& into) {
    const auto values = reader_.read(section, table.node, table.prefix);
    const size_t errors_before = reader_.errors().list().size();
    net::TlsCertificateBytes bytes;
    bytes.chain = read_file(values, "chain", " with a certificate" + site);
    bytes.key = read_file(values, "key", " with the key of a certificate" + site);
    bytes.ocsp = read_file(values, "ocsp", " with an OCSP response for a certificate" + site);
    if (reader_.errors().list().size() > errors_before || !values.has("chain") || !values.has("key")) return;
    auto certificate = net::read_tls_certificate(std::move(bytes), source_.now);
    if (!certificate) return add_problem(values, certificate.error(), site);
    // What only the making of a context can tell: keys too small, digests too weak.
    net::TlsServerSettings alone;
    alone.hosts.push_back({"*", {*certificate}});
    if (const auto context = net::TlsServerContext::build(alone); !context) {
      return add_problem(
          values, {net::TlsFile::chain, context.error().context, "a certificate that TLS can use"}, site);
    }
    warn_before_end(values, **certificate, site);
    into.push_back(std::move(*certificate));
    if (first_.empty()) first_ = {into.back()};
  }

  void add_problem(const SectionValues& values, const net::TlsCertificateProblem& problem,
                   const std::string& site) {
    std::string_view key = "chain";
    if (problem.file == net::TlsFile::key) key = "key";
    if (problem.file == net::TlsFile::ocsp) key = "ocsp";
    const std::string file = beside(reader_.file(), values.get<std::string>(key));
    reader_.errors().add(values.place(key), values.full_key(key), problem.found + " in " + file,
                         problem.expected + site);
  }

  void warn_before_end(const SectionValues& values, const net::TlsCertificate& certificate,
                       const std::string& site) {
    if (!source_.now || certificate.not_after - *source_.now > expires_soon) return;
    const auto days = std::chrono::floor<std::chrono::days>(certificate.not_after - *source_.now).count();
    source_.warnings.push_back({values.place("chain"), values.full_key("chain"),
                                fmt::format("found a certificate{} that expires in {} days", site, days)});
  }

  void read_site(const NamedTable& table, const proxy::Site& site, const net::TlsCertificates& common) {
    net::TlsCertificates own;
    const std::string whose = " of site " + quoted(site.name);
    const auto tables = reader_.find_tables(table.node, Section::site_certificate, table.prefix, "chain");
    for (const NamedTable& element : tables) {
      const size_t before = own.size();
      read_certificate(Section::site_certificate, element, whose, own);
      if (own.size() > before) check_is_for(*own.back(), element, site);
    }
    const Place place = table.node == nullptr ? Place{} : reader_.place(*table.node);
    for (const std::string& host : site.hosts) {
      net::TlsCertificates fitting = those_for(host, own);
      if (!fitting.empty()) {
        settings_->hosts.push_back({host, std::move(fitting)});
      } else if (!own.empty()) {
        reader_.errors().add(place, table.prefix + "hosts",
                             quoted(host) + ", which no certificate" + whose + " is for",
                             "a certificate for every host");
      } else if (source_.listens && tables.empty() && those_for(host, common).empty()) {
        source_.warnings.push_back(
            {place, table.prefix + "hosts", "found " + quoted(host) + ", which no certificate is for"});
      }
    }
  }

  void check_is_for(const net::TlsCertificate& certificate, const NamedTable& table,
                    const proxy::Site& site) {
    const bool fits = std::any_of(site.hosts.begin(), site.hosts.end(), [&](const std::string& host) {
      return host == "*" || certificate.covers(host);
    });
    if (fits) return;
    reader_.errors().add(reader_.place(*table.node), table.prefix + "chain",
                         "a certificate for " + joined(certificate.names),
                         "one for a host of site " + quoted(site.name) + ": " + joined(site.hosts));
  }

  static net::TlsCertificates those_for(const std::string& host, const net::TlsCertificates& among) {
    net::TlsCertificates fitting;
    for (const auto& certificate : among) {
      if (host == "*" || certificate->covers(host)) fitting.push_back(certificate);
    }
    return fitting;
  }

  bool known(std::string_view pattern) const {
    return std::any_of(settings_->hosts.begin(), settings_->hosts.end(),
                       [&](const net::TlsHost& host) { return host.pattern == pattern; });
  }

  void add_common(const net::TlsCertificate& certificate, const net::TlsCertificates& common) {
    if (first_.size() == 1 && first_.front().get() == &certificate && !certificate.names.empty())
      first_ = those_for(certificate.names.front(), common);
    for (const std::string& name : certificate.names) {
      if (!known(name)) settings_->hosts.push_back({name, those_for(name, common)});
    }
  }

  const TlsSource& source_;
  SectionReader& reader_;
  std::shared_ptr<net::TlsServerSettings> settings_;
  net::TlsCertificates first_;  // for clients that name no host, or one that nobody knows
};

}  // namespace

std::shared_ptr<const net::TlsServerSettings> read_tls(const TlsSource& source, SectionReader& reader,
                                                       const TomlNode& root, const SiteList& sites) {
  return TlsReader(source, reader).read(root, sites);
}

}  // namespace perigee::control
