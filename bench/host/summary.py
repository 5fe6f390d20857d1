# SPDX-License-Identifier: GPL-2.0-or-later
"""From measurements to medians and ratios, and the table that is printed."""
import statistics


def is_peer(name):
    return not name.startswith(("tux", "floor"))


def undisturbed(cells):
    """Leaves out the measurements that other processes disturbed, if at least half of all are left."""
    kept = {number: cell for number, cell in cells.items() if not cell.get("marked")}
    return kept if 2 * len(kept) >= len(cells) else cells


def ratio_within(cells, others, key, best=None):
    """The median over rounds of this server's value by another's in the same round; `best` picks among several others."""
    ratios = {}
    for number, cell in cells.items():
        rivals = [other[number] for other in others if number in other and other[number].get(key)]
        if rivals and cell.get(key) is not None:
            values = [rival[key] for rival in rivals]
            ratios[number] = {"ratio": cell[key] / (best(values) if best else values[0]),
                              "marked": cell.get("marked") or any(rival.get("marked") for rival in rivals)}
    return statistics.median(entry["ratio"] for entry in undisturbed(ratios).values()) if ratios else None


def summarise(result):
    """Adds to the result, per row and server, the medians and the ratios to the row's base, the best peer and the floor of the round."""
    summary, marked, left_out, count = {}, 0, 0, 0
    for row in result["rows"]:
        by_server = result["cells"].get(row["name"], {})
        peers = [cells for name, cells in by_server.items() if is_peer(name)]
        floors = [cells for name, cells in by_server.items() if name.startswith("floor")]
        base = [by_server[row["base"]]] if row["base"] in by_server else []
        more = {value["key"]: value["more"] for value in row["values"]}
        more.update(requests_s=True, server_us=False, p99_us=False, total_us=False)
        for name, cells in by_server.items():
            kept = undisturbed(cells)
            entry = {key: statistics.median(cell[key] for cell in kept.values()) for key in next(iter(kept.values())) if key != "marked"}
            entry["rounds"], entry["left_out"] = len(kept), len(cells) - len(kept)
            for key, is_more in more.items():
                best = max if is_more else min
                entry[key + "_by_base"] = ratio_within(cells, base, key)
                entry[key + "_by_best"] = ratio_within(cells, peers, key, best)
                entry[key + "_by_floor"] = ratio_within(cells, floors, key, best)
            summary.setdefault(row["name"], {})[name] = entry
            marked += sum(bool(cell.get("marked")) for cell in cells.values())
            left_out += entry["left_out"]
            count += len(cells)
    result["summary"] = summary
    result["marked"] = {"measurements": count, "marked": marked, "left_out": left_out}


def times(value):
    return "     -" if value is None else "%6.2f" % value


def load_print(row, by_server):
    base = row["base"][:5]
    print("  %-11s %10s %8s  %7s %6s %7s  %10s %6s %6s %6s  %9s %9s  %8s" % (
        "", "requests/s", "MB/s", "x " + base, "x best", "x floor", "CPU us/req", "/" + base, "/best", "/floor", "p50 us", "p99 us", "memory"))
    for name, e in by_server.items():
        print("  %-11s %10.0f %8.0f   %s %s  %s  %10.2f %s %s %s  %9.0f %9.0f  %5.1f MB%s" % (
            name, e["requests_s"], e["mb_s"], times(e["requests_s_by_base"]), times(e["requests_s_by_best"]), times(e["requests_s_by_floor"]),
            e["server_us"], times(e["server_us_by_base"]), times(e["server_us_by_best"]), times(e["server_us_by_floor"]),
            e["p50_us"], e["p99_us"], e["memory"] / 1e6, "  (client bound)" if e["client_busy"] > 0.95 > e["server_busy"] else ""))


def values_print(row, by_server):
    """Each value, and its multiple of the base's, the best peer's and the floor's."""
    width = [max(len(value["title"]), 10) for value in row["values"]]
    print("  %-11s %s" % ("", "  ".join("%*s %s /best /floor" % (w, value["title"], "/" + row["base"][:5]) for w, value in zip(width, row["values"]))))
    for name, e in by_server.items():
        texts = []
        for w, value in zip(width, row["values"]):
            key = value["key"]
            ratios = " ".join(times(e.get(key + by)) for by in ("_by_base", "_by_best", "_by_floor"))
            texts.append("%*s %s" % (w, value["form"] % (e[key] * value["factor"]), ratios))
        print("  %-11s %s" % (name, "  ".join(texts)))


def table_print(result):
    for row in result["rows"]:
        by_server = result["summary"].get(row["name"])
        if not by_server:
            continue
        print("\n%s (%s)" % (row["title"], row["how"]))
        if row["measure"] == "load":
            load_print(row, by_server)
        else:
            values_print(row, by_server)
    marks = result["marked"]
    if marks["marked"]:
        print("\nother processes took over a tenth of a CPU in %(marked)d of %(measurements)d measurements; medians leave out %(left_out)d" % marks)
