#include "edge/net/tls_certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "edge/base/bytes.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_pem.h"

namespace perigee::net {
namespace {

using Problem = TlsCertificateProblem;
using Chain = std::vector<CertificateHandle>;

constexpr size_t chain_certificates_max = 16;

tl::unexpected<Problem> problem(TlsFile file, std::string found, std::string expected) {
  return tl::unexpected<Problem>(Problem{file, std::move(found), std::move(expected)});
}

// Of a text that was found good.
Chain chain_of(std::string_view pem) { return std::move(read_certificates(pem)).value_or(Chain{}); }

// Not what is in it.
void free_list(STACK_OF(X509) * list) { sk_X509_free(list); }

WallTime to_wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return wall_from_unix_seconds(timegm(&parts));
}

std::string date_text(WallTime at) {
  const auto seconds = static_cast<time_t>(unix_seconds(at));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string lower_case(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), to_lower);
  return copy;
}

std::string ip_text(const ASN1_OCTET_STRING& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int size = ASN1_STRING_length(&ip);
  const int family = size == 4 ? AF_INET : AF_INET6;
  if (size != 4 && size != 16) return "";
  const char* printed = inet_ntop(family, ASN1_STRING_get0_data(&ip), text.data(), text.size());
  return printed == nullptr ? "" : printed;
}

// RFC 9525: only subjectAltName names a server; a common name does not.
std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  auto* list =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    if (name->type == GEN_DNS) {
      const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
      names.push_back(lower_case({data, static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))}));
    } else if (name->type == GEN_IPADD) {
      names.push_back(ip_text(*name->d.iPAddress));
    }
  }
  GENERAL_NAMES_free(list);
  return names;
}

// RFC 5280 6.1.3: each certificate of a path is judged by the time, not only the first.
std::optional<Problem> check_times(const Chain& chain, WallTime now) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const WallTime begin = to_wall(X509_get0_notBefore(chain[i].get()));
    const WallTime end = to_wall(X509_get0_notAfter(chain[i].get()));
    if (now >= begin && now < end) continue;
    const std::string which =
        i == 0 ? "a certificate that" : fmt::format("a chain whose certificate {}", i + 1);
    return Problem{TlsFile::chain,
                   which + (now < begin ? " begins on " + date_text(begin) : " expired on " + date_text(end)),
                   "certificates that are valid now"};
  }
  return std::nullopt;
}

std::optional<Problem> check_chain(const Chain& chain) {
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    X509& issuer = *chain[i + 1];
    const bool issued = X509_check_issued(&issuer, chain[i].get()) == X509_V_OK &&
                        X509_verify(chain[i].get(), X509_get0_pubkey(&issuer)) == 1;
    ERR_clear_error();
    if (!issued) {
      return Problem{TlsFile::chain,
                     fmt::format("a chain whose certificate {} did not issue the one before it", i + 2),
                     "each certificate followed by the one that issued it"};
    }
  }
  return std::nullopt;
}

// RFC 6960 3.2: signed by who issued the certificate, or by a responder that it entitled. Without the
// issuer's certificate there is nothing to judge by.
bool is_signed_for(OCSP_BASICRESP& response, const Chain& chain) {
  if (chain.size() < 2) return true;
  const std::unique_ptr<X509_STORE, TlsRelease<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<STACK_OF(X509), TlsRelease<free_list>> issuers(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) {
    X509_STORE_add_cert(store.get(), chain[i].get());
    sk_X509_push(issuers.get(), chain[i].get());
  }
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  const bool good = OCSP_basic_verify(&response, issuers.get(), store.get(), OCSP_TRUSTOTHER) == 1;
  ERR_clear_error();
  return good;
}

// RFC 6960 4.1.1: named by its issuer's name and key, in digests of the response's choice, and by its serial.
// Of the key nothing is known where the chain has no issuer.
bool is_about(const OCSP_SINGLERESP& single, const Chain& chain) {
  auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(&single));
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_OCTET_STRING* name_digest = nullptr;
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(&name_digest, &algorithm, nullptr, &serial, id);
  X509& leaf = *chain.front();
  if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(&leaf)) != 0) return false;
  const EVP_MD* digest = EVP_get_digestbyobj(algorithm);
  if (digest == nullptr) return false;
  if (chain.size() > 1) {
    const std::unique_ptr<OCSP_CERTID, TlsRelease<OCSP_CERTID_free>> ours(
        OCSP_cert_to_id(digest, &leaf, chain[1].get()));
    return ours != nullptr && OCSP_id_cmp(ours.get(), id) == 0;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> name{};
  unsigned size = 0;
  return X509_NAME_digest(X509_get_issuer_name(&leaf), digest, name.data(), &size) == 1 &&
         ASN1_STRING_length(name_digest) == static_cast<int>(size) &&
         std::equal(name.begin(), name.begin() + size, ASN1_STRING_get0_data(name_digest));
}

