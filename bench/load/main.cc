// perigee-load: a load generator that checks every byte it gets.
#include <cstdio>
#include <string_view>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/run.h"

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "--help") {
    std::fputs(perigee::load::usage.data(), stdout);
    return 0;
  }
  const auto options = perigee::load::parse_options(arguments);
  if (!options) {
    std::fprintf(stderr, "perigee-load: %s\n", options.error().context.c_str());
    return 2;
  }
  perigee::load::Run run(*options);
  if (const auto done = run.run(); !done) {
    std::fprintf(stderr, "perigee-load: %s\n", done.error().context.c_str());
    return 2;
  }
  std::puts(run.json().c_str());
  return run.tally().good() ? 0 : 1;
}
