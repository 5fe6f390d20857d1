// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The proofs of core/ cover its source. These tests cover the code that this kernel's compiler made of it. They run before
 * anything is served, and compare with known results: heads whole and in every prefix, targets, ranges, dates, routes,
 * conditions, tags, and a response head. The kernel frees the memory of the tests after loading.
 */
#include "selftest.h"

#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../core/etag.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/target.h"

#define HOST "Host: x\r\n"
#define END "\r\n"
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

enum { DATE_S = 784111777 };

/* Buffers of the tests, too large for the stack. */
struct room {
	struct tux_request request;
	struct tux_plan plan;
	u8 text[TUX_MAX_HEAD];
	u8 path[TUX_MAX_TARGET];
};

static bool __init differs(const char *what, const void *vector, u32 len)
{
	pr_err("tux: self-test: %s of \"%*pE\" is not what it must be; the module is not loaded\n", what, (int)min(len, 60u),
	       vector);
	return false;
}

struct head_vector {
	const char *head;
	u8 refusal;         /* enum tux_refusal */
	u8 method;          /* valid, like all members below, if the head is accepted */
	u8 minor;
	bool keep_alive;
	u8 framing;
	u16 content_length;
	const char *path;
	const char *host;
};

static const struct head_vector heads[] __initconst = {
	{ "GET / HTTP/1.1\r\n" HOST END, TUX_ACCEPTED, TUX_GET, 1, true, TUX_FRAMING_NONE, 0, "/", "x" },
	{ "\r\nHEAD /a%20b?c=d HTTP/1.0\r\n\r\n", TUX_ACCEPTED, TUX_HEAD, 0, false, TUX_FRAMING_NONE, 0, "/a%20b", "" },
	{ "GET http://h:80/x?y HTTP/1.1\r\n" HOST "connection: a, Close\r\n" END,
	  TUX_ACCEPTED, TUX_GET, 1, false, TUX_FRAMING_NONE, 0, "/x", "h:80" },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", TUX_ACCEPTED, TUX_GET, 0, true, TUX_FRAMING_NONE, 0, "/", "" },
	{ "POST /p HTTP/1.1\r\n" HOST "Content-Length:  0042 \r\n" END,
	  TUX_ACCEPTED, TUX_POST, 1, true, TUX_FRAMING_LENGTH, 42, "/p", "x" },
	{ "PUT /p HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nUser-Agent: a value to go through in words of eight\r\n" END,
	  TUX_ACCEPTED, TUX_PUT, 1, true, TUX_FRAMING_CHUNKED, 0, "/p", "x" },
	{ "OPTIONS * HTTP/1.1\r\n" HOST END, TUX_ACCEPTED, TUX_OPTIONS, 1, true, TUX_FRAMING_NONE, 0, "", "x" },
	{ "BREW / HTTP/1.1\r\n" HOST END, TUX_ACCEPTED, TUX_METHOD_UNKNOWN, 1, true, TUX_FRAMING_NONE, 0, "/", "x" },
	{ "GET / HTTX/1.1\r\n" HOST END, TUX_REFUSED_VERSION_SYNTAX },
	{ "G\x01T / HTTP/1.1\r\n" HOST END, TUX_REFUSED_METHOD },
	{ "GET /\x7f HTTP/1.1\r\n" HOST END, TUX_REFUSED_TARGET },
	{ "GET * HTTP/1.1\r\n" HOST END, TUX_REFUSED_TARGET },
	{ "GET / HTTP/2.0\r\n" HOST END, TUX_REFUSED_VERSION },
	{ "GET / HTTP/1.1\n" HOST END, TUX_REFUSED_LINE_END },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n" END, TUX_REFUSED_LINE_END },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n" END, TUX_REFUSED_FOLD },
	{ "GET / HTTP/1.1\r\n" HOST "A : b\r\n" END, TUX_REFUSED_FIELD_NAME },
	{ "GET / HTTP/1.1\r\n" HOST ": b\r\n" END, TUX_REFUSED_FIELD_NAME },
	{ "GET / HTTP/1.1\r\n" HOST "A: eight octets \x01 and more\r\n" END, TUX_REFUSED_FIELD_VALUE },
	{ "GET / HTTP/1.1\r\n\r\n", TUX_REFUSED_HOST_MISSING },
	{ "GET / HTTP/1.1\r\n" HOST HOST END, TUX_REFUSED_HOST_TWICE },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", TUX_REFUSED_HOST },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END, TUX_REFUSED_LENGTH },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n" END, TUX_REFUSED_LENGTH },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n" END, TUX_REFUSED_LENGTH },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END, TUX_REFUSED_LENGTH_AND_CODING },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n" END, TUX_REFUSED_CODING_ORDER },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\n" END, TUX_REFUSED_CODING },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", TUX_REFUSED_CODING_VERSION },
	{ "GET / HTTP/1.1\r\n" HOST "Expect: x\r\n" END, TUX_REFUSED_EXPECT },
};

