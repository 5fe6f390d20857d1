/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/place.h"

enum { FILE_BYTES = 1 << 20 }; /* of a file; a longer one is not read */

void tux_secret_free(struct tux_secret *secret)
{
	if (!secret->memory)
		return;
	explicit_bzero(secret->memory, secret->pem.len);
	munmap(secret->memory, FILE_BYTES);
	*secret = (struct tux_secret){ .memory = NULL };
}

static bool memory_map(struct tux_secret *secret, const char *name)
{
	void *const memory = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	*secret = (struct tux_secret){ .pem = { .name = name, .text = memory }, .memory = memory };
	return madvise(memory, FILE_BYTES, MADV_DONTDUMP) == 0;
}

/* Opens a file; root follows no link that another user could change. Returns -1 with errno. */
static int file_open(const char *path)
{
	struct tux_place place;
	int fd;

	if (!tux_place_open(path, true, &place))
		return -1;
	fd = openat(place.directory_fd, place.name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (place.is_descriptor ? 0 : O_NOFOLLOW));
	tux_place_close(&place);
	return fd;
}

/* Reads an open file. Returns false with errno. */
static bool file_read(int fd, struct tux_secret *secret)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return false;
	secret->mode = st.st_mode;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(st.st_mode))
		return false;
	while ((n = read(fd, (char *)secret->memory + secret->pem.len, FILE_BYTES - secret->pem.len)) > 0)
		secret->pem.len += (size_t)n;
	errno = n < 0 ? errno : EFBIG;
	return n == 0 && secret->pem.len < FILE_BYTES;
}

bool tux_secret_read(struct tux_secret *secret, const char *kind, const char *path, char *error, size_t error_size)
{
	int fd = -1, saved;
	bool done;

	*secret = (struct tux_secret){ .memory = NULL };
	done = memory_map(secret, path) && (fd = file_open(path)) >= 0 && file_read(fd, secret);
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (done)
		(void)mlock(secret->memory, secret->pem.len); /* for moments; locked_memory.c warns of a limit */
	else
		snprintf(error, error_size, "%s \"%s\": %s", kind, path,
		         saved == ELOOP  ? "there is a link on the way that other users can change" :
		         saved == EINVAL ? "it is not a file" :
		                           strerror(saved));
	return done;
}

bool tux_secret_is_open(const struct tux_secret *secret)
{
	return (secret->mode & S_IROTH) != 0;
}

bool tux_secret_pair_read(struct tux_secret_pair *pair, const char *certificate, const char *key, const char *password, char *error,
                          size_t error_size)
{
	*pair = (struct tux_secret_pair){ .key = { .memory = NULL } };
	if (!tux_secret_read(&pair->certificate, "certificate", certificate, error, error_size) ||
	    !tux_secret_read(&pair->key, "key", key ? key : certificate, error, error_size))
		return false;
	if (!password)
		return true;
	if (!tux_secret_read(&pair->password, "key-password-file", password, error, error_size))
		return false;
	((char *)pair->password.memory)[strcspn(pair->password.memory, "\r\n")] = '\0'; /* it has room: no file fills its memory */
	pair->certificate.pem.password = pair->key.pem.password = pair->password.memory;
	return true;
}

void tux_secret_pair_free(struct tux_secret_pair *pair)
{
	tux_secret_free(&pair->certificate);
	tux_secret_free(&pair->key);
	tux_secret_free(&pair->password);
}

const struct tux_secret *tux_secret_pair_open(const struct tux_secret_pair *pair, const char **kind)
{
	*kind = "key";
	if (!pair->password.memory)
		return tux_secret_is_open(&pair->key) ? &pair->key : NULL;
	*kind = "key-password-file"; /* without it the key is of no use to others */
	return tux_secret_is_open(&pair->password) && tux_secret_is_open(&pair->key) ? &pair->password : NULL;
}

void tux_secret_pair_warn(const struct tux_secret_pair *pair)
{
	const char *kind;
	const struct tux_secret *const open = tux_secret_pair_open(pair, &kind);

	if (open)
		fprintf(stderr, "tux: warning: %s \"%s\": other users can read it (mode %04o)\n", kind, open->pem.name, (unsigned)open->mode & 07777);
}
