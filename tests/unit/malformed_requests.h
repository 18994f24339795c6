// Requests that no server of ours may accept, with the status each is answered with. The unit tests feed them
// to the reader; tests of whole nodes send them to a listener and see that nothing of them reaches an origin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perigee::http::test {

struct MalformedRequest {
  std::string name;
  std::string bytes;
  int status = 400;  // expected
};

using namespace std::string_literals;

inline std::string repeat(std::string_view text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) repeated += text;
  return repeated;
}

// A request line, then a Host field and an empty line.
inline MalformedRequest line_case(std::string name, std::string line, int status) {
  return {std::move(name), std::move(line) + "\r\nHost: a.example\r\n\r\n", status};
}

// One more field line after a good Host.
inline MalformedRequest field_case(std::string name, std::string field, int status = 400) {
  return {std::move(name), "GET / HTTP/1.1\r\nHost: a.example\r\n" + std::move(field) + "\r\n\r\n", status};
}

inline MalformedRequest post_case(std::string name, std::string fields, int status = 400) {
  return {
      std::move(name),
      "POST /form HTTP/1.1\r\nHost: a.example\r\n" + std::move(fields) + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      status};
}

// In place of the Host field line.
inline MalformedRequest host_case(std::string name, std::string field, int status = 400) {
  return {std::move(name), "GET / HTTP/1.1\r\n" + std::move(field) + "\r\n\r\n", status};
}

