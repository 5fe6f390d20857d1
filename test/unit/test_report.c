/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status: permitted clients, the requested form, and names with arbitrary octets. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/stats/report.h"
#include "../../engine/stats/status_query.h"

/* True if a client of this address may see the status. */
static bool permits(const struct tux_status_route *route, const char *address)
{
	uint8_t octets[16] = { [10] = 0xff, 0xff };

	if (inet_pton(AF_INET, address, octets + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, octets), 1);
	return status_query_permits(route, octets, 4711);
}

static void test_this_machine_only(void **state)
{
	const struct tux_status_route route = { NULL, 0 };
	static const uint8_t none[16];

	(void)state;
	assert_true(permits(&route, "127.0.0.1"));
	assert_true(permits(&route, "127.255.0.9"));
	assert_true(permits(&route, "::1"));
	assert_false(permits(&route, "128.0.0.1"));
	assert_false(permits(&route, "126.255.255.255"));
	assert_false(permits(&route, "::2"));
	assert_false(permits(&route, "::"));
	assert_false(permits(&route, "2001:db8::1"));
	assert_false(permits(&route, "::127.0.0.1"));
	assert_true(status_query_permits(&route, none, 0)); /* a Unix socket */
}

/* True if the status is shown for this requested host; www.example.org and *.example.net are configured. */
static bool host_permits(const char *host)
{
	static const uint8_t text[] = ".example.netwww.example.org";
	static const uint32_t fallback[] = { 0 };
	struct tux_host_name names[4] = { { 0 } };
	const struct tux_host_names hosts = { names, text, fallback, 4, sizeof(text) - 1, 1 };

	assert_true(tux_host_names_insert(names, 4, text, (struct tux_host_name){ .listeners = 1, .text = 0, .len = 12 }));
	assert_true(tux_host_names_insert(names, 4, text, (struct tux_host_name){ .listeners = 1, .text = 12, .len = 15 }));
	assert_true(tux_host_names_valid(&hosts, 1));
	return status_query_host_permits(&hosts, 0, (const uint8_t *)host, (struct tux_span){ 0, (uint32_t)strlen(host) }, "web1.example.com");
}

