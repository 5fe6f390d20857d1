/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the access log: no text of a client leaves its place in a line. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../program/log/line.h"

static const uint8_t ipv4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 };
static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

/* A record and its texts. */
struct sample {
	struct tux_access_record record;
	uint8_t text[TUX_ACCESS_RECORD_MAX];
	size_t len;
};

static uint16_t add(struct sample *sample, const char *text)
{
	const size_t len = strlen(text);

	memcpy(sample->text + sample->len, text, len);
	sample->len += len;
	return (uint16_t)len;
}

static void sample_fill(struct sample *sample, const char *method, const char *target, const char *host,
                        const char *referer, const char *agent)
{
	memset(sample, 0, sizeof(*sample));
	sample->record = (struct tux_access_record){ .status = 200, .minor = 1, .time_us = 951827696000000, .duration_us = 1500,
	                                      .port = 40000, .sent_bytes = 12345 };
	memcpy(sample->record.address, ipv4, sizeof(ipv4));
	sample->record.method_len = add(sample, method);
	sample->record.target_len = add(sample, target);
	sample->record.host_len = add(sample, host);
	sample->record.referer_len = add(sample, referer);
	sample->record.user_agent_len = add(sample, agent);
	sample->record.size = (uint32_t)(sizeof(sample->record) + sample->len);
}

/* Returns the line of a sample, ended by NUL, in static memory. */
static const char *line(const struct sample *sample, enum tux_log_style style)
{
	static char out[TUX_LOG_LINE_MAX + 1];
	struct tux_log_clock clock = { 0 };
	size_t len = tux_log_line(style, &clock, &sample->record, sample->text, out);

	assert_true(len <= TUX_LOG_LINE_MAX);
	out[len] = '\0';
	assert_int_equal(strlen(out), len);
	return out;
}

static struct sample sample;

static void test_tls(void **state)
{
	(void)state;
	sample_fill(&sample, "GET", "/", "example.org", "", "");
	sample.record.tls_version = 0x0304;
	sample.record.tls_cipher = 0x1301;
	sample.record.tls_name_len = (uint8_t)add(&sample, "a\"\r\nb");
	sample.record.size += sample.record.tls_name_len;
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON),
	                       ",\"tls\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_128_GCM_SHA256\",\"tls_name\":\"a\\\"\\u000d\\u000ab\",\"tls_resumed\":false}\n"));
	sample.record.tls_version = 0x0303;
	sample.record.tls_cipher = 0xcca8;
	sample.record.tls_resumed = 1;
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON), ",\"tls\":\"TLSv1.2\",\"tls_cipher\":\"ECDHE-RSA-CHACHA20-POLY1305\","));
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON), ",\"tls_resumed\":true}\n"));
	sample.record.tls_version = 0xffff; /* of a file */
	sample.record.tls_cipher = 0xfffe;
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON), ",\"tls\":\"0xffff\",\"tls_cipher\":\"0xfffe\","));
	assert_null(strstr(line(&sample, TUX_LOG_COMBINED), "TLS"));
}

static void test_combined(void **state)
{
	(void)state;
	sample_fill(&sample, "GET", "/a?b", "example.org", "http://ref/", "curl/8");
	assert_string_equal(line(&sample, TUX_LOG_COMBINED), "192.0.2.7 - - [29/Feb/2000:12:34:56 +0000] \"GET /a?b HTTP/1.1\" "
	                                                     "200 12345 \"http://ref/\" \"curl/8\"\n");
	sample_fill(&sample, "GET", "/", "", "", "");
	sample.record.minor = 0;
	memcpy(sample.record.address, ipv6, sizeof(ipv6));
	assert_string_equal(line(&sample, TUX_LOG_COMBINED),
	                    "2001:db8::1 - - [29/Feb/2000:12:34:56 +0000] \"GET / HTTP/1.0\" 200 12345 \"-\" \"-\"\n");
	sample_fill(&sample, "", "", "", "", "");
	memset(sample.record.address, 0, sizeof(sample.record.address));
	sample.record.port = 0;
	sample.record.status = 400;
	assert_string_equal(line(&sample, TUX_LOG_COMBINED),
	                    "unix: - - [29/Feb/2000:12:34:56 +0000] \"-\" 400 12345 \"-\" \"-\"\n");
}

