// Shell completion of commands and options, and the same as a table for programs, both written from the
// command line's own description.
//
// Thread rule: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "edge/base/json.h"

namespace perigee::ctl {

// One case of the script for each command, named by its path ("/dns/gdnsd"), with the words that may follow.
inline void add_completions(const CLI::App& app, const std::string& path, const std::string& everywhere,
                            std::string& paths, std::string& cases) {
  std::string words = everywhere;
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    words += " " + below->get_name();
  if (!path.empty()) {
    paths += (paths.empty() ? "" : "|") + path;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) words += " --" + name;
    }
  }
  cases += "    \"" + path + "\") words=\"" + words + "\" ;;\n";
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    add_completions(*below, path + "/" + below->get_name(), everywhere, paths, cases);
}

// A script for bash, or for zsh through its bash compatibility. The options of app may stand anywhere.
inline std::string completion(const std::string& shell, const CLI::App& app) {
  std::string everywhere;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      everywhere += (everywhere.empty() ? "--" : " --") + name;
  }
  std::string paths;
  std::string cases;
  add_completions(app, "", everywhere, paths, cases);
  return (shell == "zsh" ? std::string("autoload -U +X bashcompinit && bashcompinit\n") : std::string()) +
         "_perigeectl() {\n  local path=\"\" words i\n  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case \"$path/${COMP_WORDS[i]}\" in " +
         paths + ") path=\"$path/${COMP_WORDS[i]}\" ;; esac\n  done\n  case \"$path\" in\n" + cases +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
         "complete -o default -F _perigeectl perigeectl\n";
}

// Every command: name, what it is for, its options with what they are for, its arguments, and the commands
// below.
inline Json command_table(const std::vector<CLI::App*>& commands) {
  Json table = Json::array();
  for (const CLI::App* command : commands) {
    Json options = Json::array();
    Json arguments = Json::array();
    for (const CLI::Option* option : command->get_options()) {
      const Json one = {{"name", option->get_name()}, {"about", option->get_description()}};
      (option->get_positional() ? arguments : options).push_back(one);
    }
    std::vector<CLI::App*> below;
    for (const CLI::App* one : command->get_subcommands([](const CLI::App*) { return true; }))
      below.push_back(const_cast<CLI::App*>(one));
    table.push_back({{"name", command->get_name()},
                     {"about", command->get_description()},
                     {"options", std::move(options)},
                     {"arguments", std::move(arguments)},
                     {"commands", command_table(below)}});
  }
  return table;
}

}  // namespace perigee::ctl