static void test_names_of_others_are_refused(void **state)
{
	static const char *const good[] = { "", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "192.0.2.1", "localhost", "LOCALHOST:8080",
	                                    "tux.localhost", "web1", "web1:80", "web1.example.com", "Web1.Example.Com.:80",
	                                    "www.example.org", "WWW.example.org:8080", "a.example.net", "127.0.0.1." };
	static const char *const bad[] = { "evil.example", "evil.example:8080", "evil.example.", "127.0.0.1.evil.example", "example.org",
	                                   "www.example.org.evil.example", "localhost.evil.example", "notlocalhost.evil", "web1.evil.example",
	                                   "example.net", "evil.example:80@127.0.0.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(host_permits(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(host_permits(bad[i]));
}

static void test_networks(void **state)
{
	const struct tux_network networks[] = {
		{ { [10] = 0xff, 0xff, 192, 0, 2, 64 }, 96 + 26 },
		{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
		{ { [10] = 0xff, 0xff, 198, 51, 100, 7 }, 128 },
	};
	const struct tux_status_route route = { networks, 3 };
	const struct tux_network all = { { 0 }, 0 };
	const struct tux_status_route open = { &all, 1 };

	(void)state;
	assert_true(permits(&route, "192.0.2.64"));
	assert_true(permits(&route, "192.0.2.127"));
	assert_false(permits(&route, "192.0.2.63"));
	assert_false(permits(&route, "192.0.2.128"));
	assert_true(permits(&route, "2001:db8:ffff::1"));
	assert_false(permits(&route, "2001:db9::1"));
	assert_true(permits(&route, "198.51.100.7"));
	assert_false(permits(&route, "198.51.100.6"));
	assert_true(permits(&route, "127.0.0.1"));
	assert_true(permits(&open, "203.0.113.9"));
}

/* Returns the form of GET target with that Accept; -1 = none. */
static int form(const char *target, const char *accept)
{
	enum tux_report_form wanted;
	struct tux_request req;
	char head[512];
	int len = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n", target, accept ? "Accept: " : "",
	                   accept ? accept : "", accept ? "\r\n" : "");

	assert_int_equal(tux_request_parse((const uint8_t *)head, (uint32_t)len, 0, &req), TUX_PARSED);
	return status_query_form((const uint8_t *)head, &req, &wanted) ? (int)wanted : -1;
}

static void test_forms(void **state)
{
	(void)state;
	assert_int_equal(form("/s", NULL), TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s", "*/*"), TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
	                 TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), TUX_REPORT_PAGE);
	assert_int_equal(form("/s", "text/plain, text/html;q=0"), TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s", "application/json"), TUX_REPORT_JSON);
	assert_int_equal(form("/s?format=json", "text/html"), TUX_REPORT_JSON);
	assert_int_equal(form("/s?format=html", NULL), TUX_REPORT_PAGE);
	assert_int_equal(form("/s?a=b&format=prometheus&c", "text/html"), TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s?format=", NULL), -1);
	assert_int_equal(form("/s?format=jsonx", NULL), -1);
	assert_int_equal(form("/s?xformat=json", NULL), TUX_REPORT_PROMETHEUS);
	assert_int_equal(form("/s?", "text/html"), TUX_REPORT_PAGE);
}

static char *text_of(enum tux_report_form wanted)
{
	static struct snapshot_upstream peer = { .upstream = "a\"b", .server = "</script>\\\n" };
	static struct snapshot_cgi program = { .name = "<i>\"" };
	static struct snapshot_module module = { .name = "m<", .file = "/\x1b", .host = SNAPSHOT_HOST_ISOLATED, .state = SNAPSHOT_STATE_FAILED,
		                                 .abi = 1, .functions = 2 };
	static const struct tux_certificate_state certificates[] = {
		{ .host = "a<", .file = "/\"b", .end = 1000000 + 86400 }, { .host = "", .file = "/c", .end = 1000000 + 3 * 86400 - 1, .temporary = true },
		{ .host = "d", .file = "/d", .end = 1000000 }, { .host = "e", .file = "/e", .end = 1000000 - 86401 },
	};
	struct snapshot report = { .certificate = certificates, .certificate_count = 4, .now = 1000000,
		                 .version = "0", .engine = "e<b>", .threads = 1, .kernel = true, .peer = &peer, .peer_count = 1,
		                 .program = &program, .program_count = 1, .module = &module, .module_count = 1 };
	size_t len;
	char *text;

	peer.counters.requests = 7;
	program.counters.timeouts = 2;
	module.counters.replied[4] = 6;
	program.counters.cpu_us = 1500000;
	peer.counters.received_bytes = 9;
	report.counters.status[599 - TUX_FIRST_STATUS] = 3;
	text = report_write(&report, wanted, "nonce", &len);
	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	return text;
}

static void test_names_are_quoted(void **state)
{
	char *text = text_of(TUX_REPORT_PROMETHEUS);

	(void)state;
	assert_non_null(strstr(text, "tux_upstream_requests_total{upstream=\"a\\\"b\",server=\"?/script>\\\\?\"} 7\n"));
	assert_non_null(strstr(text, "tux_upstream_received_bytes_total{upstream=\"a\\\"b\",server=\"?/script>\\\\?\"} 9\n"));
	assert_non_null(strstr(text, "tux_upstream_duration_seconds_bucket{upstream=\"a\\\"b\",server=\"?/script>\\\\?\",le=\"+Inf\"} 0\n"));
	assert_non_null(strstr(text, "tux_upstream_duration_seconds_sum{upstream=\"a\\\"b\",server=\"?/script>\\\\?\"} 0.000000\n"));
	assert_non_null(strstr(text, "tux_responses_total{code=\"599\"} 3\n"));
	assert_non_null(strstr(text, "tux_cgi_failed_total{cgi=\"?i>\\\"\",reason=\"time\"} 2\n"));
	assert_non_null(strstr(text, "tux_cgi_cpu_seconds_total{cgi=\"?i>\\\"\"} 1.500000\n"));
	assert_non_null(strstr(text, "tux_cgi_duration_seconds_sum{cgi=\"?i>\\\"\"} 0.000000\n"));
	assert_non_null(strstr(text, "tux_module_ready{module=\"m?\"} 0\n"));
	assert_non_null(strstr(text, "tux_module_ended_total{module=\"m?\",outcome=\"5xx\"} 6\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_expires_seconds{host=\"a?\",file=\"/\\\"b\"} 1086400\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_days_left{host=\"a?\",file=\"/\\\"b\"} 1\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_days_left{host=\"\",file=\"/c\"} 2\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_days_left{host=\"d\",file=\"/d\"} 0\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_days_left{host=\"e\",file=\"/e\"} -2\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_temporary{host=\"\",file=\"/c\"} 1\n"));
	assert_non_null(strstr(text, "tux_tls_certificate_temporary{host=\"d\",file=\"/d\"} 0\n"));
	free(text);
	text = text_of(TUX_REPORT_MODULES);
	assert_non_null(strstr(text, "  module m< (isolated, failed): 5xx 6\n"));
	assert_non_null(strstr(text, " /?, ABI 1 with 2 functions\n"));
	free(text);
	text = text_of(TUX_REPORT_PAGE);
	assert_non_null(strstr(text, "<th scope=\"row\">m&lt; (isolated, failed)</th>"));
	assert_non_null(strstr(text, "e&lt;b&gt;"));
	assert_non_null(strstr(text, "<th scope=\"row\">a&lt;, /&quot;b</th><td>1</td>"));
	assert_non_null(strstr(text, "<th scope=\"row\">/c (temporary: no client trusts it)</th><td>2</td>"));
	assert_non_null(strstr(text, "<th scope=\"row\">d, /d</th><td>expired</td>"));
	assert_non_null(strstr(text, "&lt;/script&gt;"));
	assert_non_null(strstr(text, "&lt;i&gt;&quot; (time 2)</th>"));
	assert_null(strstr(strstr(text, "id=\"data\">"), "<b>"));
	free(text);
	text = text_of(TUX_REPORT_TEXT);
	assert_non_null(strstr(text, "  certificate  a<: 1 day left; /\"b\n"));
	assert_non_null(strstr(text, "  certificate  2 days left, temporary: no client trusts it; /c\n"));
	assert_non_null(strstr(text, "  certificate  e: expired; /e\n"));
	free(text);
	text = text_of(TUX_REPORT_JSON);
	assert_non_null(strstr(text, "{\"host\":\"a?\",\"file\":\"/\\\"b\",\"expires\":1086400,\"days_left\":1,\"temporary\":false}"));
	assert_non_null(strstr(text, "\"days_left\":2,\"temporary\":true}"));
	assert_non_null(strstr(text, "\"upstream\":\"a\\\"b\",\"server\":\"?/script>\\\\?\""));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_machine_only),
		cmocka_unit_test(test_names_of_others_are_refused),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_names_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
