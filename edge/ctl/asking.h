// What the commands of perigeectl share: asking a node, and finding the others.
//
// Thread rule: one thread; blocking.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/base/json.h"
#include "edge/ctl/commands.h"

namespace perigee::ctl {

Result<Response> ask(const Target& target, std::string_view method, std::string path, std::string body = {});
// Says on stderr what is wrong; the exit code for it.
int complain(const Error& error);
int refused(const Response& response);
// A page as JSON; an exit code, after a message, when it is not to be had.
tl::expected<Json, int> page(const Target& target, const std::string& path);
// The nodes of the topology that have an admin address, or the one that was asked when it is alone.
using Member = std::pair<std::string, Target>;
tl::expected<std::vector<Member>, int> members(const Target& target);

// What a node says is wrong with its configuration: where, the setting, and the message.
std::string error_words(const Json& error);

// A member as text, "-" without one; as a number, 0 without one.
std::string text(const Json& json, const char* name);
uint64_t number(const Json& json, const char* name);

}  // namespace perigee::ctl
