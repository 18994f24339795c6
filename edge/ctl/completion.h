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

// A script for bash, or for zsh through its bash compatibility.
inline std::string completion(const std::string& shell, const std::vector<CLI::App*>& commands) {
  std::string names;
  std::string cases;
  for (const CLI::App* command : commands) {
    names += " " + command->get_name();
    std::string words;
    for (const CLI::App* below : command->get_subcommands([](const CLI::App*) { return true; }))
      words += " " + below->get_name();
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) words += " --" + name;
    }
    cases +=
        "    " + command->get_name() + ") words=\"--admin --token-file --timeout --json" + words + "\" ;;\n";
  }
  return (shell == "zsh" ? std::string("autoload -U +X bashcompinit && bashcompinit\n") : std::string()) +
         "_perigeectl() {\n  local words=\"" + names.substr(names.empty() ? 0 : 1) +
         "\"\n  case \"${COMP_WORDS[1]}\" in\n" + cases + "  esac\n  [ \"$COMP_CWORD\" = 1 ] && words=\"" +
         names.substr(names.empty() ? 0 : 1) +
         "\"\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n"
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
