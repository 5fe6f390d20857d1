# SPDX-License-Identifier: GPL-2.0-or-later
"""The page's first paragraph: where TUX is faster than its best peer, where it is on a par, where it is slower. Figures decide."""
import textwrap

from figures import TITLES, client_bound, load_rows, measured, micro

FASTER, SLOWER = 1.05, 0.95  # by ratio to the best peer of the same round; between them is a par


def listed(items, comma=", "):
    """Titles of rows have commas, so that lists of them need another mark."""
    return items[0] if len(items) == 1 else "%s and %s" % (comma.join(items[:-1]), items[-1])


def best_peer(result, row, key, more=False):
    """The name and value of the best peer, by medians."""
    entries = {name: entry for name, entry in result["summary"][row["name"]].items()
               if not name.startswith(("tux", "floor")) and entry.get(key) is not None}
    if not entries:
        return None, None
    name = (max if more else min)(entries, key=lambda n: entries[n][key])
    return TITLES.get(name, name), entries[name][key]


def grouped(rows, ratio_of):
    """Three lists of (title, ratio), the best first: faster, par, slower."""
    found = sorted(((row["title"], ratio) for row, ratio in ((row, ratio_of(row)) for row in rows) if ratio is not None), key=lambda pair: -pair[1])
    return ([pair for pair in found if pair[1] >= FASTER], [pair for pair in found if SLOWER < pair[1] < FASTER],
            [pair for pair in found if pair[1] <= SLOWER])


def sentences(subject, groups, phrases):
    """One sentence of each group that has rows; a phrase has a place for the rows."""
    out = []
    for group, phrase in zip(groups, phrases):
        if group:
            out.append(subject + " " + phrase % listed(["%s (%.2f)" % pair for pair in group], "; "))
    return out


def special(result):
    """Sentences about the rows that are no plain load."""
    out = []
    tux = {row["name"]: (row, result["summary"][row["name"]]["tux"]) for row in measured(result) if "tux" in result["summary"][row["name"]]}
    if "cold" in tux:
        row, entry = tux["cold"]
        name, peer = best_peer(result, row, "requests_s", True)
        warm_name, warm = best_peer(result, row, "warm_p50_us")
        if name:
            out.append("Of files that are not in memory it sends {:,.0f} a second, {} {:,.0f}, and a warm file beside them waits {:.1f} ms at the median, "
                       "{:.1f} with {}.".format(entry["requests_s"], name, peer, entry["warm_p50_us"] / 1e3, warm / 1e3, warm_name))
    if "open" in tux:
        row, entry = tux["open"]
        name, peer = best_peer(result, row, "p99_us")
        if name:
            floor = min((f["p99_us"] for n, f in result["summary"]["open"].items() if n.startswith("floor") and f.get("p99_us") is not None), default=None)
            out.append("At %s its 99th percentile is %s µs, %s's %s%s." % (
                row["title"].split(", ")[1], micro(entry["p99_us"]), name, micro(peer),
                "" if floor is None else ", the floor's %s" % micro(floor) + (": these figures are the machine's" if floor > peer else "")))
    if "listing" in tux:
        row, entry = tux["listing"]
        name, peer = best_peer(result, row, "first_ms")
        if name:
            waits = result["summary"]["listing"][next(n for n in TITLES if TITLES[n] == name)]["beside_ms"]
            out.append("A listing of 100,000 names takes %.0f ms, then %.0f ms, while another request waits %.1f ms at most; %s takes %.0f ms and lets "
                       "it wait %.0f." % (entry["first_ms"], entry["second_ms"], entry["beside_ms"], name, peer, waits))
    if "idle" in tux:
        row, entry = tux["idle"]
        out.append("An idle connection costs it %.2f KB and %s wake-ups a second." % (
            entry["idle_bytes"] / 1024, "no" if entry["wakeups_s"] < 0.5 else "%.0f" % entry["wakeups_s"]))
    if "100m" in tux:
        others = ["%s %.1f" % (TITLES[name], result["summary"]["100m"][name]["total_us"] / 1e3)
                  for name in ("nginx", "lighttpd") if name in result["summary"]["100m"]]
        out.append("Client and server together need %.1f ms of CPU for 100 MB%s." % (
            tux["100m"][1]["total_us"] / 1e3, " (%s)" % ", ".join(others) if others else ""))
    return out


def paragraph(result):
    rows = [row for row in load_rows(result) if "tux" in result["summary"][row["name"]]]

    def entry(row):
        return result["summary"][row["name"]]["tux"]
    bound = [row for row in rows if client_bound(entry(row))]
    by_requests = grouped([row for row in rows if row not in bound], lambda row: entry(row)["requests_s_by_best"])
    by_cpu = grouped(rows, lambda row: 1 / entry(row)["server_us_by_best"] if entry(row)["server_us_by_best"] else None)
    if not any(by_requests) and not any(by_cpu):
        return "No other server was measured."
    peers = listed([TITLES.get(name, name) for name in result["servers"] if not name.startswith(("tux", "floor", "nginx-"))])
    out = ["One core, warm files unless a row says otherwise, each row against the best of %s." % peers]
    out += sentences("TUX", by_requests, ("answers more requests a second with %s.", "answers as many, within 5 %%, with %s.", "answers fewer with %s."))
    if bound:
        out.append("With %s the client is the limit, and only CPU compares." % listed([row["title"] for row in bound], "; "))
    inverse = [[(title, 1 / ratio) for title, ratio in group] for group in by_cpu]
    out += sentences("Its CPU a request", inverse, ("is less with %s.", "is the same, within 5 %%, with %s.", "is more with %s."))
    return textwrap.fill(" ".join(out + special(result)), 120, break_on_hyphens=False)
