#include "bench/load/options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <type_traits>

#include "edge/base/bytes.h"

namespace perigee::load {

const std::string_view usage =
    R"(perigee-load --target ADDRESS:PORT [--target ...] [option...] PATH [PATH...]

Connections take the targets in turn; in open loop what is due goes to the targets in turn, too.
PATH, header values and ids may vary by request: {n} is its number, {n%100} that modulo 100, {a,b,c} takes turns.

What to ask
  --host NAME           the Host field (default: the target)
  --method NAME         GET or HEAD
  --header 'k: v'       one more field; may be repeated
How
  --connections N       keep-alive connections (default 1)
  --requests N          end after so many requests in all
  --duration SECONDS    end after so long
  --pipeline K          requests in flight per connection (default 1)
  --reconnect           a new connection for every request
  --herd N              N connections, one request each, sent together once all stand
  --timeout SECONDS     longest connect, and longest wait for a byte (default 30)
A trace in place of PATH (open loop: its own times, and latency from the time at which a request was due)
  --trace FILE          lines of time,id,size, or an access log of ours
  --mix NAME            generated: zipf, scan, recency, one_hit, twice; with sizes and popularity as published of a large CDN
  --mix-ids N --mix-skew X --mix-one-hit SHARE --mix-first N --seed N
  --trace-target T      what to ask for an id (default /_/body?id={id}&size={size}&cc=max-age=86400)
  --speed X             so many times as fast as the trace says
  --rate R              requests per second instead; also with PATH
  --closed              as fast as the answers come
Who behaves differently
  --slow N --slow-rate BYTES     N of the connections read at most so many bytes a second
  --leave N --leave-after BYTES  N of the connections hang up after so many body bytes
What to see
  --verify              bodies are self-verifying ones of perigee-origin
  --expect-id PATTERN   with --verify: the x-body-id of the answer
  --expect-status LIST  accepted status codes, by comma (default 200)
  --summary             a table and a chart of the latencies, on stderr; progress too when that is a terminal
  --per-client          a row for each client in the report
  --announce            print "running" after the first complete response

Ends with one line of JSON. Exit status: 0, or 1 when an answer was wrong, failed or missing (cuts that the client can
see are counted, and do not fail the run), or 2 for a bad command line. On SIGTERM nothing new is asked; on SIGINT the
clients hang up at once, and what was in flight counts as left.
)";

namespace {

tl::unexpected<Error> bad(std::string_view argument, std::string_view found, std::string_view expected) {
  return fail(
      Side::client, "bad_argument",
      std::string(argument) + ": found \"" + std::string(found) + "\", expected " + std::string(expected));
}

std::optional<sockaddr_in> parse_target(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_decimal(text.substr(colon + 1));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (!port || *port == 0 || *port > 65535) return std::nullopt;
  address.sin_port = htons(static_cast<uint16_t>(*port));
  if (inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) != 1)
    return std::nullopt;
  return address;
}

