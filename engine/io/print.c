/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <stdarg.h>
#include <stdio.h>

size_t print(char *out, size_t size, const char *format, ...)
{
	va_list arguments;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(out, size, format, arguments);
	va_end(arguments);
	if (wanted < 0) {
		out[0] = '\0';
		return 0;
	}
	return (size_t)wanted < size ? (size_t)wanted : size - 1;
}

bool print_whole(char *out, size_t size, const char *format, ...)
{
	va_list arguments;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(out, size, format, arguments);
	va_end(arguments);
	if (wanted >= 0 && (size_t)wanted < size)
		return true;
	out[0] = '\0';
	return false;
}

size_t print_escaped(char *out, size_t size, const uint8_t *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (size_t i = 0; i < len && size - at > 4; i++) {
		const uint8_t byte = text[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
			out[at++] = (char)byte;
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = hex[byte >> 4];
		out[at++] = hex[byte & 15];
	}
	out[at] = '\0';
	return at;
}
