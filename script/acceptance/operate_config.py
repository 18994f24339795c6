"""1,000 reloads between five configurations under load, and 1,000 broken or odd files."""
import random
import re
import threading
import time

from acceptance.operate_client import Client, percentile
from harness import until

RELOADS = 1000
RELOADS_PER_SECOND = 10
MUTANTS = 1000


def five(good):
    """Five good files that differ in what a reload can change."""
    site = '[[site]]\nname = "other-{0}"\nhosts = ["other-{0}.example"]\norigin = "main"\n'
    return [good,
            re.sub(r"max = \d+", "max = 3", good),
            good + '\n[log]\nlevel = "warning"\n',
            good + "\n" + site.format(1),
            good + "\n" + site.format(1) + site.format(2)]


def descriptors(node):
    return len([target for target in node.descriptors().values() if not target.startswith("socket:")])


def alternating(system, line):
    """Reloads at a rate under load: nothing fails, nothing grows."""
    node = system.node(system.origin(), retries={"max": 2})
    path = node.cluster.path("node")
    files = five(path.read_text(encoding="utf-8"))
    load = system.load([node], "--connections", "32", "--duration", "900", "--announce", "--verify", "--expect-id",
                       "item-{n%100}", "/_/body?id=item-{n%100}&size=10000&cc=max-age=3600")
    load.wait_running()
    client = Client()
    pace = threading.Event()

    def reload(number):
        path.write_text(files[number % len(files)], encoding="utf-8")
        status, body = client.request(node.addresses["admin"], "POST", "/reload")
        if status != 200:
            print(f"reloads: {number} was answered {status}: {body.decode()[:300]}", flush=True)
        return status == 200

    # What is allocated once for all of them is there after the first hundred. They come as fast as they can: one that finds
    # requests that began with many configurations ago is refused.
    for number in range(100):
        until(lambda number=number: reload(number), "a reload before the others")
    resident, open_files = node.rss_bytes(), descriptors(node)
    applied = 0
    began = time.monotonic()
    for number in range(RELOADS):
        pace.wait(max(0, began + number / RELOADS_PER_SECOND - time.monotonic()))
        applied += reload(number)
    took = time.monotonic() - began
    grown = 100 * (node.rss_bytes() - resident) / resident
    line.exactly("descriptors more", descriptors(node) - open_files, 0)
    result = load.finish()
    client.close()
    line.exactly("reloads applied", applied, RELOADS)
    line("reloads a second", RELOADS / took, ">= 9.5", RELOADS / took >= 9.5)
    line.exactly("requests that failed or were reset", result["requests"] - result["complete"], 0)
    line.exactly("wrong answers", result["wrong_byte"] + result["wrong_length"] + result["unexpected_status"], 0)
    line("requests under way", result["requests"], "> 10000", result["requests"] > 10_000)
    line.at_most("resident memory more, %", grown, 2)


def mutate(text, dice):
    """The text with one thing wrong, or odd, about it."""
    at = dice.randrange(len(text))
    kind = dice.randrange(7)
    lines = text.splitlines(keepends=True)
    if kind == 0:
        return text[:at] + chr(dice.randrange(1, 256)) + text[at + 1:]
    if kind == 1:
        return text[:at] + text[at + dice.randrange(1, 30):]
    if kind == 2:
        return text[:at]
    if kind == 3:
        return text[:at] + text[at:at + 200] + text[at:]
    if kind == 4:
        dice.shuffle(lines)
        return "".join(lines)
    if kind == 5:
        return re.sub(r"\d+", lambda _: dice.choice(["0", "-1", "99999999999999999999", "1e309", '""', "[]"]), text, count=1)
    return text[:at] + dice.choice(["\0", "\ufeff", "[[", "=" * 2000, "\n[node]\n", '"""']) + text[at:]


def mutated(system, line):
    """Each is refused with a message or good, soon; the process and its clients do not notice."""
    node = system.node(system.origin(), retries={"max": 2})
    node.announce_errors("reload")
    path = node.cluster.path("node")
    good = path.read_text(encoding="utf-8")
    dice = random.Random(1)
    client = Client()
    took, silent, odd, refused, failed = [], 0, 0, 0, 0
    for _ in range(MUTANTS):
        path.write_text(mutate(good, dice), encoding="utf-8")
        began = time.monotonic()
        status, body = client.request(node.addresses["admin"], "POST", "/reload")
        took.append(1000 * (time.monotonic() - began))
        refused += status == 422
        silent += status == 422 and b'"message"' not in body
        odd += status not in (200, 422)
        failed += client.request(node.address, "GET", "/_/body?size=10&cc=max-age=60")[0] not in (200, 421)
    path.write_text(good, encoding="utf-8")
    line.exactly("status of the good file afterwards", client.request(node.addresses["admin"], "POST", "/reload")[0], 200)
    client.close()
    line.exactly("answers that are neither applied nor refused", odd, 0)
    line.exactly("refusals without a message", silent, 0)
    line("refusals", refused, f"> {MUTANTS // 2}", refused > MUTANTS // 2)
    line.exactly("requests that failed meanwhile", failed, 0)
    line.at_most("longest decision, ms", max(took), 100)
    line.at_most("decision at p99, ms", percentile(took, 0.99), 100)


PARTS = {"reloads": alternating, "mutants": mutated}
