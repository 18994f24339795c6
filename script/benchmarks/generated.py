"""Parts of a page that a program writes: between <!-- NAME:begin --> and <!-- NAME:end -->."""


def replace(page, name, content):
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    inside, also, after = rest.partition(end)
    assert found and also, f"{page.name} has no part {begin} ... {end}"
    page.write_text(f"{before}{begin}\n{content.strip()}\n{end}{after}", encoding="utf-8")
