/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A keeper is the parent of one CGI program, and of all that the program leaves behind: processes whose parent ends become the
 * keeper's (PR_SET_CHILD_SUBREAPER), whatever session and group they have. When the program ends, the keeper kills them all. If they all
 * have ended, the keeper waits for its next program: a new keeper for each costs more CPU time than a small program does.
 */
#ifndef TUX_PROGRAM_CGI_KEEPER_H
#define TUX_PROGRAM_CGI_KEEPER_H

#include "cgi.h"

/* In the spawner. Zero-initialize before use. */
struct tux_keeper {
	pid_t pid;    /* 0: no keeper */
	int order_fd; /* the socket that orders go to; the keeper ends when it is closed */
};

/* Message of a keeper: its program has started or failed to start, or all processes of the program have ended. */
struct tux_keeper_news {
	uint32_t number; /* of the keeper */
	uint32_t ended;
};

/* Report of a keeper about its program, in memory shared with the spawner. Zero-initialize before each program. */
struct tux_keeper_report {
	struct tux_cgi_failure failure; /* why the process did not become the program */
	pid_t pid;                      /* of the program */
	bool ended;                     /* what follows is set */
	int status;                     /* what wait(2) gave */
	uint64_t cpu_us;                /* user and system, of the program and all others */
	uint64_t max_rss_bytes;         /* the most that one of them has had in memory */
};

/*
 * Starts a keeper for programs of these rules, one after another. Called by the spawner, with all signals blocked. The keeper writes to
 * news_fd. If not all of a program ends, the keeper ends without that news. Returns false with errno.
 */
bool tux_keeper_start(struct tux_keeper *keeper, const struct tux_cgi_rule *rules, struct tux_keeper_report *report, int news_fd,
                      uint32_t number);

/* Has the keeper start the program of a START message. fd are the program's standard streams. Returns false with errno. */
bool tux_keeper_order(const struct tux_keeper *keeper, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS]);

/* Has a keeper end after its program, or now if it has none, and forgets it. */
void tux_keeper_release(struct tux_keeper *keeper);

/* Has the program and its process group told to end. */
void tux_keeper_terminate(pid_t keeper);

/* Has the program and all that it has started killed. */
void tux_keeper_kill(pid_t keeper);

#endif