static bool __init span_is(const char *buf, struct tux_span span, const char *text)
{
	return span.len == strlen(text) && memcmp(buf + span.off, text, span.len) == 0;
}

static bool __init is_as_told(const struct head_vector *vector, u32 len, const struct tux_request *req)
{
	return req->head_len == len && req->method == vector->method && req->minor == vector->minor &&
	       req->keep_alive == vector->keep_alive && req->framing == vector->framing &&
	       req->content_length == vector->content_length && span_is(vector->head, req->path, vector->path) &&
	       span_is(vector->head, req->host, vector->host);
}

/* Checks a head. Every proper prefix of an accepted head must be incomplete, nothing else. */
static bool __init head_good(struct room *room, const struct head_vector *vector)
{
	const u8 *head = (const u8 *)vector->head;
	u32 len = (u32)strlen(vector->head);
	u32 part;

	for (part = 0; vector->refusal == TUX_ACCEPTED && part < len; part++)
		if (tux_request_parse(head, part, part / 2, &room->request) != TUX_MORE)
			return differs("a prefix", head, part);
	if (vector->refusal == TUX_ACCEPTED ? tux_request_parse(head, len, 0, &room->request) == TUX_PARSED &&
						      is_as_told(vector, len, &room->request) :
					      tux_request_parse(head, len, 0, &room->request) == TUX_REFUSED &&
						      room->request.refusal == vector->refusal)
		return true;
	return differs("the head", head, len);
}

/* Checks the limits, with heads filled to them. */
static bool __init limits_good(struct room *room)
{
	static const char start[] __initconst = "GET /";
	const u32 start_len = sizeof(start) - 1;

	memset(room->text, 'a', sizeof(room->text));
	memcpy(room->text, start, start_len);
	if (tux_request_parse(room->text, start_len + TUX_MAX_TARGET, 0, &room->request) != TUX_REFUSED ||
	    tux_refusal_status((enum tux_refusal)room->request.refusal) != 414)
		return differs("the limit", room->text, start_len);
	memcpy(room->text + start_len, " HTTP/1.1\r\nA:", 13);
	if (tux_request_parse(room->text, TUX_MAX_HEAD - 1, 0, &room->request) != TUX_MORE ||
	    tux_request_parse(room->text, TUX_MAX_HEAD, 0, &room->request) != TUX_REFUSED ||
	    tux_refusal_status((enum tux_refusal)room->request.refusal) != 431)
		return differs("the limit", room->text, start_len + 13);
	return true;
}

struct path_vector {
	const char *source;
	u8 refusal;
	const char *path;
	bool dot_file;
};

static const struct path_vector paths[] __initconst = {
	{ "/", TUX_ACCEPTED, "/" },
	{ "/a//b/./c", TUX_ACCEPTED, "/a/b/c" },
	{ "/a/b/../c/", TUX_ACCEPTED, "/a/c/" },
	{ "/a/..", TUX_ACCEPTED, "/" },
	{ "/%61%2fb%2E%2e/c", TUX_ACCEPTED, "/a/b../c" },
	{ "/%2561", TUX_ACCEPTED, "/%61" },
	{ "/a/.b", TUX_ACCEPTED, "/a/.b", true },
	{ "a", TUX_REFUSED_TARGET },
	{ "/..", TUX_REFUSED_DOT_DOT },
	{ "/a/%2e%2E/%2e./b", TUX_REFUSED_DOT_DOT },
	{ "/%0", TUX_REFUSED_ESCAPE },
	{ "/%gg", TUX_REFUSED_ESCAPE },
	{ "/a%00", TUX_REFUSED_ESCAPE },
};

static bool __init path_good(struct room *room, const struct path_vector *vector)
{
	u32 len = 0;

	if (tux_target_normalise((const u8 *)vector->source, (u32)strlen(vector->source), room->path, &len) == vector->refusal &&
	    (vector->refusal != TUX_ACCEPTED ||
	     (len == strlen(vector->path) && memcmp(room->path, vector->path, len) == 0 &&
	      tux_target_has_dot_file(room->path, len) == vector->dot_file)))
		return true;
	return differs("the path", vector->source, (u32)strlen(vector->source));
}

