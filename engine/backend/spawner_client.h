/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spawner starts CGI programs: a small process, forked before the server confines itself. What the two say to each other, and the
 * engine's side of it. Each engine thread has a socket of its own to it (SOCK_SEQPACKET, one message a packet), with these messages:
 *
 *   to the spawner    TUX_SPAWN_START    start a program; with its standard streams as descriptors (SCM_RIGHTS)
 *                     TUX_SPAWN_KILL     end it, with its process group; or let it not begin
 *                     TUX_SPAWN_TIME     how much more time it has: the answer to DUE
 *   to the engine     TUX_SPAWN_STARTED  it has a process now; at most once for each START
 *                     TUX_SPAWN_DUE      its time is over, unless some of it was a client's; without an answer it is ended soon
 *                     TUX_SPAWN_FAILED   it could not be started; a START ends with this
 *                     TUX_SPAWN_ENDED    it has ended, and so has its process group; or with this
 *
 * When the socket closes, all programs that were started over it are killed.
 */
#ifndef TUX_ENGINE_BACKEND_SPAWNER_CLIENT_H
#define TUX_ENGINE_BACKEND_SPAWNER_CLIENT_H

#include "../../core/limit.h"
#include "../io/loop.h"

enum {
	TUX_SPAWN_STREAMS = 3,             /* stdin, stdout, stderr */
	TUX_SPAWN_MAX_TEXT = 128 * 1024,   /* bytes of path and environment, NULs included; more is 431 */
	TUX_SPAWN_MAX_STRINGS = 512,       /* of the environment; more is 431 */
	TUX_SPAWN_BUFFER = 1024 * 1024,    /* bytes of a socket's buffer, where so much is permitted */
	TUX_SPAWN_MIN_BUFFER = 160 * 1024, /* bytes; less does not take the largest message */
};

enum tux_spawn_kind {
	TUX_SPAWN_START = 1,
	TUX_SPAWN_KILL,
	TUX_SPAWN_TIME,
	TUX_SPAWN_STARTED,
	TUX_SPAWN_DUE,
	TUX_SPAWN_FAILED,
	TUX_SPAWN_ENDED,
};

/* Where a start failed. */
enum tux_spawn_step {
	TUX_SPAWN_AT_NOTHING,
	TUX_SPAWN_AT_MESSAGE,   /* there is no such rule, or the environment has what no request brings */
	TUX_SPAWN_AT_LIMIT,     /* too many run and wait, or it has waited too long */
	TUX_SPAWN_AT_KILL,      /* TUX_SPAWN_KILL came while it waited */
	TUX_SPAWN_AT_FORK,
	TUX_SPAWN_AT_STREAMS,
	TUX_SPAWN_AT_RLIMIT,
	TUX_SPAWN_AT_CHROOT,
	TUX_SPAWN_AT_USER,
	TUX_SPAWN_AT_ROOT,      /* opening the rule's directory of scripts */
	TUX_SPAWN_AT_SCRIPT,    /* finding the script: ENOENT, or it may not be executed */
	TUX_SPAWN_AT_DIRECTORY, /* going there */
	TUX_SPAWN_AT_EXEC,
	TUX_SPAWN_STEPS
};

/* Why a program was told to end. */
enum tux_spawn_end {
	TUX_SPAWN_BY_ITSELF,
	TUX_SPAWN_BY_TIME, /* the rule's time was over, or all that it has with what its client took */
	TUX_SPAWN_BY_KILL, /* TUX_SPAWN_KILL */
	TUX_SPAWN_ENDS
};

/* TUX_SPAWN_START: behind it path_len bytes of path and a NUL, then strings "NAME=value" of the environment, each with its NUL. */
struct tux_spawn_start {
	uint32_t kind;
	uint32_t rule;       /* number of the struct tux_cgi */
	uint64_t id;         /* the engine's name for it */
	uint32_t path_len;   /* bytes, at most TUX_MAX_TARGET; the request's normalised path */
	uint32_t prefix_len; /* of which the route has matched so many; what the script is, and PATH_INFO, is found behind */
	uint32_t text_len;   /* bytes behind this, all of them */
	uint32_t zero;
};

