// Puts records of exchanges into the access log.
//
// Thread rule: as AccessLog.
#pragma once

#include "edge/control/access_log.h"
#include "edge/proxy/outcome.h"

namespace perigee {

class AccessExchangeLog final : public proxy::ExchangeLog {
 public:
  // The log outlives this.
  explicit AccessExchangeLog(control::AccessLog& log) : log_(log) {}

  bool wants(Random& random, std::optional<double> site_share) const override {
    return log_.wants(random, site_share);
  }
  void set_sample(double share) override { log_.set_sample(share); }
  void set_fields(uint32_t fields) override { log_.set_fields(fields); }
  void record(const proxy::ExchangeRecord& record) override {
    control::AccessRecord line;
    line.time = record.received;
    line.duration = record.duration;
    line.client = record.client;
    line.method = record.method;
    line.host = record.host;
    line.path = record.path;
    line.site = record.site;
    line.scheme = record.scheme;
    line.status = record.status;
    line.bytes = record.body_bytes;
    line.cache = record.cache;
    line.forward = record.reason;
    line.upstream = record.upstream;
    line.detail = record.detail;
    line.trace_id = record.trace_id;
    line.parent_id = record.parent_id;
    line.user_agent = record.user_agent;
    line.referer = record.referer;
    line.complete = record.complete;
    log_.write(line);
  }

 private:
  control::AccessLog& log_;
};

}  // namespace perigee
