#include "edge/control/purge_command.h"

#include <algorithm>

#include "edge/base/json.h"
#include "edge/cache/key.h"

namespace perigee::control {
namespace {

using cache::PurgeScope;

constexpr PurgeScope scopes[] = {PurgeScope::url, PurgeScope::prefix, PurgeScope::group,
                                 PurgeScope::tag, PurgeScope::site,   PurgeScope::everything};

tl::unexpected<Error> bad_purge(std::string_view found, std::string_view expected) {
  return fail(Side::client, "bad_purge",
              "found " + std::string(found) + ", expected " + std::string(expected));
}

std::string shown(const Json& json) { return to_text(json); }

// "https://Example.org/a" -> "example.org/a"
Result<std::string> without_scheme(const std::string& url) {
  constexpr std::string_view expected = "an absolute URL such as \"https://example.org/a\"";
  const size_t slashes = url.find("//");
  const std::string scheme =
      slashes == 0 ? "http" : url.substr(0, slashes == std::string::npos ? 0 : slashes - 1);
  if (slashes == std::string::npos || (scheme != "http" && scheme != "https"))
    return bad_purge(url, expected);
  const std::string rest = url.substr(slashes + 2);
  const size_t slash = rest.find_first_of("/?");
  const std::string authority = rest.substr(0, slash);
  std::string path = slash == std::string::npos ? "/" : rest.substr(slash);
  if (path.front() == '?') path.insert(0, "/");
  std::string key;
  if (!cache::build_key(scheme, authority, path, key)) return bad_purge(url, expected);
  const cache::KeyParts parts = cache::key_parts(key);
  return std::string(parts.authority) + std::string(parts.path);
}

class RequestReader {
 public:
  RequestReader(const Json& json, const proxy::SiteTable& sites) : json_(json), sites_(sites) {}

  Result<std::vector<PurgeCommand>> read() {
    if (!json_.is_object()) return bad_purge(shown(json_), "a JSON object");
    for (const auto& [name, value] : json_.items()) {
      if (auto read = member(name, value); !read) return tl::unexpected(read.error());
    }
    if (!scope_) {
      if (site_.empty()) return bad_purge(shown(json_), "one of url, prefix, tag, site, everything");
      scope_ = PurgeScope::site;
      subjects_ = {""};
    }
    const bool takes_site = *scope_ == PurgeScope::tag || *scope_ == PurgeScope::site;
    if (!site_.empty() && !takes_site)
      return bad_purge("site", "no site beside " + std::string(to_string(*scope_)));
    return commands();
  }

 private:
  Result<void> member(const std::string& name, const Json& value) {
    if (name == "soft") {
      if (!value.is_boolean()) return bad_purge("soft: " + shown(value), "true or false");
      soft_ = value.get<bool>();
      return {};
    }
    if (name == "site") return read_site(value);
    const auto* scope = std::find_if(std::begin(scopes), std::end(scopes),
                                     [&](PurgeScope one) { return to_string(one) == name; });
    // Groups are of one origin, which alone names them (RFC 9875); an operator purges by tag.
    if (scope == std::end(scopes) || *scope == PurgeScope::group)
      return bad_purge(name, "url, prefix, tag, site, everything or soft");
    if (scope_) return bad_purge(name, "one of url, prefix, tag, site, everything");
    scope_ = *scope;
    if (*scope != PurgeScope::everything) return read_subjects(name, value);
    if (value != true) return bad_purge("everything: " + shown(value), "true");
    subjects_ = {""};
    return {};
  }

  Result<void> read_site(const Json& value) {
    if (!value.is_string()) return bad_purge("site: " + shown(value), "the name of a site");
    site_ = value.get<std::string>();
    const auto& all = sites_.sites();
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const auto& site) { return site->name == site_; });
    if (!known) return bad_purge("site: " + shown(value), "the name of a site");
    return {};
  }

  Result<void> read_subjects(const std::string& name, const Json& value) {
    const Json list = value.is_array() ? value : Json::array({value});
    if (list.empty() || list.size() > purge_commands_max) {
      return bad_purge(name + ": " + std::to_string(list.size()) + " members", "1 to 1000");
    }
    for (const Json& one : list) {
      if (!one.is_string() || one.get<std::string>().empty())
        return bad_purge(name + ": " + shown(one), "a string");
      if (one.get<std::string>().size() > purge_subject_bytes_max)
        return bad_purge(name, "at most 2048 bytes");
      subjects_.push_back(one.get<std::string>());
    }
    return {};
  }

  Result<std::vector<PurgeCommand>> commands() const {
    std::vector<PurgeCommand> commands;
    for (const std::string& subject : subjects_) {
      PurgeCommand command{*scope_, subject, site_, soft_};
      if (*scope_ == PurgeScope::url || *scope_ == PurgeScope::prefix) {
        auto url = without_scheme(subject);
        if (!url) return tl::unexpected(url.error());
        command.subject = *url;
        const proxy::Site* site = sites_.find(proxy::host_of(url->substr(0, url->find('/'))));
        if (site != nullptr) command.site = site->name;
      }
      commands.push_back(std::move(command));
    }
    return commands;
  }

  const Json& json_;
  const proxy::SiteTable& sites_;
  std::optional<PurgeScope> scope_;
  std::vector<std::string> subjects_;
  std::string site_;
  bool soft_ = false;
};

}  // namespace

Result<std::vector<PurgeCommand>> parse_purge_request(std::string_view body, const proxy::SiteTable& sites) {
  const Json json = parse_json(body);
  if (json.is_discarded()) return bad_purge("what is no JSON", "a JSON object");
  return RequestReader(json, sites).read();
}

std::string print_command(const PurgeCommand& command) {
  Json json = {{"scope", std::string(to_string(command.scope))},
               {"subject", command.subject},
               {"site", command.site},
               {"soft", command.soft}};
  return to_text(json);
}

Result<PurgeCommand> parse_command(std::string_view text) {
  const Json json = parse_json(text);
  if (!json.is_object()) return bad_purge("what is no purge", "a purge");
  PurgeCommand command;
  const auto text_of = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string name = text_of("scope");
  const auto* scope = std::find_if(std::begin(scopes), std::end(scopes),
                                   [&](PurgeScope one) { return to_string(one) == name; });
  if (scope == std::end(scopes)) return bad_purge(shown(json), "a purge");
  command.scope = *scope;
  command.subject = text_of("subject");
  command.site = text_of("site");
  command.soft = json.contains("soft") && json["soft"] == true;
  const bool whole = *scope == PurgeScope::everything || *scope == PurgeScope::site;
  if (whole != command.subject.empty() || (*scope == PurgeScope::site && command.site.empty())) {
    return bad_purge(shown(json), "a purge with what it is about");
  }
  return command;
}

cache::PurgeRule to_rule(const PurgeCommand& command, std::shared_ptr<const cache::SiteNames> names) {
  cache::PurgeRule rule;
  rule.scope = command.scope;
  rule.subject = command.subject;
  rule.site = command.site;
  rule.soft = command.soft;
  rule.sites = std::move(names);
  return rule;
}

}  // namespace perigee::control
