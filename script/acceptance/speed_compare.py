"""What the comparison and the eviction benchmarks have to show. The servers are measured side by side at the time; see script/compare."""
from benchmarks import evict
from benchmarks.compare import main as compare
from benchmarks.compare import servers, works

TARGETS = ["perigee-edge", "perigee-origin", "perigee-load", "bench-evict"]
ROUNDS = 5
SECONDS = 1.0


def ratio(system, name, other):
    """Median of Perigee over median of another server, measured in turn."""
    assert other.installed(), f"{other.program} is not installed; script/compare --install does it"
    work = works.WORKS[name]
    running = [compare.start(system, kind) for kind in (servers.Perigee, other)]
    for server in running:
        work.prepare(server)
    ratios = []
    for _ in range(ROUNDS):
        first = [work.measure(server, SECONDS) for server in running]
        second = [work.measure(server, SECONDS) for server in reversed(running)]
        ratios.append((first[0] + second[1]) / (first[1] + second[0]))
    return sorted(ratios)[ROUNDS // 2]


def compare_hit(system, line):
    """A hit of 1 KiB, beside nginx and H2O's static file."""
    line.at_most("CPU of a 1 KiB hit over nginx", ratio(system, "hit-1k", servers.Nginx), 0.60)
    line.at_most("CPU of a 1 KiB hit over H2O", ratio(system, "hit-1k", servers.H2O), 1.0)


def compare_large(system, line):
    """A hit of 10 MB, beside nginx."""
    line.at_most("CPU of a 10 MB hit over nginx", ratio(system, "hit-10m", servers.Nginx), 1.2)


def compare_herd(system, line):
    """100 clients and one cold key whose origin answers after 200 ms."""
    server = compare.start(system, servers.Perigee)
    result, fetches = works.WORKS["herd"].run(server)
    times = [client["first_body_ns"] for client in result["clients"]]
    line.exactly("answers", result["complete"], works.HERD)
    line.exactly("requests at the origin", fetches, 1)
    line.at_most("slowest first byte after the first, ms", (max(times) - min(times)) / 1e6, 10)


def evict_ratios(system, line):
    """Hit ratios of the default strategy on the generated mixes."""
    results = {mix: evict.replay(system.build, [mix, "--requests", evict.REQUESTS, "--policies", f"{evict.default_policy()},lru",
                                                *parameters]) for mix, (parameters, _) in evict.MIXES.items()}
    figures = evict.promises(results)
    line.at_most("points behind LRU, at worst, on zipf, scan and recency", figures["points_behind_lru_max"], 2.0)
    factor = figures["one_hit_over_lru_at_5"]
    line("object hits over LRU's at 5 % on one_hit", factor, ">= 1.1", factor >= 1.10)


PARTS = {"compare-hit": compare_hit, "compare-large": compare_large, "compare-herd": compare_herd, "evict": evict_ratios}
