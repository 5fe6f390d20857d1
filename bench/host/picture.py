# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture: a panel for a row, a bar for a server, the floor as an outline."""
import html

from figures import TITLES, duration, load_rows, servers_of, throughput

ROWS = ("128", "1k", "16k", "128k", "1m", "100m", "close", "many", "files", "page", "pipe", "log")
STYLE = """
  text { font: 12px -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; } .row { font-size: 13px; font-weight: 600; }
  .quiet, .cpu { fill: #59636e; } .cpu, .how { font-size: 11px; } .right { text-anchor: end; }
  .ours { fill: #b3470b; } .ours2 { fill: #d98a52; } .peer { fill: #9aa6b2; } .strong { font-weight: 600; }
  .floor { fill: none; stroke: #59636e; stroke-dasharray: 3 2; }
  .ground { fill: #ffffff; stroke: #d1d9e0; } .rule { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .quiet, .cpu { fill: #9198a1; } .ours { fill: #f08a43; } .ours2 { fill: #a9602e; } .peer { fill: #59636e; }
    .floor { stroke: #9198a1; } .ground { fill: #0d1117; stroke: #3d444d; } .rule { stroke: #3d444d; }
  }
"""

WIDTH, MARGIN, COLUMNS, LABEL, LINE, BAR, GAP = 960, 20, 3, 86, 20, 12, 34
SHORT = dict(TITLES, **{"tux-epoll": "TUX epoll", "nginx-nosf": "nginx (pread)", "nginx-aio": "nginx (aio)", "haproxy": "haproxy"})
BARS = {"tux": "ours", "tux-epoll": "ours2", "floor": "floor"}


def text(x, y, css, content):
    return '<text x="%.0f" y="%.0f" class="%s">%s</text>' % (x, y, css, html.escape(content))


def panel(row, entries, names, x, y, width):
    """One row of the table as bars: their length is the throughput, the number behind is the CPU per request."""
    out = [text(x, y + 14, "row", row["title"]), text(x + width, y + 14, "how cpu right", row["how"].split(",")[0])]
    bars = width - LABEL - 130
    longest = max(entry["requests_s"] for entry in entries.values())
    for i, name in enumerate(names):
        top = y + 24 + i * LINE
        strong = "strong" if name == "tux" else "quiet" if name == "floor" else ""
        out.append(text(x, top + 10, strong, SHORT.get(name, name)))
        if name not in entries:
            out.append(text(x + LABEL, top + 10, "quiet", "-"))
            continue
        entry = entries[name]
        length = max(1.0, bars * entry["requests_s"] / longest)
        out.append('<rect x="%.0f" y="%.0f" width="%.1f" height="%d" rx="2" class="%s"/>' % (
            x + LABEL, top, length, BAR, BARS.get(name, "peer")))
        out.append(text(x + LABEL + length + 5, top + 10, strong, throughput(row, entry)))
        out.append(text(x + width, top + 10, "cpu right", duration(entry["server_us"])))
    return out


def describe(result, rows):
    """The picture in words."""
    return "; ".join("%s: %s" % (row["title"], ", ".join("%s %s" % (TITLES.get(name, name), throughput(row, entry))
                                                         for name, entry in result["summary"][row["name"]].items())) for row in rows)


def is_tls(result):
    return any(row["kind"] == "tls" for row in result["rows"])


def picture(result):
    rows = [row for row in load_rows(result) if row["name"] in ROWS or is_tls(result)] or load_rows(result)
    what = "HTTP/1.1 over TLS 1.3" if is_tls(result) else "Static files over HTTP/1.1"
    names = servers_of(result, rows)
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    height = 24 + len(names) * LINE + 20
    total = 74 + -(-len(rows) // COLUMNS) * height + 30
    machine = result["machine"]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">' % (WIDTH, total),
           '<title id="t">%s: TUX beside other web servers</title>' % what,
           '<desc id="d">%s</desc>' % html.escape(describe(result, rows)), "<style>%s</style>" % STYLE,
           '<rect x="0.5" y="0.5" width="%d" height="%d" rx="6" class="ground"/>' % (WIDTH - 1, total - 1),
           text(MARGIN, 32, "title", what + ", one core"),
           text(MARGIN, 52, "quiet", "Bar: throughput, longer is better, each panel with its own scale. Right: server CPU per request, less is better. "
                + ("" if is_tls(result) else "Floor: a constant response, nothing parsed."))]
    for i, row in enumerate(rows):
        x = MARGIN + (i % COLUMNS) * (width + GAP)
        y = 74 + (i // COLUMNS) * height
        out += panel(row, result["summary"][row["name"]], names, x, y, width)
    out.append(text(MARGIN, total - 14, "quiet cpu", "%s, Linux %s%s; loopback; median of %d rounds; %s; docs/performance.md says how" % (
        machine["cpu"], machine["kernel"], ", virtual machine" if machine["virtual"] else "", result["rounds"], result["date"][:10])))
    return "\n".join(out + ["</svg>"]) + "\n"
