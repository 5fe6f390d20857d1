/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "retry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../engine/io/print.h"

enum { MAX_FAILURES = 1000 };

/* Opens the directory of the failures of a certificate's authority. Returns -1 with errno. */
static int directory_open(const struct tux_store *store, const struct tux_automatic *wanted, bool make)
{
	char path[NAME_MAX + 32];

	errno = ENAMETOOLONG;
	return print_whole(path, sizeof(path), "failures/%s", strchr(wanted->folder, '/') + 1) ? tux_store_directory(store, path, make) : -1;
}

/* Writes failures as a text: both numbers, and a line for each name of the certificate. Returns false if out of memory. */
static bool text_make(const struct tux_automatic *wanted, const struct tux_retry *retry, struct tux_pem *text)
{
	const struct tux_names names = tux_automatic_names(wanted);
	FILE *const out = open_memstream(&text->text, &text->len);

	if (!out)
		return false;
	fprintf(out, "%u %" PRId64 "\n", retry->failures, retry->at);
	for (unsigned i = 0; i < names.count; i++)
		fprintf(out, "%s\n", names.name[i]);
	return fclose(out) == 0;
}

/* True if a text of failures is for the present names of the certificate. */
static bool is_for(const struct tux_automatic *wanted, const struct tux_retry *retry, const struct tux_pem *text)
{
	struct tux_pem same = { NULL, 0 };
	const bool fits = text_make(wanted, retry, &same) && same.len == text->len && memcmp(same.text, text->text, same.len) == 0;

	tux_pem_free(&same);
	return fits;
}

bool tux_retry_read(const struct tux_store *store, const struct tux_automatic *wanted, struct tux_retry *retry)
{
	const int directory = directory_open(store, wanted, false);
	struct tux_pem text = { NULL, 0 };
	bool read = directory >= 0 && tux_store_read(directory, wanted->file, &text);

	*retry = (struct tux_retry){ .failures = 0 };
	read = read && sscanf(text.text, "%u %" SCNd64 "\n", &retry->failures, &retry->at) == 2 && retry->failures > 0 && retry->failures <= MAX_FAILURES &&
	       is_for(wanted, retry, &text);
	if (!read)
		*retry = (struct tux_retry){ .failures = 0 };
	if (directory >= 0)
		close(directory);
	tux_pem_free(&text);
	return read;
}

void tux_retry_write(const struct tux_store *store, const struct tux_automatic *wanted, const struct tux_retry *retry)
{
	const int directory = directory_open(store, wanted, retry->failures > 0);
	struct tux_retry kept = *retry;
	struct tux_pem text = { NULL, 0 };

	if (directory < 0)
		return;
	if (kept.failures > MAX_FAILURES)
		kept.failures = MAX_FAILURES;
	if (kept.failures == 0)
		unlinkat(directory, wanted->file, 0);
	else if (text_make(wanted, &kept, &text))
		(void)tux_store_write(directory, wanted->file, &text);
	tux_pem_free(&text);
	close(directory);
}
