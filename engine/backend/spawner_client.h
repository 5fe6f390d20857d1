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

#include "../io/loop.h"
#include "spawn_message.h"

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
