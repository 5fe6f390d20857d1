/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Field lines outside a request head, and the options of Connection. */
#include "field_lines.h"

#include "head_parse.h"

enum tux_verdict tux_fields_parse(const uint8_t *buf, uint32_t len, uint32_t *pos, bool lf, struct tux_field_lines *fields,
                                  uint8_t *refusal)
{
	return field_lines(buf, len, pos, lf, fields, refusal);
}

/* Adds an option to the set if it is known. Returns the set. */
/*@ requires span_readable(buf, option);
  @ assigns \nothing;
  @*/
static uint32_t with_option(uint32_t options, const uint8_t *buf, struct tux_span option)
{
	if (tux_field_equals(buf, option, "close", 5))
		return options | TUX_CONNECTION_CLOSE;
	if (tux_field_equals(buf, option, "keep-alive", 10))
		return options | TUX_CONNECTION_KEEP_ALIVE;
	if (tux_field_equals(buf, option, "upgrade", 7))
		return options | TUX_CONNECTION_UPGRADE;
	return options;
}

uint32_t tux_fields_connection(const uint8_t *buf, const struct tux_field_lines *fields)
{
	uint32_t line = tux_fields_find(fields, TUX_FIELD_CONNECTION, 0), options = 0;

	/* Fast path: browsers send exactly this value. */
	if (line != 0 && tux_field_equals(buf, fields->line[line - 1].value, "keep-alive", 10)) {
		options = TUX_CONNECTION_KEEP_ALIVE;
		line = tux_fields_find(fields, TUX_FIELD_CONNECTION, line);
	}
	/*@ loop invariant line <= fields->count;
	  @ loop assigns line, options;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = fields->line[line - 1].value, option;

		/*@ loop invariant span_part(rest, fields->line[line - 1].value);
		  @ loop assigns rest, option, options;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &option))
			options = with_option(options, buf, option);
		line = tux_fields_find(fields, TUX_FIELD_CONNECTION, line);
	}
	return options;
}
