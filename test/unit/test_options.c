/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options: each row is complete and accepts exactly the values of its range, and a host inherits missing values. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../program/settings/options.h"

/* Room for the value of any option, in any structure. */
static union {
	struct tux_settings settings;
	struct tux_host_settings host;
	struct tux_route_fields route;
	struct tux_upstream upstream;
	struct tux_cgi cgi;
} object;
static struct tux_settings settings;
static char error[512];

static void test_rows_are_complete(void **state)
{
	unsigned i, k, of_hosts = 0;

	(void)state;
	for (i = 0; i < tux_option_count; i++) {
		const struct tux_option *const option = &tux_options[i];
		char expected[TUX_OPTION_EXPECTED];

		assert_true(option->help && *option->help && !strchr(option->help, '\n'));
		if (!option->name)
			continue;
		tux_option_expects(option, expected);
		if (!option->since || !option->scope || (option->value && !*expected) || (option->type == TUX_TYPE_SPECIAL) != (option->read != NULL))
			fail_msg("the row of %s is incomplete", option->name);
		if (option->type != TUX_TYPE_BLOCK && (option->size == 0 || option->at + option->size > sizeof(object)))
			fail_msg("%s has no place", option->name);
		of_hosts += (option->scope & TUX_SCOPE_HOST) && option->size > 0;
		for (k = 0; k < i; k++)
			if (tux_options[k].name && strcmp(tux_options[k].name, option->name) == 0 && (tux_options[k].scope & option->scope) &&
			    strcmp(option->name, "types") != 0) /* its list selects handlers, its block sets media types */
				fail_msg("%s is in the table twice", option->name);
	}
	assert_in_range(of_hosts, 1, 32); /* bits of said */
}

/* True if the option accepts a number, in the notation of its type. */
static bool takes(const struct tux_option *option, uint64_t number)
{
	char text[32];

	if (option->type == TUX_TYPE_SECONDS)
		snprintf(text, sizeof(text), "%llu.%03u", (unsigned long long)number / 1000, (unsigned)(number % 1000));
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return tux_option_set(option, &object, text, error, sizeof(error));
}

static void test_numbers_accept_their_range(void **state)
{
	unsigned i, checked = 0;

	(void)state;
	for (i = 0; i < tux_option_count; i++) {
		const struct tux_option *const option = &tux_options[i];

		if (option->type != TUX_TYPE_COUNT && option->type != TUX_TYPE_SIZE && option->type != TUX_TYPE_SECONDS)
			continue;
		if (!option->name)
			continue;
		checked++;
		assert_true(option->min <= option->max);
		if (option->size < 8)
			assert_true(option->max >> option->size * 8 == 0);
		if (!takes(option, option->min) || !takes(option, option->max) || takes(option, option->max + 1))
			fail_msg("%s: its range is not %llu to %llu", option->name, (unsigned long long)option->min, (unsigned long long)option->max);
		if (takes(option, 0) != (option->min == 0 || option->or_zero) || (option->min > 1 && takes(option, option->min - 1)))
			fail_msg("%s takes less than %llu", option->name, (unsigned long long)option->min);
		assert_false(tux_option_set(option, &object, "few", error, sizeof(error)));
		assert_true(strncmp(error, option->name, strlen(option->name)) == 0 && strstr(error, ": \"few\" is not "));
	}
	assert_in_range(checked, 20, TUX_OPTION_ROWS);
}

static void test_choices_accept_exact_words(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < tux_option_count; i++) {
		const struct tux_option *const option = &tux_options[i];
		const char *word = option->value;
		uint8_t number = 0;

		if (!option->name || option->type != TUX_TYPE_CHOICE)
			continue;
		while (word) {
			char one[32];

			snprintf(one, sizeof(one), "%.*s", (int)strcspn(word, "|"), word);
			assert_true(tux_option_read(option, &object, one));
			assert_int_equal(((const uint8_t *)&object)[option->at], number++); /* little-endian */
			word = strchr(word, '|');
			word += word ? 1 : 0;
		}
		assert_false(tux_option_read(option, &object, "") || tux_option_read(option, &object, option->value));
	}
}

