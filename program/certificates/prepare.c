/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../confine/apart.h"

enum { DAY = 24 * 60 * 60 };

#define AUTHORITY_FOLDER "authority"
#define AUTHORITY_FILE "authority.pem"

static bool no_file(const struct tux_store *store, const char *verb, const char *folder, const char *file, char *error, size_t error_size)
{
	snprintf(error, error_size, "cannot %s %s/%s/%s: %s", verb, store->path, folder, file, strerror(errno));
	return false;
}

static bool file_read(const struct tux_store *store, const char *folder, const char *file, struct tux_pem *pem)
{
	const int directory = tux_store_directory(store, folder, false);
	bool done;

	*pem = (struct tux_pem){ NULL, 0 };
	if (directory < 0)
		return false;
	done = tux_store_read(directory, file, pem);
	close(directory);
	return done;
}

static bool file_write(const struct tux_store *store, const char *folder, const char *file, const struct tux_pem *pem, char *error, size_t error_size)
{
	const int directory = tux_store_directory(store, folder, true);
	const bool done = directory >= 0 && tux_store_write(directory, file, pem);
	const int saved = errno;

	if (directory >= 0)
		close(directory);
	errno = saved;
	return done || no_file(store, "write", folder, file, error, error_size);
}

/* Reads the authority, or makes another one if it is missing or expires soon. Returns false with a sentence in error. */
static bool authority_get(const struct tux_store *store, struct tux_pem *authority, char *error, size_t error_size)
{
	const struct tux_names none = { NULL, 0 };
	struct tux_certificate_facts facts;
	const int64_t now = (int64_t)time(NULL);
	bool there;

	if (authority->text)
		return true;
	there = file_read(store, AUTHORITY_FOLDER, AUTHORITY_FILE, authority);
	if (!there && errno != ENOENT)
		return no_file(store, "read", AUTHORITY_FOLDER, AUTHORITY_FILE, error, error_size);
	if (there && tux_certificate_examine(authority, &none, NULL, &facts) && facts.has_key && facts.end - now > (int64_t)TUX_AUTHORITY_LEAST_DAYS * DAY)
		return true;
	tux_pem_free(authority);
	if (!tux_authority_make(authority, error, error_size) || !file_write(store, AUTHORITY_FOLDER, AUTHORITY_FILE, authority, error, error_size))
		return false;
	fprintf(stderr, "tux: made an authority for internal names in %s/%s; `tux trust` prints how to trust it\n", store->path, AUTHORITY_FOLDER);
	return true;
}

/* True if a certificate in the store can serve, even if it has expired. */
static bool is_usable(const struct tux_store *store, const char *folder, const char *file)
{
	const struct tux_names none = { NULL, 0 };
	struct tux_certificate_facts facts;
	struct tux_pem pem;
	char reason[256];
	const bool usable = file_read(store, folder, file, &pem) && tux_certificate_examine(&pem, &none, NULL, &facts) && facts.has_key &&
	                    tux_certificate_is_usable(&pem, reason, sizeof(reason));

	tux_pem_free(&pem);
	return usable;
}

/* Makes a certificate, unless there is one for these names with enough time left. authority: NULL for one that signs itself. */
static bool certificate_make(const struct tux_store *store, const struct tux_automatic *one, const char *folder, const struct tux_pem *authority,
                             char *error, size_t error_size)
{
	const struct tux_names names = tux_automatic_names(one);
	struct tux_certificate_facts facts;
	struct tux_pem pem;
	const bool good = file_read(store, folder, one->file, &pem) && tux_certificate_examine(&pem, &names, authority, &facts) && facts.has_key &&
	                  facts.has_names && (!authority || facts.signed_by) && !tux_certificate_is_due(&facts, (int64_t)time(NULL));
	bool made = true;

	tux_pem_free(&pem);
	if (!good)
		made = tux_leaf_make(authority, &names, &pem, error, error_size) && file_write(store, folder, one->file, &pem, error, error_size);
	tux_pem_free(&pem);
	return made;
}

/* Makes what a certificate needs to serve now. */
static bool certificate_prepare(const struct tux_store *store, const struct tux_automatic *one, struct tux_pem *authority, char *error, size_t error_size)
{
	const char *const folder = one->internal ? TUX_FOLDER_LOCAL : TUX_FOLDER_TEMPORARY;

	if (!one->internal && is_usable(store, one->folder, one->file))
		return true;
	if ((!one->internal || authority_get(store, authority, error, error_size)) &&
	    certificate_make(store, one, folder, one->internal ? authority : NULL, error, error_size))
		return true;
	if (!is_usable(store, folder, one->file))
		return false;
	fprintf(stderr, "tux: %s: its certificate stays in use: %s\n", one->name[0], error);
	return true;
}

/* The work of the process that makes certificates. */
struct making {
	const struct tux_certificate_plan *plan;
	const char *configured; /* state directory */
	bool *temporary;        /* for each certificate of the plan, in shared memory: there is only a temporary one */
};

