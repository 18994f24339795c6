// The Handlers of the admin and the health listener.
//
// Admin: GET / (the dashboard) /metrics /config /config/diff /topology /status /urls /explain /purges
// /reloads, POST /reload /rollback /purge /drain /undrain, and the health pages. It knows no node: an
// AdminBackend answers. When the backend has a token, everything but the health pages needs `Authorization:
// Bearer`. A POST that a browser sends for another site's page is refused. Health: GET /healthz (200 while
// the process lives) and /readyz (503 while it should get no clients), nothing else.
//
// Ownership: whoever assembles the node; backend and handler outlive their listeners.
// Thread rule: the loop of the listener; for the admin handler that is the control loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  using JsonDone = std::function<void(int status, std::string json)>;
  // POST /purge with this body (purge_command.h); done as above.
  virtual void purge(std::string_view body, const JsonDone& done) = 0;
  virtual std::string purges_json() = 0;
  // What clients ask for most just now; done as above.
  virtual void urls(const JsonDone& done) = 0;
  virtual std::string reloads_json() = 0;
  // What a reload would change, as reload_json().
  virtual std::string diff_json() = 0;
  virtual void roll_back(uint64_t id, ReloadDone done) = 0;
  // Takes the node out of DNS: /readyz answers 503 while clients are still served. And back.
  virtual void set_out(bool out) = 0;
  // See HealthHandler.
  virtual bool ready() = 0;
  // What requests must bring; empty: nothing.
  virtual std::string_view token() = 0;

 protected:
  ~AdminBackend() = default;
};

// A page of the admin listener, for whoever writes a client.
struct AdminRoute {
  std::string_view path;
  bool open = false;  // needs no token
  bool read = true;   // GET and HEAD, else POST
  std::string_view content_type;
  std::string_view says;
  std::string_view parameter = {};  // of the query; needed
  std::string_view content = {};    // what the JSON of the request holds; empty: it has none
};

class AdminHandler final : public serve::Handler {
 public:
  explicit AdminHandler(AdminBackend& backend) : backend_(backend) {}
  void on_request(serve::ServerExchange& exchange) override;

  // Everything that it answers.
  static std::vector<AdminRoute> routes();

 private:
  struct Route;
  static std::span<const Route> table();
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
