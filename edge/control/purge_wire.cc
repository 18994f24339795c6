#include "edge/control/purge_wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/base/json.h"

namespace perigee::control {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

template <typename Visit>
void visit_parameters(std::string_view target, Visit visit) {
  const size_t mark = target.find('?');
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    visit(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
  }
}

std::optional<Duration> read_wait(std::string_view target) {
  const auto wait = parse_decimal(query_value(target, "wait_ms"));
  if (!wait || *wait > 60'000) return std::nullopt;
  return std::chrono::milliseconds(*wait);
}

tl::unexpected<Error> bad_request(std::string_view what) {
  return fail(Side::client, "bad_request", "found " + std::string(what));
}

}  // namespace

std::string_view to_string(PurgeState state) {
  switch (state) {
    case PurgeState::applied:
      return "applied";
    case PurgeState::pending:
      return "pending";
    case PurgeState::away:
      return "away";
  }
  return "pending";
}

std::string poll_target(const PurgePoll& poll) {
  return fmt::format("/purges?node={}&epoch={}&after={}&wait_ms={}", escaped(poll.node), poll.epoch,
                     poll.after, poll.wait / std::chrono::milliseconds(1));
}

std::string append_target(std::span<const PurgeCommand>& commands, Duration wait) {
  constexpr size_t bytes_max = 7000;  // of the 8 KiB that a listener takes at the least
  std::string target = fmt::format("/purges?wait_ms={}", wait / std::chrono::milliseconds(1));
  for (bool first = true; !commands.empty(); first = false) {
    const std::string command = "&command=" + escaped(print_command(commands.front()));
    if (!first && target.size() + command.size() > bytes_max) break;
    target += command;
    commands = commands.subspan(1);
  }
  return target;
}

std::string query_value(std::string_view target, std::string_view name) {
  std::string value;
  visit_parameters(target, [&](std::string_view at, std::string_view text) {
    if (at == name && value.empty()) value = unescaped(text);
  });
  return value;
}

Result<PurgePoll> read_poll(std::string_view target) {
  PurgePoll poll;
  poll.node = query_value(target, "node");
  const auto epoch = parse_decimal(query_value(target, "epoch"));
  const auto after = parse_decimal(query_value(target, "after"));
  const auto wait = read_wait(target);
  if (poll.node.empty() || !epoch || !after || !wait) return bad_request("a malformed poll");
  poll.epoch = *epoch;
  poll.after = *after;
  poll.wait = *wait;
  return poll;
}

Result<PurgeAppend> read_append(std::string_view target) {
  PurgeAppend append;
  std::optional<Error> error;
  visit_parameters(target, [&](std::string_view name, std::string_view value) {
    if (name != "command") return;
    auto command = parse_command(unescaped(value));
    if (command) {
      append.commands.push_back(std::move(*command));
    } else {
      error = command.error();
    }
  });
  const auto wait = read_wait(target);
  if (error) return tl::unexpected(std::move(*error));
  if (!wait || append.commands.empty()) return bad_request("a malformed purge");
  append.wait = *wait;
  return append;
}

std::string print_news(const PurgeNews& news) {
  Json commands = Json::array();
  for (const PurgeCommand& command : news.commands) commands.push_back(print_command(command));
  const Json json = {
      {"epoch", news.epoch}, {"head", news.head}, {"reset", news.reset}, {"commands", std::move(commands)}};
  return json.dump();
}

Result<PurgeNews> read_news(std::string_view text) {
  const Json json = parse_json(text);
  const auto has = [&](const char* name) { return json.contains(name); };
  if (!json.is_object() || !has("epoch") || !has("head") || !has("reset") || !has("commands") ||
      !json["epoch"].is_number_unsigned() || !json["head"].is_number_unsigned() ||
      !json["commands"].is_array()) {
    return bad_request("malformed news of the purge log");
  }
  PurgeNews news;
  news.epoch = json["epoch"].get<uint64_t>();
  news.head = json["head"].get<uint64_t>();
  news.reset = json["reset"] == true;
  for (const Json& one : json["commands"]) {
    if (!one.is_string()) return bad_request("malformed news of the purge log");
    auto command = parse_command(one.get<std::string>());
    if (!command) return tl::unexpected(command.error());
    news.commands.push_back(std::move(*command));
  }
  return news;
}

std::string print_receipt(const PurgeReceipt& receipt) {
  Json nodes = Json::array();
  bool applied = true;
  for (const PurgeReceipt::Node& node : receipt.nodes) {
    nodes.push_back({{"node", node.name}, {"state", std::string(to_string(node.state))}});
    applied = applied && node.state != PurgeState::pending;
  }
  const Json json = {{"position", fmt::format("{}.{}", receipt.position.epoch, receipt.position.sequence)},
                     {"applied", applied},
                     {"nodes", std::move(nodes)}};
  return json.dump();
}

Result<PurgeReceipt> read_receipt(std::string_view text) {
  const Json json = parse_json(text);
  if (!json.is_object() || !json.contains("position") || !json["position"].is_string() ||
      !json.contains("nodes") || !json["nodes"].is_array()) {
    return bad_request("a malformed receipt");
  }
  PurgeReceipt receipt;
  const std::string position = json["position"].get<std::string>();
  const size_t dot = std::min(position.find('.'), position.size());
  receipt.position.epoch = parse_decimal(position.substr(0, dot)).value_or(0);
  receipt.position.sequence = parse_decimal(position.substr(std::min(dot + 1, position.size()))).value_or(0);
  for (const Json& node : json["nodes"]) {
    PurgeReceipt::Node out;
    out.name = node.value("node", "");
    for (const PurgeState state : {PurgeState::applied, PurgeState::pending, PurgeState::away}) {
      if (node.value("state", "") == to_string(state)) out.state = state;
    }
    receipt.nodes.push_back(std::move(out));
  }
  return receipt;
}

}  // namespace perigee::control
