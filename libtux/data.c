/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data and functions of <tuxmodule.h>. */
#pragma GCC visibility push(default) /* the historic module finds these names */
#include "../include/tuxmodule.h"
#pragma GCC visibility pop

#include <sched.h>

#include "historic.h"

static char version[] = "3.0", nothing[] = "";
static char *names[MODULE_INDEX + 2] = { nothing };

char *TUXAPI_version = version;
unsigned long TUXAPI_version_len = sizeof(version) - 1;
char *TUXAPI_docroot = nothing;
unsigned long TUXAPI_docroot_len;
char *TUXAPI_servername = nothing;
unsigned long TUXAPI_servername_len;
char **TUXAPI_modulename_array = names;

bool data_set(const char *root, const char *server_name, const char *module_name)
{
	char host[256] = "localhost";

	if (server_name == NULL && gethostname(host, sizeof(host) - 1) == 0)
		server_name = host;
	TUXAPI_docroot = strdup(root);
	TUXAPI_servername = strdup(server_name != NULL ? server_name : host);
	names[MODULE_INDEX] = strdup(module_name);
	if (TUXAPI_docroot == NULL || TUXAPI_servername == NULL || names[MODULE_INDEX] == NULL)
		return false;
	TUXAPI_docroot_len = strlen(TUXAPI_docroot);
	TUXAPI_servername_len = strlen(TUXAPI_servername);
	return true;
}

void *TUXAPI_malloc_shared(unsigned int len)
{
	void *const memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

/* Reads len bytes of a descriptor. Returns false if it has fewer. */
static bool read_whole(int fd, char *to, size_t len)
{
	while (len > 0) {
		const ssize_t n = read(fd, to, len);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n > 0) {
			to += n;
			len -= (size_t)n;
		}
	}
	return true;
}

char *TUXAPI_alloc_read_objectbuf(user_req_t *req, int fd)
{
	const uint32_t len = req->objectlen;
	char *const buffer = malloc((size_t)len + 1);

	if (buffer == NULL)
		return NULL;
	buffer[len] = '\0';
	req->object_addr = (uintptr_t)buffer;
	if (tux(TUX_ACTION_READ_OBJECT, req) == 0 || (fd >= 0 && read_whole(fd, buffer, len)))
		return buffer;
	req->object_addr = 0;
	free(buffer);
	return NULL;
}

void TUXAPI_free_objectbuf(user_req_t *req, void *buffer)
{
	if (req != NULL)
		req->object_addr = 0;
	free(buffer);
}

void TUXAPI_down(int *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}

void TUXAPI_up(int *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