struct tux_spawn_kill {
	uint32_t kind;
	uint32_t zero;
	uint64_t id;
};

struct tux_spawn_time {
	uint32_t kind;
	uint32_t more_ms; /* 0: it is ended */
	uint64_t id;
};

/* TUX_SPAWN_STARTED, _DUE, _FAILED and _ENDED. */
struct tux_spawn_result {
	uint32_t kind;
	int32_t pid;
	uint64_t id;
	uint32_t step;          /* enum tux_spawn_step of _FAILED */
	int32_t error;          /* the errno of that */
	uint32_t end;           /* enum tux_spawn_end of _ENDED */
	int32_t status;         /* what wait(2) gave */
	uint64_t cpu_us;        /* user and system, of the program and what it has waited for */
	uint64_t max_rss_bytes; /* the most that one of them has had in memory */
};

/* A START as it was received: texts point into the message. */
struct tux_spawn_request {
	struct tux_spawn_start start;
	char *path;
	char *string[TUX_SPAWN_MAX_STRINGS];
	unsigned strings;
};

/*
 * Whether the len bytes at message are a whole START; request then points into them. Its environment may have what a request
 * brings (meta-variables of RFC 3875 and HTTP_*) and nothing else: the spawner is not to believe a server that was broken into.
 */
bool tux_spawn_start_read(uint8_t *message, size_t len, struct tux_spawn_request *request);
bool tux_spawn_environment_allowed(const struct tux_spawn_request *request);
bool tux_spawn_kill_read(const uint8_t *message, size_t len, struct tux_spawn_kill *order);
bool tux_spawn_time_read(const uint8_t *message, size_t len, struct tux_spawn_time *order);
bool tux_spawn_result_read(const uint8_t *message, size_t len, struct tux_spawn_result *result);

/* What a client is answered whose program did not start: 403, 404, 500 or 503. */
unsigned tux_spawn_failure_status(const struct tux_spawn_result *result);

/* The step for people, as in "could not change to its user". */
const char *tux_spawn_step_text(uint32_t step);

/* The engine's side: one a thread, and used by that alone. */
struct spawner {
	struct source source; /* for loop_ops.watch(); the owner sets readable, which calls spawner_read() until there is nothing more */
	uint64_t last_id;
	int room_bytes;       /* of the socket's buffer; what is beyond it is kept for kills */
};

struct spawn_order {
	uint32_t rule;
	const uint8_t *path; /* normalised; without a NUL in it */
	uint32_t path_len;
	uint32_t prefix_len;
	const uint8_t *environment; /* "NAME=value" strings, each with its NUL, SCRIPT_* and PATH_* are the spawner's to add */
	uint32_t environment_len;
	int fd[TUX_SPAWN_STREAMS];  /* stay the caller's, to be closed after the call */
};

/* Takes a socket that stays the caller's; false with errno. fd -1: there is no spawner, and every start fails with EPIPE. */
bool spawner_open(struct spawner *spawner, int fd);

/*
 * Asks for a program; never blocks. 0, and *id is what results name it by; or an errno: EAGAIN, too much is under way, or the
 * system is short of something (503); EMSGSIZE, the environment is too large (431); EINVAL; EPIPE, there is no spawner (503).
 */
int spawner_start(struct spawner *spawner, const struct spawn_order *order, uint64_t *id);

/* Ends a program: SIGTERM to its process group, SIGKILL after a grace. Its result comes as ever. False if it cannot be said now: its time will end it. */
bool spawner_kill(struct spawner *spawner, uint64_t id);

/* Answers TUX_SPAWN_DUE. False if it cannot be said now: then it is ended. */
bool spawner_time(struct spawner *spawner, uint64_t id, uint32_t more_ms);

enum spawner_news {
	SPAWNER_NOTHING, /* none is there to be read */
	SPAWNER_RESULT,
	SPAWNER_GONE,    /* nothing will come any more, for no id; the loop watches its source no more */
};

/* The next result, for the id that is in it. Never blocks. */
enum spawner_news spawner_read(struct spawner *spawner, struct tux_spawn_result *result);

#endif
