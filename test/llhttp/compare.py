#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds the same requests to TUX's core and to llhttp and compares what they make of them. See README.md."""
import argparse
import collections
import itertools
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

import inputs

FOLDER = pathlib.Path(__file__).resolve().parent
BATCH = 10000
REPORTED = 20  # failures that are made small and shown

Answer = collections.namedtuple("Answer", "head body reason head_end message_end minor framing content method target fields")
# kind: same, undecided, stricter (TUX alone refuses: why is its reason), explained (TUX alone accepts: why names a
# row of README.md) or failed.
Outcome = collections.namedtuple("Outcome", "kind why")


class Sides:
    """The two programs, run once for each batch."""

    def __init__(self, tux, node):
        self.commands = [[tux], [node, str(FOLDER / "llhttp.js")]]
        self.name = ""

    def ask(self, batch):
        with tempfile.NamedTemporaryFile() as questions:
            for data in batch:
                questions.write(struct.pack("<I", len(data)) + data)
            questions.flush()
            outputs = [tempfile.TemporaryFile() for _ in self.commands]
            running = []
            for command, output in zip(self.commands, outputs):
                # Opened for each, as they would share an offset.
                running.append(subprocess.Popen(command, stdin=open(questions.name, "rb"), stdout=output))
            for process in running:
                if process.wait() != 0:
                    raise SystemExit(f"{process.args[0]} ended with {process.returncode}")
        sides = []
        for output in outputs:
            output.seek(0)
            sides.append(output.read().decode().splitlines())
            output.close()
        self.name = sides[1].pop()
        assert len(sides[0]) == len(sides[1]) == len(batch)
        return [tuple(Answer(*(line.split("\t") + [""] * 8)[:11]) for line in pair) for pair in zip(*sides)]


def judge(tux, llhttp):
    """Of one input, with no regard to what is explained."""
    if tux.head == "accepted" and llhttp.head == "accepted":
        for name in ("head_end", "minor", "framing", "method", "target", "fields"):
            if getattr(tux, name) != getattr(llhttp, name):
                return Outcome("failed", f"{name} differs")
        pair = (tux.body, llhttp.body)
    else:
        pair = (tux.head, llhttp.head)
    if pair in (("refused", "refused"), ("more", "more"), ("accepted", "accepted")):
        if tux.message_end != llhttp.message_end and pair[0] == "accepted" or tux.content != llhttp.content and pair[0] != "refused":
            return Outcome("failed", "the message ends elsewhere")
        return Outcome("same", "")
    if pair[0] == "accepted":
        return Outcome("failed", f"TUX is laxer: llhttp says {llhttp.reason or pair[1]}")
    if pair == ("refused", "accepted"):
        return Outcome("stricter", tux.reason)
    if pair == ("more", "accepted"):
        return Outcome("failed", "TUX wants more of what is complete")
    return Outcome("undecided", "")


REQUEST_LINE = re.compile(rb"((?:\r\n)*)([^ ]+) ([^ ]+) HTTP/1\.([0-9])(?=\r\n)")


