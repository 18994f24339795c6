// The sites of a configuration, as far as purges ask for them.
//
// Thread rule: immutable.
#pragma once

#include <memory>
#include <utility>

#include "edge/cache/purge.h"
#include "edge/proxy/site.h"

namespace perigee::proxy {

class SiteTableNames final : public cache::SiteNames {
 public:
  explicit SiteTableNames(std::shared_ptr<const SiteTable> sites) : sites_(std::move(sites)) {}
  std::string_view site_of(std::string_view authority) const override {
    const Site* site = sites_->find(host_of(authority));
    return site == nullptr ? std::string_view() : std::string_view(site->name);
  }

 private:
  std::shared_ptr<const SiteTable> sites_;
};

}  // namespace perigee::proxy
