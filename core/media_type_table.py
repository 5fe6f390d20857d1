#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the table of media_type.c from Debian's mime.types: media_type_table.py INPUT OUTPUT"""
import sys

# What the web serves today, where mime.types is silent or says what browsers no longer expect.
WEB = {
    "js": "text/javascript", "mjs": "text/javascript", "css": "text/css", "html": "text/html", "htm": "text/html",
    "txt": "text/plain", "md": "text/markdown", "json": "application/json", "map": "application/json",
    "webmanifest": "application/manifest+json", "wasm": "application/wasm", "woff": "font/woff",
    "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf", "svg": "image/svg+xml", "webp": "image/webp",
    "avif": "image/avif", "ico": "image/vnd.microsoft.icon", "mp4": "video/mp4", "webm": "video/webm",
    "ogg": "audio/ogg", "opus": "audio/ogg", "mp3": "audio/mpeg", "m4a": "audio/mp4", "flac": "audio/flac",
    "xml": "application/xml", "pdf": "application/pdf", "gz": "application/gzip", "zst": "application/zstd",
    "cjs": "text/javascript", "jsx": "text/javascript", "ts": "video/mp2t", "log": "text/plain", "rs": "text/plain",
    "yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml", "mod": "text/plain",
}

# Text by convention, which browsers are to show and not to download; mime.types lacks them.
TEXT = """adoc awk bash bazel bzl cfg clj cmake cnf conf config cs dart dockerfile editorconfig el elm env
erl ex exs fish fs gitattributes gitignore gitmodules go gradle graphql groovy hcl ini jl kt kts less lock lua make mk nim nix
po pot properties proto ps1 purs rb rmd rst sass scala scss sum swift tf tfvars tmpl vim vue zig
zsh""".split()
NAMES = """authors bugs build changelog changes codeowners contributing contributors copying copyright credits dockerfile faq gemfile history
install jenkinsfile licence license maintainers makefile manifest news notice owners procfile rakefile readme release releases thanks todo
vagrantfile version""".split()


def with_charset(media_type):
    return media_type + "; charset=utf-8" if media_type.startswith("text/") else media_type


def main(source, target):
    types = {}
    for line in open(source, encoding="utf-8"):
        words = line.split("#")[0].split()
        for extension in words[1:]:
            types.setdefault(extension.lower(), words[0])
    types.update(WEB)
    for extension in TEXT:
        types.setdefault(extension, "text/plain")
    entries = [*sorted(types.items(), key=lambda item: item[0].encode()), *((name, "text/plain") for name in sorted(NAMES))]
    longest = max(len(name) for name, _ in entries)
    with open(target, "w", encoding="utf-8") as out:
        out.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made by media_type_table.py: extensions, then whole names; both sorted. */\n")
        out.write("enum { EXTENSION_MAX = %d, TABLE_EXTENSIONS = %d, TABLE_ENTRIES = %d };\n\n" % (longest, len(types), len(entries)))
        out.write("static const struct entry {\n\tuint8_t extension[EXTENSION_MAX + 1];\n\tstruct tux_text type;\n")
        out.write("} table[TABLE_ENTRIES] = {\n")
        for extension, media_type in entries:
            text = with_charset(media_type)
            out.write('\t{ "%s", { "%s", %d } },\n' % (extension, text, len(text)))
        out.write("};\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