struct range_vector {
	const char *value;
	u16 size;
	u8 verdict; /* enum tux_range_verdict */
	u8 count;
	u16 first, len; /* of the last range */
};

static const struct range_vector ranges[] __initconst = {
	{ "bytes=0-0", 10, TUX_RANGE_SATISFIABLE, 1, 0, 1 },
	{ "bytes=2-", 10, TUX_RANGE_SATISFIABLE, 1, 2, 8 },
	{ "bytes=-3", 10, TUX_RANGE_SATISFIABLE, 1, 7, 3 },
	{ "bytes=9-99999999999999999999999", 10, TUX_RANGE_SATISFIABLE, 1, 9, 1 },
	{ "bytes=0-0, 4-5", 10, TUX_RANGE_SATISFIABLE, 2, 4, 2 },
	{ "bytes=10-", 10, TUX_RANGE_UNSATISFIABLE },
	{ "bytes=-0", 10, TUX_RANGE_UNSATISFIABLE },
	{ "bytes=0-", 0, TUX_RANGE_IGNORED },
	{ "bytes=3-2", 10, TUX_RANGE_IGNORED },
	{ "lines=1-2", 10, TUX_RANGE_IGNORED },
	{ "bytes=1-2,x", 10, TUX_RANGE_IGNORED },
};

static bool __init range_good(struct room *room, const struct range_vector *vector)
{
	struct tux_span all = { 0, (u32)strlen(vector->value) };
	struct tux_plan *plan = &room->plan;

	if (tux_range_parse((const u8 *)vector->value, all, vector->size, plan->range, &plan->range_count) == vector->verdict &&
	    plan->range_count == vector->count &&
	    (vector->count == 0 || (plan->range[vector->count - 1].first == vector->first &&
				    plan->range[vector->count - 1].len == vector->len)))
		return true;
	return differs("the range", vector->value, all.len);
}

struct date_vector {
	const char *text;
	s64 seconds;  /* -1: not a date */
	bool written; /* in the form that we write */
};

