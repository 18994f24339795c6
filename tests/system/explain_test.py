"""GET /explain of a real node, against what the node then does."""
import json
from urllib.parse import quote

from harness import main


def explain(node, path, *fields, method="GET"):
    host, port = node.address
    url = quote(f"http://{host}:{port}{path}", safe="")
    headers = "".join(f"&header={quote(field, safe='')}" for field in fields)
    answer = node.admin(f"/explain?url={url}&method={method}{headers}")
    assert answer.status == 200, (answer.status, answer.body)
    return json.loads(answer.body)


def test_explain_agrees(system):
    """what /explain says of a request is what becomes of it, on every worker"""
    origin = system.origin()
    node = system.node(origin)
    cases = [("cold", "max-age=60"), ("private", "private"), ("again", "no-cache,max-age=60"), ("fresh", "max-age=600")]
    for name, control in cases:
        path = f"/_/body?id={name}&size=100&cc={control}"
        for _ in range(6):
            said = explain(node, path)["decision"]
            status = node.get(path).headers["cache-status"]
            if said["action"] == "serve":
                assert "; hit" in status, (said, status)
            else:
                assert f"fwd={said['fwd']}" in status, (said, status)
        assert origin.stats()["gets"][name] >= 1


def test_explain_shows(system):
    """a stored answer is shown with its sum, and looking changes nothing"""
    origin = system.origin()
    node = system.node(origin)
    path = "/_/body?id=shown&size=1000&cc=max-age=60"
    assert explain(node, path)["stored"] == []
    node.get(path)
    for _ in range(3):
        page = explain(node, path, "Cache-Control: no-cache")
        assert page["decision"]["rule"] == "request_no_cache", page["decision"]
        (stored,) = page["stored"]
        assert stored["status"] == 200 and stored["body_bytes"] == 1000 and stored["selected"], stored
        sum_ = {line["name"]: line["value"] for line in stored["freshness"]}
        assert sum_["current_age"] == sum_["corrected_initial_age"] + sum_["resident_time"], sum_
        assert sum_["ttl"] == sum_["freshness_lifetime"] - sum_["current_age"] and sum_["freshness_lifetime"] == 60, sum_
    assert origin.stats()["gets"]["shown"] == 1
    assert node.metric("perigee_requests_total") == 1


def test_explain_refuses(system):
    """a bad query and a URL that is none are answered 400 with what was expected"""
    node = system.node(system.origin())
    for query in ("", "?url=", "?url=x", "?url=http://a/&colour=red"):
        answer = node.admin(f"/explain{query}")
        assert answer.status == 400, (query, answer.status)
        assert {"error", "message"} <= set(json.loads(answer.body)), answer.body


if __name__ == "__main__":
    main(globals())
