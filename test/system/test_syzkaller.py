# SPDX-License-Identifier: GPL-2.0-or-later
"""The description of /dev/tux for syzkaller has each call, structure, member and flag of the header, with its size."""
import os
import re
import shutil
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
HEADER = "include/uapi/tux.h"
TABLES = {"core/route.h": ["tux_route"], "core/host.h": ["tux_host_name"], "core/file_handler.h": ["tux_file_type"],
          "core/media_types.h": ["tux_media_type_text", "tux_media_type_of"]}
MAPPED = {"tux_cpu_shared", "tux_shared", "tux_setup_module_counters"}  # no call passes them
NUMBERS = {"TUX_OMIT_SERVER", "TUX_OMIT_ETAG", "TUX_OMIT_LAST_MODIFIED", "TUX_OMIT_ACCEPT_RANGES"}
SIZES = {"fd": 4, "sock": 4, "fd_event": 4, "fd_dir": 4, "ptr64": 8}


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return re.sub(r"(?s)/\*.*?\*/", "", file.read())


def header_structures(text):
    """name: [member], of structures without nested ones."""
    found = {}
    for name, body in re.findall(r"(?ms)^struct (\w+) \{\n(.*?)^\}", text):
        body = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", body)
        found[name] = [re.search(r"(\w+)(\[.*\])?$", part.strip())[1]
                       for line in body.split(";") for part in line.split(",") if part.strip()]
    return found


def described(text):
    """name: [(member, type)]."""
    return {name: [line.split(None, 1) for line in body.strip().splitlines()]
            for name, body in re.findall(r"(?ms)^(\w+) \{\n(.*?)^\}", text)}


def size_of(kind, structures):
    """Size and alignment of a type of syzkaller's."""
    name, inside = re.fullmatch(r"(\w+)(?:\[(.*)\])?", kind.strip()).groups()
    if name in structures:
        at, most = 0, 1
        for _, member in structures[name]:
            size, align = size_of(member, structures)
            at = -(-at // align) * align + size
            most = max(most, align)
        return -(-at // most) * most, most
    if name in SIZES:
        return SIZES[name], SIZES[name]
    if name == "array" and "," not in inside:  # of any length, at the end of a structure
        return 0, size_of(inside, structures)[1]
    if name == "array":
        element, count = inside.rsplit(",", 1)
        size, align = size_of(element, structures)
        return size * int(count), align
    if name in ("const", "flags", "len", "bytesize"):
        name = inside.rsplit(",", 1)[1].strip()
    bytes_ = int(re.fullmatch(r"int(\d+)", name)[1]) // 8
    return bytes_, bytes_


@pytest.fixture(scope="module")
def description():
    with open(os.path.join(TOP, "test/vm/syzkaller/dev_tux.txt"), encoding="utf-8") as file:
        return file.read()


def test_structures_are_those_of_the_header(description):
    wanted = {name: members for name, members in header_structures(read(HEADER)).items() if name not in MAPPED}
    for file, names in TABLES.items():
        wanted.update({name: members for name, members in header_structures(read(file)).items() if name in names})
    assert {name: [member for member, _ in members] for name, members in described(description).items()} == wanted


def test_sizes_are_those_of_the_header(description, tmp_path):
    structures = described(description)
    lines, expected = [], []
    for name, members in structures.items():
        lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
        expected.append(f"{name} {size_of(name, structures)[0]}")
        for member, kind in members:
            if kind == "array[int8]":  # of any length, at the end
                lines.append(f'printf("{name}.{member} %zu\\n", sizeof(struct {name}) - offsetof(struct {name}, {member}));')
            else:
                lines.append(f'printf("{name}.{member} %zu\\n", sizeof(((struct {name} *)0)->{member}));')
            expected.append(f"{name}.{member} {size_of(kind, structures)[0]}")
    includes = "".join(f'#include "{TOP}/{name}"\n' for name in [HEADER, "core/access_record.h", *TABLES])
    source = tmp_path / "sizes.c"
    lines.append('printf("record %zu\\n", sizeof(struct tux_access_record));')
    expected.append("record " + re.search(r"record_size\s+const\[(\d+),", description)[1])
    source.write_text(f"#include <stddef.h>\n#include <stdio.h>\n{includes}int main(void)\n{{\n{chr(10).join(lines)}\nreturn 0;\n}}\n")
    subprocess.run([shutil.which("cc") or "gcc", "-o", tmp_path / "sizes", source], check=True)
    printed = subprocess.run([tmp_path / "sizes"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert printed == expected


def test_calls_and_flags_are_those_of_the_header(description):
    header = read(HEADER)
    calls = re.findall(r"#define (TUX_\w+)\s+_IO(W?R?)", header)
    assert calls
    for name, direction in calls:
        argument = re.search(rf"(?m)^ioctl\$(\w+)\(fd fd_tux, cmd const\[{name}\], arg (\w+)\[", description)
        assert argument and argument[1] == name, name
        assert (argument[2] == "const") == (direction == ""), name
    assert len(re.findall(r"(?m)^ioctl\$", description)) == len(calls)
    flags = re.findall(r"#define (TUX_\w+)\s+\(1u << \d+\)\n", header)
    masks = {"TUX_MAX_SETUP"}
    for name in [*flags, *NUMBERS]:
        assert name in masks or re.search(rf"(?m)^\w+ = .*\b{name}\b", description), name
    omissions = dict(re.findall(r"(TUX_OMIT_\w+) = (\d+)", read("core/response.h")))
    assert dict(re.findall(r"(?m)^define (TUX_OMIT_\w+)\s+(\d+)", description)) == omissions and set(omissions) == NUMBERS


def test_reasons_are_counted(description):
    reasons = re.search(r"(?s)enum tux_reason \{(.*?)TUX_REASONS", read(HEADER))[1].count(",")
    assert re.findall(r"handed_\w+\s+array\[int64, (\d+)\]", description) == [str(reasons)] * 2
