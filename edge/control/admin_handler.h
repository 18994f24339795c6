// The Handlers of the admin and the health listener.
//
// Admin: GET /metrics /config /topology /status /explain, POST /reload /drain, and the health pages. It knows
// no node: an AdminBackend answers. When the backend has a token, everything but the health pages needs
// `Authorization: Bearer`. A POST that a browser sends for another site's page is refused. Health: GET
// /healthz (200 while the process lives) and /readyz (503 while it should get no clients), nothing else.
//
// Ownership: whoever assembles the node; backend and handler outlive their listeners.
// Thread rule: the loop of the listener; for the admin handler that is the control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "edge/control/reload.h"
#include "edge/serve/handler.h"

namespace perigee::control {

class AdminBackend {
 public:
  using ReloadDone = std::function<void(const ReloadResult&)>;

  virtual std::string metrics_text() = 0;
  // JSON; see admin_pages.h.
  virtual std::string config_json() = 0;
  virtual std::string topology_json() = 0;
  virtual std::string status_json() = 0;
  // JSON of what this node would do with a request; see explain_page.h. Error: client, for a bad query.
  virtual Result<std::string> explain_json(std::string_view query) = 0;
  // done is called once, on the control loop, possibly before this returns. It may be dropped when the node
  // stops.
  virtual void reload(ReloadDone done) = 0;
  // Begins the graceful stop. Returns at once; repeated calls do nothing.
  virtual void drain() = 0;
  // See HealthHandler.
  virtual bool ready() = 0;
  // What requests must bring; empty: nothing.
  virtual std::string_view token() = 0;

 protected:
  ~AdminBackend() = default;
};

class AdminHandler final : public serve::Handler {
 public:
  explicit AdminHandler(AdminBackend& backend) : backend_(backend) {}
  void on_request(serve::ServerExchange& exchange) override;

 private:
  struct Route;
  static const Route* find_route(std::string_view path);
  bool authorised(const http::RequestHead& request);

  AdminBackend& backend_;
};

class HealthHandler final : public serve::Handler {
 public:
  // ready: is asked on the listener's loop, for every /readyz.
  explicit HealthHandler(std::function<bool()> ready) : ready_(std::move(ready)) {}
  void on_request(serve::ServerExchange& exchange) override;

 private:
  std::function<bool()> ready_;
};

}  // namespace perigee::control
