// The tree of files under one directory, as representations.
//
// Owned by the handler; reads through net::Files. A target can never leave the root: any path with an empty,
// "." or ".." component, a NUL or a bad escape is refused before the file system is asked.
//
// Thread rule: the loop's thread (reads block, see net::Files).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "edge/net/files.h"
#include "origin/answer.h"

namespace perigee::origin {

// The path below the root that a request's path (without query) names: decoded, without leading slash, "" for
// "/". nullopt: refused.
std::optional<std::string> safe_path(std::string_view path);

// By extension; application/octet-stream for those we do not know.
std::string_view content_type_of(std::string_view path);

class StaticFiles {
 public:
  // max_age: of Cache-Control; without it the field is not sent.
  StaticFiles(net::Files& files, std::string root, std::optional<Duration> max_age)
      : files_(files), root_(std::move(root)), max_age_(max_age) {}

  Answer answer(const http::RequestHead& request, WallTime now) const;

 private:
  Result<std::unique_ptr<net::File>> open(const std::string& path, bool& directory) const;

  net::Files& files_;
  const std::string root_;
  const std::optional<Duration> max_age_;
};

}  // namespace perigee::origin
