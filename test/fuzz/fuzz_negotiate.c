/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accept-Encoding and Accept: what is chosen is there, no other one has more weight, and weights are those of a
 * model of RFC 9110 12.4.2. The first octet says what is available, the rest are field lines.
 */
#include <string.h>

#include "list_model.h"
#include "negotiate.h"

static const char *const names[] = { "Accept-Encoding", "Accept" };

enum { UNSAID = -1, ALL = (1 << TUX_CODINGS) - 1 };

/* What was said of a name, the last time it was named. */
struct said {
	const char *name;
	int weight;
};

/* qvalue = "0" ["." 0*3DIGIT] / "1" ["." 0*3"0"], in thousandths; anything else is no weight. */
static int model_qvalue(struct text text)
{
	char digits[] = "000";

	if (text.len == 0 || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1') || (text.len > 1 && text.at[1] != '.'))
		return 0;
	for (size_t i = 2; i < text.len; i++) {
		if (memchr(text.at[0] == '0' ? "0123456789" : "0", text.at[i], text.at[0] == '0' ? 10 : 1) == NULL)
			return 0;
		digits[i - 2] = text.at[i];
	}
	return text.at[0] == '1' ? 1000 : atoi(digits);
}

/* Enters what an element of a list says. */
static void model_element(struct text element, struct said *said, size_t said_count)
{
	static struct text part[LIST_MODEL_MAX + 1];
	size_t count = text_split(element, ';', part);
	int weight = 1000;

	for (size_t i = count - 1; i >= 1; i--) /* the first q is the one that counts */
		if (part[i].len >= 2 && (part[i].at[0] == 'q' || part[i].at[0] == 'Q') && part[i].at[1] == '=')
			weight = model_qvalue((struct text){ part[i].at + 2, part[i].len - 2 });
	for (size_t i = 0; i < said_count; i++)
		if (text_is(part[0], said[i].name) || (text_is(part[0], "x-gzip") && strcmp(said[i].name, "gzip") == 0))
			said[i].weight = weight;
}

static void model_read(const uint8_t *buf, const struct tux_request *req, enum tux_field_name name, struct said *said,
                       size_t said_count)
{
	static struct text part[LIST_MODEL_MAX + 1];

	for (uint32_t i = 0; i < req->fields.count; i++) {
		size_t count = req->fields.line[i].known == name ? text_split(text_of(buf, req, i), ',', part) : 0;

		for (size_t k = 0; k < count; k++)
			if (part[k].len > 0)
				model_element(part[k], said, said_count);
	}
}

/* The weight of the first of the names of which anything was said, which are in order of precedence. */
static int first_said(const struct said *said, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (said[i].weight != UNSAID)
			return said[i].weight;
	return 0;
}

static void check_coding(const uint8_t *buf, const struct tux_request *req, uint32_t available)
{
	struct said of[TUX_CODINGS][2] = {
		[TUX_CODING_IDENTITY] = { { "identity", UNSAID }, { "\n", UNSAID } }, /* "*" does not stand for it */
		[TUX_CODING_BR] = { { "br", UNSAID }, { "*", UNSAID } },
		[TUX_CODING_ZSTD] = { { "zstd", UNSAID }, { "*", UNSAID } },
		[TUX_CODING_GZIP] = { { "gzip", UNSAID }, { "*", UNSAID } },
	};
	enum tux_coding chosen = tux_negotiate_coding(buf, req, available);
	int weight;

	require(chosen < TUX_CODINGS && (chosen == TUX_CODING_IDENTITY || (available & 1u << chosen) != 0));
	for (uint32_t coding = 0; coding < TUX_CODINGS; coding++)
		model_read(buf, req, TUX_FIELD_ACCEPT_ENCODING, of[coding], 2);
	weight = first_said(of[chosen], 2);
	require(chosen == TUX_CODING_IDENTITY || weight > 0);
	for (uint32_t coding = 0; coding < TUX_CODINGS; coding++) {
		int other = first_said(of[coding], 2);

		if (coding != TUX_CODING_IDENTITY && (available & 1u << coding) == 0)
			continue;
		require(other <= weight);
		/* At equal weight the first of our preference is chosen, identity last. */
		if (coding != TUX_CODING_IDENTITY && other > 0 && other == weight)
			require(chosen != TUX_CODING_IDENTITY && chosen <= coding);
		/* What was not chosen does not matter. */
		if (coding != chosen)
			require(tux_negotiate_coding(buf, req, available & ~(1u << coding)) == chosen);
	}
	require(tux_negotiate_coding(buf, req, available ^ 1u << TUX_CODING_IDENTITY) == chosen);
	require(tux_negotiate_coding(buf, req, 0) == TUX_CODING_IDENTITY);
}

static void check_json(const uint8_t *buf, const struct tux_request *req)
{
	struct said json[] = { { "application/json", UNSAID }, { "application/*", UNSAID }, { "*/*", UNSAID } };
	struct said html[] = { { "text/html", UNSAID }, { "text/*", UNSAID }, { "*/*", UNSAID } };

	model_read(buf, req, TUX_FIELD_ACCEPT, json, 3);
	model_read(buf, req, TUX_FIELD_ACCEPT, html, 3);
	/* At equal weight JSON is chosen if it is named and HTML is not. */
	require(tux_negotiate_json(buf, req) == (first_said(json, 3) > first_said(html, 3) ||
	                                         (first_said(json, 3) == first_said(html, 3) && json[0].weight > 0 && html[0].weight == UNSAID)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tux_request req;
	uint8_t *buf;

	if (size == 0 || size > LIST_MODEL_MAX)
		return 0;
	buf = request_of_lines(names, sizeof(names) / sizeof(names[0]), data + 1, size - 1, &req);
	if (buf == NULL)
		return 0;
	check_coding(buf, &req, data[0] & ALL);
	check_json(buf, &req);
	free(buf);
	return 0;
}