std::optional<double> parse_seconds(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::optional<std::vector<int>> parse_statuses(std::string_view text) {
  std::vector<int> statuses;
  while (true) {
    const size_t comma = text.find(',');
    const auto status = parse_decimal(text.substr(0, comma));
    if (!status || *status < 100 || *status > 599) return std::nullopt;
    statuses.push_back(static_cast<int>(*status));
    if (comma == std::string_view::npos) return statuses;
    text.remove_prefix(comma + 1);
  }
}

// A million keys, of which one in a hundred takes 14 % of the requests.
trace::Parameters default_mix() {
  trace::Parameters mix;
  mix.ids = 1'000'000;
  mix.skew = 0.57;
  mix.requests = 100'000;
  return mix;
}

// Sets what one argument says; false when its value is not of the expected form.
using Setter = std::function<bool(Options&, std::string_view)>;

template <typename T>
Setter number(T Options::*member) {
  return [member](Options& options, std::string_view text) {
    const auto value = parse_decimal(text);
    if (value) options.*member = static_cast<T>(*value);
    return value.has_value();
  };
}

Setter seconds(double Options::*member) {
  return [member](Options& options, std::string_view text) {
    const auto value = parse_seconds(text);
    if (value) options.*member = *value;
    return value.has_value();
  };
}

Setter pattern(std::vector<Pattern> Options::*member) {
  return [member](Options& options, std::string_view text) {
    auto parsed = Pattern::parse(text);
    if (parsed) (options.*member).push_back(std::move(*parsed));
    return parsed.has_value();
  };
}

Setter text(std::string Options::*member) {
  return [member](Options& options, std::string_view value) {
    options.*member = value;
    return !value.empty();
  };
}

// A parameter of the generated mix.
template <typename T>
Setter mix_number(T trace::Parameters::*member) {
  return [member](Options& options, std::string_view text) {
    if (!options.mix) options.mix = default_mix();
    if constexpr (std::is_same_v<T, uint64_t>) {
      const auto value = parse_decimal(text);
      if (value) (*options.mix).*member = std::max<uint64_t>(*value, 1);
      return value.has_value();
    } else {
      const auto value = parse_seconds(text);
      if (value) (*options.mix).*member = *value;
      return value.has_value();
    }
  };
}

struct Argument {
  std::string_view expected;
  Setter set;
};

std::map<std::string_view, Argument> arguments_with_value() {
  return {
      {"--target",
       {"an IPv4 address and a port",
        [](Options& options, std::string_view value) {
          const auto target = parse_target(value);
          if (target) options.targets.push_back(*target);
          return target.has_value();
        }}},
      {"--herd",
       {"a number of clients",
        [](Options& options, std::string_view value) {
          options.herd = true;
          return number(&Options::connections)(options, value);
        }}},
      {"--expect-status",
       {"status codes by comma",
        [](Options& options, std::string_view value) {
          auto statuses = parse_statuses(value);
          if (statuses) options.expected_statuses = std::move(*statuses);
          return !options.expected_statuses.empty();
        }}},
      {"--mix",
       {"zipf, scan, recency, one_hit or twice",
        [](Options& options, std::string_view value) {
          const auto mix = trace::parse_mix(value);
          if (!options.mix) options.mix = default_mix();
          if (mix) options.mix->mix = *mix;
          return mix.has_value();
        }}},
      {"--mix-ids", {"a number", mix_number(&trace::Parameters::ids)}},
      {"--mix-skew", {"a number above zero", mix_number(&trace::Parameters::skew)}},
      {"--mix-one-hit", {"a share", mix_number(&trace::Parameters::one_hit_share)}},
      {"--mix-first", {"a number", mix_number(&trace::Parameters::one_hit_first)}},
      {"--seed", {"a number", mix_number(&trace::Parameters::seed)}},
      {"--trace", {"a file", text(&Options::trace)}},
      {"--trace-target", {"a target with {id} and {size}", text(&Options::trace_target)}},
      {"--speed", {"a number above zero", seconds(&Options::speed)}},
      {"--rate", {"requests per second", seconds(&Options::rate)}},
      {"--host", {"a host name", text(&Options::host)}},
      {"--method", {"a method", text(&Options::method)}},
      {"--header", {"a field line", pattern(&Options::headers)}},
      {"--expect-id", {"a pattern", pattern(&Options::expected_ids)}},
      {"--connections", {"a number", number(&Options::connections)}},
      {"--requests", {"a number", number(&Options::requests)}},
      {"--pipeline", {"a number", number(&Options::pipeline)}},
      {"--slow", {"a number of clients", number(&Options::slow_clients)}},
      {"--slow-rate", {"bytes per second", number(&Options::slow_rate)}},
      {"--leave", {"a number of clients", number(&Options::leaving_clients)}},
      {"--leave-after", {"a number of bytes", number(&Options::leave_after)}},
      {"--duration", {"seconds above zero", seconds(&Options::duration_s)}},
      {"--timeout", {"seconds above zero", seconds(&Options::timeout_s)}},
  };
}

const std::map<std::string_view, bool Options::*> flags = {
    {"--reconnect", &Options::reconnect},   {"--verify", &Options::verify},
    {"--per-client", &Options::per_client}, {"--announce", &Options::announce},
    {"--closed", &Options::closed},         {"--summary", &Options::summary},
};

Result<Options> checked(Options options) {
  if (options.targets.empty()) return bad("--target", "none", "at least one");
  if (options.paths.empty() != options.has_schedule())
    return bad("PATH", options.paths.empty() ? "none" : "paths and a trace", "at least one, or a trace");
  if (!options.trace.empty() && options.mix) return bad("--mix", "a trace too", "one of the two");
  if (options.herd && options.open_loop()) return bad("--herd", "a trace or a rate too", "one of the two");
  if (options.connections == 0) return bad("--connections", "0", "at least one");
  if (options.pipeline == 0) return bad("--pipeline", "0", "at least one");
  if (options.slow_clients > 0 && options.slow_rate == 0) return bad("--slow-rate", "0", "bytes per second");
  // What an access log asks for may well have been answered otherwise.
  if (options.expected_statuses.empty() && options.trace.empty()) options.expected_statuses = {200};
  if (options.mix && options.requests > 0) options.mix->requests = options.requests;
  if (options.mix && options.rate > 0) options.mix->rate = options.rate;
  if (options.herd) options.pipeline = 1;
  if (options.reconnect) options.pipeline = 1;
  return options;
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string_view>& arguments) {
  Options options;
  const auto known = arguments_with_value();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument.substr(0, 1) == "/") {
      if (!pattern(&Options::paths)(options, argument))
        return bad("PATH", argument, "a pattern with closed braces");
      continue;
    }
    if (const auto flag = flags.find(argument); flag != flags.end()) {
      options.*(flag->second) = true;
      continue;
    }
    const auto entry = known.find(argument);
    if (entry == known.end())
      return bad("command line", argument, "an option of --help, or a path that starts with /");
    const std::string_view value = i + 1 < arguments.size() ? arguments[++i] : std::string_view{};
    if (!entry->second.set(options, value)) return bad(argument, value, entry->second.expected);
  }
  return checked(std::move(options));
}

}  // namespace perigee::load
