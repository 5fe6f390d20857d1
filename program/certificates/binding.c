/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "binding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/place.h"

static const char base64url[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool tux_binding_good(const char *text)
{
	const char *const colon = strchr(text, ':');
	size_t len;

	if (!colon || colon == text)
		return false;
	for (const char *at = text; at < colon; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	len = strspn(colon + 1, base64url);
	return len > 0 && strspn(colon + 1 + len, "=") == strlen(colon + 1 + len);
}

/* Reads the file up to TUX_MAX_BINDING bytes, without the space at its end. Returns false with errno. */
static bool text_read(const char *path, char binding[TUX_MAX_BINDING + 1])
{
	struct tux_place place;
	struct stat st;
	ssize_t len = -1;
	int fd, saved;

	if (!tux_place_open(path, true, &place))
		return false;
	fd = openat(place.directory_fd, place.name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (place.is_descriptor ? 0 : O_NOFOLLOW));
	saved = errno;
	tux_place_close(&place);
	errno = saved;
	if (fd < 0)
		return false;
	errno = EINVAL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= TUX_MAX_BINDING)
		len = read(fd, binding, TUX_MAX_BINDING);
	saved = errno;
	close(fd);
	errno = saved;
	while (len > 0 && strchr(" \t\r\n", binding[len - 1]))
		len--;
	binding[len > 0 ? len : 0] = '\0';
	return len >= 0;
}

bool tux_binding_read(const char *path, char binding[TUX_MAX_BINDING + 1], char *error, size_t error_size)
{
	binding[0] = '\0';
	if (!text_read(path, binding))
		snprintf(error, error_size, "acme-binding \"%s\": %s", path,
		         errno == ELOOP  ? "there is a link on the way that other users can change" :
		         errno == EINVAL ? "it is not a file, or too long" :
		                           strerror(errno));
	else if (!tux_binding_good(binding))
		snprintf(error, error_size, "acme-binding \"%s\": it needs KEYID:KEY, with KEY in base64url", path);
	else
		return true;
	explicit_bzero(binding, TUX_MAX_BINDING + 1);
	return false;
}
