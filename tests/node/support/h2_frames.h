// HTTP/2 frames by hand (RFC 9113 4.1, 6), for what no library would send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perigee::test {

enum class FrameType : uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
  priority_update = 16,
};

inline constexpr uint8_t end_stream = 1;
inline constexpr uint8_t ack = 1;
inline constexpr uint8_t end_headers = 4;
inline constexpr uint8_t padded = 8;
inline constexpr std::string_view h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string be(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

inline std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload = {}) {
  std::string text = be(static_cast<uint32_t>(payload.size()), 3);
  text.push_back(static_cast<char>(type));
  text.push_back(static_cast<char>(flags));
  return text + be(stream, 4) + std::string(payload);
}

// A literal field line without indexing and without Huffman coding (RFC 7541 6.2.2).
inline std::string literal(std::string_view name, std::string_view value) {
  auto text = [](std::string_view bytes) {
    if (bytes.size() < 127) return std::string(1, static_cast<char>(bytes.size())) + std::string(bytes);
    std::string out = "\x7f";
    size_t rest = bytes.size() - 127;
    for (; rest >= 128; rest /= 128) out.push_back(static_cast<char>(rest % 128 + 128));
    out.push_back(static_cast<char>(rest));
    return out + std::string(bytes);
  };
  return std::string(1, '\0') + text(name) + text(value);
}

using FieldLines = std::vector<std::pair<std::string, std::string>>;

inline std::string block(const FieldLines& lines) {
  std::string text;
  for (const auto& [name, value] : lines) text += literal(name, value);
  return text;
}

inline FieldLines get_lines(std::string path) {
  return {{":method", "GET"}, {":scheme", "http"}, {":path", std::move(path)}, {":authority", "a.example"}};
}

inline FieldLines post_lines(std::string path) {
  FieldLines lines = get_lines(std::move(path));
  lines[0].second = "POST";
  return lines;
}

inline std::string headers(uint32_t stream, const FieldLines& lines,
                           uint8_t flags = end_stream | end_headers) {
  return frame(FrameType::headers, flags, stream, block(lines));
}

inline std::string get_frame(uint32_t stream, const std::string& path = "/") {
  return headers(stream, get_lines(path));
}

// The preface with empty settings.
inline std::string h2_hello() { return std::string(h2_preface) + frame(FrameType::settings, 0, 0); }

struct SeenFrame {
  FrameType type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;
  // Of RST_STREAM, or of GOAWAY.
  uint32_t error() const {
    const std::string_view code = std::string_view(payload).substr(type == FrameType::goaway ? 4 : 0, 4);
    uint32_t value = 0;
    for (char c : code) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  // Of GOAWAY: the last stream that is served.
  uint32_t last_stream() const {
    uint32_t value = 0;
    for (char c : std::string_view(payload).substr(0, 4)) value = value << 8 | static_cast<unsigned char>(c);
    return value & 0x7fffffff;
  }
};

inline std::vector<SeenFrame> frames_of(std::string_view bytes) {
  auto number = [&](size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  std::vector<SeenFrame> frames;
  while (bytes.size() >= 9) {
    const size_t size = number(0, 3);
    if (bytes.size() < 9 + size) break;
    frames.push_back({static_cast<FrameType>(bytes[3]), static_cast<uint8_t>(bytes[4]),
                      number(5, 4) & 0x7fffffff, std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return frames;
}

}  // namespace perigee::test
