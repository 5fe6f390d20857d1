/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A keeper is the parent of one CGI program, and of all that the program leaves behind: processes whose parent ends become the
 * keeper's (PR_SET_CHILD_SUBREAPER), whatever session and group they have. When the program ends, the keeper kills them all, and then
 * ends itself.
 */
#ifndef TUX_PROGRAM_CGI_KEEPER_H
#define TUX_PROGRAM_CGI_KEEPER_H

#include "cgi.h"

/* What the keeper tells the spawner, in memory that both share. Zero-initialize before use. */
struct tux_keeper_report {
	struct tux_cgi_failure failure; /* why the process did not become the program */
	pid_t pid;                      /* of the program */
	bool ended;                     /* what follows is set */
	int status;                     /* what wait(2) gave */
	uint64_t cpu_us;                /* user and system, of the program and all others */
	uint64_t max_rss_bytes;         /* the most that one of them has had in memory */
};

/*
 * Starts a keeper and its program. Called by the spawner, with all signals blocked. fd are the program's standard streams, all of them
 * above 2. number is written to news_fd, 4 bytes, when the program is started or has failed to start. Returns the keeper's process, or
 * -1 with errno.
 */
pid_t tux_keeper_start(const struct tux_cgi_rule *rule, struct tux_spawn_request *request, const int fd[TUX_SPAWN_STREAMS],
                       struct tux_keeper_report *report, int news_fd, uint32_t number);

/* Has the program and its process group told to end. */
void tux_keeper_terminate(pid_t keeper);

/* Has the program and all that it has started killed. */
void tux_keeper_kill(pid_t keeper);

#endif
