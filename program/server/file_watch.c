/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../../engine/io/clock.h"
#include "../../engine/io/place.h"
#include "../confine/apart.h"
#include "certificates.h"
#include "forward.h"

enum {
	LOOK_MS = 1000,
	LOOK_SHARE = 50,  /* looks take at most 1/50 of the time */
	JUDGE_SHARE = 10, /* the judgements of a group take at most 1/10 of the time */
	JUDGES_MAX = 8,   /* processes that judge at a time */
	JUDGE_CPU_S = 10, /* limit of CPU time of each */
	JUDGE_MS = 60000, /* and of time: a file system may hang */
	JUDGED_MS = 20,   /* between two looks whether one has ended */
	AGAIN_MS = 1000,  /* delay after the first judgement of files that cannot be used; doubled after each further one */
	AGAIN_MAX_MS = 128000,
	NICE = 10,
};

/* A version of a file. */
struct version {
	bool there;
	bool refused; /* root does not follow the way to it, so it cannot be read either */
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec modified, changed;
};

struct tux_watched_file {
	const char *path;
	const char *kind;      /* for messages */
	struct version noted;  /* of the server process */
	struct version seen;   /* at the last look */
	struct version judged; /* by the process that judges its group, or did so last */
	struct version told;   /* by the last line about its group */
};

/* Files that are used together. At most one owner; without any, each version can be used, or the server does without it. */
struct tux_watched_group {
	const struct tux_certificates *certificates; /* of a host */
	const struct tux_client_demand *demand;
	const struct tux_upstream *upstream;
	unsigned first, count; /* files */
	struct tux_apart judge; /* process that finds out whether it can be used */
	uint64_t begun_ms;     /* its start */
	uint64_t next_ms;      /* earliest time of the next judgement */
	uint64_t again_at_ms;  /* and of that of the same versions */
	uint32_t again_ms;     /* delay after the next one that fails */
	char *told;            /* malloc'ed reason of the last line; NULL: none */
	bool ready;            /* changed, and can be used */
};

/* Looks at the file that a start would read: root follows no link of another user, which may lead to a file system that hangs. */
static struct version version_of(const char *path)
{
	struct version version = { .there = false };
	struct tux_place place;
	struct stat st;

