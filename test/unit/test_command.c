/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, and its numbers with units. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../program/command.h"
#include "../../program/settings/options.h"
#include "../../program/settings/routes.h"
#include "../../program/settings/units.h"

enum { ARGS_MAX = 80 };

static char error[512];
static struct tux_command command;
static struct tux_settings settings;

/* Parses the arguments up to NULL, after the program's name. */
static bool parse(const char *const *args)
{
	static char copies[ARGS_MAX][128]; /* getopt needs writable arguments, and the command points into them */
	static char *argv[ARGS_MAX + 1];
	int argc = 1;

	memcpy(copies[0], "tux", sizeof("tux"));
	argv[0] = copies[0];
	for (; *args; args++, argc++) {
		assert_true(argc < ARGS_MAX && strlen(*args) < sizeof(copies[0]));
		memcpy(copies[argc], *args, strlen(*args) + 1);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	tux_settings_free(&settings);
	tux_options_init(&settings);
	command = (struct tux_command){ .verb = TUX_VERB_SERVE };
	return tux_command_parse(argc, argv, &command, &settings, error, sizeof(error));
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_verbs(void **state)
{
	(void)state;
	assert_true(parse(ARGS(NULL)));
	assert_int_equal(command.verb, TUX_VERB_SERVE);
	assert_true(settings.top.values.browse);
	assert_true(parse(ARGS("/", "-p", "9000")));
	assert_int_equal(command.verb, TUX_VERB_SERVE);
	assert_string_equal(settings.top.directory, "/");
	assert_true(settings.top.values.browse && settings.port == 9000);
	assert_true(parse(ARGS("-p", "9000")));
	assert_true(settings.top.values.browse && settings.port == 9000);
	assert_true(parse(ARGS("serve", "--port", "80")));
	assert_false(settings.top.values.browse);
	assert_int_equal(settings.port, 80);
	assert_true(parse(ARGS("help")));
	assert_int_equal(command.verb, TUX_VERB_HELP);
	assert_true(parse(ARGS("--help")));
	assert_int_equal(command.verb, TUX_VERB_HELP);
	assert_true(parse(ARGS("help", "serve")));
	assert_int_equal(command.verb, TUX_VERB_HELP_SERVE);
	assert_true(parse(ARGS("serve", "--help", "--nonsense")));
	assert_int_equal(command.verb, TUX_VERB_HELP_SERVE);
	assert_true(parse(ARGS("--version")));
	assert_int_equal(command.verb, TUX_VERB_VERSION);
	assert_true(parse(ARGS("serve")));
	assert_int_equal(command.verb, TUX_VERB_SERVE);
	assert_false(parse(ARGS("server")));
	assert_non_null(strstr(error, "did you mean \"serve\"?"));
	assert_false(parse(ARGS("/no/such/directory")));
	assert_non_null(strstr(error, "tux serve DIR"));
	assert_false(parse(ARGS("help", "cook")));
}

static void test_defaults(void **state)
{
	(void)state;
	assert_true(parse(ARGS("serve")));
	assert_string_equal(settings.top.directory, ".");
	assert_string_equal(settings.top.log, "-");
	assert_null(settings.user);
	assert_false(settings.no_sandbox);
	assert_false(settings.defer_accept);
	assert_int_equal(settings.top.listen_count, 0);
	assert_int_equal(settings.drain_timeout_ms, 10000);
	assert_int_equal(settings.threads, 0);
	assert_int_equal(settings.max_connections, 16384);
	assert_int_equal(settings.head_timeout_ms, 20000);
	assert_int_equal(settings.body_timeout_ms, 30000);
	assert_int_equal(settings.send_timeout_ms, 30000);
	assert_int_equal(settings.idle_timeout_ms, 75000);
	assert_int_equal(settings.recheck_ms, 1000);
	assert_int_equal(settings.top.values.max_body_bytes, 1 << 20);
	assert_int_equal(settings.cache_entries, 0);
	assert_true(settings.cache_bytes == UINT64_MAX);
	assert_int_equal(settings.memory_object_bytes, 64 << 10);
	assert_int_equal(settings.top.values.index_count, 1);
	assert_string_equal(settings.top.values.index[0], "index.html");
	assert_false(settings.top.values.browse || settings.top.values.dot_files || settings.top.values.modes.allowed != 4 ||
	             settings.top.values.modes.forbidden || settings.top.values.spa);
}

static void test_options(void **state)
{
	(void)state;
	assert_true(parse(ARGS("serve", "--handover", "8080,/app/,/cgi/", "--engine", "kernel")));
	assert_int_equal(settings.handover_port, 8080);
	assert_int_equal(settings.top.routes->count, 2);
	assert_int_equal(settings.top.routes->route[0].handler, TUX_HANDLER_HANDOVER);
	assert_int_equal(settings.top.routes->text_len, 10);
	assert_int_equal(settings.engine, TUX_ENGINE_KERNEL);
	assert_true(parse(ARGS("serve", "--listen", ":80", "host", "--listen=unix:/run/t", "--browse", "--dotfiles", "--spa",
	                       "--any-mode", "--index", "a.html", "--index", "b.html", "--log", "off", "--threads", "3",
	                       "--engine", "epoll", "--large-body", "sendfile", "--user", "http", "--no-sandbox", "--defer-accept",
	                       "--idle-timeout", "0.5", "--max-body", "64K", "--cache-bytes", "2G", "--drain-timeout", "0")));
	assert_string_equal(settings.top.directory, "host");
	assert_int_equal(settings.top.listen_count, 2);
	assert_string_equal(settings.top.listen[0], ":80");
	assert_string_equal(settings.top.listen[1], "unix:/run/t");
	assert_true(settings.top.values.browse && settings.top.values.dot_files && settings.top.values.modes.allowed == 0 && settings.top.values.spa);
	assert_int_equal(settings.top.values.index_count, 2);
	assert_string_equal(settings.top.values.index[1], "b.html");
	assert_null(settings.top.log);
	assert_int_equal(settings.threads, 3);
	assert_int_equal(settings.engine, TUX_ENGINE_EPOLL);
	assert_int_equal(settings.large_body, TUX_LARGE_SENDFILE);
	assert_string_equal(settings.user, "http");
	assert_true(settings.no_sandbox);
	assert_true(settings.defer_accept);
	assert_int_equal(settings.idle_timeout_ms, 500);
	assert_int_equal(settings.top.values.max_body_bytes, 65536);
	assert_int_equal(settings.cache_bytes, 2ull << 30);
	assert_int_equal(settings.drain_timeout_ms, 0);
	assert_true(parse(ARGS("serve", "--", "--browse")));
	assert_string_equal(settings.top.directory, "--browse");
}

/* An error names the option, the value, and the expected form. */
static void test_faults(void **state)
{
	const struct {
		const char *const *args;
		const char *texts[3];
	} cases[] = {
		{ ARGS("serve", "--threads", "many"), { "--threads", "\"many\"", "1 to 256" } },
		{ ARGS("serve", "--threads", "0"), { "--threads", "\"0\"", "1 to 256" } },
		{ ARGS("serve", "--threads", "257"), { "--threads", "\"257\"", "1 to 256" } },
		{ ARGS("serve", "--threads=-1"), { "--threads", "\"-1\"", "1 to 256" } },
		{ ARGS("serve", "--engine", "turbo"), { "--engine", "\"turbo\"", "auto, kernel, user, uring or epoll" } },
		{ ARGS("serve", "--handover", "http"), { "--handover", "\"http\"", "1 to 65535" } },
		{ ARGS("serve", "--handover", "80,app/"), { "--handover", "\"80,app/\"", "begin with '/'" } },
		{ ARGS("serve", "--handover", "80,"), { "--handover", "\"80,\"", "begin with '/'" } },
		{ ARGS("serve", "--large-body", "x"), { "--large-body", "\"x\"", "sendfile" } },
		{ ARGS("serve", "--head-timeout", "1e3"), { "--head-timeout", "\"1e3\"", "seconds" } },
		{ ARGS("serve", "--idle-timeout", "0"), { "--idle-timeout", "\"0\"", "0.1" } },
		{ ARGS("serve", "--max-body", "1X"), { "--max-body", "\"1X\"", "bytes" } },
		{ ARGS("serve", "--memory-object", "2G"), { "--memory-object", "\"2G\"", "1G" } },
		{ ARGS("serve", "--index", "a/b"), { "--index", "\"a/b\"", "without '/'" } },
		{ ARGS("serve", "--log", ""), { "--log", "\"\"", "file name" } },
		{ ARGS("serve", "--threads"), { "--threads", "needs a value", "1 to 256" } },
		{ ARGS("serve", "--listen"), { "--listen", "needs a value", "unix:PATH" } },
		{ ARGS("serve", "--browse=yes"), { "--browse", "takes no value", "" } },
		{ ARGS("serve", "--treads", "4"), { "--treads", "did you mean --threads?", "" } },
		{ ARGS("serve", "--brwose"), { "--brwose", "did you mean --browse?", "" } },
		{ ARGS("serve", "--port", "http"), { "--port", "\"http\"", "1 to 65535" } },
		{ ARGS("serve", "-p"), { "--port", "needs a value", "1 to 65535" } },
		{ ARGS("serve", "-p", "80", "--listen", ":81"), { "port is for the default addresses", "--listen", "" } },
		{ ARGS("serve", "--bind", "::"), { "--bind", "did you mean --listen ADDR:PORT?", "" } },
		{ ARGS("serve", "-d", "/"), { "unknown option -d", "tux serve DIR", "" } },
		{ ARGS("serve", "-D"), { "unknown option -D", "foreground", "" } },
		{ ARGS("serve", "8080"), { "no directory \"8080\"", "did you mean -p 8080?", "" } },
		{ ARGS("serve", ":8080"), { "no directory", "did you mean --listen :8080?", "" } },
		{ ARGS("serve", "/", "8080"), { "one directory", "did you mean -p 8080?", "" } },
		{ ARGS("8080"), { "no directory \"8080\"", "did you mean -p 8080?", "" } },
		{ ARGS("start"), { "unknown command \"start\"", "did you mean \"serve\"?", "" } },
		{ ARGS("serve", "--frobnicate"), { "unknown option --frobnicate", "", "" } },
		{ ARGS("serve", "-q"), { "unknown option -q", "--log off", "" } },
		{ ARGS("serve", "-z"), { "unknown option -z", "", "" } },
		{ ARGS("serve", "a", "b"), { "\"b\"", "\"a\"", "one directory" } },
		{ ARGS("serve", ""), { "empty", "", "" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(parse(cases[i].args));
		for (size_t j = 0; j < 3; j++)
			if (!strstr(error, cases[i].texts[j]))
				fail_msg("case %zu: \"%s\" does not say \"%s\"", i, error, cases[i].texts[j]);
	}
}

static void test_too_many(void **state)
{
	const char *args[2 + TUX_MAX_LISTENERS + 1] = { "serve" };
	size_t i;

	(void)state;
	for (i = 1; i <= TUX_MAX_LISTENERS; i++)
		args[i] = "--listen=:80";
	assert_true(parse(args));
	args[i] = "--listen=:80";
	assert_false(parse(args));
	for (i = 1; i <= TUX_MAX_INDEX_NAMES; i++)
		args[i] = "--index=x";
	args[i] = NULL;
	assert_true(parse(args));
	args[i] = "--index=x";
	args[i + 1] = NULL;
	assert_false(parse(args));
}

static void test_read_values(void **state)
{
	uint64_t value;
	uint32_t ms;

	(void)state;
	assert_true(tux_value_count("18446744073709551615", 0, UINT64_MAX, &value) && value == UINT64_MAX);
	assert_false(tux_value_count("18446744073709551616", 0, UINT64_MAX, &value));
	assert_false(tux_value_count("", 0, 9, &value));
	assert_false(tux_value_count(" 1", 0, 9, &value));
	assert_false(tux_value_count("+1", 0, 9, &value));
	assert_true(tux_value_size("1k", 0, UINT64_MAX, &value) && value == 1024);
	assert_true(tux_value_size("3MiB", 0, UINT64_MAX, &value) && value == 3 << 20);
	assert_false(tux_value_size("16777216T", 0, UINT64_MAX, &value));
	assert_false(tux_value_size("1KM", 0, UINT64_MAX, &value));
	assert_false(tux_value_size("K", 0, UINT64_MAX, &value));
	assert_true(tux_value_seconds("1.25", 0, 5000, &ms) && ms == 1250);
	assert_true(tux_value_seconds(".5", 0, 5000, &ms) && ms == 500);
	assert_true(tux_value_seconds("5", 0, 5000, &ms) && ms == 5000);
	assert_false(tux_value_seconds("5.001", 0, 5000, &ms));
	assert_false(tux_value_seconds("1.0005", 0, 5000, &ms));
	assert_false(tux_value_seconds("1.", 0, 5000, &ms));
	assert_false(tux_value_seconds(".", 0, 5000, &ms));
	assert_false(tux_value_seconds("99999999999999999999", 0, 5000, &ms));
	assert_false(tux_value_seconds("1s", 0, 5000, &ms));
}

static void test_write_values(void **state)
{
	const struct {
		uint64_t value;
		const char *count, *bytes, *time;
	} cases[] = {
		{ 0, "0", "0 B", "0.00 ms" },
		{ 85, "85", "85 B", "0.08 ms" },
		{ 999, "999", "999 B", "0.99 ms" },
		{ 1000, "1,000", "1.0 kB", "1.0 ms" },
		{ 12345, "12,345", "12.3 kB", "12.3 ms" },
		{ 999999, "999,999", "999 kB", "999.9 ms" },
		{ 1234567, "1,234,567", "1.2 MB", "1.2 s" },
		{ 12000000, "12,000,000", "12.0 MB", "12 s" },
		{ 185000000, "185,000,000", "185 MB", "3 min 5 s" },
		{ 7380000000, "7,380,000,000", "7.3 GB", "2 h 3 min" },
		{ UINT64_MAX, "18,446,744,073,709,551,615", "18.4 EB", "5124095576 h 1 min" },
	};
	char text[TUX_VALUE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tux_value_write_count(cases[i].value, text);
		assert_string_equal(text, cases[i].count);
		tux_value_write_bytes(cases[i].value, text);
		assert_string_equal(text, cases[i].bytes);
		tux_value_write_time(cases[i].value, text);
		assert_string_equal(text, cases[i].time);
	}
}

static int free_routes(void **state)
{
	(void)state;
	tux_settings_free(&settings);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),       cmocka_unit_test(test_defaults),    cmocka_unit_test(test_options),
		cmocka_unit_test(test_faults),      cmocka_unit_test(test_too_many),    cmocka_unit_test(test_read_values),
		cmocka_unit_test(test_write_values),
	};

	return cmocka_run_group_tests(tests, NULL, free_routes);
}
