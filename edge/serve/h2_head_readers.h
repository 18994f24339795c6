// Lends a reader to a connection that is in the middle of a head. Nearly always the whole head comes with one
// read, so one reader serves all connections of a loop, and an idle connection pays for none.
//
// Under the address sanitizer nothing is kept: it has to see who still has views of a head that is over.
//
// Thread rule: the loop's thread.
#pragma once

#include <memory>
#include <utility>

#include "edge/base/poison.h"
#include "edge/http/h2_head.h"

namespace perigee::serve {

class H2HeadReaders {
 public:
  explicit H2HeadReaders(bool keeps = !address_sanitizer) : keeps_(keeps) {}

  std::unique_ptr<http::H2HeadReader> take() {
    return spare_ != nullptr ? std::move(spare_) : std::make_unique<http::H2HeadReader>();
  }
  // Back from whoever took it. One is kept.
  void give(std::unique_ptr<http::H2HeadReader> reader) {
    if (keeps_ && spare_ == nullptr) spare_ = std::move(reader);
  }
  bool has_spare() const { return spare_ != nullptr; }

 private:
  const bool keeps_;
  std::unique_ptr<http::H2HeadReader> spare_;
};

}  // namespace perigee::serve
