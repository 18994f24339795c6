// Certificates, of the node and of sites, and keys of session tickets.
#include <algorithm>

#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr size_t ticket_secret_bytes_min = 32;

class TlsReader {
 public:
  TlsReader(const TlsSource& source, SectionReader& reader)
      : source_(source),
        reader_(reader),
        certificates_(source, reader),
        settings_(std::make_shared<net::TlsServerSettings>()) {}

  std::shared_ptr<const net::TlsServerSettings> read(const TomlNode& root, const SiteList& sites) {
    const auto values = reader_.read(Section::tls, reader_.find_table(&root, Section::tls), "tls.");
    settings_->offer_http2 = values.get<bool>("http2");
    settings_->early_data = values.get<bool>("early_data");
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
    const bool asks = std::any_of(sites.begin(), sites.end(),
                                  [](const auto& site) { return site->client_rules != nullptr; });
    for (const auto& site : sites) {
      if (asks) add_hosts(*site);
    }
    for (net::TlsHost& host : settings_->hosts) host.clients = rules_of(host.pattern, sites);
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

  void read_certificate(Section section, const NamedTable& table, const std::string& site,
                        net::TlsCertificates& into) {
    const auto values = reader_.read(section, table.node, table.prefix);
    auto certificate = certificates_.read(values, site);
    if (certificate == nullptr) return;
    into.push_back(std::move(certificate));
    if (first_.empty()) first_ = {into.back()};
  }

  void read_site(const NamedTable& table, const proxy::Site& site, const net::TlsCertificates& common) {
    net::TlsCertificates own;
    const std::string whose = " of site " + in_quotes(site.name);
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
                             in_quotes(host) + ", which no certificate" + whose + " is for",
                             "a certificate for every host");
      } else if (source_.listens && tables.empty() && those_for(host, common).empty()) {
        source_.warnings.push_back(
            {place, table.prefix + "hosts", "found " + in_quotes(host) + ", which no certificate is for"});
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
                         "one for a host of site " + in_quotes(site.name) + ": " + joined(site.hosts));
  }

  static net::TlsCertificates those_for(const std::string& host, const net::TlsCertificates& among) {
    net::TlsCertificates fitting;
    for (const auto& certificate : among) {
      if (host == "*" || certificate->covers(host)) fitting.push_back(certificate);
    }
    return fitting;
  }

  // Hosts that ask their clients for certificates are told apart from those whose certificates they share.
  void add_hosts(const proxy::Site& site) {
    for (const std::string& host : site.hosts) {
      if (!known(host)) settings_->hosts.push_back({host, shown_to(host)});
    }
  }

  // As TlsServerContext chooses: by name, by the longest wildcard, or the first.
  const net::TlsCertificates& shown_to(std::string_view host) const {
    const net::TlsCertificates* best = &first_;
    size_t longest = 0;
    for (const net::TlsHost& other : settings_->hosts) {
      const bool covers =
          other.pattern.starts_with("*.") && host.ends_with(std::string_view(other.pattern).substr(1));
      if (!covers || other.pattern.size() < longest) continue;
      longest = other.pattern.size();
      best = &other.certificates;
    }
    return *best;
  }

  // Of the site that requests for the pattern's hosts go to, as SiteTable::find() chooses.
  static std::shared_ptr<const net::TlsClientRules> rules_of(std::string_view pattern,
                                                             const SiteList& sites) {
    const proxy::Site* best = nullptr;
    size_t longest = 0;
    for (const auto& site : sites) {
      for (const std::string& host : site->hosts) {
        size_t fit = host == "*" ? 1 : 0;
        if (host.starts_with("*.") && pattern.ends_with(std::string_view(host).substr(1))) fit = host.size();
        if (host == pattern) fit = SIZE_MAX;
        if (fit <= longest) continue;
        longest = fit;
        best = site.get();
      }
    }
    return best == nullptr ? nullptr : best->client_rules;
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
  CertificateReader certificates_;
  std::shared_ptr<net::TlsServerSettings> settings_;
  net::TlsCertificates first_;  // for clients that name no host, or one that nobody knows
};

}  // namespace

std::shared_ptr<const net::TlsServerSettings> read_tls(const TlsSource& source, SectionReader& reader,
                                                       const TomlNode& root, const SiteList& sites) {
  return TlsReader(source, reader).read(root, sites);
}

}  // namespace perigee::control
