/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "named_value.h"

#include "writer.h"

uint32_t tux_named_field(uint8_t *out_at, uint32_t cap, struct tux_text name, struct tux_octets value)
{
	struct writer out = { .at = out_at, .cap = cap };

	put_text(&out, name);
	PUT(&out, ": ");
	put_of(&out, value.at, value.len, OCTET_VALUE);
	PUT(&out, "\r\n");
	return out_bytes(&out);
}

uint32_t tux_named_variable(uint8_t *out_at, uint32_t cap, struct tux_text name, struct tux_octets value)
{
	struct writer out = { .at = out_at, .cap = cap };

	put_text(&out, name);
	PUT(&out, "=");
	put_of(&out, value.at, value.len, OCTET_VALUE);
	put_byte(&out, 0);
	return out_bytes(&out);
}