	if (!tux_place_open(path, true, &place)) {
		version.there = version.refused = errno == ELOOP;
		return version;
	}
	if (fstatat(place.directory_fd, place.name, &st, place.is_descriptor ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
		version = (struct version){ true, false, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
	tux_place_close(&place);
	return version;
}

static bool is_same_time(struct timespec one, struct timespec other)
{
	return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

static bool is_same(const struct version *one, const struct version *other)
{
	return one->there == other->there && one->refused == other->refused && one->device == other->device && one->number == other->number &&
	       one->size == other->size && is_same_time(one->modified, other->modified) && is_same_time(one->changed, other->changed);
}

static bool has_changed(const struct tux_watched_file *file)
{
	return file->seen.there && !is_same(&file->noted, &file->seen);
}

/* Begins a group. Returns false if out of memory. */
static bool group_add(struct tux_file_watch *watch, struct tux_watched_group group)
{
	struct tux_watched_group *const grown = realloc(watch->group, (watch->group_count + 1) * sizeof(*grown));

	if (!grown)
		return false;
	group.first = watch->count;
	watch->group = grown;
	grown[watch->group_count++] = group;
	return true;
}

/* Adds a file to the last group; NULL is allowed. Returns false if out of memory. */
static bool file_add(struct tux_file_watch *watch, const char *path, const char *kind)
{
	struct tux_watched_file *grown;

	if (!path)
		return true;
	grown = realloc(watch->file, (watch->count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	watch->file = grown;
	grown[watch->count++] = (struct tux_watched_file){ .path = path, .kind = kind };
	watch->group[watch->group_count - 1].count++;
	return true;
}

/* Adds the files of a pair. */
static bool pair_add(struct tux_file_watch *watch, const char *certificate, const char *key, const char *password)
{
	return file_add(watch, certificate, "certificate") && file_add(watch, key, "key") && file_add(watch, password, "passphrase of the key");
}

/* Stores the files of a host, or of all hosts without their own. Returns false if out of memory. */
static bool host_add(struct tux_file_watch *watch, const struct tux_host_settings *host)
{
	const struct tux_certificates *const certificates = &host->tls;
	bool added = true;

	if (host->found_by)
		return true; /* it has those of its pattern, which is a host, too */
	if (certificates->count > 0)
		added = group_add(watch, (struct tux_watched_group){ .certificates = certificates });
	for (unsigned i = 0; added && i < certificates->count; i++)
		added = pair_add(watch, certificates->files[i].certificate, certificates->files[i].key, certificates->files[i].password);
	for (unsigned i = 0; added && i < certificates->count; i++)
		added = !certificates->files[i].staple || (group_add(watch, (struct tux_watched_group){ .first = 0 }) &&
		                                           file_add(watch, certificates->files[i].staple, "OCSP response"));
	if (added && host->tls_client.ca)
		added = group_add(watch, (struct tux_watched_group){ .demand = &host->tls_client }) &&
		        file_add(watch, host->tls_client.ca, "list of authorities");
	return added;
}

/* Stores the files of an upstream. Returns false if out of memory. */
static bool upstream_add(struct tux_file_watch *watch, const struct tux_upstream *upstream)
{
	const struct tux_upstream_tls *const files = &upstream->files;

	if (!files->ca && !files->certificate)
		return true;
	return group_add(watch, (struct tux_watched_group){ .upstream = upstream }) && file_add(watch, files->ca, "list of authorities") &&
	       pair_add(watch, files->certificate, files->key, files->password);
}

bool tux_file_watch_open(struct tux_file_watch *watch, const struct tux_settings *settings)
{
	bool added = host_add(watch, &settings->top);

	watch->settings = settings;
	for (unsigned i = 0; added && i < settings->host_count; i++)
		added = host_add(watch, &settings->host[i]);
	for (unsigned i = 0; added && i < settings->upstreams.count; i++)
		added = upstream_add(watch, &settings->upstreams.upstream[i]);
	return added;
}

void tux_file_watch_note(struct tux_file_watch *watch, uint64_t now_ms)
{
	for (unsigned i = 0; i < watch->count; i++)
		watch->file[i].noted = watch->file[i].seen = version_of(watch->file[i].path);
	watch->looked_ms = now_ms;
	watch->cost_ms = clock_ms() - now_ms;
}

/* A group that is judged. */
struct judged {
	const struct tux_settings *settings;
	const struct tux_watched_group *group;
};

/* The work of the process that judges a group. Its files are read as at a start. */
static int judge(void *owner, char *error, size_t error_size)
{
	const struct judged *const judged = owner;
	const struct tux_watched_group *const group = judged->group;
	bool fit;

	setpriority(PRIO_PROCESS, 0, NICE);
	if (group->certificates)
		fit = tux_certificates_fit(group->certificates, judged->settings, error, error_size);
	else if (group->demand)
		fit = tux_client_demand_fits(group->demand, error, error_size);
	else
		fit = tux_forward_fits(group->upstream, error, error_size);
	return fit ? TUX_APART_DONE : TUX_APART_FAILED;
}

/* Looks at the files of a group. Returns true if one has changed and all rest. */
static bool group_look(struct tux_file_watch *watch, const struct tux_watched_group *group)
{
	bool changed = false, rest = true;

	for (unsigned i = group->first; i < group->first + group->count; i++) {
		struct tux_watched_file *const file = &watch->file[i];
		const struct version now = version_of(file->path);

		rest = rest && is_same(&now, &file->seen);
		file->seen = now;
		changed = changed || has_changed(file);
	}
	return changed && rest;
}

/* True if a group has changed since it was judged. */
static bool group_is_new(const struct tux_file_watch *watch, const struct tux_watched_group *group)
{
	bool same = true;

	for (unsigned i = group->first; i < group->first + group->count; i++)
		same = same && is_same(&watch->file[i].judged, &watch->file[i].seen);
	return !same;
}

/* Writes why a group cannot be used, unless that was written of the same versions. */
static void failure_write(struct tux_file_watch *watch, struct tux_watched_group *group, const char *error, FILE *errors)
{
	bool told = group->told && strcmp(group->told, error) == 0;

	for (unsigned i = group->first; i < group->first + group->count; i++) {
		told = told && is_same(&watch->file[i].told, &watch->file[i].judged);
		watch->file[i].told = watch->file[i].judged;
	}
	if (told)
		return;
	free(group->told);
	group->told = strdup(error);
	fprintf(errors, "tux: warning: %s, so the files that were read before stay in use\n", error);
}

/* Notes that a group cannot be used. */
static void failure_note(struct tux_file_watch *watch, struct tux_watched_group *group, uint64_t now_ms, const char *error, FILE *errors)
{
	failure_write(watch, group, error, errors);
	group->again_at_ms = now_ms + group->again_ms;
	group->again_ms = group->again_ms < AGAIN_MAX_MS / 2 ? group->again_ms * 2 : AGAIN_MAX_MS;
}

/* Begins to judge the files of a group as they are now. */
static void group_judge(struct tux_file_watch *watch, struct tux_watched_group *group, uint64_t now_ms, FILE *errors)
{
	struct judged judged = { watch->settings, group };
	char error[96];

	if (group_is_new(watch, group))
		group->again_ms = AGAIN_MS;
	for (unsigned i = group->first; i < group->first + group->count; i++)
		watch->file[i].judged = watch->file[i].seen;
	group->begun_ms = now_ms;
	group->ready = !group->certificates && !group->demand && !group->upstream;
	if (group->ready)
		return;
	if (tux_apart_start(&group->judge, "tux judge", JUDGE_CPU_S, judge, &judged)) {
		watch->judges++;
		return;
	}
	snprintf(error, sizeof(error), "cannot start a process that reads changed files: %s", strerror(errno));
	failure_note(watch, group, now_ms, error, errors);
}

/* Judges the groups that need it, one after the other, so that each has its turn. */
static void groups_judge(struct tux_file_watch *watch, uint64_t now_ms, FILE *errors)
{
	const unsigned first = watch->turn;

	for (unsigned i = 0; i < watch->group_count; i++) {
		const unsigned number = (first + i) % watch->group_count;
		struct tux_watched_group *const group = &watch->group[number];

		if (!group_look(watch, group) || group->judge.pid > 0 || now_ms < group->next_ms || watch->judges == JUDGES_MAX ||
		    (now_ms < group->again_at_ms && !group_is_new(watch, group)))
			continue;
		group_judge(watch, group, now_ms, errors);
		watch->turn = number + 1;
	}
}

/* Takes the result of a process that has judged a group, if it has ended. Files that have changed meanwhile are judged again. */
static void group_take(struct tux_file_watch *watch, struct tux_watched_group *group, uint64_t now_ms, FILE *errors)
{
	const uint64_t took_ms = now_ms - group->begun_ms;
	char error[TUX_APART_TEXT];
	bool same = true;
	int status;

	if (took_ms > JUDGE_MS)
		kill(group->judge.pid, SIGKILL);
	if (!tux_apart_ended(&group->judge, &status, error, sizeof(error)))
		return;
	watch->judges--;
	group->next_ms = now_ms + (took_ms < AGAIN_MAX_MS / JUDGE_SHARE ? JUDGE_SHARE * took_ms : AGAIN_MAX_MS);
	for (unsigned i = group->first; i < group->first + group->count; i++) {
		const struct version now = version_of(watch->file[i].path);

		same = same && is_same(&now, &watch->file[i].judged);
	}
	group->ready = same && status == TUX_APART_DONE;
	if (same && !group->ready)
		failure_note(watch, group, now_ms, error, errors);
}

/* Returns the time of the next look. */
static uint64_t look_at_ms(const struct tux_file_watch *watch)
{
	const uint64_t share_ms = LOOK_SHARE * watch->cost_ms;

	return watch->looked_ms + (share_ms > LOOK_MS ? share_ms : LOOK_MS);
}

/* Returns the time of the next call of tux_file_watch_changed(). */
static uint64_t due_ms(const struct tux_file_watch *watch, uint64_t now_ms)
{
	const uint64_t look_ms = look_at_ms(watch);

	return watch->judges > 0 && now_ms + JUDGED_MS < look_ms ? now_ms + JUDGED_MS : look_ms;
}

bool tux_file_watch_changed(struct tux_file_watch *watch, uint64_t now_ms, FILE *errors)
{
	bool changed = false;

	for (unsigned i = 0; watch->judges > 0 && i < watch->group_count; i++)
		if (watch->group[i].judge.pid > 0)
			group_take(watch, &watch->group[i], now_ms, errors);
	if (now_ms >= look_at_ms(watch)) {
		watch->looked_ms = now_ms;
		groups_judge(watch, now_ms, errors);
		watch->cost_ms = clock_ms() - now_ms;
	}
	for (unsigned i = 0; i < watch->group_count; i++)
		changed = changed || watch->group[i].ready;
	return changed;
}

int tux_file_watch_wait_ms(const struct tux_file_watch *watch, uint64_t now_ms)
{
	const uint64_t due = due_ms(watch, now_ms);

	if (watch->count == 0)
		return -1;
	return due > now_ms ? (int)(due - now_ms) : 0;
}

void tux_file_watch_print(const struct tux_file_watch *watch, FILE *out)
{
	for (unsigned i = 0; i < watch->group_count; i++) {
		const struct tux_watched_group *const group = &watch->group[i];

		for (unsigned k = group->first; group->ready && k < group->first + group->count; k++)
			if (has_changed(&watch->file[k]))
				fprintf(out, "tux: %s: the %s has changed; it is read again\n", watch->file[k].path, watch->file[k].kind);
	}
}
