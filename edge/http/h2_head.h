// The head of an HTTP/2 request (RFC 9113 8.3): field lines as HPACK decoded them, judged by the same
// validators as those of HTTP/1.1 and turned into the same RequestHead, so that nothing behind knows, and
// nothing upstream sees, which protocol the client spoke.
//
// Owns copies of what it was given; the head that finish() fills has views of them, good until the next
// start().
//
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "edge/http/h1_lines.h"
#include "edge/http/h1_reader.h"

namespace perigee::http {

class H2HeadReader {
 public:
  void start();
  // One field line, pseudo-header fields included. What is wrong with it is said by finish(); whatever comes
  // after a fault is not kept.
  void add(std::string_view name, std::string_view value, const HeadLimits& limits);
  // What the lines so far would be in HTTP/1.1, those that were not kept included.
  size_t bytes() const { return bytes_; }
  // From elsewhere: the head cannot be accepted any more.
  void refuse(const Refusal& refusal);

  // content_follows: the request did not end with its head. Refuses with 400 what RFC 9113 8.1.1 calls
  // malformed, with 414, 417, 431 and 501 as in HTTP/1.1.
  Refusal finish(const HeadLimits& limits, bool content_follows, RequestHead& head);
  // The same for trailers, of which nothing is kept.
  Refusal finish_trailers() const;

  // What was said of the target, whatever became of the head; empty where nothing was.
  std::string_view method() const { return view(method_.value); }
  std::string_view authority() const { return view(authority_.value); }
  std::string_view path() const { return view(path_.value); }

 private:
  struct Span {
    uint32_t at = 0;
    uint32_t size = 0;
  };
  struct Row {
    Span name;
    Span value;
    FieldId id = FieldId::other;
  };
  struct Pseudo {
    Span value;
    bool given = false;
  };

  // Copies, one behind the other. They move when there is no room, so they are known by their place.
  class Text {
   public:
    Text() = default;
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;

    void clear() { size_ = 0; }
    // Nothing moves until so many bytes more have come.
    void reserve(size_t more) {
      if (more > room_ - size_) grow(more);
    }
    Span add(std::string_view text) {
      reserve(text.size());
      const Span span{static_cast<uint32_t>(size_), static_cast<uint32_t>(text.size())};
      if (!text.empty()) std::memcpy(bytes_.get() + size_, text.data(), text.size());
      size_ += text.size();
      return span;
    }
    std::string_view view(Span span) const { return {bytes_.get() + span.at, span.size}; }

   private:
    void grow(size_t more);

    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t room_ = 0;
  };

  std::string_view view(Span span) const { return text_.view(span); }
  void add_pseudo(std::string_view name, std::string_view value);
  void add_field(std::string_view name, std::string_view value);
  Refusal read_request_line(const HeadLimits& limits, RequestHead& head) const;
  Refusal read_authority(RequestHead& head) const;
  void join_cookies();
  Refusal read_content(bool content_follows, RequestHead& head) const;

  Text text_;
  std::vector<Row> rows_;
  Pseudo method_, scheme_, authority_, path_;
  uint32_t cookies_ = 0;
  size_t bytes_ = 0;
  Refusal refusal_;
};

}  // namespace perigee::http
