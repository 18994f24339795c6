// A stream that was handed over while bytes of the answer before it were still unwritten: writes those first,
// then is as good as the stream below.
//
// Owns itself, like every Stream, until on_closed(). Thread rule: the stream's loop.
#pragma once

#include "edge/net/stream.h"
#include "edge/serve/output.h"

namespace perigee::serve {

class LeftoverStream final : public net::Stream, private net::StreamHandler {
 public:
  LeftoverStream(net::Stream& below, OutputQueue&& leftover);

  void set_handler(net::StreamHandler& handler) override { handler_ = &handler; }
  void read_start() override { below_.read_start(); }
  void read_stop() override { below_.read_stop(); }
  size_t write(std::span<const Slice> slices) override;
  void shutdown_write() override;
  void close() override { below_.close(); }
  void reset() override { below_.reset(); }
  net::Address local_address() const override { return below_.local_address(); }
  net::Address remote_address() const override { return below_.remote_address(); }

 private:
  void on_read(std::string_view bytes) override;
  void on_end() override;
  void on_writable() override;
  void on_error(net::StreamError error) override;
  void on_closed() override;

  net::Stream& below_;
  net::StreamHandler* handler_ = nullptr;
  OutputQueue leftover_;
  bool write_refused_ = false;  // somebody waits for on_writable()
  bool end_wanted_ = false;
};

}  // namespace perigee::serve
