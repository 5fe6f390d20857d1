/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../io/error_log.h"

enum {
	LINE_BYTES = SAY_BYTES, /* of stderr, written together; a longer line is split */
	NAME_BYTES = 64,        /* bytes of a rule's name before a line */
	HELD_MS = 100,          /* minimum extension while a program waits for its client; the interval of DUE then */
};

struct cgi_program {
	struct cgi_program *next, *prev;
	struct cgi *cgi;
	uint64_t id;
	uint32_t rule;
	void *owner;           /* NULL: no owner */
	struct peer_stream *errors; /* its stderr; NULL: closed */
	struct peer_stream *output; /* its stdout if it runs without owner, discarded; NULL: closed, or the owner has it */
	bool unwatched;        /* continues without an owner */
	bool ended;            /* its process has ended, or was not started */
	bool held;             /* waits for its client */
	uint64_t began_us;     /* monotonic; 0: not started */
	uint64_t held_since_ms;
	uint64_t held_ms;      /* time that it has waited for its client, until held_since_ms */
	uint64_t given_ms;     /* sum of all extensions */
	uint32_t line_len;
	uint8_t line[LINE_BYTES]; /* incomplete line of stderr */
};

static const struct peer_stream_events errors_events;

bool cgi_open(struct cgi *cgi, int fd, const struct tux_cgi *rules, struct tux_program_counters *counters, struct peer_streams *streams,
              const struct cgi_events *events)
{
	cgi->rules = rules;
	cgi->counters = counters;
	cgi->streams = streams;
	cgi->events = events;
	return spawner_open(&cgi->spawner, fd);
}

/* Writes a line about a program to the error log. Never blocks. */
static void say_of(struct cgi *cgi, uint32_t rule, const char *text, uint32_t len)
{
	char front[NAME_BYTES + 8];

	snprintf(front, sizeof(front), "cgi %.*s:", NAME_BYTES, cgi->rules[rule].name);
	if (!say(front, text, len))
		cgi->lost_lines++;
}

static void flush_line(struct cgi_program *program)
{
	if (program->line_len > 0)
		say_of(program->cgi, program->rule, (const char *)program->line, program->line_len);
	program->line_len = 0;
}

/* Frees a program that has ended, without owner and open streams. */
static void settle(struct cgi_program *program)
{
	if (program->owner != NULL || program->errors != NULL || program->output != NULL || !program->ended)
		return;
	if (program->prev != NULL)
		program->prev->next = program->next;
	else
		program->cgi->first = program->next;
	if (program->next != NULL)
		program->next->prev = program->prev;
	free(program);
}

static void on_error_text(struct peer_stream *stream, const uint8_t *data, uint32_t len)
{
	struct cgi_program *program = stream->owner;

	for (uint32_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			program->line[program->line_len++] = data[i];
		if (data[i] == '\n' || program->line_len == LINE_BYTES)
			flush_line(program);
	}
}

static void on_errors_ended(struct peer_stream *stream, int error)
{
	struct cgi_program *program = stream->owner;

	(void)error;
	flush_line(program);
	program->errors = NULL;
	peer_stream_close(stream);
	settle(program);
}

static const struct peer_stream_events errors_events = {
	.received = on_error_text,
	.ended = on_errors_ended,
};

/* Makes a pipe. ours is the index of the end that TUX keeps. Returns false with errno on failure. */
static bool pipe_make(const struct peer_streams *streams, int fds[2], int ours)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	if (streams->ops->fd_flags == SOCK_NONBLOCK)
		fcntl(fds[ours], F_SETFL, O_NONBLOCK);
	return true;
}


/* Returns the status of an error response if the start could not be requested. Sets start->cause. */
static uint16_t start_status(struct cgi *cgi, struct cgi_start *start, int error)
{
	const uint32_t rule = start->order.rule;

	start->cause = error == EPIPE ? because(WHY_SPAWNER, 0) : because(WHY_START, error);
	count(error == EMSGSIZE ? &cgi->counters[rule].not_started : &cgi->counters[rule].refused, 1);
	return error == EMSGSIZE ? 431 : 503;
}

/* Opens streams over TUX's ends of the pipes. Closes the ends and returns false if out of memory. */
static bool open_streams(struct cgi_program *program, const struct cgi_start *start, int fds[TUX_SPAWN_STREAMS][2], struct peer_stream **to,
                         struct peer_stream **from)
{
	struct peer_streams *streams = program->cgi->streams;

	*to = peer_stream_open(streams, fds[0][1], true, NULL, start->stream_events, start->owner);
	*from = peer_stream_open(streams, fds[1][0], true, NULL, start->stream_events, start->owner);
	program->errors = peer_stream_open(streams, fds[2][0], true, NULL, &errors_events, program);
	if (*to != NULL && *from != NULL && program->errors != NULL)
		return true;
	if (*to != NULL)
		peer_stream_close(*to);
	if (*from != NULL)
		peer_stream_close(*from);
	if (program->errors != NULL)
		peer_stream_close(program->errors);
	return false;
}

