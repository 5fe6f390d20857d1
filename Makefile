# SPDX-License-Identifier: GPL-2.0-or-later
# Thin: Meson and Ninja build, ./check tests. Run it after ./serve or ./check has installed what is needed.
all:
	@[ -f build/build.ninja ] || meson setup build
	ninja -C build

check:
	./check

asan:
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C build-asan

fuzz:
	@[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false
	ninja -C build-fuzz
	tools/fuzz build-fuzz

bench: all
	bench/host/run --report

install: all
	meson install -C build

clean:
	rm -rf build build-asan build-fuzz build-check

.PHONY: all check asan fuzz bench install clean
