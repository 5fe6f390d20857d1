/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spawner's keepers: one place for each program that may run. After its program a keeper stays idle in its place for the next
 * one.
 */
#ifndef TUX_PROGRAM_CGI_KEEPERS_H
#define TUX_PROGRAM_CGI_KEEPERS_H

#include "keeper.h"

struct tux_keepers {
	struct tux_keeper *keeper;        /* of each place */
	struct tux_keeper_report *report; /* of each place; memory shared with the keepers */
	const struct tux_cgi_rule *rules;
	unsigned count;                   /* places */
	unsigned idle;                    /* keepers without a program */
	int news_fd;                      /* write end of the keepers' pipe */
};

/* Allocates count places. rules and news_fd stay the caller's. Returns false with errno. */
bool tux_keepers_make(struct tux_keepers *keepers, unsigned count, const struct tux_cgi_rule *rules, int news_fd);

/*
 * Starts the program of a START message in a free place, with the idle keeper there if there is one. fd are the program's standard
 * streams. Returns false with errno.
 */
bool tux_keepers_use(struct tux_keepers *keepers, unsigned at, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS]);

/* Keeps a keeper for the next program if again is set and few are idle; else releases it. Call it after its program has ended. */
void tux_keepers_done(struct tux_keepers *keepers, unsigned at, bool again);

/* Forgets a keeper whose process was reaped. idle: it had no program. */
void tux_keepers_lost(struct tux_keepers *keepers, unsigned at, bool idle);

/* Returns the place of a keeper's process; count if the process is no keeper. */
unsigned tux_keepers_find(const struct tux_keepers *keepers, pid_t pid);

/* Closes the sockets of all keepers: each ends after its program. */
void tux_keepers_close(const struct tux_keepers *keepers);

#endif
