# SPDX-License-Identifier: GPL-2.0-or-later
# Thin: Meson and Ninja build, ./check tests. Run it after ./serve or ./check has installed what is needed.
all:
	@[ -f build/build.ninja ] || meson setup build
	ninja -C build

check:
	./check

check-all:
	./check all

asan:
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C build-asan

# FUZZ_SECONDS=3600 make fuzz
fuzz:
	@[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false
	meson test -C build-fuzz --suite fuzz -t 0

build-prove/build.ninja:
	meson setup build-prove

# Proves core/, and that the proof and the tests refuse broken ones: see test/proof/README.md.
prove: build-prove/build.ninja
	ninja -C build-prove core/media_type_table.h
	tools/prove build-prove

# Proves the files without a valid certificate.
prove-new: build-prove/build.ninja
	ninja -C build-prove core/media_type_table.h
	tools/prove build-prove --new

prove-mutants: build-prove/build.ninja
	ninja -C build-prove core/media_type_table.h
	tools/prove build-prove --mutants $(if $(PART),--part=$(PART))

# Checks the models of lifetimes and order with spin: see docs/security.md.
models:
	@tools/packages spin gcc python3-pytest
	/usr/bin/python3 -m pytest -q -p no:cacheprovider test/model

# The kernel engine: tux.ko against Debian's cloud kernels, unpacked in build-vm/, and its tests in QEMU. For the kernel that
# runs: packaging/dkms, or make kernel HEADERS=/lib/modules/$$(uname -r)/build.
kernel:
	@[ -n "$(HEADERS)" ] || tools/kernels build-vm/kernels 6.1 6.12 7
	@if [ -n "$(HEADERS)" ]; then tools/kernel-module "$(HEADERS)" build-kernel; else for series in 6.1 6.12 7; do \
		tools/kernel-module build-vm/kernels/$$series/headers build-vm/$$series || exit 1; done; fi

# With the debug kernels, each of which takes 1,500 seconds of CPU to build, and on a machine with systemd.
vm-check:
	./check vm-6.1 vm-6.12 vm-7 vm-6.1-inside vm-6.12-inside vm-7-inside vm-6.1-tls vm-6.12-tls vm-7-tls vm-debug vm-debug-fuzz vm-kcsan vm-kcsan-fuzz vm-mutants checkpatch coccicheck installed

bench-vm: all kernel
	bench/vm/run

bench: all
	bench/host/run --report

install: all
	meson install -C build

clean:
	rm -rf build build-asan build-fuzz build-msan build-prove build-check build-vm build-kernel

.PHONY: all check check-all asan fuzz prove prove-new prove-mutants models kernel vm-check bench bench-vm install clean
