/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../engine/io/print.h"
#include "../../engine/tls/key_store.h"
#include "../../engine/tls/signer.h"
#include "../confine/key_sandbox.h"
#include "../confine/locked_memory.h"
#include "../confine/privileges.h"
#include "secret.h"

enum {
	ERROR_MAX = 512,
	PEM_BYTES = 2 << 20, /* of certificates: more than a file in PKCS#12 may have, in PEM */
	SEND_TRIES = 200,    /* of a reply */
	SEND_AGAIN_MS = 5,   /* between them: all together the time that the server waits for a reply */
	END_MS = 1000,       /* for the process to end after its sockets have been closed; the supervisor kills it after that */
};

/* An order to read files, and its result. No key is ever in it. */
struct tux_keys_area {
	char certificate[PATH_MAX];
	char key[PATH_MAX];      /* "": in the file of the certificate */
	char password[PATH_MAX]; /* "": no file has one */
	bool of_client;
	enum tls_key_result result;
	uint32_t slowest_us;
	char error[ERROR_MAX];
	uint32_t number;
	size_t pem_bytes;
	char pem[PEM_BYTES];
};

/* The process, and one of its threads. */
static struct tls_key_store store;

struct signer {
	pthread_t thread;
	int fd;
	struct tls_prepared prepared;
};

static struct signer signers[TUX_MAX_THREADS];

/* Waits for an octet. Returns false if the other end has closed. */
static bool octet_take(int fd)
{
	char octet;
	ssize_t got;

	do
		got = read(fd, &octet, 1);
	while (got < 0 && errno == EINTR);
	return got == 1;
}

static bool octet_give(int fd)
{
	return send(fd, "", 1, MSG_NOSIGNAL) == 1;
}

/* Reads the files of an order. */
static void files_read(struct tux_keys_area *area)
{
	struct tux_secret_pair pair;

	area->result = TLS_KEY_FAULTY;
	if (tux_secret_pair_read(&pair, area->certificate, *area->key ? area->key : NULL, *area->password ? area->password : NULL, area->error,
	                         sizeof(area->error)))
		area->result = tux_tls_key_store_read(&store, &pair.certificate.pem, &pair.key.pem, area->of_client, area->pem, sizeof(area->pem),
		                                      &area->pem_bytes, &area->number, area->error, sizeof(area->error));
	if (area->result == TLS_KEY_HELD)
		tux_secret_pair_warn(&pair);
	area->slowest_us = store.slowest_us;
	tux_secret_pair_free(&pair);
}

