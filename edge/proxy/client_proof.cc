#include "edge/proxy/client_proof.h"

#include "edge/http/structured_fields.h"

namespace perigee::proxy {

ClientProof proof_of(const net::TlsFacts* facts, bool asked) {
  ClientProof proof;
  if (facts == nullptr) return proof;
  proof.early = facts->early;
  if (!asked || facts->client_certificate.empty()) return proof;
  // RFC 9440 2.1: byte sequences of structured fields, each a certificate in DER form.
  http::sf::serialise({http::sf::Bytes{facts->client_certificate}, {}}, proof.certificate);
  http::sf::List chain;
  for (const std::string& der : facts->client_chain)
    chain.push_back(http::sf::Item{http::sf::Bytes{der}, {}});
  http::sf::serialise(chain, proof.chain);
  return proof;
}

}  // namespace perigee::proxy