BLANK = re.compile(rb"(\r\n(?:content-length|transfer-encoding):)[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
EMPTY = re.compile(rb"(\r\ntransfer-encoding:)[ \t,]*(chunked)[ \t,]*(?=\r\n)", re.IGNORECASE)
EMPTY_LINE = re.compile(rb"\r\ntransfer-encoding:[ \t,]*(?=\r\n)", re.IGNORECASE)
TRAILER = re.compile(rb"(?<=\n)(?:content-length|transfer-encoding)(?=:)", re.IGNORECASE)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")


def without_extensions(body):
    """A chunked body whose size lines are digits alone; as it is from the first thing on that is no chunk."""
    plain = b""
    while line := CHUNK_LINE.match(body):
        end = line.end() + int(line[1], 16) + 2
        plain += line[1] + b"\r\n" + body[line.end():end]
        body = body[end:]
        if end == line.end() + 2 or not body:
            break
    return plain + body


def without_explained(data, tux):
    """The input with what README.md explains replaced by what both know, and the rows that this needs."""
    line = REQUEST_LINE.match(data)
    if tux.head != "accepted" or line is None:
        return data, []
    empty, method, target, minor = line.groups()
    rows = []
    if method == b"CONNECT":
        rows.append("CONNECT")
        method, target = b"POST", b"/"
    elif method.decode() not in inputs.METHODS:
        rows.append("method")
        method = b"POST"
    if minor > b"1":
        rows.append("version")
        minor = b"1"
    if max(target) > 0x7f:
        rows.append("octets")
        target = bytes(min(octet, 0x7e) for octet in target)
    fields, body = data[line.end():int(tux.head_end)], data[int(tux.head_end):]
    for row, pattern, plain in (("empty", EMPTY_LINE, b""), ("empty", EMPTY, rb"\1 \2"), ("blank", BLANK, rb"\1 \2")):
        edited = pattern.sub(plain, fields)
        if edited != fields:
            rows.append(row)
            fields = edited
    if tux.framing == "chunked" and (edited := without_extensions(body)) != body:
        rows.append("extension")
        body = edited
    if tux.framing == "chunked" and TRAILER.search(body):
        rows.append("trailer")
        body = TRAILER.sub(lambda name: b"x" * len(name[0]), body)
    return empty + method + b" " + target + b" HTTP/1." + minor + fields + body, rows


def evaluate(sides, batch, complete=True):
    """The outcome of each input, and the input that shows it: itself, or one that was made of it."""
    answers = sides.ask(batch)
    found = [(judge(*pair), data) for pair, data in zip(answers, batch)]
    again = []  # (index, input, rows): how the outcome of the index comes about
    for i, ((outcome, data), (tux, _)) in enumerate(zip(found, answers)):
        if outcome.kind == "failed":
            edited, rows = without_explained(data, tux)
            if edited != data:
                again.append((i, edited, rows))
        elif outcome.kind == "undecided" and complete:
            # What one refuses already the other must not accept, whatever follows.
            again += [(i, data + completion, []) for completion in inputs.COMPLETIONS]
    if not again:
        return found
    for (i, _, rows), (outcome, data) in zip(again, evaluate(sides, [data for _, data, _ in again], False)):
        if rows:
            found[i] = (outcome, data) if outcome.kind == "failed" else (Outcome("explained", rows[0]), found[i][1])
        elif found[i][0].kind == "undecided" and outcome.kind != "same":
            found[i] = (outcome, data)
    return found


def minimise(sides, data, outcome):
    """Leaves out all that the outcome does not need."""
    size = max(1, len(data) // 2)
    while size > 0:
        cuts = [data[:i] + data[i + size:] for i in range(0, len(data) - size + 1, max(1, size // 2))]
        same = [cut for cut, (seen, _) in zip(cuts, evaluate(sides, cuts, False)) if seen == outcome]
        if same:
            data = same[0]
        else:
            size //= 2
    return evaluate(sides, [data], False)[0][1]


def shown(data):
    text = "".join(chr(octet) if 32 <= octet < 127 and octet not in b"\\{}'" else {13: "\\r", 10: "\\n", 9: "\\t"}.get(octet, f"\\x{octet:02x}")
                   for octet in data)
    return re.sub(r"([^\\x])\1{40,}", lambda run: "{%s*%d}" % (run[1], len(run[0])), text)


def table(heading):
    """The rows of the table under a heading of README.md: [key, example or none]."""
    part = (FOLDER / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| `(.+?)` \|", part, re.MULTILINE)
    return [(key.strip(), inputs.unescape(example)) for key, example in rows]


def check_table(sides, heading, kind, rows):
    """Every example of a table is what the table says; returns complaints. llhttp may become stricter."""
    complaints = []
    for (key, example), (outcome, _), (tux, llhttp) in zip(
            rows, evaluate(sides, [example for _, example in rows], False), sides.ask([example for _, example in rows])):
        if outcome == Outcome(kind, key):
            continue
        stale = tux.reason == key if kind == "stricter" else "accepted" in (tux.head, llhttp.head)
        if stale and outcome.kind == "same":
            print(f"this llhttp agrees about '{key}': {shown(example)}")
        else:
            complaints.append(f"README.md, {heading}: '{key}' is {outcome.kind} {outcome.why} for {shown(example)}")
    return complaints


def regressions():
    lines = (FOLDER / "regressions").read_text().splitlines()
    return [inputs.unescape(line) for line in lines if line and not line.startswith("#")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tux", help="test/llhttp/llhttp_tux of a build")
    parser.add_argument("--node", default="nodejs")
    parser.add_argument("--seed", type=int, default=9112)
    parser.add_argument("--count", type=int, default=100000, help="random inputs, beside the systematic ones")
    parser.add_argument("--show", metavar="REQUEST", help="ask both about this one, with C's escapes")
    options = parser.parse_args()
    sides = Sides(options.tux, options.node)
    if options.show is not None:
        data = inputs.unescape(options.show)
        for side in sides.ask([data])[0]:
            print(*side, sep=" | ")
        outcome, made = evaluate(sides, [data])[0]
        print(outcome.kind, outcome.why, shown(made))
        return 0

    stricter = table("TUX refuses, llhttp accepts")
    explained = table("TUX accepts, llhttp refuses or ends elsewhere")
    complaints = check_table(sides, "TUX refuses", "stricter", stricter)
    complaints += check_table(sides, "TUX accepts", "explained", explained)
    rows = {"stricter": {key for key, _ in stricter}, "explained": {key for key, _ in explained}}

    made = inputs.Random(random.Random(options.seed))
    source = itertools.chain(regressions(), inputs.systematic(), (made.next() for _ in range(options.count)))
    counts = collections.Counter()
    failures = {}
    print(f"seed {options.seed}, {options.count} random inputs", flush=True)
    while batch := list(itertools.islice(source, BATCH)):
        for outcome, data in evaluate(sides, batch):
            counts[outcome] += 1
            if outcome.kind == "failed" or outcome.kind in rows and outcome.why not in rows[outcome.kind]:
                failures.setdefault(outcome, data)

    for (kind, why), count in sorted(counts.items()):
        print(f"{count:8} {kind} {why}")
    for outcome, data in sorted(failures.items())[:REPORTED]:
        complaints.append(f"{outcome.kind}, {outcome.why}: {shown(minimise(sides, data, outcome))}")
    for complaint in complaints:
        print("FAILED:", complaint)
    # Without agreement in great number nothing was compared.
    both = counts[Outcome("same", "")]
    print(f"{sides.name}: {sum(counts.values())} inputs, {both} with the same answer, {len(complaints)} failures")
    return 1 if complaints or both < sum(counts.values()) // 4 else 0


if __name__ == "__main__":
    sys.exit(main())
