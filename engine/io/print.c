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
