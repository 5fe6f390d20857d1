/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state directory: certificates and keys that TUX gets or makes itself. Its own authority is in authority/, certificates are in
 * certificates/ISSUER/NAME.pem with their keys, ACME accounts in accounts/DIRECTORY/private/key.pem, as uacme(1) wants it, and failures of
 * renewals in failures/DIRECTORY/NAME.pem. Only its user may read the files.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_STORE_H
#define TUX_PROGRAM_CERTIFICATES_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TUX_STORE_FILE_BYTES = 1 << 20 }; /* of a file; a longer one is not read */

/* Zero-initialize before use. */
struct tux_store {
	bool is_open;
	int fd;
	char path[PATH_MAX]; /* absolute */
};

/* A text in PEM, malloc'ed. Zero-initialize before use. */
struct tux_pem {
	char *text;
	size_t len; /* bytes */
};

/* Wipes and frees a text. */
void tux_pem_free(struct tux_pem *pem);

/*
 * Opens the state directory: configured, or with NULL the default. make: makes it if it is missing. Root follows no link that another user
 * can change, and uses no directory that another user can change. Returns false with a sentence in error.
 */
bool tux_store_open(struct tux_store *store, const char *configured, bool make, char *error, size_t error_size);

void tux_store_close(struct tux_store *store);

/*
 * Opens a directory of the store, such as "certificates/local". make: makes missing directories of the path. Follows no link. Returns a descriptor,
 * which the caller closes; -1 with errno.
 */
int tux_store_directory(const struct tux_store *store, const char *path, bool make);

#define TUX_STORE_LOCK "lock"            /* of the certificates that TUX signs; held for moments */
#define TUX_STORE_WORK_LOCK "work.lock"  /* of those of public authorities; held for minutes */

/* Waits until no other process has the lock of this name. Returns a descriptor, which holds the lock until the caller closes it; -1 with errno. */
int tux_store_lock(const struct tux_store *store, const char *name);

/* Reads a file of a directory. A link is not followed. Returns false with errno; free the text also then. */
bool tux_store_read(int directory, const char *name, struct tux_pem *pem);

/*
 * Writes a file, readable by its user alone, in place of another one of that name: after a crash it has the old or the new content. Returns false
 * with errno.
 */
bool tux_store_write(int directory, const char *name, const struct tux_pem *pem);

#endif
