// perigee-edge: command line -> configuration -> node.

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "edge/cache/piece_heap.h"
#include "edge/control/heap_keeper.h"
#include "edge/control/log_sink.h"
#include "edge/control/reference_docs.h"
#include "edge/exchange_log.h"
#include "edge/net/mapped_range.h"
#include "edge/net/posix_files.h"
#include "edge/net/service_notify.h"
#include "edge/net/tls_ciphers.h"
#include "edge/net/tls_context.h"
#include "edge/net/tls_hot_memory.h"
#include "edge/net/tls_memory.h"
#include "edge/net/uv_io.h"
#include "edge/node.h"

namespace {

using namespace perigee;

// Before there is a loop to ask.
WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::system_clock::now().time_since_epoch()));
}

struct Arguments {
  std::string config = "node.toml";
  std::string node;
  std::string state;
  bool check = false;
  bool print_config_doc = false;
  bool print_metrics_doc = false;
  bool print_openapi = false;
};

net::UvIoOptions io_options() {
  net::UvIoOptions options;
  options.first_loop_in_wait = true;
  return options;
}

// Everything that lives for as long as the process serves.
class Process final : private net::SignalHandler {
 public:
  Process(const NodeOptions& options, std::shared_ptr<const control::Config> config, control::LogWriter& log,
          control::LogWriter& access)
      : log_writer_(log),
        access_writer_(access),
        sink_(log),
        access_log_(access, config->log.access_sample),
        exchange_log_(access_log_),
        io_(io_options()),
        control_(io_.add_loop("control")),
        node_(io_, control_, config, options, Log(sink_, config->log.level), exchange_log_),
        heap_keeper_(io_.add_loop("heap")),
        notify_(control_),
        signals_(control_, {SIGHUP, SIGTERM, SIGINT, SIGUSR1}, *this) {
    access_log_.set_fields(config->log.access_fields);
  }
  ~Process() { io_.stop(); }

  int run() {
    if (const auto started = node_.start(); !started) {
      std::fprintf(stderr, "perigee-edge: %s\n", started.error().context.c_str());
      return 1;
    }
    control_.post(net::make_task([this] { notify_.ready(); }));
    heap_keeper_.keep(node_.store());
    io_.start();
    for (const ListeningAddress& at : node_.listening()) {
      std::printf("listening %.*s %s\n", static_cast<int>(at.role.size()), at.role.data(),
                  at.address.to_string().c_str());
    }
    std::fflush(stdout);
    io_.wait();
    return 0;
  }

 private:
  // The first SIGTERM or SIGINT drains, a second one ends at once.
  void on_signal(int signal) override {
    switch (signal) {
      case SIGHUP:
        node_.reload();
        return;
      case SIGUSR1:
        log_writer_.reopen();
        access_writer_.reopen();
        return;
      default:
        if (stopping_) return io_.request_stop();
        stopping_ = true;
        notify_.stopping();
        node_.drain([this] { io_.request_stop(); });
    }
  }

  control::LogWriter& log_writer_;
  control::LogWriter& access_writer_;
  control::JsonLogSink sink_;
  control::AccessLog access_log_;
  AccessExchangeLog exchange_log_;
  net::UvIo io_;
  net::Loop& control_;
  Node node_;
  control::HeapKeeper heap_keeper_;
  net::ServiceNotify notify_;
  net::SignalWatcher signals_;
  bool stopping_ = false;
};

void complain(const std::vector<control::ConfigError>& errors) {
  for (const control::ConfigError& error : errors) {
    std::fprintf(stderr, "perigee-edge: %s\n", error.to_string().c_str());
  }
}

// The configuration of the files, or when those are broken the last good one.
control::ConfigResult load_or_fall_back(const Arguments& arguments, NodeOptions& options) {
  net::PosixFiles disk;
  control::RecordingFiles files(disk, options.files);
  control::ConfigResult config = control::load_config(files, arguments.config, arguments.node, wall_now());
  if (config || options.last_good_path.empty()) return config;
  const auto kept = disk.read_all(options.last_good_path, size_t{64} << 20);
  auto bundle = kept ? control::ConfigBundle::parse(*kept) : std::nullopt;
  if (!bundle) return config;
  control::BundleFiles last_good(*bundle);
  control::ConfigResult before =
      control::load_config(last_good, arguments.config, arguments.node, wall_now());
  if (!before) return config;
  complain(config.error());
  std::fprintf(stderr, "perigee-edge: starts with the last good configuration, %s\n",
               options.last_good_path.c_str());
  options.files = std::move(*bundle);
  return before;
}

// Addresses for stored responses. Some of them lie between pieces, where nothing fits.
uint64_t piece_bytes(const control::Config& config) {
  constexpr uint64_t spare = 64ull << 20;  // for what is pinned beyond the budget
  return 2 * config.cache.store.budget_bytes + spare;
}

int run_node(const Arguments& arguments) {
  net::learn_tls_layout();
  net::offer_tls_ciphers();
  NodeOptions options;
  options.config_path = arguments.config;
  options.node_name = arguments.node;
  if (!arguments.state.empty()) options.last_good_path = arguments.state + "/last-good.json";
  const control::ConfigResult config = load_or_fall_back(arguments, options);
  if (!config) {
    complain(config.error());
    return 1;
  }
  const control::LogSettings& log = (*config)->log;
  auto writer = control::LogWriter::open(log.path, log.queue_lines);
  auto access = control::LogWriter::open(log.access, log.queue_lines);
  if (!writer || !access) {
    std::fprintf(stderr, "perigee-edge: %s\n", (!writer ? writer : access).error().context.c_str());
    return 1;
  }
  const auto range = net::MappedRange::create(piece_bytes(**config));
  std::optional<cache::PieceHeap> pieces;
  if (range != nullptr) options.pieces = &pieces.emplace(*range);
  options.log_dropped = [&] { return (*writer)->dropped() + (*access)->dropped(); };
  return Process(options, *config, **writer, **access).run();
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  net::keep_tls_memory();
  Arguments arguments;
  CLI::App app("Perigee, an edge cache");
  app.add_option("--config", arguments.config, "Configuration file")->capture_default_str();
  app.add_option("--node", arguments.node, "Which node of the topology this is; overrides node.name");
  app.add_option("--state", arguments.state,
                 "Folder for the last good configuration, which is started from when the files are broken");
  app.add_flag("--check-config", arguments.check, "Say what is wrong with the configuration, and exit");
  app.add_flag("--print-config-doc", arguments.print_config_doc,
               "Print the reference of all settings, and exit");
  app.add_flag("--print-metrics-doc", arguments.print_metrics_doc,
               "Print the reference of all metrics, and exit");
  app.add_flag("--print-openapi", arguments.print_openapi,
               "Print the pages of the admin listener as OpenAPI, and exit");
  app.set_version_flag("--version", "perigee-edge " PERIGEE_VERSION "\n" + net::tls_library());
  CLI11_PARSE(app, argc, argv);

  if (arguments.print_config_doc) return print(control::config_reference());
  if (arguments.print_metrics_doc) return print(control::metrics_reference());
  if (arguments.print_openapi) return print(control::openapi_reference());
  if (arguments.check) {
    net::PosixFiles files;
    const control::ConfigCheck check =
        control::check_config(files, arguments.config, arguments.node, wall_now());
    print(check.text);
    return check.ok ? 0 : 1;
  }
  return run_node(arguments);
}
