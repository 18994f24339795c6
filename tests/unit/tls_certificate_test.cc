#include "edge/net/tls_certificate.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/test_files.h"

using namespace perigee;
using namespace perigee::net;
using perigee::test::read_test_file;

namespace {

constexpr WallTime now = wall_from_unix_seconds(1'800'000'000);  // 2027

auto read(const std::string& chain, const std::string& key, const std::string& ocsp = "",
          std::optional<WallTime> at = now) {
  TlsCertificateBytes bytes;
  bytes.chain = read_test_file("certificates/" + chain);
  bytes.key = read_test_file("certificates/" + key);
  if (!ocsp.empty()) bytes.ocsp = read_test_file("certificates/" + ocsp);
  return read_tls_certificate(std::move(bytes), at);
}

}  // namespace

TEST_CASE("a good certificate tells its names, its time and its kind of key", "[tls]") {
  const auto elliptic = read("a.pem", "a.key", "a.ocsp");
  REQUIRE(elliptic);
  CHECK((*elliptic)->names == std::vector<std::string>{"a.example", "*.a.example"});
  CHECK((*elliptic)->key_type == "EC");
  CHECK(unix_seconds((*elliptic)->not_before) == 946'684'800);
  CHECK((*elliptic)->not_after > now);
  const auto rsa = read("a-rsa.pem", "a-rsa.key");
  REQUIRE(rsa);
  CHECK((*rsa)->key_type == "RSA");
}

TEST_CASE("a certificate covers its names and one label of a wildcard", "[tls]") {
  const auto certificate = read("a.pem", "a.key");
  REQUIRE(certificate);
  struct Case {
    std::string_view host;
    bool covered;
  };
  const Case cases[] = {
      {"a.example", true},  {"www.a.example", true}, {"*.a.example", true}, {"x.www.a.example", false},
      {"b.example", false}, {".a.example", false},   {"xa.example", false}, {"", false},
      {"example", false}};
  for (const Case& each : cases) {
    INFO(each.host);
    CHECK((*certificate)->covers(each.host) == each.covered);
  }
}

TEST_CASE("what is wrong with a certificate is said, with the file it is wrong in", "[tls]") {
  struct Case {
    std::string chain, key, ocsp;
    TlsFile file;
    std::string_view found;
  };
  const Case cases[] = {
      {"a.key", "a.key", "", TlsFile::chain, "no certificate"},
      {"a.pem", "a.pem", "", TlsFile::key, "no key that can be read"},
      {"a.pem", "b.key", "", TlsFile::key, "the key of another certificate"},
      {"a.pem", "a-rsa.key", "", TlsFile::key, "the key of another certificate"},
      {"expired.pem", "expired.key", "", TlsFile::chain, "a certificate that expired on 2001-01-01"},
      {"early.pem", "early.key", "", TlsFile::chain, "a certificate that begins on 2119-01-01"},
      {"broken-chain.pem", "broken-chain.key", "", TlsFile::chain, "a chain whose certificate 2"},
      {"nameless.pem", "nameless.key", "", TlsFile::chain, "a certificate without a DNS name"},
      {"a.pem", "a.key", "a.key", TlsFile::ocsp, "no OCSP response"},
      {"b.pem", "b.key", "a.ocsp", TlsFile::ocsp, "an OCSP response about another certificate"},
      {"a.pem", "a.key", "a-revoked.ocsp", TlsFile::ocsp,
       "an OCSP response that calls the certificate revoked"},
      {"a.pem", "a.key", "a-forged.ocsp", TlsFile::ocsp,
       "an OCSP response that the certificate's issuer did not sign"},
      {"under-expired.pem", "under-expired.key", "", TlsFile::chain,
       "a chain whose certificate 2 expired on 2001-01-01"},
  };
  for (const Case& each : cases) {
    INFO(each.chain << " " << each.key << " " << each.ocsp);
    const auto result = read(each.chain, each.key, each.ocsp);
    REQUIRE(!result);
    CHECK(result.error().file == each.file);
    INFO(result.error().found);
    CHECK(result.error().found.starts_with(each.found));
  }
}

TEST_CASE("a file that is damaged or half written is not taken for a shorter one", "[tls]") {
  const std::string chain = read_test_file("certificates/a.pem");
  const std::string root = read_test_file("certificates/root.pem");
  const size_t second = chain.find("-----BEGIN", 1);
  std::string damaged = chain;
  damaged[second + 100] = '!';
  std::string many = chain;
  for (int i = 0; i < 20; ++i) many += root;
  const auto without = [](std::string text, size_t at, size_t bytes) { return text.erase(at, bytes); };
  constexpr std::string_view begin_line = "-----BEGIN CERTIFICATE-----\n";
  constexpr std::string_view end_line = "-----END CERTIFICATE-----\n";
  const struct {
    std::string chain;
    std::string_view found;
  } cases[] = {
      {without(chain, second, 1), "1 certificates and lines"},
      {without(chain, second, begin_line.size()), "1 certificates and lines"},
      {std::string(chain).insert(second, " "), "1 certificates and lines"},
      {chain.substr(0, second + 300), "certificate 2, which cannot be read"},
      {chain.substr(0, second + 20), "1 certificates and lines"},
      {chain.substr(0, second - 30), "certificate 1, which cannot be read"},
      {damaged, "certificate 2, which cannot be read"},
      {many, "22 certificates"},
  };
  for (const auto& each : cases) {
    const auto result =
        read_tls_certificate({each.chain, read_test_file("certificates/a.key"), ""}, std::nullopt);
    REQUIRE(!result);
    INFO(result.error().found);
    CHECK(result.error().file == TlsFile::chain);
    CHECK(result.error().found.starts_with(each.found));
  }
  CHECK(!check_certificate_authorities(root + root));
  CHECK(check_certificate_authorities(root + damaged).value_or("").starts_with("certificate 3"));
  const std::string no_end = without(root, root.find("-----END"), end_line.size());
  CHECK(check_certificate_authorities(root + no_end + root + root));
  CHECK(check_certificate_authorities(no_end + root));
  CHECK(check_certificate_authorities("") == "no certificate");
  // Text around them, and what is no certificate, is nobody's business.
  CHECK(read_tls_certificate({"issued for a\n" + chain + "# -----BEGIN CERTIFICATE----- begins one\n" +
                                  read_test_file("certificates/a.key"),
                              read_test_file("certificates/a.key"), ""},
                             std::nullopt));
}

TEST_CASE("without its issuer in the chain a certificate has the OCSP response that names it", "[tls]") {
  const std::string chain = read_test_file("certificates/a.pem");
  const std::string leaf = chain.substr(0, chain.find("-----BEGIN", 1));
  const std::string key = read_test_file("certificates/a.key");
  CHECK(read_tls_certificate({leaf, key, read_test_file("certificates/a.ocsp")}, std::nullopt));
}

TEST_CASE("an OCSP response that has ended is left out, and named", "[tls]") {
  const auto old = read("a.pem", "a.key", "a-old.ocsp");
  REQUIRE(old);
  CHECK((*old)->ocsp_der.empty());
  CHECK((*old)->ocsp_left_out == "an OCSP response that ended on 2001-01-01");
  const auto good = read("a.pem", "a.key", "a.ocsp");
  REQUIRE(good);
  CHECK((*good)->ocsp_der == read_test_file("certificates/a.ocsp"));
  CHECK((*good)->ocsp_left_out.empty());
  CHECK((*good)->ocsp_until > now);
}

TEST_CASE("without a time certificates are not judged by it", "[tls]") {
  CHECK(read("expired.pem", "expired.key", "", std::nullopt));
  CHECK(read("a.pem", "a.key", "a-old.ocsp", std::nullopt));
}
