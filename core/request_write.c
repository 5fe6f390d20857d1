/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request_write.h"

#include "response.h"
#include "writer.h"

uint32_t tux_request_write(uint8_t *out_at, uint32_t cap, struct tux_octets method, struct tux_octets target, struct tux_octets host,
                           struct tux_octets lines)
{
	struct writer out = { .at = out_at, .cap = cap };

	if (method.len == 0 || target.len == 0 || !tux_field_lines_valid(lines.at, lines.len))
		return 0;
	put_of(&out, method.at, method.len, OCTET_TOKEN);
	PUT(&out, " ");
	put_of(&out, target.at, target.len, OCTET_TARGET);
	PUT(&out, " HTTP/1.1\r\n");
	if (host.len > 0) {
		PUT(&out, "Host: ");
		put_of(&out, host.at, host.len, OCTET_VALUE);
		PUT(&out, "\r\n");
	}
	put(&out, lines.at, lines.len);
	PUT(&out, "\r\n");
	return out_bytes(&out);
}
