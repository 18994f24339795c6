#include "edge/cache/key.h"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace perigee::cache;

namespace {

std::string key_of(std::string_view scheme, std::string_view authority, std::string_view path) {
  std::string key;
  return build_key(scheme, authority, path, key) ? key : "refused";
}

}  // namespace

TEST_CASE("a key is the URL in normal form", "[key]") {
  struct Row {
    const char *scheme, *authority, *path, *key;
  };
  const Row rows[] = {
      {"https", "example.org", "/a?b", "https://example.org/a?b"},
      {"HTTP", "Example.ORG", "/A", "http://example.org/A"},
      {"http", "example.org:80", "/", "http://example.org/"},
      {"http", "example.org:443", "/", "http://example.org:443/"},
      {"https", "example.org:443", "/", "https://example.org/"},
      {"https", "example.org:", "/", "https://example.org/"},
      {"https", "example.org:0080", "/", "https://example.org:80/"},
      {"http", "[2001:DB8::1]:8080", "/", "http://[2001:db8::1]:8080/"},
      {"http", "[::1]", "/", "http://[::1]/"},
      {"http", "a.b.", "/", "http://a.b./"},
      {"http", "h", "", "http://h/"},
      {"http", "h", "?q", "http://h/?q"},
      {"http", "h", "/a/./b", "http://h/a/b"},
      {"http", "h", "/a/../b", "http://h/b"},
      {"http", "h", "/../../b", "http://h/b"},
      {"http", "h", "/a/b/..", "http://h/a/"},
      {"http", "h", "/a/b/.", "http://h/a/b/"},
      {"http", "h", "/..", "http://h/"},
      {"http", "h", "/a//../b", "http://h/a/b"},
      {"http", "h", "//a", "http://h//a"},
      {"http", "h", "/a/%2e%2E/b", "http://h/b"},
      {"http", "h", "/.well-known/x", "http://h/.well-known/x"},
      {"http", "h", "/...", "http://h/..."},
      {"http", "h", "/a/..;x/b", "http://h/a/..;x/b"},
      {"http", "h", "/%7euser/%c3%a9", "http://h/~user/%C3%A9"},
      {"http", "h", "/a%2fb", "http://h/a%2Fb"},
      {"http", "h", "/a%2541", "http://h/a%2541"},
      {"http", "h", "/a|b\"<>\\^`{}", "http://h/a|b\"<>\\^`{}"},
      {"http", "h", "/?a=/../b&%41=%2f", "http://h/?a=/../b&A=%2F"},
      {"http", "h", "/?off=50%", "http://h/?off=50%25"},
      {"http", "h", "/?x=%%34", "http://h/?x=%254"},
      {"http", "h", "/a?", "http://h/a?"},
  };
  for (const Row& row : rows) {
    INFO(row.scheme << " " << row.authority << " " << row.path);
    CHECK(key_of(row.scheme, row.authority, row.path) == row.key);
  }
}

TEST_CASE("what can be no part of a URL is refused", "[key]") {
  struct Row {
    const char *scheme, *authority, *path;
  };
  const Row rows[] = {
      {"ftp", "h", "/"},
      {"http", "", "/"},
      {"http", ":80", "/"},
      {"http", "u@h", "/"},
      {"http", "h:65536", "/"},
      {"http", "h:8x", "/"},
      {"http", "h:-1", "/"},
      {"http", "h:1:2", "/"},
      {"http", "a b", "/"},
      {"http", "h%41", "/"},
      {"http", "[::1", "/"},
      {"http", "[]", "/"},
      {"http", "[::g]", "/"},
      {"http", "[::1]x", "/"},
      {"http", "h/x", "/"},
      {"http", "h\x80", "/"},
      {"http", "h", "*"},
      {"http", "h", "a"},
      {"http", "h", "/%"},
      {"http", "h", "/%4"},
      {"http", "h", "/%zz"},
      {"http", "h", "/a#b"},
      {"http", "h", "/a b"},
      {"http", "h", "/\x01"},
      {"http", "h", "/\x7f"},
      {"http", "h", "/\xc3\xa9"},
      {"http", "h", "/?a b"},
      {"http", "h", "/?#"},
      {"http", "h:99999999999999999999", "/"},
  };
  for (const Row& row : rows) {
    INFO(row.scheme << " " << row.authority << " " << row.path);
    CHECK(key_of(row.scheme, row.authority, row.path) == "refused");
  }
}

TEST_CASE("a key splits into the parts that are forwarded", "[key]") {
  const KeyParts parts = key_parts("https://[::1]:8443/a/b?c://d");
  CHECK(parts.scheme == "https");
  CHECK(parts.authority == "[::1]:8443");
  CHECK(parts.path == "/a/b?c://d");
}

TEST_CASE("a key is a fixed point: its parts build the same key, so every node of a chain agrees", "[key]") {
  static constexpr std::string_view alphabet = "aZ0-._~%%%%%2eEfF41//..?;=&:@|";
  std::mt19937 random(20240607);
  std::string key;
  std::string again;
  int built = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string path = "/";
    for (size_t n = random() % 16; n > 0; --n) path.push_back(alphabet[random() % alphabet.size()]);
    std::string authority;
    for (size_t n = random() % 6; n > 0; --n) authority.push_back(alphabet[random() % alphabet.size()]);
    if (i % 4 != 0) authority = "h";
    if (!build_key("http", authority, path, key)) continue;
    ++built;
    const KeyParts parts = key_parts(key);
    INFO(authority << " " << path << " -> " << key);
    REQUIRE(build_key(parts.scheme, parts.authority, parts.path, again));
    REQUIRE(again == key);
    REQUIRE(parts.path.substr(0, parts.path.find('?')).find("/../") == std::string_view::npos);
  }
  CHECK(built > 5000);
}

TEST_CASE("what is not normal is seen wherever in a long path it stands", "[cache][key]") {
  struct Case {
    std::string_view inserted;
    std::string_view normal;  // what becomes of it; "refused"
  };
  for (const size_t length : {15u, 16u, 17u, 31u, 32u, 33u, 48u}) {
    const std::string base = "/" + std::string(length - 1, 'a');
    for (size_t at = 1; at <= length; ++at) {
      for (const Case& each :
           {Case{"/./b", "/b"}, Case{"/../b", "/b"}, Case{"%41", "A"}, Case{"%2f", "%2F"}, Case{"/.b", "/.b"},
            Case{"//", "//"}, Case{"#", "refused"}, Case{" ", "refused"}, Case{"\x7f", "refused"},
            Case{"\x80", "refused"}, Case{"%4z", "refused"}}) {
        std::string path = base;
        path.insert(at, each.inserted);
        std::string expected = "http://h";
        // ".." takes the segment before it, which here is all before it.
        if (each.inserted != "/../b") expected += base.substr(0, at);
        expected.append(each.normal).append(base.substr(at));
        std::string key;
        INFO(path);
        CHECK(build_key("http", "h", path, key) == (each.normal != "refused"));
        if (each.normal != "refused") CHECK(key == expected);
      }
    }
  }
}

TEST_CASE("building a normal key allocates nothing when there is room", "[key]") {
  std::string key;
  key.reserve(64);
  const char* before = key.data();
  REQUIRE(build_key("https", "example.org", "/some/path?query", key));
  CHECK(key.data() == before);
  CHECK(key_hash(key) == key_hash("https://example.org/some/path?query"));
}
