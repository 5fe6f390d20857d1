/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "status_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../engine/io/place.h"
#include "../confine/privileges.h"
#include "../../engine/io/print.h"

enum {
	WAIT_SECONDS = 2, /* limit for reading the request and for sending the response */
	WORD_MAX = 16,
	BACKLOG = 8,
};

struct tux_control {
	int fd;
	char *directory;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct tux_place place; /* its directory stays open with the socket */
	struct tux_engine *engine;
	pthread_t thread;
	bool started;
};

bool tux_control_usual(char *path, size_t path_size)
{
	const char *service = getenv("RUNTIME_DIRECTORY"), *mine = getenv("XDG_RUNTIME_DIR");

	if (service && *service == '/')
		return print_whole(path, path_size, "%.*s", (int)strcspn(service, ":"), service);
	if (geteuid() == 0)
		return print_whole(path, path_size, "/run/tux");
	return mine && *mine == '/' && print_whole(path, path_size, "%s/tux", mine);
}

/* Makes the directory at a place. Root makes it only if no other user could replace it before its owner is changed. */
static bool directory_make_at(const struct tux_place *place, const struct tux_user *user)
{
	struct tux_privileges_saved saved;
	bool made = false;
	int fd;

	if (tux_privileges_assume(user, &saved)) {
		made = mkdirat(place->directory_fd, place->name, 0755) == 0;
		tux_privileges_resume(&saved);
	}
	if (made || errno == EEXIST)
		return true;
	if (!user->change || place->shared || (errno != EACCES && errno != EPERM) || mkdirat(place->directory_fd, place->name, 0755) < 0)
		return false;
	fd = openat(place->directory_fd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	made = fd >= 0 && fchown(fd, user->uid, user->gid) == 0;
	if (fd >= 0)
		close(fd);
	return made;
}

/* Makes the directory for user; leaves an existing one unchanged. */
static bool directory_make(const char *directory, const struct tux_user *user)
{
	struct tux_place place;
	bool made;

	if (!tux_place_open(directory, true, &place))
		return false;
	made = place.exists || directory_make_at(&place, user);
	tux_place_close(&place);
	return made;
}

static bool bind_at(const struct tux_control *control)
{
	unlinkat(control->place.directory_fd, control->place.name, 0); /* a process with the same number may have left one */
	return tux_place_bind(&control->place, control->path, control->fd, 0600) == 0;
}

/*
 * Binds as user, so that the socket belongs to user. Root binds only where the user may not, and no other user can change the
 * directory.
 */
static bool listen_at(struct tux_control *control, const struct tux_user *user)
{
	struct tux_privileges_saved saved;
	bool bound = false;

	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control->fd < 0 || !tux_place_open(control->path, false, &control->place))
		return false;
	if (tux_privileges_assume(user, &saved)) {
		bound = bind_at(control);
		tux_privileges_resume(&saved);
	}
	if (!bound && user->change && !control->place.shared && (errno == EACCES || errno == EPERM))
		bound = bind_at(control) &&
		        fchownat(control->place.directory_fd, control->place.name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) == 0;
	return bound && listen(control->fd, BACKLOG) == 0;
}

struct tux_control *tux_control_open(const char *directory, const struct tux_user *user, char *error, size_t error_size)
{
	struct tux_control *control = calloc(1, sizeof(*control));
	char usual[sizeof(control->path)];
	const char *const wanted = directory ? directory : usual;
	bool whole = true;

	error[0] = '\0';
	if (!control || (!directory && !tux_control_usual(usual, sizeof(usual)))) {
		free(control);
		return NULL;
	}
	control->fd = -1;
	control->place.directory_fd = -1;
	if (directory_make(wanted, user))
		control->directory = realpath(wanted, NULL);
	if (control->directory)
		whole = print_whole(control->path, sizeof(control->path), "%s/%u", control->directory, (unsigned)getpid());
	if (!whole)
		errno = ENAMETOOLONG;
	else if (control->directory && listen_at(control, user))
		return control;
	if (directory) /* a failure in the default directory does not prevent serving */
		snprintf(error, error_size, "cannot make a control socket in %s: %s", directory,
		         errno == ELOOP ? "there is a link on the way that other users can change" : strerror(errno));
	tux_control_close(control);
	return NULL;
}

const char *tux_control_directory(const struct tux_control *control)
{
	return control->directory;
}

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		len -= (size_t)sent;
	}
}

static void answer(struct tux_control *control, int fd)
{
	static const char *const words[] = { [TUX_REPORT_PROMETHEUS] = "prometheus\n", [TUX_REPORT_JSON] = "json\n", [TUX_REPORT_TEXT] = "text\n",
	                                     [TUX_REPORT_MODULES] = "modules\n" };
	static const enum tux_report_form forms[] = { TUX_REPORT_PROMETHEUS, TUX_REPORT_JSON, TUX_REPORT_TEXT, TUX_REPORT_MODULES };
	const struct timeval wait = { .tv_sec = WAIT_SECONDS };
	char word[WORD_MAX + 1] = "";
	ssize_t got;
	size_t i;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	got = recv(fd, word, WORD_MAX, 0);
	for (i = 0; got > 0 && i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t len = 0;
		char *text;

		if (strcmp(word, words[forms[i]]) != 0)
			continue;
		text = tux_engine_report(control->engine, forms[i], &len);
		if (text)
			send_all(fd, text, len);
		free(text);
	}
}

static void *thread_run(void *arg)
{
	struct tux_control *control = arg;
	int fd;

	pthread_setname_np(pthread_self(), "tux control");
	/* tux_control_close() shuts the socket down; accept4() then fails with EINVAL. */
	while ((fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno != EINVAL) {
		if (fd < 0) {
			usleep(10000);
			continue;
		}
		if (may_ask(fd))
			answer(control, fd);
		close(fd);
	}
	return NULL;
}

bool tux_control_start(struct tux_control *control, struct tux_engine *engine, char *error, size_t error_size)
{
	int rc;

	control->engine = engine;
	rc = pthread_create(&control->thread, NULL, thread_run, control);
	if (rc != 0)
		snprintf(error, error_size, "cannot start the control socket's thread: %s", strerror(rc));
	control->started = rc == 0;
	return control->started;
}

void tux_control_close(struct tux_control *control)
{
	if (control->fd >= 0)
		shutdown(control->fd, SHUT_RDWR);
	if (control->started)
		pthread_join(control->thread, NULL);
	if (control->fd >= 0) {
		if (control->place.directory_fd >= 0)
			unlinkat(control->place.directory_fd, control->place.name, 0);
		close(control->fd);
	}
	tux_place_close(&control->place);
	free(control->directory);
	free(control);
}
