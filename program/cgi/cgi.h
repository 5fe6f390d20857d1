/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kind of CGI program as it is started: what struct tux_cgi says, looked up once; and how a process becomes one. */
#ifndef TUX_PROGRAM_CGI_CGI_H
#define TUX_PROGRAM_CGI_CGI_H

#include <sys/resource.h>

#include "../../engine/config.h"
#include "../../engine/backend/spawner_client.h"
#include "../confine/privileges.h"

enum {
	TUX_CGI_RLIMITS = 6,
};

struct tux_cgi_rule {
	const struct tux_cgi *cgi;
	struct tux_user user;                    /* change: it is another than the server's */
	const char *own[2 * TUX_MAX_CGI_TEXTS + 1]; /* "NAME=value", which stand in front of a request's */
	unsigned owns;
	char directory[4096];                    /* of the program; unused with a root */
	struct {
		int resource;
		struct rlimit limit;
	} rlimit[TUX_CGI_RLIMITS];
	unsigned rlimits;
};

/* Why a process did not become a program. */
struct tux_cgi_failure {
	uint32_t step; /* enum tux_spawn_step; TUX_SPAWN_AT_NOTHING: it did */
	int32_t error;
};

/*
 * Looks up what a rule needs: its user, who is not to be the server's without root; the server's environment. Before privileges are
 * given up. False with a sentence in error. The rule points into cgi and the environment.
 */
bool tux_cgi_rule_make(struct tux_cgi_rule *rule, const struct tux_cgi *cgi, const struct tux_user *server, char *error,
                       size_t error_size);

/* The kernel's limits for the rule's programs, no higher than those of this process now. */
void tux_cgi_rule_limit(struct tux_cgi_rule *rule);

/*
 * In a new process, which may share its memory with the one that made it: becomes the program, or writes why not to failure and exits.
 * fd are its standard streams, all of them above 2. parent is who started it, whose end is its end.
 */
void __attribute__((noreturn)) tux_cgi_become(const struct tux_cgi_rule *rule, struct tux_spawn_request *request,
                                              const int fd[TUX_SPAWN_STREAMS], pid_t parent, struct tux_cgi_failure *failure);

#endif
