// Shell completion of commands and options, written from the command line's own description.
//
// Thread rule: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

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

}  // namespace perigee::ctl
