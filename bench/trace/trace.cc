#include "bench/trace/trace.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "edge/base/bytes.h"

namespace perigee::trace {

namespace {

std::optional<int64_t> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec != std::errc() || end != text.data() + text.size() || !(seconds >= 0) || seconds > 1e12)
    return std::nullopt;
  return static_cast<int64_t>(seconds * 1e6 + 0.5);
}

std::string_view take_column(std::string_view& line) {
  const size_t comma = line.find(',');
  const std::string_view column = trim_ows(line.substr(0, comma));
  line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
  return column;
}

class Parser {
 public:
  // False when the line is not a request.
  bool add(std::string_view line) {
    const auto time = parse_seconds(take_column(line));
    const std::string_view id = take_column(line);
    const auto size = parse_decimal(take_column(line));
    if (!time || id.empty() || !size) return false;
    const auto [known, is_new] =
        ids_.try_emplace(std::string(id), static_cast<uint32_t>(trace_.names.size()));
    if (is_new) trace_.names.emplace_back(id);
    trace_.requests.push_back({*time, known->second, *size});
    return true;
  }
  Trace take() { return std::move(trace_); }

 private:
  Trace trace_;
  std::unordered_map<std::string, uint32_t> ids_;
};

}  // namespace

size_t Trace::ids() const {
  uint32_t largest = 0;
  for (const Request& request : requests) largest = std::max(largest, request.id);
  return requests.empty() ? 0 : size_t{largest} + 1;
}

Result<Trace> parse_csv(std::string_view text, std::string_view path) {
  Parser parser;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number;
    if (line.empty() || parser.add(line) || (number == 1 && !is_digit(line[0]))) continue;
    return fail(Side::client, "bad_trace",
                std::string(path) + ':' + std::to_string(number) + ": found \"" +
                    std::string(line.substr(0, 80)) + "\", expected time,id,size");
  }
  return parser.take();
}

Result<std::string> read_text(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return fail(Side::client, "io", path + ": " + std::strerror(errno));
  std::string text;
  std::vector<char> buffer(1 << 20);
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), file))
    text.append(buffer.data(), got);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) return fail(Side::client, "io", path + ": cannot be read to its end");
  return text;
}

Result<Trace> read_csv(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse_csv(*text, path);
}

void write_csv(const Trace& trace, std::FILE* out) {
  std::fputs("time,id,size\n", out);
  for (const Request& request : trace.requests) {
    std::fprintf(out, "%" PRId64 ".%06" PRId64 ",%s,%" PRIu64 "\n", request.time_us / 1'000'000,
                 request.time_us % 1'000'000, trace.name(request.id).c_str(), request.size);
  }
}

}  // namespace perigee::trace
