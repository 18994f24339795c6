"""Writes the TOML that configuration files of tests need: tables, arrays of tables, plain values."""
import json


def dumps(data, prefix=""):
    lines = [f"{key} = {value_text(value)}" for key, value in data.items() if not is_table(value)]
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            lines += ["", f"[{name}]", dumps(value, name + ".")]
        elif is_table(value):
            for entry in value:
                lines += ["", f"[[{name}]]", dumps(entry, name + ".")]
    return "\n".join(lines).strip() + "\n"


def is_table(value):
    return isinstance(value, dict) or isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def value_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(entry) for entry in value) + "]"
    return json.dumps(str(value))
