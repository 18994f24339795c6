"""What the admin listener answers, held against docs/openapi.json: everything that is described happens, and nothing else does."""
import json
from pathlib import Path

from harness import main
from harness.http import request

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef0123456789abcdef"
# What makes each operation do what it is for; without an entry it needs nothing.
GOOD = {"/explain": ("?url=http://a.example/", None), "/rollback": ("?id=1", None), "/purge": ("", {"everything": True})}
# Further requests, with the status that each is expected to meet.
WRONG = [
    ("GET", "/explain", None, 400),
    ("POST", "/rollback?id=x", None, 400),
    ("POST", "/rollback?id=77", None, 422),
    ("POST", "/purge", b"rubbish", 422),
    ("POST", "/purge", b'{"site": "nowhere"}', 422),
    ("POST", "/purge", b" " * (300 << 10), 413),
]


class Described:
    """The answers of docs/openapi.json, and which of them were met."""

    def __init__(self):
        self.paths = json.loads((REPOSITORY / "docs/openapi.json").read_text(encoding="utf-8"))["paths"]
        self.met = set()

    def operations(self):
        for path, methods in self.paths.items():
            for method, operation in methods.items():
                yield path, method.upper(), operation

    def meet(self, path, method, answer):
        place = path.partition("?")[0]
        responses = self.paths[place][method.lower()]["responses"]
        assert str(answer.status) in responses, (method, path, answer)
        self.met.add((place, str(answer.status)))
        for content_type in responses[str(answer.status)].get("content", {}):
            assert answer.field("content-type").startswith(content_type), (method, path, answer.headers)
            if content_type == "application/json":
                assert isinstance(json.loads(answer.body), dict), answer


def ask(node, method, path, body=None, **headers):
    headers = {"Authorization": f"Bearer {TOKEN}", **headers}
    return request(node.addresses["admin"], path, method=method, headers={k: v for k, v in headers.items() if v}, body=body)


def ask_everything(node, described):
    for path, method, operation in described.operations():
        query, content = GOOD.get(path, ("", None))
        body = json.dumps(content).encode() if content is not None else None
        answer = ask(node, method, path + query, body)
        assert answer.status == 200, (path, answer)
        described.meet(path, method, answer)
        if method == "GET":
            head = ask(node, "HEAD", path + query)
            assert (head.status, head.body) == (200, b"") and head.field("content-type") == answer.field("content-type"), (path, head)
        else:
            described.meet(path, method, ask(node, method, path + query, body, Origin="http://evil.example"))
        stranger = ask(node, method, path + query, body, Authorization=None)
        assert (stranger.status == 401) == ("security" in operation), (path, stranger)
        if stranger.status == 401:
            described.met.add((path, "401"))
        other = ask(node, "POST" if method == "GET" else "GET", path + query)
        assert other.status == 405 and method in other.field("allow"), (path, other)
        described.met.add((path, "405"))
    for method, path, body, status in WRONG:
        answer = ask(node, method, path, body)
        assert answer.status == status, (method, path, answer)
        described.meet(path, method, answer)


def test_admin_pages(system):
    """every answer that is described is met, with its type, and none that is not"""
    token = system.folder / "token"
    token.write_text(TOKEN, encoding="ascii")
    token.chmod(0o600)
    described = Described()
    nodes = system.cluster(system.origin(), {"eu": ["eu-1", "eu-2"]}, admin={"token_file": token}, topology={"purge_log": "eu-1"},
                           purge={"journal": "purges.log"})
    node = nodes[0]
    ask_everything(node, described)
    assert ask(node, "GET", "/nothing").status == 404
    ask(node, "POST", "/drain")
    described.meet("/readyz", "GET", ask(node, "GET", "/readyz"))
    ask(node, "POST", "/undrain")
    node.announce_errors("reload_refused")
    good = node.cluster.path(node.name).read_text(encoding="utf-8")
    node.cluster.path(node.name).write_text("[", encoding="utf-8")
    described.meet("/reload", "POST", ask(node, "POST", "/reload"))
    node.cluster.path(node.name).write_text(good, encoding="utf-8")
    # The log of purges goes: a node that asks it is told so.
    nodes[1].announce_errors("purge_log_away")
    node.kill()
    described.meet("/purge", "POST", ask(nodes[1], "POST", "/purge", b'{"everything": true}'))
    never = {(path, status) for path, _, operation in described.operations() for status in operation["responses"]} - described.met
    # Sixteen configurations in use at once take as many slow requests (tests/unit/reload_test.cc).
    assert never == {("/reload", "503"), ("/rollback", "503")}, never


if __name__ == "__main__":
    main(globals())
