# SPDX-License-Identifier: GPL-2.0-or-later
"""
Reads test/mutants: faults that the code had. A patch puts one back, and names the tool that must refuse it. Lines before the change:

    Fault: one sentence
    Commit: the commit that mended it
    Tool: a key of TOOLS
    Test: arguments of the tool
"""
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "mutants"
FIELDS = ("Fault", "Commit", "Tool", "Test")
# Names of the tools in the table of docs/security.md. test/vm/mutants runs the patches of a guest, tools/code-mutants all others.
TOOLS = {
    "unit": "%s",
    "unit-asan": "%s with ASan and UBSan",
    "suite": "%s",
    "suite-asan": "%s with ASan and UBSan",
    "fuzz": "corpus of the fuzzer %s",
    "proof": "proof of %s",
    "faults": "%s",
    "lint": "lint of %s",
    "inside": "%s in a guest",
    "kunit": "KUnit %s",
    "sparse": "sparse",
}
IN_GUEST = ("inside", "kunit", "sparse")


class Patch:
    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.name, self.path = path.stem, path
        head = dict(line.split(": ", 1) for line in text[:text.index("\n--- ")].splitlines() if ": " in line)
        if tuple(head) != FIELDS or head["Tool"] not in TOOLS:
            raise ValueError("%s: the lines before its change are not %s, or the tool is unknown" % (path.name, ", ".join(FIELDS)))
        self.fault, self.commit, self.tool, self.test = (head[name] for name in FIELDS)
        self.text = text
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.MULTILINE)

    def row(self):
        """Returns its row of the table in docs/security.md."""
        first, _, choice = self.test.partition(" -k ")
        subject = first.split()[0] if first else ""
        if self.tool == "kunit":
            subject, choice = pathlib.Path(self.files[0]).stem, ""
        elif self.tool not in ("proof", "lint"):
            subject = subject.split("/")[-1]
        subject = "`%s`" % subject + (" (%s)" % choice if choice else "")
        refused_by = TOOLS[self.tool]
        refused_by = refused_by % subject if "%s" in refused_by else refused_by
        return "| `%s` | %s | %s | %s |" % (self.name, self.fault, ", ".join("`%s`" % name for name in self.files), refused_by)


def read(in_guest, names=()):
    """Returns the patches that run in a guest, or the others: {name: Patch}. names: only these, if any."""
    patches = [Patch(path) for path in sorted(FOLDER.glob("*.patch"))]
    unknown = set(names) - {patch.name for patch in patches}
    if unknown:
        raise SystemExit("no patch of this name: " + ", ".join(sorted(unknown)))
    return {patch.name: patch for patch in patches if (patch.tool in IN_GUEST) == in_guest and (not names or patch.name in names)}
