"""A real tree behind nginx, fetched through a cluster of two regions."""
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from harness import main, until
from harness.http import Session

TREE = Path("/usr/share/doc")
BYTES_MAX = 200 << 20


def files():
    """Readable plain files of the tree, as many as surely fit the store."""
    found, total = [], 0
    for folder, folders, names in os.walk(TREE):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_symlink() and path.is_file():
                total += path.stat().st_size
                if total > BYTES_MAX:
                    return found
                found.append(path)
    return found


def fetch_all(node, paths):
    """The files whose bytes are not those on disk."""
    wrong = []
    with Session(node.address) as session:
        for path in paths:
            # One host for all nodes: it is a part of the key.
            answer = session.request("/" + quote(str(path.relative_to(TREE))), headers={"Host": "docs.example.org"})
            if answer.status != 200 or answer.body != path.read_bytes():
                wrong.append((str(path), answer.status))
    return wrong


def test_tree(system):
    """every file is byte-identical from either region, and the second pass asks nginx nothing"""
    paths = files()
    assert len(paths) >= 100, f"found {len(paths)} files under {TREE}, expected a real tree"
    nginx = system.nginx(TREE, ["expires 1h;"])
    nodes = system.cluster(nginx, {"eu": ["eu-a", "eu-b"], "us": ["us-a"]}, cache={"budget": "1GiB"})
    regions = nodes[0], nodes[2]
    with ThreadPoolExecutor(len(nodes)) as clients:
        assert list(clients.map(lambda node: fetch_all(node, paths), regions)) == [[], []]
    # One request per file and region, each logged once it is answered.
    until(lambda: nginx.requests() >= len(paths), "nginx's log")
    asked = nginx.requests()
    assert asked <= 2 * len(paths), (asked, len(paths))
    with ThreadPoolExecutor(len(nodes)) as clients:
        assert list(clients.map(lambda node: fetch_all(node, paths), nodes)) == [[], [], []]
    assert nginx.requests() == asked, f"{nginx.requests() - asked} requests more"


if __name__ == "__main__":
    main(globals())