static void test_defaults_are_valid(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < tux_option_count; i++)
		if (tux_options[i].fallback && !tux_option_read(&tux_options[i], &object, tux_options[i].fallback))
			fail_msg("the default of %s is invalid", tux_options[i].name);
	memset(&object, 0, sizeof(object));
	tux_options_init(&settings);
	assert_int_equal(settings.upstreams.defaults.keep_alive, 32);
	assert_int_equal(settings.upstreams.defaults.read_timeout_ms, 60000);
	assert_int_equal(settings.cgis.defaults.memory_bytes, 512 << 20);
	assert_int_equal(settings.cgis.defaults.total_ms, 3600000);
	assert_int_equal(settings.tunnel_timeout_ms, 3600000);
	assert_int_equal(settings.drain_delay_ms, UINT32_MAX);
}

static void set(struct tux_host_settings *host, const char *name, const char *value)
{
	assert_true(tux_options_set(&settings, host, tux_option_find(name, TUX_SCOPE_HOST), value, error, sizeof(error)));
}

static void test_host_inherits_what_it_lacks(void **state)
{
	struct tux_host_settings host = { 0 }, types = { 0 };
	struct tux_host_settings *const top = &settings.top;

	(void)state;
	tux_options_init(&settings);
	set(top, "root", "/top");
	set(top, "browse", NULL);
	set(top, "spa", NULL);
	set(top, "listen", ":80");
	set(top, "types", "TUX/CGI=cgi");
	set(top, "mode-cgi", "0100");
	set(top, "mode-module", "4000");
	set(&host, "root", "/own");
	set(&host, "browse", "off");
	set(&host, "any-mode", NULL);
	set(&host, "mode-cgi", "0");
	set(&host, "index", "a.html");
	set(&types, "types", "TUX/module=x");
	tux_options_inherit(&host, 1, top);
	tux_options_inherit(&types, 1, top);
	assert_string_equal(host.directory, "/own");
	assert_string_equal(host.log, "-");
	assert_int_equal(host.listen_count, 1);
	assert_string_equal(host.listen[0], ":80");
	assert_int_equal(host.values.modes.allowed, 0); /* any-mode is a value of mode-allowed */
	assert_int_equal(types.values.modes.allowed, 4);
	assert_true(host.values.spa && !host.values.browse && types.values.browse);
	assert_int_equal(host.values.max_body_bytes, 1 << 20);
	assert_int_equal(host.type_count, 1);
	assert_int_equal(host.values.mode_cgi, 0);
	assert_int_equal(host.values.mode_module, 04000);
	assert_int_equal(host.values.index_count, 1);
	assert_int_equal(types.values.index_count, 0);
	assert_int_equal(types.type_count, 1);
	assert_memory_equal(types.type[0].extension, "x", 2);
	tux_host_free(&host, top);
	tux_host_free(&types, top);
	tux_settings_free(&settings);
}

static void test_mistyped_name_finds_the_nearest_of_its_scope(void **state)
{
	(void)state;
	assert_string_equal(tux_option_near("listn", TUX_SCOPE_COMMAND)->name, "listen");
	assert_string_equal(tux_option_near("programm", TUX_SCOPE_CGI)->name, "program");
	assert_null(tux_option_near("programm", TUX_SCOPE_UPSTREAM));
	assert_null(tux_option_find("server", TUX_SCOPE_TOP));
	assert_ptr_not_equal(tux_option_find("user", TUX_SCOPE_TOP), tux_option_find("user", TUX_SCOPE_CGI));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_complete), cmocka_unit_test(test_numbers_accept_their_range),
		cmocka_unit_test(test_choices_accept_exact_words), cmocka_unit_test(test_defaults_are_valid),
		cmocka_unit_test(test_host_inherits_what_it_lacks), cmocka_unit_test(test_mistyped_name_finds_the_nearest_of_its_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
