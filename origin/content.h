// What the origin can send the bytes of: a representation of known size that is read at any offset.
//
// Shared by the answers that are reading it. Thread rule: one loop's thread each.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "edge/net/files.h"

namespace perigee::origin {

class Content {
 public:
  virtual ~Content() = default;
  virtual uint64_t size() const = 0;
  // Fills out with the bytes at offset; false when they cannot be had, whatever the reason.
  virtual bool read(uint64_t offset, std::span<char> out) = 0;
};

// A self-verifying body (self_verifying.h).
class PatternContent final : public Content {
 public:
  PatternContent(uint64_t seed, uint64_t size) : seed_(seed), size_(size) {}
  uint64_t size() const override { return size_; }
  bool read(uint64_t offset, std::span<char> out) override;

 private:
  uint64_t seed_;
  uint64_t size_;
};

class TextContent final : public Content {
 public:
  explicit TextContent(std::string text) : text_(std::move(text)) {}
  uint64_t size() const override { return text_.size(); }
  bool read(uint64_t offset, std::span<char> out) override;

 private:
  std::string text_;
};

class FileContent final : public Content {
 public:
  explicit FileContent(std::unique_ptr<net::File> file) : file_(std::move(file)), size_(file_->info().size) {}
  uint64_t size() const override { return size_; }
  bool read(uint64_t offset, std::span<char> out) override;

 private:
  std::unique_ptr<net::File> file_;
  uint64_t size_;  // as it was when opened; a file that shrinks meanwhile cannot be read to its end
};

}  // namespace perigee::origin
