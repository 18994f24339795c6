"""Draws a report's figures as an SVG: for each node what clients and peers asked of it and what it asked of the origin."""
from xml.sax.saxutils import escape

BAR = 14
GAP = 6
LEFT = 130
WIDTH = 560
SERIES = [("client_requests", "from clients", "#3b6fb5"), ("peer_requests", "from peers", "#8fb4e3"),
          ("origin_requests", "to the origin", "#d9822b")]


def draw(figures, name):
    nodes = figures["nodes"]
    top = 84
    block = BAR * 2 + GAP * 2
    height = top + len(nodes) * block + 20
    most = max(max(node["client_requests"] + node["peer_requests"], node["origin_requests"]) for node in nodes) or 1
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 90}" height="{height}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="#ffffff"/>',
             text(16, 24, f"{name}: {figures['requests']} requests, Zipf {figures['zipf']}", size=15),
             text(16, 44, f"origin offload {figures['offload']:.1%}, hit ratio {figures['hit_ratio']:.1%}, "
                          f"busiest node {figures['busiest_over_mean']:.2f} of its share")]
    for i, (_, label, colour) in enumerate(SERIES):
        parts.append(bar(16 + i * 130, 58, 10, 10, colour))
        parts.append(text(32 + i * 130, 67, label))
    for row, node in enumerate(nodes):
        parts += rows_of(node, top + row * block, WIDTH / most)
    return "\n".join(parts + ["</svg>"]) + "\n"


def rows_of(node, y, scale):
    asked = node["client_requests"] + node["peer_requests"]
    clients = node["client_requests"] * scale
    return [text(16, y + BAR, node["name"]),
            bar(LEFT, y, clients, BAR, SERIES[0][2]),
            bar(LEFT + clients, y, node["peer_requests"] * scale, BAR, SERIES[1][2]),
            text(LEFT + asked * scale + 6, y + BAR - 3, str(asked)),
            bar(LEFT, y + BAR + 2, node["origin_requests"] * scale, BAR - 4, SERIES[2][2]),
            text(LEFT + node["origin_requests"] * scale + 6, y + 2 * BAR - 3, str(node["origin_requests"]))]


def bar(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def text(x, y, what, size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="#222222">{escape(what)}</text>'