static const struct date_vector dates[] __initconst = {
	{ DATE, DATE_S, true },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", DATE_S },
	{ "Sun Nov  6 08:49:37 1994", DATE_S },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, true },
	{ "Tue, 29 Feb 2000 00:00:00 GMT", 951782400, true },
	{ "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199, true },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799, true },
	{ "Thu, 30 Feb 2024 23:59:59 GMT", -1 },
	{ "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
	{ "Sun, 06 Nov 1994 24:49:37 GMT", -1 },
};

static bool __init date_good(const struct date_vector *vector)
{
	u32 len = (u32)strlen(vector->text);
	u8 written[TUX_DATE_LEN];
	s64 seconds;
	bool parsed = tux_date_parse((const u8 *)vector->text, len, 1784000000, &seconds);
	bool valid = vector->seconds >= 0;

	if (parsed != valid || (valid && seconds != vector->seconds))
		return differs("the date", vector->text, len);
	if (!vector->written)
		return true;
	tux_date_format(vector->seconds, written);
	return memcmp(written, vector->text, TUX_DATE_LEN) == 0 || differs("the written date", vector->text, len);
}

struct route_vector {
	const char *path;
	u32 at;
};

/* The patterns of routes_good(): "/app/", "/app/" with suffix ".php", "/app/exact" exactly. */
static const struct route_vector routed[] __initconst = {
	{ "/app/exact", 2 }, { "/app/exactly", 0 }, { "/app/x.php", 1 }, { "/app/.php", 1 }, { "/app/x.phpx", 0 }, { "/app", 3 },
	{ "/", 3 },
};

static bool __init routes_good(void)
{
	static const char text[] __initconst = "/app/exact/app/.php/app/";
	struct tux_route route[] = {
		{ .text = 19, .prefix_len = 5 },
		{ .text = 10, .prefix_len = 5, .suffix_len = 4, .handler = TUX_HANDLER_HANDOVER },
		{ .text = 0, .prefix_len = 10, .exact = 1 },
	};
	struct tux_routes table = { route, (const u8 *)text, ARRAY_SIZE(route), sizeof(text) - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(route); i++)
		if (!tux_route_link(route, i, table.text))
			return differs("the link of a route", text, sizeof(text) - 1);
	if (!tux_routes_valid(&table))
		return differs("the table of routes", text, sizeof(text) - 1);
	for (i = 0; i < ARRAY_SIZE(routed); i++)
		if (tux_route_find(&table, (const u8 *)routed[i].path, (u32)strlen(routed[i].path)) != routed[i].at)
			return differs("the route", routed[i].path, (u32)strlen(routed[i].path));
	route[0].text++; /* points outside the texts */
	return !tux_routes_valid(&table) || differs("the broken table of routes", text, sizeof(text) - 1);
}

struct plan_vector {
	const char *fields;
	u16 status;
	u8 coding; /* enum tux_coding; identity and gzip are available */
};

static const struct plan_vector plans[] __initconst = {
	{ "", 200 },
	{ "If-None-Match: \"a\", \"tag\"\r\n", 304 },
	{ "If-None-Match: \"a\"\r\n", 200 },
	{ "If-Modified-Since: " DATE "\r\n", 304 },
	{ "If-Match: \"a\"\r\n", 412 },
	{ "Range: bytes=1-2\r\n", 206 },
	{ "Range: bytes=1-2\r\nIf-Range: \"a\"\r\n", 200 },
	{ "Range: bytes=10-\r\n", 416 },
	{ "Accept-Encoding: br, gzip;q=0.5\r\n", 200, TUX_CODING_GZIP },
	{ "Accept-Encoding: gzip;q=0\r\n", 200 },
};

static bool __init plan_good(struct room *room, const struct plan_vector *vector)
{
	const struct tux_facts facts = {
		.size = 10,
		.validators = { .etag = (const u8 *)"\"tag\"", .etag_len = 5, .last_modified = DATE_S, .now = DATE_S + 60 },
	};
	int len = snprintf((char *)room->text, sizeof(room->text), "GET / HTTP/1.1\r\n" HOST "%s" END, vector->fields);

	if (tux_request_parse(room->text, (u32)len, 0, &room->request) != TUX_PARSED)
		return differs("the head", room->text, (u32)len);
	tux_respond_decide(room->text, &room->request, &facts, &room->plan);
	if (room->plan.status == vector->status &&
	    tux_negotiate_coding(room->text, &room->request, 1u << TUX_CODING_IDENTITY | 1u << TUX_CODING_GZIP) == vector->coding)
		return true;
	return differs("the answer", vector->fields, (u32)strlen(vector->fields));
}

/* Checks one head with most of the possible fields, and its entity tag. */
static bool __init response_good(struct room *room)
{
	static const char expected[] __initconst =
		"HTTP/1.1 206 Partial Content\r\nDate: " DATE "\r\nServer: tux\r\nContent-Type: text/html; charset=utf-8\r\n"
		"Content-Length: 4\r\nLast-Modified: " DATE "\r\nETag: \"d4d014544aafece4\"\r\nContent-Encoding: gzip\r\n"
		"Accept-Ranges: bytes\r\nContent-Range: bytes 2-5/10\r\nVary: Accept-Encoding\r\nConnection: close\r\n\r\n";
	static const u8 key[16] __initconst = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	const struct tux_file_identity identity = { 1, 2, 3, 4, 5, 6, 7, 0 };
	struct tux_head head = { .status = 206, .minor = 1, .date = (const u8 *)DATE };
	struct tux_facts facts;
	u8 etag[TUX_MAX_ETAG];
	u32 date_off, len;

	len = tux_etag_format(key, &identity, TUX_CODING_GZIP, false, etag);
	facts = tux_facts_told(10, etag, len, DATE_S, DATE_S);
	room->plan = (struct tux_plan){ .status = 206, .range_count = 1, .range = { { 2, 4 } } };
	tux_head_describe(&head, &facts, TUX_CODING_GZIP, 1u << TUX_CODING_IDENTITY | 1u << TUX_CODING_GZIP,
			  tux_media_type((const u8 *)"a.HTML", 6));
	tux_head_plan(&head, &room->plan);
	len = tux_response_head(room->text, sizeof(room->text), &head, &date_off);
	if (len == sizeof(expected) - 1 && memcmp(room->text, expected, len) == 0 &&
	    memcmp(room->text + date_off, DATE, TUX_DATE_LEN) == 0 &&
	    tux_response_head(room->text, len - 1, &head, &date_off) == 0)
		return true;
	return differs("the response head", room->text, len);
}

static bool __init all_good(struct room *room)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (!head_good(room, &heads[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!path_good(room, &paths[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (!range_good(room, &ranges[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(dates); i++)
		if (!date_good(&dates[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(plans); i++)
		if (!plan_good(room, &plans[i]))
			return false;
	return limits_good(room) && routes_good() && response_good(room);
}

int __init ktux_selftest(void)
{
	struct room *room = kvzalloc(sizeof(*room), GFP_KERNEL);
	bool good;

	if (!room)
		return -ENOMEM;
	good = all_good(room);
	kvfree(room);
	return good ? 0 : -EIO;
}
