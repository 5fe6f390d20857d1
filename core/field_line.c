/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "field_line.h"

#include "octet.h"

enum { AROUND = 4 }; /* octets of a line besides name and value: ": " and CRLF */

uint32_t tux_field_line(uint8_t *out, uint32_t cap, struct tux_octets name, struct tux_octets value)
{
	uint32_t from;

	if (cap < AROUND || name.len == 0 || name.len > cap - AROUND || value.len > cap - AROUND - name.len)
		return 0;
	/*@ loop invariant 0 <= i <= name.len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> 0x20 <= out[k] <= 0x7e;
	  @ loop assigns i, out[0 .. name.len - 1];
	  @ loop variant name.len - i; */
	for (uint32_t i = 0; i < name.len; i++) {
		const uint8_t octet = name.at[i];

		if (octet < 0x21 || octet > 0x7e || !octet_is(octet, OCTET_TOKEN))
			return 0;
		out[i] = octet;
	}
	out[name.len] = ':';
	out[name.len + 1] = ' ';
	from = name.len + 2;
	/*@ loop invariant 0 <= i <= value.len;
	  @ loop invariant \forall integer k; 0 <= k < from + i ==> out[k] == '\t' || 0x20 <= out[k] <= 0x7e;
	  @ loop assigns i, out[from .. from + value.len - 1];
	  @ loop variant value.len - i; */
	for (uint32_t i = 0; i < value.len; i++) {
		const uint8_t octet = value.at[i];

		if (octet != '\t' && (octet < 0x20 || octet > 0x7e))
			return 0;
		out[from + i] = octet;
	}
	out[from + value.len] = '\r';
	out[from + value.len + 1] = '\n';
	return from + value.len + 2;
}
