// perigee-origin: serves a directory and a scripted space over HTTP/1.1 until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "edge/net/uv_io.h"
#include "edge/serve/server.h"
#include "origin/origin_handler.h"

namespace {

using namespace perigee;

struct Arguments {
  std::string listen = "127.0.0.1:8080";
  origin::OriginOptions origin;
  int max_age_seconds = -1;
  int workers = 1;
  size_t log_max = 100'000;
};

bool parse(int argc, char** argv, Arguments& arguments, int& exit_code) {
  CLI::App app{"perigee-origin: an HTTP origin with files, scripted answers and a record of its requests"};
  app.add_option("--listen", arguments.listen,
                 "Address and port; port 0: the system chooses, see the first line of output")
      ->capture_default_str();
  app.add_option("--root", arguments.origin.root, "Directory served at /; without it only /_/ exists");
  app.add_option("--max-age", arguments.max_age_seconds, "Cache-Control: max-age of files, in seconds")
      ->check(CLI::Range(0, 31'536'000));
  app.add_option("--workers", arguments.workers, "Threads")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--log-max", arguments.log_max, "Requests that /_/log remembers")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return false;
  }
  if (arguments.max_age_seconds >= 0)
    arguments.origin.max_age = std::chrono::seconds(arguments.max_age_seconds);
  return true;
}

struct StopOnSignal final : net::SignalHandler {
  explicit StopOnSignal(net::UvIo& stopped) : io(stopped) {}
  void on_signal(int) override { io.request_stop(); }
  net::UvIo& io;
};

struct Worker {
  Worker(net::Loop& loop, net::Io& io, const Arguments& arguments, const net::Address& address,
         origin::Recorder& recorder)
      : handler(arguments.origin, io.files(), recorder), server(loop, options(address), handler, metrics) {}

  static serve::ServerOptions options(const net::Address& address) {
    serve::ServerOptions options;
    options.address = address;
    return options;
  }

  MetricShard metrics;
  origin::OriginHandler handler;
  serve::Server server;
};

int run(const Arguments& arguments) {
  auto address = net::Address::parse(arguments.listen);
  if (!address) {
    std::fprintf(stderr, "perigee-origin: --listen: %s\n", address.error().context.c_str());
    return 2;
  }
  net::UvIoOptions io_options;
  io_options.first_loop_in_wait = true;
  origin::Recorder recorder(arguments.log_max);
  net::UvIo io(io_options);
  std::vector<std::unique_ptr<Worker>> workers;
  net::Loop& control = io.add_loop("control");
  for (int i = 0; i < arguments.workers; ++i) {
    net::Loop& loop = io.add_loop("worker-" + std::to_string(i));
    workers.push_back(std::make_unique<Worker>(loop, io, arguments, *address, recorder));
    const auto listening = workers.back()->server.listen();
    if (!listening) {
      std::fprintf(stderr, "perigee-origin: %s\n", listening.error().context.c_str());
      return 1;
    }
    address = *listening;  // the others share the port that the first was given
  }
  StopOnSignal stop(io);
  const net::SignalWatcher watcher(control, {SIGTERM, SIGINT}, stop);
  io.start();
  std::printf("listening %s\n", address->to_string().c_str());
  std::fflush(stdout);
  io.wait();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  int exit_code = 0;
  if (!parse(argc, argv, arguments, exit_code)) return exit_code;
  return run(arguments);
}
