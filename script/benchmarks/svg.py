"""Charts as SVG, written by hand: bars and curves, readable on light and dark pages and without colours."""
from html import escape

COLOURS = ("#0b7285", "#c92a2a", "#e67700", "#5f3dc4", "#2b8a3e", "#a61e4d", "#495057", "#1864ab", "#868e96")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3", "1 4")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #212529 } .title { font-weight: 600; font-size: 15px }
.axis { stroke: #868e96; stroke-width: 1 } .grid { stroke: #868e96; stroke-opacity: .25 }
.note { fill: #495057; font-size: 12px }
@media (prefers-color-scheme: dark) { text { fill: #e9ecef } .note { fill: #adb5bd } .mark { filter: brightness(1.5) } }
"""


def document(width, height, parts, title):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n")


def text(x, y, content, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def figure(value):
    """Three digits, and thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(title, unit, rows, ours):
    """Horizontal bars: rows are (name, value, low, high); `ours` is the name that stands out. The least comes first."""
    width, left, right, step = 720, 130, 110, 30
    height = 58 + step * len(rows) + 8
    largest = max((high for _, _, _, high in rows), default=1) or 1
    scale = (width - left - right) / largest
    parts = [text(12, 22, title, "title"), text(12, 40, unit, "note")]
    for number, (name, value, low, high) in enumerate(sorted(rows, key=lambda row: row[1])):
        y = 56 + step * number
        colour = COLOURS[0] if name == ours else COLOURS[6]
        parts.append(text(left - 8, y + 14, name, "", "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="19" rx="2" fill="{colour}" class="mark"/>')
        parts.append(line(left + low * scale, y + 9.5, left + high * scale, y + 9.5, "axis"))
        parts.append(text(left + high * scale + 6, y + 14, figure(value)))
    return document(width, height, parts, title)


def curves(title, horizontal, vertical, lines, ticks, percent=True):
    """Lines are {name: [(x, y), ...]}; x stands at even distances (ticks: its values), y from 0 to the largest."""
    width, height, left, top, bottom = 720, 400, 58, 52, 62
    right = 190
    largest = max((y for points in lines.values() for _, y in points), default=1) or 1
    place = {x: left + (width - left - right) * number / max(1, len(ticks) - 1) for number, x in enumerate(ticks)}
    rise = (height - top - bottom) / largest

    def up(y):
        return height - bottom - y * rise

    parts = [text(12, 22, title, "title"), text(12, 40, vertical, "note"),
             text((left + width - right) / 2, height - 14, horizontal, "note", "middle")]
    for part in range(5):
        value = largest * part / 4
        parts.append(line(left, up(value), width - right, up(value), "grid"))
        parts.append(text(left - 6, up(value) + 4, f"{100 * value:.0f} %" if percent else figure(value), "note", "end"))
    for x in ticks:
        parts.append(text(place[x], height - bottom + 18, f"{x:g}", "note", "middle"))
    labels = spread([(up(points[-1][1]), name) for name, points in lines.items() if points])
    for number, (name, points) in enumerate(lines.items()):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        path = " ".join(f"{place[x]:.1f},{up(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" class="mark"/>')
        y = labels[name]
        parts.append(f'<line x1="{width - right + 8}" y1="{y:.1f}" x2="{width - right + 34}" y2="{y:.1f}" stroke="{colour}" '
                     f'stroke-width="2" stroke-dasharray="{dash}" class="mark"/>')
        parts.append(text(width - right + 40, y + 4, name))
    return document(width, height, parts, title)


def spread(labels, gap=18):
    """Places for labels near where their lines end, at least `gap` apart."""
    places = {}
    last = None
    for y, name in sorted(labels):
        last = y if last is None else max(y, last + gap)
        places[name] = last
    return places
