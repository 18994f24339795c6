// Clients on one loop and a server on another, which is held while they write, so that all of it is there
// when it next looks: what streams read in a row.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/io_rig.h"

namespace perigee::net {

// What stands between connections and those who use them. Each call on the loop of its stream.
struct Layer {
  // Returns the handler of the stream below.
  virtual StreamHandler& accept(Recorder& peer, Stream& below) = 0;
  virtual void connect(Recorder& client, Stream& below) = 0;
  virtual ~Layer() = default;
};

struct HeldRig : ReadsHook {
  explicit HeldRig(size_t clients_wanted) : HeldRig(clients_wanted, [](HeldRig&) { return nullptr; }) {}
  // make_layer returns what stands above streams, or null.
  HeldRig(size_t clients_wanted, const std::function<std::unique_ptr<Layer>(HeldRig&)>& make_layer) {
    layer = make_layer(*this);
    io.start();
    run_on(serving, [&] {
      if (layer) {
        server.wrap = [this](Recorder& peer, Stream& below) -> StreamHandler& {
          return layer->accept(peer, below);
        };
      }
      listener = serving.listen({loopback()}, server).value();
      serving.add_reads_hook(*this);
    });
    run_on(asking, [&] {
      for (size_t i = 0; i < clients_wanted; ++i) {
        clients.push_back(std::make_unique<Recorder>());
        Recorder& client = *clients.back();
        client.connected = [&] { connected(); };
        Recorder& below = layer ? *below_clients.emplace_back(std::make_unique<Recorder>()) : client;
        below.stream = &asking.connect(listener->address(), below);
        if (layer) below.connected = [&] { layer->connect(client, *below.stream); };
      }
    });
    all_connected.get_future().wait();
    until([&] { return server.peers.size() == clients_wanted; });
  }
  ~HeldRig() {
    run_on(serving, [&] { listener.reset(); });
    io.stop();
  }

  void connected() {
    if (++connected_clients == clients.size()) all_connected.set_value();
  }
  void until(const std::function<bool()>& done) {
    bool is_done = false;
    while (!is_done) run_on(serving, [&] { is_done = done(); });
  }
  void while_held(const std::function<void()>& action) {
    std::promise<void> held;
    auto go_on = std::make_shared<std::promise<void>>();
    serving.post(make_task([&held, waiting = go_on->get_future().share(), go_on] {
      held.set_value();
      waiting.wait();
    }));
    held.get_future().wait();
    run_on(asking, action);
    go_on->set_value();
  }
  // What all clients write is there at once.
  void all_write(std::string_view text) {
    while_held([&] {
      for (auto& client : clients) REQUIRE(write_text(*client->stream, text) == text.size());
    });
  }
  void all_write_and_end(std::string_view text) {
    while_held([&] {
      for (auto& client : clients) {
        REQUIRE(write_text(*client->stream, text) == text.size());
        client->stream->shutdown_write();
      }
    });
  }
  void others(Recorder& first, const std::function<void(Recorder&)>& action) {
    for (auto& peer : server.peers) {
      if (peer.get() != &first) action(*peer);
    }
  }
  void on_reads_handed_out() override {
    CHECK_FALSE(serving.handing_out_reads());
    rows.push_back(reads - std::exchange(reads_before, reads));
  }
  // Counts reads, and does what the test asks at the first one.
  void count_reads(const std::function<void(Recorder&)>& at_first) {
    run_on(serving, [&] {
      for (auto& peer : server.peers) {
        peer->read = [this, at_first, &peer = *peer](std::string_view) {
          if (!serving.handing_out_reads()) ++reads_alone;
          if (++reads == 1 && at_first) at_first(peer);
        };
      }
    });
  }

  UvIo io;
  Loop& serving = io.add_loop("serving");
  Loop& asking = io.add_loop("asking");
  std::unique_ptr<Layer> layer;
  std::vector<std::unique_ptr<Recorder>> below_clients;
  Server server;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Recorder>> clients;
  size_t connected_clients = 0;
  std::promise<void> all_connected;
  size_t reads = 0, reads_before = 0, reads_alone = 0;
  std::vector<size_t> rows;
};

}  // namespace perigee::net
