/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* The messages of the engine and the spawner (spawner_client.h), and their checks. Neither side trusts the other. Pure. */
#ifndef TUX_ENGINE_BACKEND_SPAWN_MESSAGE_H
#define TUX_ENGINE_BACKEND_SPAWN_MESSAGE_H

#include "../../core/limit.h"
#include "../../core/span.h"

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

/*
 * True if a START is valid, with the len bytes after its structure at text: the path is absolute and ends before the environment,
 * which ends in NUL.
 */
/*@ requires \valid_read(start) && \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> start->kind == TUX_SPAWN_START && start->text_len == len && 0 < len <= TUX_SPAWN_MAX_TEXT;
  @ ensures \result ==> start->prefix_len <= start->path_len < len && start->path_len <= TUX_MAX_TARGET;
  @ ensures \result ==> text[0] == '/' && text[start->path_len] == 0 && text[len - 1] == 0;
  @ ensures \result ==> \forall integer k; 0 <= k < start->path_len ==> text[k] != 0;
  @*/
bool tux_spawn_start_valid(const struct tux_spawn_start *start, const uint8_t *text, uint32_t len);

/* Returns the bytes of the variable "NAME=value" at an offset of the text, up to its NUL; 0 if no valid variable starts there. */
/*@ requires at < len && \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures at + \result < len;
  @ ensures \result > 0 ==> text[at + \result] == 0 && \exists integer k; at < k < at + \result && text[k] == '=';
  @ ensures \forall integer k; at <= k < at + \result ==> text[k] != 0;
  @*/
uint32_t tux_spawn_variable(const uint8_t *text, uint32_t len, uint32_t at);

/* For the proof: a variable is HTTP_PROXY. */
/*@ predicate variable_proxy{L}(uint8_t *variable, integer len) =
  @   len >= 11 && variable[0] == 'H' && variable[1] == 'T' && variable[2] == 'T' && variable[3] == 'P' && variable[4] == '_' &&
  @   variable[5] == 'P' && variable[6] == 'R' && variable[7] == 'O' && variable[8] == 'X' && variable[9] == 'Y' &&
  @   variable[10] == '=';
  @*/

/*
 * True if a variable comes from a request: the meta-variables of RFC 3875, and HTTP_*. HTTP_PROXY is an exception because programs
 * use it as their own setting (httpoxy).
 */
/*@ requires \valid_read(variable + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> len >= 5 && 'A' <= variable[0] <= 'U' && !variable_proxy(variable, len);
  @*/
bool tux_spawn_variable_allowed(const uint8_t *variable, uint32_t len);

/* True if an order to end a program is valid. */
/*@ requires \valid_read(order);
  @ assigns \nothing;
  @ ensures \result <==> order->kind == TUX_SPAWN_KILL && order->zero == 0;
  @*/
bool tux_spawn_kill_valid(const struct tux_spawn_kill *order);

/* True if an order that extends the time of a program is valid. */
/*@ requires \valid_read(order);
  @ assigns \nothing;
  @ ensures \result <==> order->kind == TUX_SPAWN_TIME;
  @*/
bool tux_spawn_time_valid(const struct tux_spawn_time *order);

/* True if a result has a known kind, step and end, and a step if and only if the start failed. */
/*@ requires \valid_read(result);
  @ assigns \nothing;
  @ ensures \result ==> TUX_SPAWN_STARTED <= result->kind <= TUX_SPAWN_ENDED;
  @ ensures \result ==> 0 <= result->step < TUX_SPAWN_STEPS && 0 <= result->end < TUX_SPAWN_ENDS;
  @ ensures \result ==> (result->kind == TUX_SPAWN_FAILED <==> result->step != TUX_SPAWN_AT_NOTHING);
  @*/
bool tux_spawn_result_valid(const struct tux_spawn_result *result);

/* Returns the number of descriptors in the bytes of a control message, at most max. */
/*@ assigns \nothing;
  @ ensures \result <= max && \result * 4 <= bytes;
  @*/
uint32_t tux_spawn_descriptors(uint64_t bytes, uint32_t max);

#endif
