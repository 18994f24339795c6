"""At least 200 reloads under load, every other one of a broken file."""
import json
import re

RELOADS = 200
REQUESTS_MIN = 10_000  # that were at risk; where reloads are quick more of them are made

# What is broken, as (text to find, text instead, key the message must name).
BROKEN = [
    ('workers = 2', 'workers = 2\nworkrs = 3', "workrs"),
    ('workers = 2', 'workers = 2\nworkers = 3', "workers"),
    ('drain = "20s"', 'drain = "soon"', "drain"),
    ('drain = "20s"', 'drain = 20.5.1', "drain"),
    ('origin = "main"', 'origin = "elsewhere"', "origin"),
    ('level = "', 'level = "loud', "level"),
    ('max = ', 'max = 99', "max"),
    ('[timeouts]', '[timeuots]', "timeuots"),
]


def reloads(system, line):
    origin = system.origin()
    node = system.node(origin, log={"level": "info"}, retries={"max": 2})
    node.announce_errors("reload")
    path = node.cluster.path("node")
    good = path.read_text(encoding="utf-8")
    load = system.load([node], "--connections", "64", "--duration", "600", "--announce", "--verify", "--expect-id",
                       "item-{n%100}", "/_/body?id=item-{n%100}&size=10000&cc=max-age=3600")
    load.wait_running()
    refused_well = accepted = kept = 0
    number = 0
    while number < RELOADS or number % 2 or node.metric("perigee_requests_total") < REQUESTS_MIN * 1.1:
        if number % 2 == 0:
            in_force = number % 10
            path.write_text(re.sub(r"max = \d+", f"max = {in_force}", good), encoding="utf-8")
            status, _ = node.reload()
            accepted += status == 200
        else:
            found, instead, key = BROKEN[number // 2 % len(BROKEN)]
            assert found in good, found
            path.write_text(good.replace(found, instead, 1), encoding="utf-8")
            status, answer = node.reload()
            refused_well += 400 <= status < 500 and names_the_place(answer, path, key)
            kept += setting(node, "retries.max") == str(in_force)
        number += 1
    result = load.finish()
    line("reloads", number, f">= {RELOADS}", number >= RELOADS)
    line.exactly("good files accepted", accepted, number // 2)
    line.exactly("broken files refused with file, line, key and what was expected", refused_well, number // 2)
    line.exactly("the last good configuration in force after them", kept, number // 2)
    line.exactly("requests that failed or were reset", result["requests"] - result["complete"], 0)
    line.exactly("wrong answers", result["wrong_byte"] + result["wrong_length"] + result["unexpected_status"], 0)
    line("requests under way", result["requests"], f"> {REQUESTS_MIN}", result["requests"] > REQUESTS_MIN)


def names_the_place(answer, path, key):
    """Some error of the result object gives file, line, key and what was expected."""
    for error in answer.get("errors", []):
        text = error if isinstance(error, str) else " ".join(str(value) for value in error.values())
        place = isinstance(error, dict) and {"file", "line", "key", "expected"} <= set(error) or \
            re.search(rf"{re.escape(path.name)}:\d+", text)
        if place and key in text:
            return True
    return False


def setting(node, key):
    """A setting as /config shows it."""
    settings = json.loads(node.admin("/config").body)["settings"]
    return next((entry["value"] for entry in settings if entry["key"] == key), "")
