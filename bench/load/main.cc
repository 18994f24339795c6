// perigee-load: a load generator that checks every byte it gets.
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/run.h"
#include "bench/load/schedule.h"
#include "bench/load/summary.h"

namespace {

using namespace perigee;

Result<load::Schedule> schedule_of(const load::Options& options) {
  if (options.mix) return load::Schedule::from_trace(trace::generate(*options.mix), options.trace_target);
  if (!options.trace.empty()) return load::Schedule::read(options.trace, options.trace_target);
  return load::Schedule();
}

int complain(const Error& error) {
  std::fprintf(stderr, "perigee-load: %s\n", error.context.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "--help") {
    std::fputs(load::usage.data(), stdout);
    return 0;
  }
  const auto options = load::parse_options(arguments);
  if (!options) return complain(options.error());
  const auto schedule = schedule_of(*options);
  if (!schedule) return complain(schedule.error());
  if (schedule->skipped() > 0) {
    std::fprintf(stderr, "perigee-load: %zu lines of %s are no GET and are left out\n", schedule->skipped(),
                 options->trace.c_str());
  }
  load::Run run(*options, *schedule);
  if (const auto done = run.run(); !done) return complain(done.error());
  if (options->summary) {
    const auto text = load::summary(run.tally(), run.seconds(), options->open_loop());
    std::fprintf(stderr, "%s%s", isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "", text.c_str());
  }
  std::puts(run.json().c_str());
  return run.tally().good() ? 0 : 1;
}
