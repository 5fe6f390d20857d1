/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol between the engine and the spawner, and the engine's side of it. The spawner is a small process that starts CGI
 * programs. It is forked before the server confines itself. Each engine thread has its own socket to the spawner (SOCK_SEQPACKET,
 * one message per packet). The messages:
 *
 *   to the spawner    TUX_SPAWN_START    start a program, with its standard streams as descriptors (SCM_RIGHTS)
 *                     TUX_SPAWN_KILL     end the program and its process group, or cancel its start
 *                     TUX_SPAWN_TIME     extend the time of the program: the response to DUE
 *   to the engine     TUX_SPAWN_STARTED  the program has a process; at most once for each START
 *                     TUX_SPAWN_DUE      the time of the program is over; without TIME the spawner soon ends it
 *                     TUX_SPAWN_FAILED   the program was not started; the last message for a START
 *                     TUX_SPAWN_ENDED    the program and its process group have ended; the last message for a START
 *
 * When a socket closes, the spawner kills all programs that were started over it.
 */
#ifndef TUX_ENGINE_BACKEND_SPAWNER_CLIENT_H
#define TUX_ENGINE_BACKEND_SPAWNER_CLIENT_H

#include "../../core/limit.h"
#include "../io/loop.h"

enum {
	TUX_SPAWN_STREAMS = 3,             /* stdin, stdout, stderr */
	TUX_SPAWN_MAX_TEXT = 128 * 1024,   /* bytes of path and environment with their NULs; more is 431 */
	TUX_SPAWN_MAX_STRINGS = 512,       /* environment variables; more is 431 */
	TUX_SPAWN_BUFFER = 1024 * 1024,    /* bytes of a socket buffer, if the system permits */
	TUX_SPAWN_MIN_BUFFER = 160 * 1024, /* bytes; a smaller buffer cannot hold the largest message */
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

/* Step at which a start failed. */
enum tux_spawn_step {
	TUX_SPAWN_AT_NOTHING,
	TUX_SPAWN_AT_MESSAGE,   /* unknown rule, or an environment variable that is not allowed */
	TUX_SPAWN_AT_LIMIT,     /* too many programs run and wait, or it waited too long */
	TUX_SPAWN_AT_KILL,      /* TUX_SPAWN_KILL arrived while it waited */
	TUX_SPAWN_AT_FORK,
	TUX_SPAWN_AT_STREAMS,
	TUX_SPAWN_AT_RLIMIT,
	TUX_SPAWN_AT_CHROOT,
	TUX_SPAWN_AT_USER,
	TUX_SPAWN_AT_ROOT,      /* opening the rule's directory of scripts */
	TUX_SPAWN_AT_SCRIPT,    /* finding the script: ENOENT, or execution is not permitted */
	TUX_SPAWN_AT_DIRECTORY, /* changing to its directory */
	TUX_SPAWN_AT_EXEC,
	TUX_SPAWN_STEPS
};

/* Reason for the end of a program. */
enum tux_spawn_end {
	TUX_SPAWN_BY_ITSELF,
	TUX_SPAWN_BY_TIME, /* time_ms or total_ms of the rule is over */
	TUX_SPAWN_BY_KILL, /* TUX_SPAWN_KILL */
	TUX_SPAWN_ENDS
};

/*
 * TUX_SPAWN_START, followed by path_len bytes of path and a NUL, then the "NAME=value" strings of the environment, each with a
 * NUL.
 */
struct tux_spawn_start {
	uint32_t kind;
	uint32_t rule;       /* index of the struct tux_cgi */
	uint64_t id;         /* chosen by the engine, unique per socket */
	uint32_t path_len;   /* bytes of the request's normalised path, at most TUX_MAX_TARGET */
	uint32_t prefix_len; /* bytes of the path that the route matched; the script and PATH_INFO follow */
	uint32_t text_len;   /* bytes after this structure */
	uint32_t zero;
};

struct tux_spawn_kill {
	uint32_t kind;
	uint32_t zero;
	uint64_t id;
};

struct tux_spawn_time {
	uint32_t kind;
	uint32_t more_ms; /* 0: end the program now */
	uint64_t id;
};

/* TUX_SPAWN_STARTED, _DUE, _FAILED or _ENDED. */
struct tux_spawn_result {
	uint32_t kind;
	int32_t pid;
	uint64_t id;
	uint32_t step;          /* enum tux_spawn_step of _FAILED */
	int32_t error;          /* errno of that step */
	uint32_t end;           /* enum tux_spawn_end of _ENDED */
	int32_t status;         /* from wait(2) */
	uint64_t cpu_us;        /* user and system time of the program and the children that it has waited for */
	uint64_t max_rss_bytes; /* peak resident memory of the largest of these processes */
};

/* A received START. Its strings point into the message. */
struct tux_spawn_request {
	struct tux_spawn_start start;
	char *path;
	char *string[TUX_SPAWN_MAX_STRINGS];
	unsigned strings;
};

/*
 * Parses a message of len bytes. Returns false unless it is a valid START. request points into the message.
 *
 * tux_spawn_environment_allowed() is true if all variables come from a request (meta-variables of RFC 3875 and HTTP_*). The spawner
 * checks it because it must not trust a compromised server.
 */
bool tux_spawn_start_read(uint8_t *message, size_t len, struct tux_spawn_request *request);
bool tux_spawn_environment_allowed(const struct tux_spawn_request *request);
bool tux_spawn_kill_read(const uint8_t *message, size_t len, struct tux_spawn_kill *order);
bool tux_spawn_time_read(const uint8_t *message, size_t len, struct tux_spawn_time *order);
bool tux_spawn_result_read(const uint8_t *message, size_t len, struct tux_spawn_result *result);

/* Returns the response status for a program that was not started: 403, 404, 500 or 503. */
unsigned tux_spawn_failure_status(const struct tux_spawn_result *result);

/* Returns a step as text for messages, such as "could not change to its user". */
const char *tux_spawn_step_text(uint32_t step);

/* The engine's side. Per-thread: only its thread uses it. */
struct spawner {
	struct source source; /* for loop_ops.watch(); the owner sets readable, which calls spawner_read() until SPAWNER_NOTHING */
	uint64_t last_id;
	int room_bytes;       /* bytes of the socket buffer for starts; the rest is reserved for kills */
};

struct spawn_order {
	uint32_t rule;
	const uint8_t *path; /* normalised; contains no NUL */
	uint32_t path_len;
	uint32_t prefix_len;
	const uint8_t *environment; /* "NAME=value" strings, each with its NUL; the spawner adds SCRIPT_* and PATH_* */
	uint32_t environment_len;
	int fd[TUX_SPAWN_STREAMS];  /* owned by the caller, which closes them after the call */
};

/*
 * Initializes the engine's side with the socket fd, which the caller still owns. Returns false with errno on failure. fd -1 means
 * that no spawner runs. Then every start fails with EPIPE.
 */
bool spawner_open(struct spawner *spawner, int fd);

/*
 * Requests the start of a program. Never blocks. Returns 0 and sets *id, which its results carry. Otherwise returns an errno:
 * EAGAIN if the socket is full or the system lacks a resource (503), EMSGSIZE if the environment is too large (431), EINVAL, or
 * EPIPE if no spawner runs (503).
 */
int spawner_start(struct spawner *spawner, const struct spawn_order *order, uint64_t *id);

/*
 * Ends a program: SIGTERM to its process group, then SIGKILL after a grace period. Its result arrives as usual. Returns false if
 * the message cannot be sent now. Then the program runs until its time is over.
 */
bool spawner_kill(struct spawner *spawner, uint64_t id);

/* Responds to TUX_SPAWN_DUE. Returns false if the message cannot be sent now. Then the spawner ends the program. */
bool spawner_time(struct spawner *spawner, uint64_t id, uint32_t more_ms);

enum spawner_news {
	SPAWNER_NOTHING, /* no message waits */
	SPAWNER_RESULT,
	SPAWNER_GONE,    /* no more results arrive, for any id; the loop stops watching the source */
};

/* Reads the next result, which carries its id. Never blocks. */
enum spawner_news spawner_read(struct spawner *spawner, struct tux_spawn_result *result);

#endif
