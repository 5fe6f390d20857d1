/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content negotiation: the weights of Accept and Accept-Encoding. */
#include "negotiate.h"

struct tux_text tux_coding_text(enum tux_coding coding)
{
	switch (coding) {
	case TUX_CODING_BR: return TUX_TEXT("br");
	case TUX_CODING_ZSTD: return TUX_TEXT("zstd");
	case TUX_CODING_GZIP: return TUX_TEXT("gzip");
	case TUX_CODING_IDENTITY:
	case TUX_CODINGS:
		break;
	}
	return TUX_TEXT("");
}

const char *tux_coding_suffix(enum tux_coding coding)
{
	switch (coding) {
	case TUX_CODING_BR: return ".br";
	case TUX_CODING_ZSTD: return ".zst";
	case TUX_CODING_GZIP: return ".gz";
	case TUX_CODING_IDENTITY:
	case TUX_CODINGS:
		break;
	}
	return "";
}

#define UNSAID UINT32_MAX

/* Weights of Accept-Encoding in thousandths, by coding and for all others ("*"); UNSAID = missing. */
struct weights {
	uint32_t of[TUX_CODINGS];
	uint32_t others;
};

/*@ requires span_readable(buf, element) && \valid(weights);
  @ requires \separated(weights, buf + (element.off .. element.off + element.len - 1));
  @ assigns *weights;
  @*/
static void take_coding(const uint8_t *buf, struct tux_span element, struct weights *weights)
{
	struct tux_span token;
	uint32_t weight = tux_field_weight(buf, element, &token);

	if (tux_field_equals(buf, token, "br", 2))
		weights->of[TUX_CODING_BR] = weight;
	else if (tux_field_equals(buf, token, "zstd", 4))
		weights->of[TUX_CODING_ZSTD] = weight;
	else if (tux_field_equals(buf, token, "gzip", 4) || tux_field_equals(buf, token, "x-gzip", 6))
		weights->of[TUX_CODING_GZIP] = weight;
	else if (tux_field_equals(buf, token, "identity", 8))
		weights->of[TUX_CODING_IDENTITY] = weight;
	else if (tux_field_equals(buf, token, "*", 1))
		weights->others = weight;
}

enum tux_coding tux_negotiate_coding(const uint8_t *buf, const struct tux_request *req, uint32_t available)
{
	struct weights weights = { { UNSAID, UNSAID, UNSAID, UNSAID }, UNSAID };
	enum tux_coding best = TUX_CODING_IDENTITY;
	uint32_t best_weight = 0;
	uint32_t identity;

	/*@ loop invariant line <= req->fields.count;
	  @ loop assigns line, weights;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	for (uint32_t line = tux_request_field(req, TUX_FIELD_ACCEPT_ENCODING, 0); line != 0;
	     line = tux_request_field(req, TUX_FIELD_ACCEPT_ENCODING, line)) {
		struct tux_span rest = req->fields.line[line - 1].value;
		struct tux_span element;

		/*@ loop invariant span_part(rest, req->fields.line[line - 1].value);
		  @ loop assigns rest, element, weights;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &element))
			take_coding(buf, element, &weights);
	}
	/*@ loop invariant TUX_CODING_BR <= coding <= TUX_CODINGS && best < TUX_CODINGS;
	  @ loop assigns coding, best, best_weight;
	  @ loop variant TUX_CODINGS - coding; */
	for (uint32_t coding = TUX_CODING_BR; coding < TUX_CODINGS; coding++) {
		uint32_t weight = weights.of[coding];

		if ((available >> coding) % 2 == 0)
			continue;
		if (weight == UNSAID)
			weight = weights.others == UNSAID ? 0 : weights.others;
		if (weight > best_weight) {
			best_weight = weight;
			best = (enum tux_coding)coding;
		}
	}
	identity = weights.of[TUX_CODING_IDENTITY];
	if (identity != UNSAID && identity > best_weight)
		best = TUX_CODING_IDENTITY;
	return best;
}

/* The weights of a media type in thousandths: for itself, its range, and everything. The first one present counts. */
struct preference {
	uint32_t exact, range, any;
};

/*@ requires \valid_read(preference);
  @ assigns \nothing;
  @*/
static uint32_t preferred(const struct preference *preference)
{
	if (preference->exact != UNSAID)
		return preference->exact;
	if (preference->range != UNSAID)
		return preference->range;
	return preference->any != UNSAID ? preference->any : 0;
}

bool tux_negotiate_json(const uint8_t *buf, const struct tux_request *req)
{
	struct preference json = { UNSAID, UNSAID, UNSAID };
	struct preference html = { UNSAID, UNSAID, UNSAID };

	/*@ loop invariant line <= req->fields.count;
	  @ loop assigns line, json, html;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	for (uint32_t line = tux_request_field(req, TUX_FIELD_ACCEPT, 0); line != 0;
	     line = tux_request_field(req, TUX_FIELD_ACCEPT, line)) {
		struct tux_span rest = req->fields.line[line - 1].value;
		struct tux_span element;

		/*@ loop invariant span_part(rest, req->fields.line[line - 1].value);
		  @ loop assigns rest, element, json, html;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &element)) {
			struct tux_span token;
			uint32_t weight = tux_field_weight(buf, element, &token);

			if (tux_field_equals(buf, token, "application/json", 16))
				json.exact = weight;
			else if (tux_field_equals(buf, token, "application/*", 13))
				json.range = weight;
			else if (tux_field_equals(buf, token, "text/html", 9))
				html.exact = weight;
			else if (tux_field_equals(buf, token, "text/*", 6))
				html.range = weight;
			else if (tux_field_equals(buf, token, "*/*", 3))
				json.any = html.any = weight;
		}
	}
	return preferred(&json) > preferred(&html) ||
	       (preferred(&json) == preferred(&html) && json.exact != UNSAID && json.exact > 0 && html.exact == UNSAID);
}
