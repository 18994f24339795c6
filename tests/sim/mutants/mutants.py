"""Planted bugs: what the simulator must find.

A mutant is a source file of the node with one mistake in it. It is compiled in place of the real file and linked into a
simulator of its own, so production code has no switch for it that anybody could reach. A text that no longer occurs exactly once
fails the build: then the code has moved on, and the mistake has to be planted anew.

    mutants.py list                    one line for each: its name, the profile that is to find it, the seed that the ring
                                       begins with, and its files
    mutants.py says NAME               what is wrong with it
    mutants.py write NAME FILE OUT     the file with the mistake
"""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent


class Mutant:
    def __init__(self, says, *edits, profile="any", first=1):
        self.says = says
        self.edits = edits  # (file, text, text in its place)
        self.profile = profile
        # Whose mistake shows seldom is found late, and every seed before costs the ring a simulation that finds nothing:
        # there it begins a little before the first that finds it. script/accept begins with 1, which is the claim.
        self.first = first

    def files(self):
        return sorted({file for file, _, _ in self.edits})

    def text_of(self, file):
        text = (ROOT / file).read_text()
        for edited, old, new in self.edits:
            if edited != file:
                continue
            if text.count(old) != 1:
                raise SystemExit(f"{file}: {text.count(old)} times {old!r}, expected once: plant the mistake anew")
            text = text.replace(old, new)
        return text


MUTANTS = {
    "hop-check": Mutant(
        "who is asked by a peer goes on as if a client had asked",
        ("edge/cluster/route.cc", "const bool from_client = query.hop == 0;", "const bool from_client = true;")),
    "digest": Mutant(
        "a peer of another membership digest is trusted like one of the same",
        ("edge/proxy/edge_handler.cc", "envelope->digest == snapshot.cluster->digest;", "!envelope->digest.empty();"),
        profile="membership"),
    "follower-abort": Mutant(
        "a fill that fails does not tell those who wait for it",
        ("edge/cache/fill.cc", "  if (shared_) table_.remove(*this);\n  changed();",
         "  if (shared_) table_.remove(*this);\n  if (state() != State::failed) changed();")),
    "must-revalidate": Mutant(
        "what must be revalidated is served stale while the upstream fails",
        ("edge/cache/policy.cc", "  if (stored.is(ResponseMeta::must_revalidate)) return false;\n",
         "  if (stored.is(ResponseMeta::must_revalidate)) return true;\n")),
    "truncation": Mutant(
        "a body that breaks off is taken for complete",
        ("edge/proxy/upstream_connection.cc", "  if (state_ == State::body) return fail(UpstreamFailure::incomplete);",
         "  if (state_ == State::body) return finish();"),
        first=10),
    "cut-as-end": Mutant(
        "an answer whose rest will never come ends as if it were complete",
        ("edge/proxy/parts_cursor.cc", "return count > 0 ? State::ready : State::failed;",
         "return count > 0 ? State::ready : State::end;"),
        first=10),
    "if-range": Mutant(
        "a broken body is continued without asking whether it is still the same",
        ("edge/proxy/upstream_request.cc", 'head.field("if-range", parts.resume->etag);', ""),
        ("edge/proxy/fetch_answer.cc", "head.fields.value(http::FieldId::etag) != job_.resume->etag", "false"),
        first=10),
    "vary": Mutant(
        "followers are not asked which variant they want",
        ("edge/proxy/exchange.cc",
         "  return head.vary_names.empty() || cache::selects(head.selecting, request_.fields);", "  return true;")),
    "age": Mutant(
        "what an answer has aged on its way is forgotten",
        ("edge/cache/freshness.cc", "  return saturate(std::max(apparent_age, corrected_age_value));",
         "  return saturate(std::min<int64_t>(apparent_age, corrected_age_value - corrected_age_value));")),
    "invalidation": Mutant(
        "an unsafe request leaves what is stored",
        ("edge/proxy/invalidation.cc", "  if (http::is_safe(method) ||", "  if (!http::is_safe(method) ||"),
        first=19),
    "collapsing": Mutant(
        "every request begins a fill of its own",
        ("edge/cache/fill_table.cc", "  in.fills.emplace(fill->key(), fill);", ""),
        profile="calm"),
    "purge-stamp": Mutant(
        "what comes back counts as asked for when it came, not when it was sent",
        ("edge/proxy/fetch_answer.cc", "  out.purge_stamp = purge_stamp_;",
         "  out.purge_stamp = worker_.purges().table().position();")),
    "peer-field": Mutant(
        "the field that peers talk by is passed on to origins",
        ("edge/proxy/upstream_request.cc", "    case FieldId::perigee_peer:\n", "")),
    "cache-status": Mutant(
        "who waited for another's fetch says that it asked itself",
        ("edge/proxy/exchange_answer.cc", "  origin_.collapsed = collapsed_;\n  origin_.stored = fill_->kept() && head->store;\n"
         "  origin_.fwd_status = head->status;\n  worker_.metrics()",
         "  origin_.collapsed = false;\n  origin_.stored = fill_->kept() && head->store;\n"
         "  origin_.fwd_status = head->status;\n  worker_.metrics()")),
}


def main(arguments):
    match arguments:
        case ["list"]:
            for name, mutant in MUTANTS.items():
                print(";".join([name, mutant.profile, str(mutant.first), *mutant.files()]))
        case ["says", name]:
            print(MUTANTS[name].says)
        case ["write", name, file, out]:
            Path(out).parent.mkdir(parents=True, exist_ok=True)
            Path(out).write_text(MUTANTS[name].text_of(file))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
