/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader of verified handlers, without a kernel: objects, whole and damaged, the verifier's reasons, and texts of maps. TUX_BPF_OBJECT names an object, if
 * there is clang to make one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/bpf/maps.h"
#include "../../program/bpf/program.h"

static void test_verifier_log_gives_reason_and_instruction(void **state)
{
	static const char log[] = "func#0 @0\n0: R1=ctx() R10=fp0\n; char text[32] = \"short\"; @ shop.c:11\n0: (b7) r1 = 0                        ; R1_w=0\n"
	                          "12: (85) call tux_bpf_reply#71\ninvalid read from stack R3 off=-32 size=4000\n"
	                          "arg#2 arg#3 memory, len pair leads to invalid memory access\n"
	                          "processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1\n";
	static const char loop[] = "back-edge from insn 7 to 3\n";
	static const char later[] = "1: (85) call tux_bpf_reply_begin#71\nUnreleased reference id=2 alloc_insn=1\nVerification failed: Unreleased resource\n"
	                            "Reason:\n  Owned resource (id=2) was acquired at instruction 1\n";
	char reason[240];
	long insn;

	(void)state;
	bpf_log_reason(later, reason, sizeof(reason), &insn);
	assert_string_equal(reason, "Unreleased reference id=2 alloc_insn=1");
	bpf_log_reason(log, reason, sizeof(reason), &insn);
	assert_string_equal(reason, "invalid read from stack R3 off=-32 size=4000; arg#2 arg#3 memory, len pair leads to invalid memory access");
	assert_int_equal(insn, 12);
	bpf_log_reason(loop, reason, sizeof(reason), &insn);
	assert_string_equal(reason, "back-edge from insn 7 to 3");
	assert_int_equal(insn, 7);
	bpf_log_reason("", reason, sizeof(reason), &insn);
	assert_string_equal(reason, "");
	assert_int_equal(insn, -1);
}

static void test_long_verifier_line_is_cut(void **state)
{
	char log[2000], reason[240];
	long insn;

	(void)state;
	memset(log, 'x', sizeof(log));
	log[sizeof(log) - 1] = '\0';
	bpf_log_reason(log, reason, sizeof(reason), &insn);
	assert_true(strlen(reason) < sizeof(reason) && reason[0] == 'x');
}

static void test_map_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t size;
		const char *printed; /* NULL: it does not fit */
	} cases[] = {
		{ "0", 4, "0" }, { "4294967295", 4, "4294967295" }, { "4294967296", 4, NULL }, { "18446744073709551615", 8, "18446744073709551615" },
		{ "18446744073709551616", 8, NULL }, { "-1", 8, NULL }, { "", 1, NULL }, { "255", 1, "255" }, { "256", 1, NULL }, { "1x", 2, NULL },
		{ "/old", 16, "/old" }, { "0123456789abcdef", 16, "0123456789abcdef" }, { "0123456789abcdefg", 16, NULL }, { "a b", 3, "0x612062" },
		{ "0x010203", 3, "0x010203" }, { "0x0102", 3, NULL }, { "0x01020304", 3, NULL }, { "0x0g", 1, NULL }, { "0x7", 1, NULL }, { "", 3, "0x000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t octets[16];
		char out[64] = "";
		FILE *file;

		assert_int_equal(tux_map_parse(cases[i].text, octets, cases[i].size), cases[i].printed != NULL);
		if (!cases[i].printed)
			continue;
		file = fmemopen(out, sizeof(out), "w");
		tux_map_print(file, octets, cases[i].size);
		fclose(file);
		assert_string_equal(out, cases[i].printed);
	}
}

static uint8_t *object_read(size_t *len)
{
	const char *const path = getenv("TUX_BPF_OBJECT");
	FILE *const file = path ? fopen(path, "re") : NULL;
	uint8_t *const octets = malloc(1 << 16);

	*len = file ? fread(octets, 1, 1 << 16, file) : 0;
	if (file)
		fclose(file);
	return octets;
}

