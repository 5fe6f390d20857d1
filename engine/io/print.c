/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <stdarg.h>

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

void file_put_escaped(FILE *out, enum tux_escape how, const char *text, size_t len)
{
	uint8_t piece[256];
	uint32_t taken;

	for (size_t at = 0; at < len; at += taken) {
		const uint32_t left = len - at < UINT32_MAX ? (uint32_t)(len - at) : UINT32_MAX;
		const uint32_t bytes = tux_escape(how, piece, sizeof(piece), (const uint8_t *)text + at, left, &taken);

		fwrite(piece, 1, bytes, out);
	}
}
