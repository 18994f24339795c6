#include "origin/static_files.h"

#include <array>
#include <charconv>
#include <utility>

#include "edge/http/h1.h"
#include "origin/query.h"

namespace perigee::origin {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

constexpr std::pair<std::string_view, std::string_view> content_types[] = {
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".txt", plain_text},
    {".md", "text/markdown; charset=utf-8"},
    {".csv", "text/csv; charset=utf-8"},
    {".xml", "application/xml"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".avif", "image/avif"},
    {".ico", "image/vnd.microsoft.icon"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".mp3", "audio/mpeg"},
    {".m3u8", "application/vnd.apple.mpegurl"},
    {".ts", "video/mp2t"},
    {".mpd", "application/dash+xml"},
    {".pdf", "application/pdf"},
    {".wasm", "application/wasm"},
    {".gz", "application/gzip"},
    {".zip", "application/zip"},
    {".tar", "application/x-tar"},
};

void append_hex(std::string& text, uint64_t value) {
  std::array<char, 16> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr);
}

// Size and time of modification to the millisecond; changes whenever a tool that keeps times honest changes
// the file.
std::string file_etag(const net::FileInfo& info) {
  std::string etag = "\"";
  append_hex(etag, static_cast<uint64_t>(info.modified.time_since_epoch().count()));
  etag += "-";
  append_hex(etag, info.size);
  return etag + "\"";
}

}  // namespace

std::optional<std::string> safe_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  auto decoded = percent_decode(path.substr(1));
  if (!decoded || decoded->find('\0') != std::string::npos) return std::nullopt;
  std::string_view left = *decoded;
  while (!left.empty()) {
    const size_t slash = left.find('/');
    const std::string_view part = left.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return std::nullopt;
    left.remove_prefix(slash == std::string_view::npos ? left.size() : slash + 1);
  }
  return decoded;
}

std::string_view content_type_of(std::string_view path) {
  for (const auto& [extension, type] : content_types) {
    if (path.ends_with(extension)) return type;
  }
  return "application/octet-stream";
}

Result<std::unique_ptr<net::File>> StaticFiles::open(const std::string& path, bool& directory) const {
  auto file = files_.open(root_ + "/" + path);
  directory = file && (*file)->info().is_directory;
  if (!directory || (!path.empty() && path.back() != '/')) return file;
  directory = false;
  return files_.open(root_ + "/" + path + "index.html");
}

Answer StaticFiles::answer(const http::RequestHead& request, WallTime now) const {
  const std::string_view path = request.path.substr(0, request.path.find('?'));
  if (request.method != http::Method::get && request.method != http::Method::head) {
    return text_answer(405, plain_text, "files are read with GET and HEAD\n", now, "allow: GET, HEAD\r\n");
  }
  const auto name = safe_path(path);
  if (!name) return text_answer(404, plain_text, "not found\n", now);
  bool directory = false;
  auto file = open(*name, directory);
  if (directory) {
    std::string location = "location: " + std::string(path) + "/\r\n";
    return text_answer(301, plain_text, "this is a directory\n", now, location);
  }
  if (!file || (*file)->info().is_directory) {
    const bool denied = !file && file.error().code == "file_denied";
    return text_answer(denied ? 403 : 404, plain_text, denied ? "denied\n" : "not found\n", now);
  }
  const net::FileInfo info = (*file)->info();
  Representation representation;
  representation.content_type = content_type_of(name->empty() || name->back() == '/' ? ".html" : *name);
  representation.etag = file_etag(info);
  representation.last_modified = unix_seconds(info.modified);
  if (max_age_) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*max_age_).count();
    http::HeadWriter(representation.more_lines).field("cache-control", "max-age=" + std::to_string(seconds));
  }
  representation.content = std::make_shared<FileContent>(std::move(*file));
  return answer_with(request, representation, now);
}

}  // namespace perigee::origin
