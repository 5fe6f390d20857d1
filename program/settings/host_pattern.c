/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "host_pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/host.h"

static bool refuse(const char *root, char *error, size_t error_size)
{
	snprintf(error, error_size, "root: \"%s\": one name of the path may have %%h, the name of the host, or its last labels to the end, "
	         "such as %%2.%%1; %%%% is a percent sign", root);
	return false;
}

/* Reads the variables at text: %h, or labels down to %1. Returns their length; 0 if they are invalid. */
static size_t variables_read(const char *text, unsigned *labels)
{
	size_t len = 2;
	unsigned next;

	*labels = 0;
	if (text[1] == 'h')
		return len;
	if (text[1] < '1' || text[1] > '9')
		return 0;
	*labels = (unsigned)(text[1] - '0');
	for (next = *labels - 1; next > 0; next--, len += 3)
		if (text[len] != '.' || text[len + 1] != '%' || text[len + 2] != (char)('0' + next))
			return 0;
	return len;
}

bool tux_host_pattern_read(const char *root, struct tux_host_pattern **pattern, char *error, size_t error_size)
{
	const size_t size = strlen(root) + 8;
	struct tux_host_pattern *const made = calloc(1, sizeof(*made) + 2 * size);
	char *const plain = made ? made->text : NULL, *slash, *end;
	size_t len = 0, at = SIZE_MAX, i, step;

	*pattern = made;
	if (!made) {
		snprintf(error, error_size, "no memory for a root");
		return false;
	}
	for (i = 0; root[i] != '\0'; i += step) {
		step = root[i] == '%' && root[i + 1] == '%' ? 2 : 1;
		if (root[i] == '%' && step == 1) {
			step = at == SIZE_MAX ? variables_read(root + i, &made->labels) : 0;
			at = len;
			if (step == 0)
				return refuse(root, error, error_size);
		} else {
			plain[len++] = root[i];
		}
	}
	made->directory = plain;
	if (at == SIZE_MAX)
		return true;
	/* The second half of the text gets what follows the directory, cut into three texts. */
	plain[len] = '\0';
	slash = memrchr(plain, '/', at);
	end = plain + size;
	made->before = end;
	end = mempcpy(end, slash ? slash + 1 : plain, at - (slash ? (size_t)(slash + 1 - plain) : 0));
	*end++ = '\0';
	made->after = end;
	end = mempcpy(end, plain + at, strcspn(plain + at, "/"));
	*end++ = '\0';
	made->below = end;
	memcpy(end, plain + at + strcspn(plain + at, "/"), len + 1 - at - strcspn(plain + at, "/"));
	if (!slash)
		made->directory = ".";
	else
		slash[slash == plain] = '\0';
	return true;
}

/* True if the name is one of a host, in lower case. Sets the number of its labels. */
static bool name_good(const char *name, size_t len, unsigned *labels)
{
	size_t i, label = 0;

	*labels = 1;
	for (i = 0; i < len; i++) {
		const char octet = name[i];

		if (octet == '.' ? label == 0 : !((octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_'))
			return false;
		label = octet == '.' ? 0 : label + 1;
		*labels += octet == '.';
		if (label > TUX_MAX_LABEL)
			return false;
	}
	return label > 0 && len <= TUX_MAX_HOST_NAME;
}

size_t tux_host_pattern_match(const struct tux_host_pattern *pattern, const char *file, const char **name)
{
	const size_t len = strlen(file), before = strlen(pattern->before), after = strlen(pattern->after);
	unsigned labels;

	*name = file + before;
	if (len <= before + after || memcmp(file, pattern->before, before) != 0 || strcmp(file + len - after, pattern->after) != 0 ||
	    !name_good(*name, len - before - after, &labels) || (pattern->labels > 0 && labels != pattern->labels))
		return 0;
	return len - before - after;
}
