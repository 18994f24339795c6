#include "edge/net/tls_pem.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "edge/net/tls_errors.h"

namespace perigee::net {
namespace {

// An encrypted key would ask for its password on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// Cuts the next line off the text; without its end, and white space before that.
std::string_view take_line(std::string_view& text) {
  const size_t length = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  line.remove_suffix(line.size() - std::min(line.find_last_not_of(" \t\r") + 1, line.size()));
  return line;
}

// Whether a text is whole as PEM (RFC 7468) and has that many certificates: each block ends before the next
// begins, with its own label, and no other line speaks of the beginning or the end of a certificate.
bool is_whole_pem(std::string_view text, size_t certificates) {
  constexpr std::string_view begin = "-----BEGIN ";
  constexpr std::string_view end = "-----END ";
  std::string_view open;  // the label of the block that has begun
  size_t count = 0;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const bool begins = line.starts_with(begin);
    if (!line.ends_with("-----") || (!begins && !line.starts_with(end))) {
      const bool speaks = line.find("BEGIN CERTIFICATE") != std::string_view::npos ||
                          line.find("END CERTIFICATE") != std::string_view::npos ||
                          line.starts_with("-----B") || line.starts_with("-----E");
      if (speaks && !line.starts_with('#')) return false;
      continue;
    }
    const std::string_view label = line.substr((begins ? begin : end).size());
    if (begins ? !open.empty() : label != open) return false;
    if (begins && (label == "CERTIFICATE-----" || label == "X509 CERTIFICATE-----")) ++count;
    open = begins ? label : std::string_view();
  }
  return open.empty() && count == certificates;
}

}  // namespace

tl::expected<std::vector<CertificateHandle>, std::string> read_certificates(std::string_view pem) {
  std::vector<CertificateHandle> found;
  const BioHandle bio = bio_of(pem);
  ERR_clear_error();
  while (CertificateHandle next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)})
    found.push_back(std::move(next));
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  const std::string reason = take_tls_reason();
  if (!at_end) {
    return tl::unexpected<std::string>(
        fmt::format("certificate {}, which cannot be read ({})", found.size() + 1, reason));
  }
  if (is_whole_pem(pem, found.size())) return found;
  return tl::unexpected<std::string>(fmt::format(
      "{} certificates and lines that begin or end no block of PEM, as in a file that is cut", found.size()));
}

KeyHandle read_key(std::string_view pem) {
  const BioHandle bio = bio_of(pem);
  return KeyHandle(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

bool use_certificate(SSL_CTX& context, const TlsCertificate& certificate) {
  const auto chain = read_certificates(certificate.chain_pem);
  const KeyHandle key = read_key(certificate.key_pem);
  if (!chain || chain->empty() || key == nullptr) return false;
  if (SSL_CTX_use_certificate(&context, chain->front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
    return false;
  SSL_CTX_clear_chain_certs(&context);
  return std::all_of(chain->begin() + 1, chain->end(), [&](const CertificateHandle& next) {
    return SSL_CTX_add1_chain_cert(&context, next.get()) == 1;
  });
}

}  // namespace perigee::net