/* True if the server has closed its end. A message without bytes looks like that. */
static bool has_ended(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLRDHUP };

	return poll(&wait, 1, 0) != 0 && (wait.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Sends a reply, again while the system has no memory for it: the server waits for each. Returns false if that is impossible. */
static bool reply_send(int fd, const struct tls_sign_reply *reply)
{
	for (int tries = 0; tries < SEND_TRIES; tries++) {
		if (send(fd, reply, sizeof(*reply), MSG_NOSIGNAL) >= 0)
			return true;
		if (errno != EINTR && errno != ENOBUFS && errno != ENOMEM)
			return false;
		poll(NULL, 0, SEND_AGAIN_MS);
	}
	return false;
}

/*
 * Replies to each message, one after the other, until the server closes its end. Ends the process if it cannot go on: a thread of the server
 * would wait for replies for ever, and the process is replaced when it ends.
 */
static void *run_thread(void *argument)
{
	struct signer *const signer = argument;
	const int fd = signer->fd;
	struct tls_sign_room room;
	struct tls_sign_reply reply;

	for (;;) {
		const ssize_t got = recv(fd, &room, sizeof(room), MSG_TRUNC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 && has_ended(fd))
			break;
		if (got < 0)
			_exit(EXIT_FAILURE);
		tux_tls_key_store_sign(&store, &signer->prepared, &room.request, (size_t)got, &reply);
		if (!reply_send(fd, &reply) && !has_ended(fd))
			_exit(EXIT_FAILURE);
	}
	tux_tls_prepared_free(&signer->prepared);
	close(fd);
	return NULL;
}

/* Closes all descriptors but the standard streams and those of the process: a listener that stayed open here would not close. */
static void others_close(unsigned count, int load_fd, int end_fd)
{
	int fd, highest = load_fd > end_fd ? load_fd : end_fd;
	unsigned i;

	for (i = 0; i < count; i++)
		highest = signers[i].fd > highest ? signers[i].fd : highest;
	for (fd = STDERR_FILENO + 1; fd < highest; fd++) {
		bool ours = fd == load_fd || fd == end_fd;

		for (i = 0; i < count && !ours; i++)
			ours = fd == signers[i].fd;
		if (!ours)
			close(fd);
	}
	closefrom(highest + 1);
}

/* Keeps the memory from core dumps, debuggers and other processes of the user. A change of the user undoes it. */
static bool hide(void)
{
	const struct rlimit none = { 0, 0 };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

/*
 * Lets the kernel kill this process when the server process, its parent, ends. A change of the user undoes it, and Landlock (from Linux 6.12 on)
 * prevents it after that has entered its sandbox: the supervisor knows this process by then. Returns false if the parent has ended.
 */
static bool follow(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}

/* Drops the privileges, starts the threads and enters the sandbox. Returns false with a sentence in error. */
static bool confine(const struct tux_keys *keys, pid_t parent, char *error, size_t error_size)
{
	if (!tux_privileges_drop(keys->user, error, error_size))
		return false;
	if (!follow(parent)) {
		snprintf(error, error_size, "the process that holds the keys of TLS has lost the server process");
		return false;
	}
	if (!hide()) {
		snprintf(error, error_size, "cannot keep the keys of TLS from core dumps: %s", strerror(errno));
		return false;
	}
	if (!keys->unconfined && !tux_key_sandbox_files(error, error_size))
		return false;
	for (unsigned i = 0; i < keys->count; i++) {
		const int cause = pthread_create(&signers[i].thread, NULL, run_thread, &signers[i]);

		if (cause != 0) {
			snprintf(error, error_size, "cannot start a thread that signs: %s", strerror(cause));
			return false;
		}
	}
	return keys->unconfined || tux_key_sandbox_calls(error, error_size);
}

/* Runs the new process. Writes a sentence to end_fd on failure, or a single NUL on success. end_fd closes when the process ends. */
static _Noreturn void run(const struct tux_keys *keys, pid_t parent, int load_fd, int end_fd)
{
	char error[ERROR_MAX] = "";
	sigset_t all;
	bool confined, locked;

	if (!follow(parent))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "tux keys", 0, 0, 0);
	sigfillset(&all); /* a terminal's ^C is for the supervisor */
	sigprocmask(SIG_SETMASK, &all, NULL);
	others_close(keys->count, load_fd, end_fd);
	if (!hide())
		_exit(EXIT_FAILURE);
	locked = tux_memory_lock_all();
	while (octet_take(load_fd)) {
		files_read(keys->area);
		if (!octet_give(load_fd))
			break;
	}
	if (!locked)
		tux_memory_lock_heap();
	close(load_fd);
	munmap(keys->area, sizeof(*keys->area));
	confined = confine(keys, parent, error, sizeof(error));
	if (write(end_fd, error, strlen(error) + 1) < 0 || !confined)
		_exit(EXIT_FAILURE);
	for (unsigned i = 0; i < keys->count; i++)
		pthread_join(signers[i].thread, NULL);
	tux_tls_key_store_free(&store);
	_exit(EXIT_SUCCESS);
}

void tux_keys_plan(struct tux_keys *keys, unsigned threads, const struct tux_user *user, bool unconfined, bool optional)
{
	*keys = (struct tux_keys){
		.threads = threads,
		.user = user,
		.unconfined = unconfined,
		.optional = optional,
		.load_fd = -1,
		.end_fd = -1,
		.lost_fd = -1,
		.pidfd = -1,
	};
}

/* Creates the sockets: stores the server's ends in keys, the others in signers. Returns false with errno. */
static bool sockets_make(struct tux_keys *keys)
{
	int pair[2];

	for (; keys->count < keys->threads; keys->count++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return false;
		keys->fd[keys->count] = pair[0];
		signers[keys->count].fd = pair[1];
	}
	return true;
}

/* Starts the process. Returns false with a sentence in error. */
static bool start(struct tux_keys *keys, char *error, size_t error_size)
{
	int load[2] = { -1, -1 }, end[2] = { -1, -1 }, saved;
	const pid_t parent = getpid();

	keys->area = mmap(NULL, sizeof(*keys->area), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (keys->area == MAP_FAILED)
		keys->area = NULL;
	if (keys->area && sockets_make(keys) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, load) == 0 && pipe2(end, O_CLOEXEC) == 0)
		keys->pid = fork();
	else
		keys->pid = -1;
	if (keys->pid == 0)
		run(keys, parent, load[1], end[1]);
	saved = errno;
	for (unsigned i = 0; i < keys->count; i++)
		close(signers[i].fd);
	if (load[1] >= 0)
		close(load[1]);
	if (end[1] >= 0)
		close(end[1]);
	keys->load_fd = load[0];
	keys->end_fd = end[0];
	if (keys->pid > 0) {
		keys->pidfd = (int)syscall(SYS_pidfd_open, keys->pid, 0);
		return true;
	}
	tux_keys_stop(keys);
	snprintf(error, error_size, "cannot start the process that holds the keys of TLS: %s", strerror(saved));
	return false;
}

static bool path_set(char path[PATH_MAX], const char *text, char *error, size_t error_size)
{
	if (print_whole(path, PATH_MAX, "%s", text ? text : ""))
		return true;
	snprintf(error, error_size, "\"%.80s...\": %s", text, strerror(ENAMETOOLONG));
	return false;
}

static void foreign_refuse(const char *reason, char *error, size_t error_size)
{
	snprintf(error, error_size, "%.*s: set key-process auto", ERROR_MAX - 1, reason);
}

bool tux_keys_can_have(const char *certificate, const char *key, const char *password, char *error, size_t error_size)
{
	struct tls_key_store tried = { .held = NULL };
	enum tls_key_result result = TLS_KEY_FAULTY;
	char *const room = malloc(PEM_BYTES), reason[ERROR_MAX];
	struct tux_secret_pair pair;
	uint32_t number;
	size_t bytes;

	if (!room) {
		snprintf(error, error_size, "no memory for certificates");
		return false;
	}
	if (tux_secret_pair_read(&pair, certificate, key, password, error, error_size))
		result = tux_tls_key_store_read(&tried, &pair.certificate.pem, &pair.key.pem, false, room, PEM_BYTES, &bytes, &number, error, error_size);
	tux_secret_pair_free(&pair);
	tux_tls_key_store_free(&tried);
	free(room);
	if (result == TLS_KEY_FOREIGN) {
		snprintf(reason, sizeof(reason), "%s", error);
		foreign_refuse(reason, error, error_size);
	}
	return result == TLS_KEY_HELD;
}

/* Decides about a key that the process cannot have. Writes a sentence to error if that prevents the start. */
static enum tls_key_result foreign_take(struct tux_keys *keys, char *error, size_t error_size)
{
	if (!keys->optional) {
		foreign_refuse(keys->area->error, error, error_size);
		return TLS_KEY_FAULTY;
	}
	fprintf(stderr, "tux: warning: %.*s, so that has it\n", ERROR_MAX - 1, keys->area->error);
	keys->foreign = true;
	return TLS_KEY_FOREIGN;
}

enum tls_key_result tux_keys_read(struct tux_keys *keys, const char *certificate, const char *key, const char *password, bool of_client,
                                  struct tls_pem *pem, uint32_t *number, char *error, size_t error_size)
{
	*pem = (struct tls_pem){ .name = certificate };
	*number = 0;
	if (keys->pid == 0 && !start(keys, error, error_size))
		return TLS_KEY_FAULTY;
	if (!path_set(keys->area->certificate, certificate, error, error_size) || !path_set(keys->area->key, key, error, error_size) ||
	    !path_set(keys->area->password, password, error, error_size))
		return TLS_KEY_FAULTY;
	keys->area->of_client = of_client;
	if (!octet_give(keys->load_fd) || !octet_take(keys->load_fd)) {
		snprintf(error, error_size, "certificate \"%s\": the process that holds the keys of TLS has ended", certificate);
		return TLS_KEY_FAULTY;
	}
	if (keys->area->result == TLS_KEY_FOREIGN)
		return foreign_take(keys, error, error_size);
	if (keys->area->result != TLS_KEY_HELD) {
		snprintf(error, error_size, "%.*s", ERROR_MAX - 1, keys->area->error);
		return TLS_KEY_FAULTY;
	}
	pem->text = keys->area->pem;
	pem->len = keys->area->pem_bytes;
	*number = keys->area->number;
	keys->slowest_us = keys->area->slowest_us;
	return TLS_KEY_HELD;
}

/* Waits until the process reports that it signs. Returns false with a sentence in error. */
static bool await(const struct tux_keys *keys, char *error, size_t error_size)
{
	ssize_t len;

	do
		len = read(keys->end_fd, error, error_size - 1);
	while (len < 0 && errno == EINTR);
	error[len > 0 ? len : 0] = '\0';
	if (len == 1 && *error == '\0')
		return true;
	if (len <= 0)
		snprintf(error, error_size, "the process that holds the keys of TLS has ended");
	return false;
}

bool tux_keys_seal(struct tux_keys *keys, char *error, size_t error_size)
{
	if (keys->pid == 0)
		return true;
	close(keys->load_fd);
	keys->load_fd = -1;
	munmap(keys->area, sizeof(*keys->area));
	keys->area = NULL;
	if (!await(keys, error, error_size))
		return false;
	keys->lost_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (keys->lost_fd >= 0 && tux_tls_signer_open(keys->fd, keys->count, keys->lost_fd, keys->slowest_us))
		return true;
	snprintf(error, error_size, "cannot limit the time of signatures: %s", strerror(errno));
	return false;
}

void tux_keys_stop(struct tux_keys *keys)
{
	struct pollfd end = { .fd = keys->end_fd };

	if (keys->threads == 0) /* not planned */
		return;
	while (keys->count > 0)
		close(keys->fd[--keys->count]);
	if (keys->area)
		munmap(keys->area, sizeof(*keys->area));
	if (keys->load_fd >= 0)
		close(keys->load_fd);
	if (keys->pid > 0)
		poll(&end, 1, END_MS); /* it wipes its keys; POLLHUP needs no wish */
	if (keys->end_fd >= 0)
		close(keys->end_fd);
	if (keys->lost_fd >= 0)
		close(keys->lost_fd);
	if (keys->pidfd >= 0)
		close(keys->pidfd);
	keys->area = NULL;
	keys->load_fd = keys->end_fd = keys->lost_fd = keys->pidfd = -1;
	keys->pid = 0;
}
