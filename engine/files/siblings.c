/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "siblings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/etag.h"
#include "../../core/negotiate.h"

enum {
	CODING_BITS = 3,   /* bits of a slot for the codings; the others are the hash */
	FIRST_SLOTS = 64,
	NAME_BYTES = 256,  /* a longer name is not in a directory */
	ALL = (1 << TUX_CODINGS) - 2,
};

_Static_assert(TUX_CODINGS - 1 == CODING_BITS, "a bit for each coding but identity");

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter + 'a' - 'A') : letter;
}

/* Returns a slot without codings, never for longer names. File systems may ignore the case of ASCII, so the hash does. */
static uint32_t hash(const struct siblings *siblings, const char *name, size_t len)
{
	uint8_t text[NAME_BYTES];

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)lower(name[i]);
	return (uint32_t)(tux_etag_content(siblings->key, text, len) >> 32) << CODING_BITS;
}

/* Returns the slot of a hash, or the empty slot where it belongs. */
static uint32_t *find(const struct siblings *siblings, uint32_t hashed)
{
	uint32_t at = hashed >> CODING_BITS & siblings->mask;

	while (siblings->slot[at] != 0 && (siblings->slot[at] ^ hashed) >> CODING_BITS != 0)
		at = (at + 1) & siblings->mask;
	return &siblings->slot[at];
}

/* Doubles the slots. Returns false if out of memory. */
static bool grow(struct siblings *siblings)
{
	const uint32_t slots = siblings->slot != NULL ? 2 * (siblings->mask + 1) : FIRST_SLOTS;
	struct siblings grown = { .slot = calloc(slots, sizeof(*grown.slot)), .mask = slots - 1 };

	if (grown.slot == NULL)
		return false;
	for (uint32_t i = 0; siblings->slot != NULL && i <= siblings->mask; i++)
		if (siblings->slot[i] != 0)
			*find(&grown, siblings->slot[i]) = siblings->slot[i];
	free(siblings->slot);
	siblings->slot = grown.slot;
	siblings->mask = grown.mask;
	return true;
}

/* Adds a hash with its codings. */
static bool put(struct siblings *siblings, uint32_t hashed)
{
	uint32_t *slot;

	if ((siblings->slot == NULL || siblings->count > siblings->mask / 2) && !grow(siblings))
		return false;
	slot = find(siblings, hashed);
	if (*slot == 0 && ++siblings->count > SIBLINGS_MAX)
		return false;
	*slot |= hashed;
	return true;
}

/* True if a name ends in a suffix, in letters of either case. */
static bool ends_in(const char *name, size_t len, const char *suffix, size_t suffix_len)
{
	if (len <= suffix_len)
		return false;
	for (size_t i = 0; i < suffix_len; i++)
		if (lower(name[len - suffix_len + i]) != suffix[i])
			return false;
	return true;
}

bool siblings_add(struct siblings *siblings, const char *name, size_t len)
{
	for (int coding = TUX_CODING_BR; coding < TUX_CODINGS; coding++) {
		const char *suffix = tux_coding_suffix((enum tux_coding)coding);
		const size_t suffix_len = strlen(suffix);

		if (len < NAME_BYTES && ends_in(name, len, suffix, suffix_len))
			return put(siblings, hash(siblings, name, len - suffix_len) | 1u << (coding - 1));
	}
	return true;
}

bool siblings_merge(struct siblings *siblings, const struct siblings *more)
{
	for (uint32_t i = 0; more->slot != NULL && i <= more->mask; i++)
		if (more->slot[i] != 0 && !put(siblings, more->slot[i]))
			return false;
	return true;
}

unsigned siblings_of(const struct siblings *siblings, const char *name, size_t len)
{
	if (len >= NAME_BYTES)
		return ALL;
	return siblings->slot != NULL ? (*find(siblings, hash(siblings, name, len)) & ((1u << CODING_BITS) - 1)) << 1 : 0;
}

bool siblings_read(struct siblings *siblings, int dir_fd)
{
	const int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *dirent = NULL;
	unsigned names = 0;
	bool complete = dir != NULL;

	if (dir == NULL && fd >= 0)
		close(fd);
	if (dir != NULL)
		rewinddir(dir);
	while (complete) {
		errno = 0;
		dirent = readdir(dir);
		if (dirent == NULL)
			break;
		complete = ++names <= SIBLINGS_MAX_NAMES && siblings_add(siblings, dirent->d_name, strlen(dirent->d_name));
	}
	complete = complete && errno == 0;
	if (dir != NULL)
		closedir(dir);
	return complete;
}

void siblings_clear(struct siblings *siblings)
{
	free(siblings->slot);
	siblings->slot = NULL;
	siblings->mask = siblings->count = 0;
}