/* Opens octets as a file. Returns false with the error. */
static bool object_try(struct bpf_object *object, const uint8_t *octets, size_t len, char error[256])
{
	char path[] = "/tmp/tux-test-bpf-XXXXXX";
	const int fd = mkstemp(path);
	bool good;

	assert_true(fd >= 0 && write(fd, octets, len) == (ssize_t)len);
	good = bpf_object_open(object, path, error, 256);
	close(fd);
	unlink(path);
	return good;
}

static void test_object_has_program_map_and_lines(void **state)
{
	struct bpf_object object;
	char error[256] = "";
	size_t len;
	uint8_t *const octets = object_read(&len);

	(void)state;
	if (len == 0) {
		free(octets);
		skip();
	}
	if (!object_try(&object, octets, len, error))
		fail_msg("%s", error);
	assert_string_equal(object.map[0].name, "hits");
	assert_int_equal(object.map[0].type, BPF_MAP_TYPE_ARRAY);
	assert_int_equal(object.map[0].key_size, 4);
	assert_int_equal(object.map[0].value_size, 8);
	assert_int_equal(object.map[0].max_entries, 1);
	assert_true(object.insn_count > 10 && object.function_count >= 1 && object.reference_count >= 4);
	assert_int_equal(object.function[0].insn_off, 0);
	assert_non_null(bpf_object_line(&object, object.insn_count - 1));
	for (uint32_t i = 0; i < object.reference_count; i++)
		assert_true(object.reference[i].insn < object.insn_count && object.reference[i].map < (int)object.map_count);
	bpf_object_close(&object);
	free(octets);
}

/* Calls of functions of the kernel are calls of symbols, which the loader resolves. One without a symbol could be a call of anything. */
static void test_call_of_the_kernel_by_number_is_refused(void **state)
{
	static const uint8_t by_symbol[8] = { 0x85, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff };
	struct bpf_object object;
	char error[256] = "";
	size_t len, at = 0;
	uint8_t *const octets = object_read(&len);

	(void)state;
	if (len == 0) {
		free(octets);
		skip();
	}
	while (at + sizeof(by_symbol) <= len && memcmp(octets + at, by_symbol, sizeof(by_symbol)) != 0)
		at++;
	assert_true(at + sizeof(by_symbol) <= len);
	octets[at + 1] = 0x20; /* BPF_PSEUDO_KFUNC_CALL */
	assert_false(object_try(&object, octets, len, error));
	assert_non_null(strstr(error, "refers to the kernel without a symbol"));
	free(octets);
}

/* No damage makes the loader read or write out of bounds: run it with the sanitizers. */
static void test_damaged_object_is_refused_or_harmless(void **state)
{
	struct bpf_object object;
	char error[256];
	size_t len;
	uint8_t *const octets = object_read(&len);
	uint32_t random = 1;

	(void)state;
	if (len == 0) {
		free(octets);
		skip();
	}
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t *const damaged = malloc(len);
		size_t kept = len;

		memcpy(damaged, octets, len);
		for (unsigned k = 0; k <= i % 4; k++) {
			random = random * 1664525 + 1013904223;
			damaged[(random >> 8) % len] = (uint8_t)(random >> 3);
		}
		if (i % 8 == 7)
			kept = (random >> 4) % len;
		if (object_try(&object, damaged, kept, error)) {
			for (uint32_t k = 0; k < object.reference_count; k++)
				assert_true(object.reference[k].insn < object.insn_count);
			bpf_object_close(&object);
		}
		free(damaged);
	}
	free(octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifier_log_gives_reason_and_instruction),
		cmocka_unit_test(test_long_verifier_line_is_cut),
		cmocka_unit_test(test_map_texts),
		cmocka_unit_test(test_object_has_program_map_and_lines),
		cmocka_unit_test(test_call_of_the_kernel_by_number_is_refused),
		cmocka_unit_test(test_damaged_object_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
