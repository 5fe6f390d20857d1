# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that bench/vm measures: for the program, for the kernel, and as verified handlers."""
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = {"greet": TOP / "bench/vm/greet.c", "token": TOP / "examples/bpf/token.c", "variant": TOP / "examples/modules/variant.c"}
SOURCES = " ".join(map(str, SHARED.values()))  # TUX_MODULES of tools/kernel-module
LIMIT = int(re.search(r"TUX_MAX_BPF_VERIFIED (\d+)", (TOP / "include/uapi/tux.h").read_text(encoding="ascii"))[1])
OPTIONS = ["W=1", "KCFLAGS=-Wframe-larger-than=1024"]  # of make, as in test/vm/check, whose objects can so be used
TURN = {1: 82, 2: 83, 3: 129, 4: 51, 5: 51, 6: 83}  # of bench/vm/worst.c, by kind: instructions of 16 turns, as clang 14 compiles the loop


def build_handler(source, to, *more):
    subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-ftrivial-auto-var-init=pattern", "-I", str(TOP / "include"), *more, "-c", str(source),
                    "-o", to], check=True)


def build(built, folder):
    """Builds the modules for the program, and verified handlers: (host, guest) of all. built has those of the kernel."""
    files = [(built / "kernel/bpf/tux-bpf.ko", "/tux-bpf.ko")]
    for name, source in SHARED.items():
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-I", str(TOP / "include"), "-o", f"{folder}/{name}.so", str(source)], check=True)
        build_handler(source, f"{folder}/{name}.bpf.o")
        files += [(f"{folder}/{name}.so", f"/{name}.so"), (built / name / f"{name}.ko", f"/{name}.ko"), (f"{folder}/{name}.bpf.o", f"/{name}.bpf.o")]
    files.append((f"{folder}/greet.so", "/hello.so"))
    for kind, instructions in TURN.items():
        name = f"worst-{kind}.bpf.o"
        build_handler(TOP / "bench/vm/worst.c", f"{folder}/{name}", f"-DKIND={kind}", f"-DTURNS={(LIMIT - 100) // instructions * 16}")
        files.append((f"{folder}/{name}", f"/{name}"))
    return files