static void test_readable(void **state)
{
	(void)state;
	sample_fill(&sample, "GET", "/a", "", "", "");
	assert_string_equal(line(&sample, TUX_LOG_PLAIN), "12:34:56  192.0.2.7       GET  /a"
	                                                  "                                   200   12.3 kB    1.5 ms\n");
	sample.record.status = 400;
	sample.record.refusal = TUX_REFUSED_HOST_MISSING;
	assert_non_null(strstr(line(&sample, TUX_LOG_PLAIN), tux_refusal_text(TUX_REFUSED_HOST_MISSING)));
	assert_non_null(strstr(line(&sample, TUX_LOG_COLOUR), "\033[33m400\033[0m"));
}

static void test_json(void **state)
{
	(void)state;
	sample_fill(&sample, "GET", "/a?b", "example.org", "", "a\"b\\c\td\xc3\xa9");
	sample.record.time_us += 42;
	sample.record.id = 0xab;
	sample.record.received_bytes = 77;
	sample.record.backend_us = 1200;
	assert_string_equal(line(&sample, TUX_LOG_JSON),
	                    "{\"time\":\"2000-02-29T12:34:56.000042Z\",\"client\":\"192.0.2.7\",\"port\":40000,\"method\":\"GET\","
	                    "\"target\":\"/a?b\",\"version\":\"HTTP/1.1\",\"host\":\"example.org\",\"status\":200,\"bytes\":12345,\"bytes_in\":77,"
	                    "\"duration_us\":1500,\"referer\":\"\",\"user_agent\":\"a\\\"b\\\\c\\u0009d\\u00c3\\u00a9\","
	                    "\"upstream\":\"\",\"upstream_us\":1200,\"id\":\"00000000000000ab\"}\n");
	sample_fill(&sample, "", "", "", "", "");
	sample.record.status = 400;
	sample.record.refusal = TUX_REFUSED_HOST_MISSING;
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON), "\"method\":\"\",\"target\":\"\",\"version\":\"\""));
	assert_non_null(strstr(line(&sample, TUX_LOG_JSON), ",\"refusal\":\""));
}

/* Every byte in every text: the only control character is the final newline, and every quote or backslash is escaped. */
static void test_injection(void **state)
{
	char all[256];

	(void)state;
	for (size_t i = 0; i < sizeof(all) - 1; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	sample_fill(&sample, "G\nT", all, all, all, all);
	for (int style = TUX_LOG_COMBINED; style <= TUX_LOG_PLAIN; style++) {
		const char *out = line(&sample, (enum tux_log_style)style);
		const size_t len = strlen(out);
		size_t quotes = 0;

		for (size_t i = 0; i + 1 < len; i++) {
			assert_true(out[i] >= 0x20 && out[i] < 0x7f);
			quotes += out[i] == '"';
			if (out[i] == '\\')
				assert_int_equal(out[i + 1], 'x');
		}
		assert_int_equal(out[len - 1], '\n');
		assert_int_equal(quotes, style == TUX_LOG_COMBINED ? 6 : 0);
	}
}

static void test_longest(void **state)
{
	char text[TUX_ACCESS_RECORD_TEXT_MAX + 1], method[65];

	(void)state;
	memset(text, 0x80, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(method, '"', sizeof(method) - 1);
	method[sizeof(method) - 1] = '\0';
	sample_fill(&sample, method, text, text, text, text);
	memset(sample.record.address, 0xee, sizeof(sample.record.address));
	sample.record.sent_bytes = UINT64_MAX;
	sample.record.duration_us = UINT32_MAX;
	for (int style = TUX_LOG_COMBINED; style <= TUX_LOG_JSON; style++)
		line(&sample, (enum tux_log_style)style);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_combined),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_injection),
		cmocka_unit_test(test_longest),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
