# SPDX-License-Identifier: GPL-2.0-or-later
"""What the page and the picture share: names of servers, numbers as text, and the two floors as one."""

TITLES = {"tux": "TUX", "tux-epoll": "TUX over epoll", "tux-keys": "TUX with key-process", "nginx": "nginx", "nginx-nosf": "nginx without sendfile", "nginx-aio": "nginx with threads",
          "lighttpd": "lighttpd", "h2o": "h2o", "apache": "Apache", "haproxy": "haproxy cache", "varnish": "Varnish", "caddy": "Caddy",
          "floor": "floor"}
MIB = 1024 * 1024


def si(value):
    """1234567 as 1.23 M: three digits are all that the measurement is worth."""
    for factor, unit in ((1e6, " M"), (1e3, " k")):
        if value >= factor:
            value /= factor
            return ("%.2f" if value < 10 else "%.1f" if value < 100 else "%.0f") % value + unit
    return "%.0f" % value if value >= 10 else "%.1f" % value


def micro(value):
    return "{:,.0f}".format(value) if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value


def duration(microseconds):
    return "%.1f ms" % (microseconds / 1000) if microseconds >= 10000 else micro(microseconds) + " µs"


def times(value):
    return "-" if value is None else "%.2f" % value


def throughput(row, entry):
    """Large bodies in MB/s, small ones in requests/s."""
    return "{:,.0f} MB/s".format(entry["mb_s"]) if (row["length"] or 0) >= MIB else si(entry["requests_s"]) + "/s"


def measured(result, *names):
    """The rows that were measured, or those of the names."""
    return [row for row in result["rows"] if result["summary"].get(row["name"]) and (not names or row["name"] in names)]


def load_rows(result):
    return [row for row in measured(result) if row["measure"] == "load"]


def servers_of(result, rows):
    return [name for name in result["servers"] if any(name in result["summary"][row["name"]] for row in rows)]


def client_bound(entry):
    return entry["client_busy"] > 0.9 > entry["server_busy"]


def floors_fold(result):
    """Makes one floor of both loops: of each value the better one."""
    more = ("requests_s", "mb_s")
    for entries in result["summary"].values():
        floors = [entries.pop(name) for name in list(entries) if name.startswith("floor-")]
        if floors:
            entries["floor"] = {key: (max if key in more else min)(floor[key] for floor in floors if floor[key] is not None)
                                if any(floor[key] is not None for floor in floors) else None for key in floors[0]}
    result["servers"] = dict({name: version for name, version in result["servers"].items() if not name.startswith("floor")}, floor="")