uint16_t cgi_start(struct cgi *cgi, struct cgi_start *start, struct cgi_program **started, struct peer_stream **to, struct peer_stream **from)
{
	static const int child[TUX_SPAWN_STREAMS] = { 0, 1, 1 }; /* index of the program's end */
	struct cgi_program *program = calloc(1, sizeof(*program));
	int fds[TUX_SPAWN_STREAMS][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct spawn_order order = start->order;
	struct tux_program_counters *counters = &cgi->counters[order.rule];
	int error = program == NULL ? ENOMEM : 0;

	count(&counters->requests, 1);
	for (int i = 0; i < TUX_SPAWN_STREAMS && error == 0; i++) {
		if (!pipe_make(cgi->streams, fds[i], 1 - child[i]))
			error = errno;
		order.fd[i] = fds[i][child[i]];
	}
	if (error == 0)
		error = spawner_start(&cgi->spawner, &order, &program->id);
	for (int i = 0; i < TUX_SPAWN_STREAMS; i++)
		if (fds[i][child[i]] >= 0)
			close(fds[i][child[i]]);
	if (error != 0) {
		for (int i = 0; i < TUX_SPAWN_STREAMS; i++)
			if (fds[i][1 - child[i]] >= 0)
				close(fds[i][1 - child[i]]);
		free(program);
		return start_status(cgi, start, error);
	}
	count(&counters->active, 1);
	program->cgi = cgi;
	program->rule = order.rule;
	program->owner = start->owner;
	program->next = cgi->first;
	if (program->next != NULL)
		program->next->prev = program;
	cgi->first = program;
	if (!open_streams(program, start, fds, to, from)) { /* the program is already requested, so kill it */
		program->errors = NULL;
		cgi_leave(program, true);
		return start_status(cgi, start, ENOMEM);
	}
	peer_stream_receive(program->errors, true);
	*started = program;
	return 0;
}

/* Adds the current wait for the client, up to now. */
static void hold_add(struct cgi_program *program)
{
	const uint64_t now_ms = *program->cgi->streams->now_ms;

	if (program->held)
		program->held_ms += now_ms - program->held_since_ms;
	program->held_since_ms = now_ms;
}

void cgi_hold(struct cgi_program *program, bool held)
{
	if (program->held == held)
		return;
	hold_add(program);
	program->held = held;
}

/* Responds to DUE: extends the time by the time that the program has waited for its client. */
static void give_time(struct cgi_program *program)
{
	uint64_t more_ms = 0;

	hold_add(program);
	if (program->held_ms > program->given_ms)
		more_ms = program->held_ms - program->given_ms;
	if (program->held && more_ms < HELD_MS)
		more_ms = HELD_MS;
	if (more_ms > UINT32_MAX)
		more_ms = UINT32_MAX;
	program->given_ms += more_ms;
	spawner_time(&program->cgi->spawner, program->id, (uint32_t)more_ms);
}

void cgi_garbled(struct cgi_program *program)
{
	count(&program->cgi->counters[program->rule].garbled, 1);
}

void cgi_leave(struct cgi_program *program, bool kill)
{
	program->owner = NULL;
	if (kill && !program->ended)
		spawner_kill(&program->cgi->spawner, program->id);
	settle(program);
}

static void on_output(struct peer_stream *stream, const uint8_t *data, uint32_t len)
{
	(void)stream;
	(void)data;
	(void)len;
}

static void on_output_ended(struct peer_stream *stream, int error)
{
	struct cgi_program *program = stream->owner;

	(void)error;
	program->output = NULL;
	peer_stream_close(stream);
	settle(program);
}

static void on_output_readable(struct peer_stream *stream)
{
	peer_stream_receive(stream, true);
}

static const struct peer_stream_events output_events = {
	.received = on_output,
	.ended = on_output_ended,
	.readable = on_output_readable,
};

void cgi_leave_running(struct cgi_program *program, struct peer_stream *from, bool readable)
{
	cgi_hold(program, false); /* no client keeps it waiting */
	program->owner = NULL;
	program->unwatched = true;
	program->output = from;
	if (from != NULL) {
		peer_stream_own(from, &output_events, program);
		if (!readable)
			peer_stream_receive(from, true);
	}
	settle(program);
}

bool cgi_runs_unwatched(const struct cgi *cgi)
{
	const struct cgi_program *program = cgi->first;

	while (program != NULL && (program->ended || !program->unwatched))
		program = program->next;
	return program != NULL;
}

/* Logs the end of a program, unless it succeeded or TUX ended it. */
static void say_end(struct cgi *cgi, const struct cgi_program *program, const struct tux_spawn_result *result)
{
	char text[160];

	if (result->kind == TUX_SPAWN_FAILED)
		snprintf(text, sizeof(text), "%s: %s", tux_spawn_step_text(result->step), strerror(result->error));
	else if (result->end == TUX_SPAWN_BY_TIME)
		snprintf(text, sizeof(text), "process %d did not end within its time and was killed", (int)result->pid);
	else if (program->owner == NULL && WIFSIGNALED(result->status) && WTERMSIG(result->status) == SIGPIPE)
		return; /* it wrote after its output was closed */
	else if (result->end == TUX_SPAWN_BY_ITSELF && WIFSIGNALED(result->status))
		snprintf(text, sizeof(text), "process %d was ended by signal %d", (int)result->pid, WTERMSIG(result->status));
	else if (result->end == TUX_SPAWN_BY_ITSELF && WIFEXITED(result->status) && WEXITSTATUS(result->status) != 0)
		snprintf(text, sizeof(text), "process %d ended with status %d", (int)result->pid, WEXITSTATUS(result->status));
	else
		return;
	say_of(cgi, program->rule, text, (uint32_t)strlen(text));
}

static void end_program(struct cgi_program *program, uint16_t status, struct cause cause)
{
	struct cgi *cgi = program->cgi;
	void *owner = program->owner;

	program->ended = true;
	count(&cgi->counters[program->rule].active, UINT64_MAX);
	if (owner != NULL)
		cgi->events->ended(owner, status, cause); /* the owner calls cgi_leave() */
	else
		settle(program);
}

/* Returns the cause of a missing response after a program has ended. */
static struct cause cause_of_end(const struct tux_spawn_result *result)
{
	if (result->end == TUX_SPAWN_BY_TIME)
		return because(WHY_PROGRAM_TIME, 0);
	if (WIFSIGNALED(result->status))
		return because_of(WHY_SIGNAL, (unsigned)WTERMSIG(result->status), 0);
	return because_of(WHY_EXIT, (unsigned)WEXITSTATUS(result->status), 0);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Counts a program that has ended or was not started. */
static void count_end(const struct cgi_program *program, const struct tux_spawn_result *result)
{
	struct tux_program_counters *counters = &program->cgi->counters[program->rule];

	if (result->kind == TUX_SPAWN_FAILED) {
		const unsigned status = tux_spawn_failure_status(result);

		if (result->step == TUX_SPAWN_AT_KILL)
			count(&counters->given_up, 1);
		else
			count(status < 500 ? &counters->not_found : status == 503 ? &counters->refused : &counters->not_started, 1);
		return;
	}
	if (result->end == TUX_SPAWN_BY_TIME)
		count(&counters->timeouts, 1);
	else if (result->end == TUX_SPAWN_BY_KILL)
		count(&counters->given_up, 1);
	else if (WIFSIGNALED(result->status))
		count(&counters->signalled, 1);
	else if (WEXITSTATUS(result->status) != 0)
		count(&counters->exited, 1);
	count(&counters->cpu_us, result->cpu_us);
	if (program->began_us != 0)
		histogram_add(&counters->duration, now_us() - program->began_us, 1);
}

static struct cgi_program *find(struct cgi *cgi, uint64_t id)
{
	struct cgi_program *program = cgi->first;

	while (program != NULL && (program->id != id || program->ended))
		program = program->next;
	return program;
}

void cgi_read(struct cgi *cgi)
{
	struct tux_spawn_result result;
	struct cgi_program *program, *next;

	for (;;) {
		switch (spawner_read(&cgi->spawner, &result)) {
		case SPAWNER_NOTHING:
			return;
		case SPAWNER_GONE:
			for (program = cgi->first; program != NULL; program = next) {
				next = program->next;
				if (program->ended)
					continue;
				count(&cgi->counters[program->rule].refused, 1);
				end_program(program, 503, because(WHY_SPAWNER, 0));
			}
			return;
		case SPAWNER_RESULT:
			break;
		}
		program = find(cgi, result.id);
		if (program == NULL)
			continue;
		if (result.kind == TUX_SPAWN_STARTED) {
			program->began_us = now_us();
			program->held_since_ms = *cgi->streams->now_ms; /* its time starts now */
			program->held_ms = 0;
			count(&cgi->counters[program->rule].started, 1);
			continue;
		}
		if (result.kind == TUX_SPAWN_DUE) {
			give_time(program);
			continue;
		}
		count_end(program, &result);
		if (result.kind == TUX_SPAWN_ENDED || tux_spawn_failure_status(&result) >= 500)
			say_end(cgi, program, &result);
		if (result.kind == TUX_SPAWN_FAILED)
			end_program(program, (uint16_t)tux_spawn_failure_status(&result), because_of(WHY_SPAWN, result.step, result.error));
		else
			end_program(program, result.end == TUX_SPAWN_BY_TIME ? 504 : 502, cause_of_end(&result));
	}
}

void cgi_free(struct cgi *cgi)
{
	while (cgi->first != NULL) {
		struct cgi_program *program = cgi->first;

		cgi->first = program->next;
		free(program);
	}
}
