#include "edge/control/purge_journal.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/base/hash.h"

namespace perigee::control {
namespace {

constexpr std::string_view magic = "perigee-purges 1 ";
constexpr size_t journal_bytes_max = size_t{256} << 20;

std::string line_of(const PurgeCommand& command) {
  const std::string text = print_command(command);
  return fmt::format("{:016x} {}\n", hash64(text), text);
}

std::optional<PurgeCommand> read_line(std::string_view line) {
  if (line.size() < 18 || line[16] != ' ') return std::nullopt;
  const std::string_view text = line.substr(17);
  if (line.substr(0, 16) != fmt::format("{:016x}", hash64(text))) return std::nullopt;
  auto command = parse_command(text);
  if (!command) return std::nullopt;
  return std::move(*command);
}

std::optional<cluster::LogPosition> read_header(std::string_view line) {
  if (!line.starts_with(magic)) return std::nullopt;
  line.remove_prefix(magic.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto epoch = parse_decimal(line.substr(0, space));
  const auto sequence = parse_decimal(line.substr(space + 1));
  if (!epoch || !sequence) return std::nullopt;
  return cluster::LogPosition{*epoch, *sequence};
}

}  // namespace

std::optional<PurgeJournal::Content> PurgeJournal::load(std::string& why_not) {
  lines_ = 0;
  why_not.clear();
  if (path_.empty()) return std::nullopt;
  const auto bytes = files_.read_all(path_, journal_bytes_max);
  if (!bytes) {
    if (bytes.error().code != "file_not_found") why_not = bytes.error().context;
    return std::nullopt;
  }
  std::string_view left = *bytes;
  Content content;
  for (size_t number = 1; !left.empty(); ++number) {
    const size_t end = left.find('\n');
    const bool cut = end == std::string_view::npos;
    const std::string_view line = left.substr(0, end);
    left.remove_prefix(cut ? left.size() : end + 1);
    if (number == 1) {
      const auto header = read_header(line);
      if (header && !cut) {
        content.before = *header;
        continue;
      }
    } else if (auto command = read_line(line); command && !cut) {
      content.commands.push_back(std::move(*command));
      continue;
    } else if (left.empty()) {
      // Never acknowledged. The next append must not go behind it.
      if (auto written = write(content); !written) why_not = written.error().context;
      if (!why_not.empty()) return std::nullopt;
      return content;
    }
    why_not = fmt::format("{}:{}: found a broken line, expected a purge with its checksum", path_, number);
    return std::nullopt;
  }
  if (content.before.epoch == 0) {
    why_not = path_ + ": found an empty file, expected a journal";
    return std::nullopt;
  }
  lines_ = content.commands.size();
  return content;
}

Result<void> PurgeJournal::write(const Content& content) {
  lines_ = content.commands.size();
  if (path_.empty()) return {};
  std::string text = fmt::format("{}{} {}\n", magic, content.before.epoch, content.before.sequence);
  for (const PurgeCommand& command : content.commands) text += line_of(command);
  return files_.write_atomically(path_, text);
}

Result<void> PurgeJournal::append(std::span<const PurgeCommand> commands) {
  lines_ += commands.size();
  if (path_.empty()) return {};
  std::string text;
  for (const PurgeCommand& command : commands) text += line_of(command);
  auto done = files_.append_synced(path_, text);
  if (!done) lines_ -= commands.size();
  return done;
}

Result<void> PurgeJournal::keep_last(size_t count) {
  if (path_.empty()) {
    lines_ = std::min(lines_, count);
    return {};
  }
  std::string why_not;
  auto content = load(why_not);
  if (!content) return fail(Side::internal, "file_error", why_not.empty() ? path_ + " is gone" : why_not);
  if (content->commands.size() <= count) return {};
  const size_t surplus = content->commands.size() - count;
  content->before.sequence += surplus;
  content->commands.erase(content->commands.begin(),
                          content->commands.begin() + static_cast<std::ptrdiff_t>(surplus));
  return write(*content);
}

}  // namespace perigee::control
