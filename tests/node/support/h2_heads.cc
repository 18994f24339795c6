#include "tests/node/support/h2_heads.h"

#include <nghttp2/nghttp2.h>

#include <stdexcept>

namespace perigee::test {
namespace {

class Unpacker {
 public:
  Unpacker() { nghttp2_hd_inflate_new(&inflater_); }
  ~Unpacker() { nghttp2_hd_inflate_del(inflater_); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  FieldLines read(std::string_view block) {
    FieldLines lines;
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv line{};
      const ssize_t used = nghttp2_hd_inflate_hd2(
          inflater_, &line, &flags, reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      if (used < 0) throw std::runtime_error("a block of fields that cannot be read");
      block.remove_prefix(static_cast<size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        lines.emplace_back(std::string(reinterpret_cast<const char*>(line.name), line.namelen),
                           std::string(reinterpret_cast<const char*>(line.value), line.valuelen));
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return lines;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace

std::string SeenHead::field(std::string_view name) const {
  for (const auto& [each, value] : fields) {
    if (each == name) return value;
  }
  return "";
}

std::vector<SeenHead> heads_of(std::string_view bytes) {
  Unpacker unpacker;
  std::vector<SeenHead> heads;
  for (const SeenFrame& seen : frames_of(bytes)) {
    if (seen.type != FrameType::headers) continue;
    if ((seen.flags & end_headers) == 0) throw std::runtime_error("a head in several frames");
    heads.push_back({seen.stream, (seen.flags & end_stream) != 0, unpacker.read(seen.payload)});
  }
  return heads;
}

std::string final_status(std::string_view bytes, uint32_t stream) {
  for (const SeenHead& head : heads_of(bytes)) {
    if (head.stream == stream && head.status()[0] != '1') return head.status();
  }
  return "";
}

}  // namespace perigee::test