/* Makes the certificates of a plan, and sets which have only a temporary one. */
static int make_all(void *owner, char *error, size_t error_size)
{
	const struct making *const making = owner;
	const struct tux_certificate_plan *const plan = making->plan;
	struct tux_pem authority = { NULL, 0 };
	struct tux_store store;
	bool made = true;
	int lock;

	if (!tux_store_open(&store, making->configured, true, error, error_size))
		return TUX_APART_FAILED;
	lock = tux_store_lock(&store, TUX_STORE_LOCK);
	if (lock < 0 && errno != EROFS && errno != EACCES) /* if nothing is to be written, none is needed */
		made = no_file(&store, "lock", ".", "lock", error, error_size);
	for (unsigned i = 0; made && i < plan->count; i++)
		made = certificate_prepare(&store, &plan->certificate[i], &authority, error, error_size);
	for (unsigned i = 0; made && i < plan->count; i++) {
		const struct tux_automatic *const one = &plan->certificate[i];

		making->temporary[i] = !one->internal && !is_usable(&store, one->folder, one->file);
	}
	if (lock >= 0)
		close(lock);
	tux_pem_free(&authority);
	tux_store_close(&store);
	return made ? TUX_APART_DONE : TUX_APART_FAILED;
}

/* Runs make_all() in a process of its own: this one reads no key. */
static bool make_apart(const struct making *making, char *error, size_t error_size)
{
	struct making work = *making;
	struct tux_apart apart;
	char reason[TUX_APART_TEXT];

	if (!tux_apart_start(&apart, "tux certificates", 0, make_all, &work)) {
		snprintf(error, error_size, "cannot start a process that makes certificates: %s", strerror(errno));
		return false;
	}
	if (tux_apart_await(&apart, reason, sizeof(reason)) == TUX_APART_DONE)
		return true;
	snprintf(error, error_size, "%s", reason);
	return false;
}

/* The owner of host_set(). */
struct setting {
	const struct tux_settings *settings;
	const struct tux_store *store;
	struct tux_certificate_plan plan;
	bool *temporary; /* for each certificate of the plan, in memory shared with the process that makes them */
	bool all_set;
};

/* Sets the file of a host's certificate. */
static bool host_set(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files)
{
	struct setting *const setting = owner;
	const struct tux_automatic *const one = tux_plan_find(&setting->plan, setting->settings, host);
	const bool temporary = setting->temporary[one - setting->plan.certificate];
	char *path = NULL;

	setting->all_set = asprintf(&path, "%s/%s/%s", setting->store->path, temporary ? TUX_FOLDER_TEMPORARY : one->folder, one->file) > 0;
	if (setting->all_set && host->tls.count == 0)
		setting->all_set = tux_certificates_add(&host->tls, *files);
	if (setting->all_set) {
		host->tls.files[0].certificate = path;
		host->tls.files[0].temporary = temporary;
	}
	return setting->all_set;
}

bool tux_certificates_prepare(struct tux_settings *settings, char *error, size_t error_size)
{
	struct setting setting = { .settings = settings };
	struct tux_store store;
	size_t bytes;
	bool done;

	if (!tux_settings_automatic(settings))
		return true;
	if (!tux_plan_make(&setting.plan, settings, error, error_size)) {
		tux_plan_free(&setting.plan);
		return false;
	}
	bytes = (setting.plan.count + 1) * sizeof(*setting.temporary);
	setting.temporary = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (setting.temporary == MAP_FAILED) {
		snprintf(error, error_size, "no memory for automatic certificates");
		tux_plan_free(&setting.plan);
		return false;
	}
	done = make_apart(&(struct making){ &setting.plan, settings->state_directory, setting.temporary }, error, error_size) &&
	       tux_store_open(&store, settings->state_directory, false, error, error_size);
	if (done) {
		setting.store = &store;
		done = tux_automatic_each(settings, host_set, &setting);
		if (!done)
			snprintf(error, error_size, "no memory for automatic certificates");
		tux_store_close(&store);
	}
	munmap(setting.temporary, bytes);
	tux_plan_free(&setting.plan);
	return done;
}

/* True if this process may listen on the ports of HTTP and HTTPS. */
static bool may_listen_low(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool may = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno != EACCES;

	if (fd >= 0)
		close(fd);
	return may;
}

/* True if this machine has the IPv6 loopback address. */
static bool has_ipv6(void)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

unsigned tux_certificates_listens(const struct tux_settings *settings, const char **specs, bool *high)
{
	static const char *const all[2][2] = { { "https://:443", ":80" }, { "https://:8443", ":8080" } };
	static const char *const loopback[2][4] = {
		{ "https://127.0.0.1:443", "127.0.0.1:80", "https://[::1]:443", "[::1]:80" },
		{ "https://127.0.0.1:8443", "127.0.0.1:8080", "https://[::1]:8443", "[::1]:8080" },
	};
	const bool near = tux_names_are_loopback(&settings->top);
	unsigned count = 2;

	*high = false;
	if (settings->host_count > 0 || settings->port != 0 || !tux_automatic_of(&settings->top, &settings->top))
		return 0;
	*high = !may_listen_low();
	if (near)
		count = has_ipv6() ? 4 : 2;
	for (unsigned i = 0; i < count; i++)
		specs[i] = near ? loopback[*high][i] : all[*high][i];
	return count;
}
