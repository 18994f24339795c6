// Chunked content. Properties: however the bytes are cut, content, bytes used and outcome are the same;
// content that is accepted, chunked anew, reads as the same content.
#include <cstdlib>
#include <string>

#include "edge/http/h1.h"

namespace {

using namespace perigee::http;

struct Outcome {
  std::string content;
  size_t consumed = 0;
  bool done = false;
  bool refused = false;

  bool operator==(const Outcome&) const = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

Outcome read(std::string_view bytes, size_t part_bytes) {
  BodyReader reader;
  reader.start(Framing::chunked, 0);
  Outcome outcome;
  while (outcome.consumed < bytes.size() && !reader.done()) {
    const std::string_view part = bytes.substr(outcome.consumed, part_bytes);
    const BodyReader::Step step = reader.feed(part);
    require(step.consumed > 0 && step.consumed <= part.size());
    require(step.data.empty() || step.data.data() + step.data.size() == part.data() + step.consumed);
    require(!step.refused || step.data.empty());
    outcome.consumed += step.consumed;
    outcome.content += step.data;
    outcome.refused = step.refused;
    if (step.refused) break;
  }
  outcome.done = reader.done();
  return outcome;
}

std::string write_chunked(std::string_view content) {
  std::string written;
  char prefix[chunk_prefix_bytes_max];
  while (!content.empty()) {
    const std::string_view chunk = content.substr(0, 3);
    written.append(prefix, write_chunk_prefix(chunk.size(), prefix)).append(chunk).append("\r\n");
    content.remove_prefix(chunk.size());
  }
  return written.append(prefix, write_chunk_prefix(0, prefix)).append("\r\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(bytes, bytes.size());
  for (const size_t part_bytes : {size_t{1}, size_t{2}, size_t{5}}) require(read(bytes, part_bytes) == whole);
  if (whole.done) {
    const std::string written = write_chunked(whole.content);
    require(read(written, written.size()) == Outcome{whole.content, written.size(), true, false});
  }
  return 0;
}
