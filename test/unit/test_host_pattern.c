/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots with variables: how they are cut, and which names of directories are hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/settings/found_hosts.h"

static char error[256];

static void assert_cut(const char *root, const char *directory, const char *before, unsigned labels, const char *after, const char *below)
{
	struct tux_host_pattern *pattern;

	assert_true(tux_host_pattern_read(root, &pattern, error, sizeof(error)));
	assert_string_equal(pattern->directory, directory);
	assert_string_equal(pattern->before, before);
	assert_string_equal(pattern->after, after);
	assert_string_equal(pattern->below, below);
	assert_int_equal(pattern->labels, labels);
	free(pattern);
}

static void test_cut(void **state)
{
	struct tux_host_pattern *pattern;

	(void)state;
	assert_cut("/srv/hosts/%h", "/srv/hosts", "", 0, "", "");
	assert_cut("/srv/%h/htdocs/x/", "/srv", "", 0, "", "/htdocs/x/");
	assert_cut("/%h", "/", "", 0, "", "");
	assert_cut("/a%h", "/", "a", 0, "", "");
	assert_cut("%h", ".", "", 0, "", "");
	assert_cut("hosts/%h.d", "hosts", "", 0, ".d", "");
	assert_cut("/srv/%%/x%2.%1%%y/%%z", "/srv/%", "x", 2, "%y", "/%z");
	assert_cut("/%9.%8.%7.%6.%5.%4.%3.%2.%1", "/", "", 9, "", "");
	assert_true(tux_host_pattern_read("/100%%", &pattern, error, sizeof(error)));
	assert_null(pattern->before);
	assert_string_equal(pattern->directory, "/100%");
	free(pattern);
}

static void test_invalid(void **state)
{
	static const char *const bad[] = { "%", "/%", "/%%%", "/%x", "/%0", "/%2", "/%2.", "/%2.%", "/%2.%2", "/%1.%2", "/%h%h", "/%h/%1", "/%H", "/%10%h" };
	struct tux_host_pattern *pattern;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(tux_host_pattern_read(bad[i], &pattern, error, sizeof(error)));
		free(pattern);
	}
}

/* Checks the host of a directory's name, which ends where its memory ends. host is "" if the directory is no host. */
static void assert_host(const char *root, const char *file, const char *host)
{
	char *const copy = strdup(file);
	struct tux_host_pattern *pattern;
	const char *name;
	size_t len;

	assert_non_null(copy);
	assert_true(tux_host_pattern_read(root, &pattern, error, sizeof(error)));
	len = tux_host_pattern_match(pattern, copy, &name);
	assert_int_equal(len, strlen(host));
	assert_memory_equal(name, host, len);
	free(pattern);
	free(copy);
}

static void test_match(void **state)
{
	static const char *const no_hosts[] = { "", ".", "..", "...", ".a", "a.", "a..b", "A", "a/b", "a b", "a:80", "[::1]", "a%2e", "\xc3\xa4", "*.a", "a\n" };
	char longest[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++)
		assert_host("/%h", no_hosts[i], "");
	assert_host("/%h", "www.example.org", "www.example.org");
	assert_host("/%h", "x_y-z.1", "x_y-z.1");
	assert_host("/x-%h.d", "x-a.b.d", "a.b");
	assert_host("/x-%h.d", "x-.d", "");
	assert_host("/x-%h.d", "x-d", "");
	assert_host("/xx%hxx", "xxx", "");
	assert_host("/%2.%1", "a.b", "a.b");
	assert_host("/%2.%1", "b", "");
	assert_host("/%2.%1", "a.b.c", "");
	memset(longest, 'a', sizeof(longest));
	for (i = 50; i < sizeof(longest); i += 50)
		longest[i] = '.';
	longest[TUX_MAX_HOST_NAME] = '\0';
	assert_host("/%h", longest, longest);
	longest[TUX_MAX_HOST_NAME] = 'a';
	longest[TUX_MAX_HOST_NAME + 1] = '\0';
	assert_host("/%h", longest, "");
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_host("/%h", longest, "");
	assert_host("/%h", longest + 1, longest + 1);
}

static void test_expand(void **state)
{
	char place[] = "/tmp/tux-test-pattern-XXXXXX", root[sizeof(place) + 8], path[sizeof(place) + 32];
	static const char *const names[] = { "a.example", "b.example", "a.other", "Upper.example" };
	struct tux_settings settings = { 0 };
	struct tux_host_settings *host;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(place));
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(root, sizeof(root), "%s/%%h", place);
	host = tux_settings_host_add(&settings);
	assert_true(tux_host_name_add(host, "b.example", error, sizeof(error)));
	host = tux_settings_host_add(&settings);
	assert_true(tux_host_name_add(host, "*.example", error, sizeof(error)));
	assert_true(tux_host_pattern_read(root, &host->pattern, error, sizeof(error)));
	host->directory = host->pattern->directory;
	assert_true(tux_found_hosts_add(&settings, NULL));
	assert_int_equal(settings.host_count, 3); /* b.example has a block, a.other is not *.example */
	snprintf(path, sizeof(path), "%s/a.example", place);
	assert_string_equal(settings.host[2].directory, path);
	assert_int_equal(settings.host[2].name_count, 1);
	assert_string_equal(settings.host[2].name[0], "a.example");
	assert_ptr_equal(settings.host[2].found_by, settings.host[1].pattern);
	assert_int_equal(settings.host[1].name_count, 0);
	tux_settings_free(&settings);
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		rmdir(path);
	}
	rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_expand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