// RFC 6960: a successful response about this certificate. One whose time has passed is left out.
std::optional<Problem> take_ocsp(std::string der, const Chain& chain, std::optional<WallTime> now,
                                 TlsCertificate& certificate) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const OcspHandle response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  const std::string expected = "a DER-encoded OCSP response about the certificate";
  if (response == nullptr)
    return Problem{TlsFile::ocsp, "no OCSP response (" + take_tls_reason() + ")", expected};
  if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return Problem{TlsFile::ocsp, "an OCSP response that says the responder failed", expected};
  const OcspBasicHandle basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr || !is_signed_for(*basic, chain))
    return Problem{TlsFile::ocsp, "an OCSP response that the certificate's issuer did not sign", expected};
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
    if (!is_about(*single, chain)) continue;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    const int status = OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next_update);
    if (status != V_OCSP_CERTSTATUS_GOOD)
      return Problem{TlsFile::ocsp, "an OCSP response that calls the certificate revoked or unknown",
                     expected};
    certificate.ocsp_until = next_update == nullptr ? WallTime::max() : to_wall(next_update);
    if (now && *now >= certificate.ocsp_until) {
      certificate.ocsp_left_out = "an OCSP response that ended on " + date_text(certificate.ocsp_until);
    } else {
      certificate.ocsp_der = std::move(der);
    }
    return std::nullopt;
  }
  return Problem{TlsFile::ocsp, "an OCSP response about another certificate", expected};
}

}  // namespace

bool TlsCertificate::covers(std::string_view host) const {
  const size_t dot = host.find('.');
  for (const std::string& name : names) {
    if (name == host) return true;
    if (name.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
        host.substr(dot) == std::string_view(name).substr(1))
      return true;
  }
  return false;
}

tl::expected<std::shared_ptr<const TlsCertificate>, TlsCertificateProblem> read_tls_certificate(
    TlsCertificateBytes bytes, std::optional<WallTime> now) {
  const std::string expected = "a chain of certificates in PEM form";
  auto read = read_certificates(bytes.chain);
  if (!read) return problem(TlsFile::chain, std::move(read.error()), expected);
  const Chain chain = std::move(*read);
  if (chain.empty()) return problem(TlsFile::chain, "no certificate", expected);
  if (chain.size() > chain_certificates_max)
    return problem(TlsFile::chain, fmt::format("{} certificates", chain.size()),
                   fmt::format("a chain of at most {}", chain_certificates_max));
  const KeyHandle key = read_key(bytes.key);
  if (key == nullptr) {
    return problem(TlsFile::key, "no key that can be read (" + take_tls_reason() + ")",
                   "a private key in PEM form, without a password");
  }
  const int matches = X509_check_private_key(chain.front().get(), key.get());
  ERR_clear_error();
  if (matches != 1)
    return problem(TlsFile::key, "the key of another certificate", "the key of this certificate");
  auto certificate = std::make_shared<TlsCertificate>();
  certificate->names = names_of(*chain.front());
  if (certificate->names.empty())
    return problem(TlsFile::chain, "a certificate without a DNS name", "names in subjectAltName");
  certificate->not_before = to_wall(X509_get0_notBefore(chain.front().get()));
  certificate->not_after = to_wall(X509_get0_notAfter(chain.front().get()));
  const char* type = EVP_PKEY_get0_type_name(key.get());
  certificate->key_type = type == nullptr ? "" : type;
  if (auto wrong = check_chain(chain)) return tl::unexpected<Problem>(std::move(*wrong));
  if (now) {
    if (auto wrong = check_times(chain, *now)) return tl::unexpected<Problem>(std::move(*wrong));
  }
  if (!bytes.ocsp.empty()) {
    if (auto wrong = take_ocsp(std::move(bytes.ocsp), chain, now, *certificate))
      return tl::unexpected<Problem>(std::move(*wrong));
  }
  ERR_clear_error();
  certificate->chain_pem = std::move(bytes.chain);
  certificate->key_pem = std::move(bytes.key);
  return std::shared_ptr<const TlsCertificate>(std::move(certificate));
}

std::optional<std::string> check_trust(const TlsCertificate& certificate, std::string_view authorities_pem,
                                       std::optional<WallTime> now) {
  const Chain chain = chain_of(certificate.chain_pem);
  const Chain authorities = chain_of(authorities_pem);
  const std::unique_ptr<X509_STORE, TlsRelease<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, TlsRelease<X509_STORE_CTX_free>> judged(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), TlsRelease<free_list>> above(sk_X509_new_null());
  for (const CertificateHandle& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(above.get(), chain[i].get());
  if (chain.empty() || X509_STORE_CTX_init(judged.get(), store.get(), chain.front().get(), above.get()) != 1)
    return take_tls_reason();
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(judged.get());
  if (now) {
    X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(unix_seconds(*now)));
  } else {
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME);
  }
  const bool good = X509_verify_cert(judged.get()) == 1;
  ERR_clear_error();
  if (good) return std::nullopt;
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(judged.get()));
}

std::optional<std::string> check_certificate_authorities(std::string_view pem) {
  const auto read = read_certificates(pem);
  if (!read) return read.error();
  if (!read->empty()) return std::nullopt;
  return "no certificate";
}

}  // namespace perigee::net
