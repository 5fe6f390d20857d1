# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures one row on one server: a load by client.c or tls_client.c, and the CPU clocks around it."""
import json
import os
import resource
import subprocess
import time

from documents import mean_length, names_warm, page_lengths, pages_drop
from machine import cpu_busy, ksoftirqd_ns
from rows import KIB, LISTED, MANY, MIB, TEXT
from servers import Failed, Fetcher, child_setup

MOST_SECONDS = 20   # of a load that ends with its last request
FOREIGN = 0.1       # of a CPU: more for other processes marks a measurement


def harness_s():
    """CPU time of this process and of the clients that have ended."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Clocks:
    """The CPU time of server, client and others from here on until stop()."""

    def __init__(self, options, instance):
        self.cpus, self.instance = (options.server_cpu, options.client_cpu), instance
        self.start, self.began = self.read(), time.monotonic()

    def read(self):
        back = self.instance.back if "upstream" in self.instance.server.kinds else None
        return {"tasks": self.instance.cpu_ns(), "softirq": ksoftirqd_ns(self.cpus[0]), "harness": harness_s(),
                "origin": sum(back.cpu_ns().values()) / 1e9 if back else 0.0, "cpus": [cpu_busy(cpu) for cpu in self.cpus]}

    def stop(self):
        end, start, seconds = self.read(), self.start, time.monotonic() - self.began
        spent = {task: (ns - start["tasks"].get(task, 0)) / 1e9 for task, ns in end["tasks"].items()}
        softirq = (end["softirq"] - start["softirq"]) / 1e9
        server, origin = sum(spent.values()) + softirq, end["origin"] - start["origin"]
        client = end["harness"] - start["harness"] + origin
        busy = [e[0] - s[0] for e, s in zip(end["cpus"], start["cpus"])]
        found = {
            "server_s": server, "origin_s": origin, "softirqd_s": softirq,
            "children_s": sum(s for task, s in spent.items() if task.startswith("children")),
            "foreign_server_cpu": max(0.0, (busy[0] - server) / seconds), "foreign_client_cpu": max(0.0, (busy[1] - client) / seconds),
            "stolen": sum(e[1] - s[1] for e, s in zip(end["cpus"], start["cpus"])) / seconds,
        }
        found["marked"] = max(found["foreign_server_cpu"], found["foreign_client_cpu"]) > FOREIGN
        return found


class Bench:
    """Measures cells; `folder` is for files of its own, `root` has the documents."""

    def __init__(self, options, client, folder, root):
        self.options, self.client, self.folder, self.root = options, client, folder, root

    # ---- the client ----

    def start(self, instance, *words, first=False):
        """Starts a client on its CPU. stop() or the words bound its time."""
        command = [self.client, "--host", instance.address, "--port", str(instance.port)] + [str(word) for word in words]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=child_setup(self.options.client_cpu, first=first))

    @staticmethod
    def results(process, seconds):
        """Waits for the end of a client and returns what it measured."""
        try:
            out, err = process.communicate(timeout=seconds + 20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed("the client did not come back")
        try:
            seen = json.loads(out)
        except ValueError:
            raise Failed("the client says: " + err.decode("utf-8", "replace").strip())
        if not seen["body_bytes"] or seen["errors"] > seen["requests"] / 1000:
            raise Failed("%d requests and %d errors: %s" % (seen["requests"], seen["errors"], seen["faults"]))
        return seen

    def stop(self, process):
        process.terminate()
        return self.results(process, 0)

    def load(self, instance, row, seconds, *more):
        return self.results(self.start(instance, *self.words(instance, row, seconds), *more), seconds)

    def words(self, instance, row, seconds):
        """Options of the client."""
        words = ["--milliseconds", int(seconds * 1000), "--connections", row.connections]
        words += ["--length", mean_length(self.root, row)] + self.paths(instance, row)
        words += ["--depth", row.depth] if row.depth > 1 else []
        words += ["--close"] if row.close else []
        words += ["--resume"] if row.resume else []
        words += ["--field", row.field] if row.field else []
        words += ["--discard"] if self.options.discard else []
        return words

    def paths(self, instance, row):
        """A floor has one length for all paths."""
        if len(row.paths) == 1 or (row.length is None and instance.server.is_floor):
            return ["--path", row.paths[0]]
        name = os.path.join(self.folder, "paths-" + row.name)
        if not os.path.exists(name):
            with open(name, "w") as out:
                for path in row.paths:
                    lengths = [] if row.length else page_lengths(self.root, path)
                    out.write(" ".join([path] + [str(length) for length in lengths]) + "\n")
        return ["--paths", name]

    def beside(self, instance, rate):
        """
        Starts a slow open loop of a small file, whose latency says how long others wait. stop() ends it. It shares its CPU with the client that makes them
        wait, which must not be what it measures.
        """
        process = self.start(instance, "--path", "/1k.bin", "--length", KIB, "--rate", rate, "--connections", 32,
                             "--milliseconds", (2 * MOST_SECONDS + 60) * 1000, first=True)
        time.sleep(0.05)  # it connects; what comes before is no part of the load
        return process

    # ---- rows ----

    def measure(self, instance, row):
        return getattr(self, "measure_" + row.measure)(instance, row)

    def warm(self, instance, row):
        """Every file once if they are many, as what a server learns of the first requests shall not be measured; else some time."""
        most = 0.5 if len(row.paths) > 1 or mean_length(self.root, row) > MIB else 0.2
        if len(row.paths) >= MANY and not instance.server.is_floor:
            self.load(instance, row, MOST_SECONDS, "--requests", len(row.paths))
        else:
            self.load(instance, row, max(0.05, min(most, self.options.seconds / 2)))

    @staticmethod
    def figures(instance, row, seen, clocks):
        # a request of 100 MB may be half answered at the end: what counts is the bytes that came
        requests = seen["body_bytes"] / row.length if row.length else seen["requests"]
        client_s = seen["client_user_s"] + seen["client_sys_s"]
        return {
            "requests_s": requests / seen["seconds"], "mb_s": seen["body_bytes"] / seen["seconds"] / 1e6,
            "server_us": clocks["server_s"] * 1e6 / requests, "server_busy": clocks["server_s"] / seen["seconds"],
            "children_us": clocks["children_s"] * 1e6 / requests,
            "client_us": client_s * 1e6 / requests, "client_busy": (client_s + clocks["origin_s"]) / seen["seconds"],
            "total_us": (clocks["server_s"] + client_s) * 1e6 / requests,
            "p50_us": seen["p50_us"], "p99_us": seen["p99_us"], "p999_us": seen["p999_us"],
            "errors": seen["errors"], "unanswered": seen["unanswered"], "memory": instance.memory_bytes(),
            "softirqd_s": clocks["softirqd_s"], "stolen": clocks["stolen"], "marked": clocks["marked"],
            "foreign_server_cpu": clocks["foreign_server_cpu"], "foreign_client_cpu": clocks["foreign_client_cpu"],
        }

    def measure_load(self, instance, row, *more):
        """A closed loop, warm."""
        self.warm(instance, row)
        if row.kind == "tls" and not row.close:
            return self.measure_open_connections(instance, row)
        clocks = Clocks(self.options, instance)
        seen = self.load(instance, row, self.options.seconds, *more, *(["--random"] if row.random else []))
        return self.figures(instance, row, seen, clocks.stop())

    def measure_open_connections(self, instance, row):
        """A closed loop of connections whose handshakes are no part of it."""
        client = self.start(instance, *self.words(instance, row, self.options.seconds), "--wait")
        if client.stdout.readline():
            clocks = Clocks(self.options, instance)
            client.stdin.write(b"\n")
            client.stdin.flush()
        seen = self.results(client, self.options.seconds)
        return self.figures(instance, row, seen, clocks.stop())

    def measure_open(self, instance, row):
        return self.measure_load(instance, row, "--rate", row.rate)

    def measure_cold(self, instance, row):
        """Every file once, its pages dropped before, and a warm small file beside it."""
        if not pages_drop(self.root, row.paths):
            raise Failed("the pages of files in %s cannot be dropped" % self.folder)
        beside = self.beside(instance, 100)
        try:
            clocks = Clocks(self.options, instance)
            seen = self.load(instance, row, MOST_SECONDS, "--requests", len(row.paths))
            clocks = clocks.stop()
        finally:
            warm = self.stop(beside)
        return dict(self.figures(instance, row, seen, clocks), warm_p50_us=warm["p50_us"], warm_p99_us=warm["p99_us"])

    def measure_listing(self, instance, _row):
        """The first and the second request for a large directory, and a small file beside both."""
        names_warm(self.root + "/listing")
        fetcher = Fetcher(instance, timeout=60)
        beside = self.beside(instance, 500)
        times = [time.monotonic()]
        try:
            clocks = Clocks(self.options, instance)
            for _ in range(2):
                listed = fetcher.get("/listing/").count(b"entry-")
                times.append(time.monotonic())
                if listed < LISTED:
                    raise Failed("the listing has %d names" % listed)
            clocks = clocks.stop()
        finally:
            fetcher.close()
            waits = self.stop(beside)
        return dict(clocks, first_ms=(times[1] - times[0]) * 1000, second_ms=(times[2] - times[1]) * 1000, beside_ms=waits["max_us"] / 1000,
                    memory=instance.memory_bytes())

    def measure_idle(self, instance, row):
        """Memory and wake-ups of idle connections, and the CPU of active ones beside them by that of the same ones alone."""
        alone = self.measure_load(instance, row)
        memory = instance.memory_bytes()
        holder = self.start(instance, "--path", row.paths[0], "--length", row.length, "--connections", row.count, "--requests", row.count,
                            "--milliseconds", MOST_SECONDS * 1000, "--hold")
        try:
            if not holder.stdout.readline():
                raise Failed("the client says: " + holder.stderr.read().decode("utf-8", "replace").strip())
            time.sleep(0.3)  # what the server does after the last request is no wake-up of an idle connection
            memory = instance.memory_bytes() - memory
            woken, began = instance.wakeups(), time.monotonic()
            time.sleep(max(0.3, self.options.seconds / 2))
            woken = (instance.wakeups() - woken) / (time.monotonic() - began)
            crowded = self.measure_load(instance, row)
        finally:
            holder.stdin.close()
            holder.kill()
            holder.wait()
        return dict(crowded, idle_bytes=memory / row.count, wakeups_s=woken,
                    active_cpu=crowded["server_us"] / alone["server_us"], marked=crowded["marked"] or alone["marked"])

    # ---- right answers ----

    def answers_compare(self, instance, row, every):
        if instance.server.is_floor:
            return
        fetcher = Fetcher(instance)
        for path in row.paths[::every]:
            self.answer_compare(fetcher, instance, path, None, path)
            if row.kind == "page" and path.endswith(TEXT):
                self.answer_compare(fetcher, instance, path, row.field, path + ".gz")
        fetcher.close()

    def answer_compare(self, fetcher, instance, path, field, name):
        with open(self.root + name, "rb") as f:
            if fetcher.get(path, field) != f.read():
                raise Failed("%s: %s differs from the file" % (instance.server.name, path))
