/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A keeper is the parent of one CGI program. It becomes the parent of all processes that the program leaves behind, in any session
 * or group (PR_SET_CHILD_SUBREAPER). When the program ends, the keeper kills them all. If they all have ended, the keeper waits for
 * its next program. A new keeper for each program would cost more CPU time than a small program does.
 */
#ifndef TUX_PROGRAM_CGI_KEEPER_H
#define TUX_PROGRAM_CGI_KEEPER_H

#include "cgi.h"

/* A keeper as the spawner sees it. Zero-initialize before use. */
struct tux_keeper {
	pid_t pid;    /* 0 = no keeper */
	int order_fd; /* socket for orders; the keeper ends when it is closed */
};

/* Message of a keeper: its program has started or failed to start, or all processes of the program have ended. */
struct tux_keeper_news {
	uint32_t number; /* number of the keeper */
	uint32_t ended;
};

/* Report of a keeper about its program, in memory shared with the spawner. Zero-initialize before each program. */
struct tux_keeper_report {
	struct tux_cgi_failure failure; /* reason for which the process did not become the program */
	pid_t pid;                      /* process id of the program */
	bool ended;                     /* the members below are set */
	int status;                     /* as from wait(2) */
	uint64_t cpu_us;                /* user and system time of the program and its descendants */
	uint64_t max_rss_bytes;         /* largest resident set of any of them */
};

/*
 * Starts a keeper for programs of these rules, one after another. Called by the spawner, with all signals blocked. The keeper
 * writes its messages to news_fd. If some processes of a program do not end, the keeper exits without the final message. Returns
 * false with errno.
 */
bool tux_keeper_start(struct tux_keeper *keeper, const struct tux_cgi_rule *rules, struct tux_keeper_report *report, int news_fd,
                      uint32_t number);

/* Orders the keeper to start the program of a START message. fd are the program's standard streams. Returns false with errno. */
bool tux_keeper_order(const struct tux_keeper *keeper, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS]);

/* Lets a keeper end after its program, or immediately if it has none. Forgets the keeper. */
void tux_keeper_release(struct tux_keeper *keeper);

/* Orders the keeper to send SIGTERM to the program and its process group. */
void tux_keeper_terminate(pid_t keeper);

/* Orders the keeper to kill the program and all processes that it started. */
void tux_keeper_kill(pid_t keeper);

#endif