inline std::vector<MalformedRequest> malformed_request_lines() {
  return {
      line_case("empty method", " / HTTP/1.1", 400),
      line_case("no method", "/ HTTP/1.1", 400),
      line_case("method with a colon", "GE:T / HTTP/1.1", 400),
      line_case("method with a slash", "GET/ / HTTP/1.1", 400),
      line_case("method in parentheses", "(GET) / HTTP/1.1", 400),
      line_case("method with a NUL", "GE\0T / HTTP/1.1"s, 400),
      line_case("method with a byte above ASCII", "G\xc3\x8aT / HTTP/1.1", 400),
      line_case("method in double quotes", "\"GET\" / HTTP/1.1", 400),
      line_case("lower-case method", "get / HTTP/1.1", 501),
      line_case("method in mixed case", "Head / HTTP/1.1", 501),
      line_case("method of 33 bytes", repeat("M", 33) + " / HTTP/1.1", 501),
      line_case("tab before the method", "\tGET / HTTP/1.1", 400),
      line_case("tab after the method", "GET\t/ HTTP/1.1", 400),
      line_case("two spaces after the method", "GET  / HTTP/1.1", 400),
      line_case("two spaces after the target", "GET /  HTTP/1.1", 400),
      line_case("tab after the target", "GET /\tHTTP/1.1", 400),
      line_case("space after the version", "GET / HTTP/1.1 ", 400),
      line_case("space within the target", "GET /a b HTTP/1.1", 400),
      line_case("no target", "GET HTTP/1.1", 400),
      line_case("method alone", "GET", 400),
      line_case("HTTP/0.9 without version", "GET /", 505),
      line_case("HTTP/0.9 with version", "GET / HTTP/0.9", 505),
      line_case("HTTP/1.2", "GET / HTTP/1.2", 505),
      line_case("HTTP/2.0", "GET / HTTP/2.0", 505),
      line_case("HTTP/3.0", "GET / HTTP/3.0", 505),
      line_case("HTTP/9.9", "GET / HTTP/9.9", 505),
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      line_case("version without minor", "GET / HTTP/1", 400),
      line_case("version with a dot at its end", "GET / HTTP/1.", 400),
      line_case("version of two digits", "GET / HTTP/11.1", 400),
      line_case("minor version of two digits", "GET / HTTP/1.10", 400),
      line_case("lower-case version", "GET / http/1.1", 400),
      line_case("another protocol", "GET / ICY/1.1", 400),
      line_case("negative version", "GET / HTTP/-1.1", 400),
      line_case("version with a comma", "GET / HTTP/1,1", 400),
      line_case("version with white space", "GET / HTTP /1.1", 400),
      line_case("RTSP", "DESCRIBE rtsp://a.example/ RTSP/1.0", 400),
      {"three empty lines first", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400},
      {"bare LF first", "\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400},
      {"bare CR first", "\rGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400},
      {"space first", " GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400},
      {"space after an empty line", "\r\n GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a.example\r\n\r\n", 400},
      {"bare CR after the request line", "GET / HTTP/1.1\rHost: a.example\r\n\r\n", 400},
      {"CR CR LF after the request line", "GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n", 400},
      {"a TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"s, 400},
      {"an answer for a request", "HTTP/1.1 200 OK\r\nHost: a.example\r\n\r\n", 400},
  };
}

inline std::vector<MalformedRequest> malformed_targets() {
  return {
      line_case("target with a NUL", "GET /a\0b HTTP/1.1"s, 400),
      line_case("target with a control",
                "GET /a\x01"
                "b HTTP/1.1",
                400),
      line_case("target with DEL", "GET /a\x7f HTTP/1.1", 400),
      line_case("target with a byte above ASCII", "GET /caf\xc3\xa9 HTTP/1.1", 400),
      line_case("target with a fragment", "GET /a#b HTTP/1.1", 400),
      line_case("target without a slash", "GET a HTTP/1.1", 400),
      line_case("target of a query alone", "GET ?a=b HTTP/1.1", 400),
      line_case("asterisk with GET", "GET * HTTP/1.1", 400),
      line_case("asterisk with more", "OPTIONS *a HTTP/1.1", 400),
      line_case("authority with GET", "GET a.example:80 HTTP/1.1", 400),
      line_case("CONNECT to a path", "CONNECT / HTTP/1.1", 400),
      line_case("CONNECT without port", "CONNECT a.example HTTP/1.1", 400),
      line_case("CONNECT with an empty port", "CONNECT a.example: HTTP/1.1", 400),
      line_case("CONNECT to an absolute form", "CONNECT http://a.example:80/ HTTP/1.1", 400),
      line_case("CONNECT with user information", "CONNECT u@a.example:80 HTTP/1.1", 400),
      line_case("absolute form with user information", "GET http://u:p@a.example/ HTTP/1.1", 400),
      line_case("absolute form with empty user information", "GET http://@a.example/ HTTP/1.1", 400),
      line_case("absolute form without authority", "GET http:///a HTTP/1.1", 400),
      line_case("absolute form with a port alone", "GET http://:80/ HTTP/1.1", 400),
      line_case("absolute form with a bad port", "GET http://a.example:http/ HTTP/1.1", 400),
      line_case("absolute form with a backslash", "GET http://a.example\\@b.example/ HTTP/1.1", 400),
      line_case("absolute form with a query and no path", "GET http://a.example?q HTTP/1.1", 400),
      line_case("absolute form with one slash", "GET http:/a.example/ HTTP/1.1", 400),
      line_case("absolute form with a fragment", "GET http://a.example/#f HTTP/1.1", 400),
      line_case("absolute form with an empty scheme", "GET ://a.example/ HTTP/1.1", 400),
      line_case("absolute form with a bad scheme", "GET 1http://a.example/ HTTP/1.1", 400),
      line_case("foreign scheme", "GET ftp://a.example/ HTTP/1.1", 421),
      line_case("scheme of a local file", "GET file:///etc/passwd HTTP/1.1", 421),
      line_case("target of 8193 bytes", "GET /" + repeat("a", 8192) + " HTTP/1.1", 414),
      {"target without end", "GET /" + repeat("a", 17000), 414},
  };
}

inline std::vector<MalformedRequest> malformed_field_lines() {
  return {
      field_case("space before the colon", "X-A : b"),
      field_case("tab before the colon", "X-A\t: b"),
      field_case("space within a name", "X A: b"),
      field_case("empty name", ": b"),
      field_case("no colon", "X-A"),
      field_case("no colon, but spaces", "GET / HTTP/1.1"),
      field_case("name with a NUL", "X\0A: b"s),
      field_case("name with a control",
                 "X\x01"
                 "A: b"),
      field_case("name with a byte above ASCII", "X-\xe9: b"),
      field_case("name in double quotes", "\"X\": b"),
      field_case("name with a slash", "X/A: b"),
      field_case("name with a comma", "X,A: b"),
      field_case("name with an at sign", "X@A: b"),
      field_case("name with a bracket", "X[0]: b"),
      field_case("name with a brace", "{X}: b"),
      field_case("name with a semicolon", "X;A: b"),
      field_case("name with an equals sign", "X=A: b"),
      field_case("value with a NUL", "X-A: b\0c"s),
      field_case("value with a bell", "X-A: b\x07"),
      field_case("value with a vertical tab",
                 "X-A: b\x0b"
                 "c"),
      field_case("value with a form feed",
                 "X-A: \x0c"
                 "b"),
      field_case("value with an escape", "X-A: \x1b[31m"),
      field_case("value with DEL", "X-A: b\x7f"),
      field_case("bare CR in a value", "X-A: b\rX-B: c"),
      field_case("bare LF in a value", "X-A: b\nX-B: c"),
      field_case("CR CR LF after a value", "X-A: b\r\r\nX-B: c"),
      field_case("LF CR after a value", "X-A: b\n\rX-B: c"),
      field_case("fold with a space", "X-A: b\r\n c"),
      field_case("fold with a tab", "X-A: b\r\n\tc"),
      field_case("fold of a space alone", "X-A: b\r\n \r\nX-B: c"),
      field_case("fold in an empty value", "X-A:\r\n b"),
      {"white space before the first field", "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", 400},
      {"tab before the first field", "GET / HTTP/1.1\r\n\tX: b\r\nHost: a.example\r\n\r\n", 400},
      {"white space before a framing field",
       "POST / HTTP/1.1\r\nHost: a.example\r\n Content-Length: 5\r\n\r\nhello", 400},
      {"bare LF for the empty line", "GET / HTTP/1.1\r\nHost: a.example\r\n\n", 400},
      {"bare CR for the empty line", "GET / HTTP/1.1\r\nHost: a.example\r\n\rX", 400},
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: a.example\n\n", 400},
      field_case("101 fields", repeat("X: y\r\n", 99) + "X: y", 431),
      {"101 fields and no end", "GET / HTTP/1.1\r\n" + repeat("Name: value\r\n", 200), 431},
      field_case("a field of 16 KiB", "X: " + repeat("y", 16384), 431),
      {"a field without end", "GET / HTTP/1.1\r\nHost: a.example\r\nX: " + repeat("y", 16384), 431},
      field_case("many fields of 16 KiB in sum",
                 repeat("X-Padding: " + repeat("y", 400) + "\r\n", 50) + "X: y", 431),
  };
}

inline std::vector<MalformedRequest> malformed_hosts() {
  return {
      host_case("no Host", "X: y"),
      host_case("no field at all", "X-A:"),
      host_case("two Hosts", "Host: a.example\r\nHost: b.example"),
      host_case("two equal Hosts", "Host: a.example\r\nHost: a.example"),
      host_case("two Hosts in different case", "Host: a.example\r\nhost: a.example"),
      host_case("empty Host", "Host:"),
      host_case("Host of white space", "Host: \t "),
      host_case("Host with a path", "Host: a.example/b"),
      host_case("Host with a query", "Host: a.example?b"),
      host_case("Host with a scheme", "Host: http://a.example"),
      host_case("Host with user information", "Host: u@a.example"),
      host_case("Host with a list", "Host: a.example, b.example"),
      host_case("Host with a space", "Host: a.example b.example"),
      host_case("Host with a percent sign", "Host: a%2eexample"),
      host_case("Host with a byte above ASCII", "Host: caf\xc3\xa9.example"),
      host_case("Host with an asterisk", "Host: *.example"),
      host_case("Host with a backslash", "Host: a.example\\b"),
      host_case("Host with an empty label", "Host: a..example"),
      host_case("Host with an empty first label", "Host: .example"),
      host_case("Host of a dot", "Host: ."),
      host_case("Host with two dots at its end", "Host: a.example.."),
      host_case("Host with a label of 64 bytes", "Host: " + repeat("a", 64) + ".example"),
      host_case("Host of 254 bytes", "Host: " + repeat("abcdefg.", 31) + "abcdef"),
      host_case("Host with an empty port", "Host: a.example:"),
      host_case("Host with port 0", "Host: a.example:0"),
      host_case("Host with port 65536", "Host: a.example:65536"),
      host_case("Host with a port of six digits", "Host: a.example:000080"),
      host_case("Host with a leading zero in its port", "Host: a.example:080"),
      host_case("Host with a signed port", "Host: a.example:+80"),
      host_case("Host with a named port", "Host: a.example:http"),
      host_case("Host with two ports", "Host: a.example:80:81"),
      host_case("Host of a port alone", "Host: :80"),
      host_case("Host with an open bracket", "Host: [::1"),
      host_case("Host with a closing bracket alone", "Host: ::1]"),
      host_case("Host with IPv6 without brackets", "Host: ::1"),
      host_case("Host with a bad IPv6 address", "Host: [::g]"),
      host_case("Host with an IPv6 zone", "Host: [fe80::1%25eth0]"),
      host_case("Host with empty brackets", "Host: []"),
      host_case("Host with text after brackets", "Host: [::1]a"),
      {"bad Host under a good absolute form", "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"no Host under a good absolute form", "GET http://a.example/ HTTP/1.1\r\nX: y\r\n\r\n", 400},
      {"bad Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: u@a.example\r\n\r\n", 400},
  };
}

inline std::vector<MalformedRequest> malformed_framings() {
  return {
      post_case("both framings", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
      post_case("both framings, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
      post_case("both framings, length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
      post_case("two lengths", "Content-Length: 5\r\nContent-Length: 6"),
      post_case("two equal lengths", "Content-Length: 5\r\nContent-Length: 5"),
      post_case("a list of equal lengths", "Content-Length: 5, 5"),
      post_case("a list of lengths", "Content-Length: 5,6"),
      post_case("empty length", "Content-Length:"),
      post_case("signed length", "Content-Length: +5"),
      post_case("negative length", "Content-Length: -5"),
      post_case("hexadecimal length", "Content-Length: 0x5"),
      post_case("length of a hexadecimal digit", "Content-Length: a"),
      post_case("length with a fraction", "Content-Length: 5.0"),
      post_case("length with an exponent", "Content-Length: 5e0"),
      post_case("length with white space within", "Content-Length: 5 5"),
      post_case("length in double quotes", "Content-Length: \"5\""),
      post_case("length with a semicolon", "Content-Length: 5;"),
      post_case("length of 2^63", "Content-Length: 9223372036854775808"),
      post_case("length of 2^64", "Content-Length: 18446744073709551616"),
      post_case("length of forty digits", "Content-Length: " + repeat("9", 40)),
      post_case("length with a space before its colon", "Content-Length : 5"),
      post_case("length with a vertical tab",
                "Content-Length: \x0b"
                "5"),
      post_case("empty coding", "Transfer-Encoding:"),
      post_case("coding of a comma", "Transfer-Encoding: ,"),
      post_case("chunked twice", "Transfer-Encoding: chunked, chunked"),
      post_case("two lines of chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
      post_case("chunked with a comma", "Transfer-Encoding: chunked,"),
      post_case("chunked after a comma", "Transfer-Encoding: ,chunked"),
      post_case("chunked with a parameter", "Transfer-Encoding: chunked;q=1"),
      post_case("chunked in double quotes", "Transfer-Encoding: \"chunked\""),
      post_case("chunked with white space within", "Transfer-Encoding: chun ked"),
      post_case("chunked with a vertical tab",
                "Transfer-Encoding: \x0b"
                "chunked"),
      post_case("chunked with a NUL", "Transfer-Encoding: chunked\0"s),
      post_case("chunked with a space before its colon", "Transfer-Encoding : chunked"),
      post_case("chunked in a folded line", "Transfer-Encoding:\r\n chunked"),
      post_case("unknown coding", "Transfer-Encoding: xchunked", 501),
      post_case("identity", "Transfer-Encoding: identity", 501),
      post_case("gzip", "Transfer-Encoding: gzip", 501),
      post_case("gzip before chunked", "Transfer-Encoding: gzip, chunked", 501),
      post_case("gzip after chunked", "Transfer-Encoding: chunked, gzip"),
      post_case("identity before chunked", "Transfer-Encoding: identity, chunked", 501),
      post_case("gzip and chunked on two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
      {"chunked in HTTP/1.0",
       "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"two framings in a GET",
       "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      post_case("unknown expectation", "Content-Length: 5\r\nExpect: 200-ok", 417),
      post_case("empty expectation", "Content-Length: 5\r\nExpect:", 417),
      post_case("two expectations on one line", "Content-Length: 5\r\nExpect: 100-continue, x", 417),
      post_case("two expectations on two lines", "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: x",
                417),
  };
}

// Every request whose head alone is refused.
inline std::vector<MalformedRequest> malformed_requests() {
  std::vector<MalformedRequest> all;
  for (auto table : {malformed_request_lines, malformed_targets, malformed_field_lines, malformed_hosts,
                     malformed_framings}) {
    for (MalformedRequest& each : table()) all.push_back(std::move(each));
  }
  return all;
}

inline MalformedRequest chunk_case(std::string name, std::string content) {
  return {std::move(name),
          "POST /form HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n" + std::move(content),
          400};
}

// Requests with a good head and chunk framing that is refused, most of it in the first chunk.
inline std::vector<MalformedRequest> malformed_contents() {
  return {
      chunk_case("empty size", "\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of an extension alone", ";a=b\r\nhello\r\n0\r\n\r\n"),
      chunk_case("signed size", "+5\r\nhello\r\n0\r\n\r\n"),
      chunk_case("negative size", "-5\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of a letter beyond f", "g\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size with an underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
      chunk_case("size in double quotes", "\"5\"\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of seventeen digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of 2^64", "10000000000000000\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of 2^64-1", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
      chunk_case("size of 2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n"),
      chunk_case("space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
      chunk_case("space after the size", "5 \r\nhello\r\n0\r\n\r\n"),
      chunk_case("tab after the size", "5\t\r\nhello\r\n0\r\n\r\n"),
      chunk_case("space before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n"),
      chunk_case("NUL after the size", "5\0\r\nhello\r\n0\r\n\r\n"s),
      chunk_case("bare LF after the size", "5\nhello\r\n0\r\n\r\n"),
      chunk_case("bare CR after the size", "5\rhello\r\n0\r\n\r\n"),
      chunk_case("CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n"),
      chunk_case("bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"),
      chunk_case("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
      chunk_case("NUL in an extension", "5;a\0\r\nhello\r\n0\r\n\r\n"s),
      chunk_case("no CRLF after the data", "5\r\nhello0\r\n\r\n"),
      chunk_case("bare LF after the data", "5\r\nhello\n0\r\n\r\n"),
      chunk_case("bare CR after the data", "5\r\nhello\r0\r\n\r\n"),
      chunk_case("more data than the size", "5\r\nhello!\r\n0\r\n\r\n"),
      chunk_case("bare LF for the end", "5\r\nhello\r\n0\r\n\n"),
      chunk_case("bare LF after the last size", "5\r\nhello\r\n0\n\r\n"),
      chunk_case("bare CR for the end", "5\r\nhello\r\n0\r\n\rX"),
      chunk_case("extension of 5000 bytes", "5;" + repeat("a", 5000) + "\r\nhello\r\n0\r\n\r\n"),
      chunk_case("many small chunks with extensions",
                 repeat("1;" + repeat("a", 50) + "\r\nx\r\n", 100) + "0\r\n\r\n"),
      chunk_case("trailers of 5000 bytes", "0\r\n" + repeat("X: " + repeat("y", 95) + "\r\n", 60) + "\r\n"),
      chunk_case("trailer without colon", "0\r\nabc\r\n\r\n"),
      chunk_case("trailer with an empty name", "0\r\n: b\r\n\r\n"),
      chunk_case("trailer with a space before its colon", "0\r\nX : b\r\n\r\n"),
      chunk_case("trailer that begins with a space", "0\r\n X: b\r\n\r\n"),
      chunk_case("folded trailer", "0\r\nX: a\r\n b\r\n\r\n"),
      chunk_case("trailer with a NUL", "0\r\nX: a\0\r\n\r\n"s),
      chunk_case("trailer with a bare LF", "0\r\nX: a\nY: b\r\n\r\n"),
      chunk_case("trailer with a bare CR", "0\r\nX: a\rb\r\n\r\n"),
      chunk_case("the next request as a trailer", "0\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
  };
}

}  // namespace perigee::http::test
