/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kind of CGI program: its configuration (struct tux_cgi) with everything looked up in advance, and the start of a program. */
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
	struct tux_user user;                    /* change: differs from the server's user */
	const char *own[2 * TUX_MAX_CGI_TEXTS + 1]; /* "NAME=value"; they override a request's */
	unsigned owns;
	char directory[4096];                    /* directory of the program; unused with a root */
	struct {
		int resource;
		struct rlimit limit;
	} rlimit[TUX_CGI_RLIMITS];
	unsigned rlimits;
};

/* The reason for which a process did not become a program. */
struct tux_cgi_failure {
	uint32_t step; /* enum tux_spawn_step; TUX_SPAWN_AT_NOTHING = no failure */
	int32_t error;
};

/*
 * Looks up a rule's user, and its environment in the server's. Without root the user must be the server's. Call it before the
 * process drops its privileges. Returns false with a sentence in error. The rule points into cgi and the environment.
 */
bool tux_cgi_rule_make(struct tux_cgi_rule *rule, const struct tux_cgi *cgi, const struct tux_user *server, char *error,
                       size_t error_size);

/* The rules are an array of TUX_MAX_CGI; those without a kind are unused. Returns the highest descriptor of a module's file; -1 without any. */
int tux_cgi_rules_highest(const struct tux_cgi_rule *rules);

/* True if a descriptor is that of a module's file. */
bool tux_cgi_rules_have(const struct tux_cgi_rule *rules, int fd);

/*
 * Returns the capabilities that the rules need, one bit each (1 << CAP_...). *inherited: those that their programs need. *regain: programs may
 * gain privileges by an exec.
 */
uint64_t tux_cgi_rules_capabilities(const struct tux_cgi_rule *rules, uint64_t *inherited, bool *regain);

/* Sets the resource limits of the rule's programs, capped at those of this process. */
void tux_cgi_rule_limit(struct tux_cgi_rule *rule);

/*
 * Becomes the program, or writes the reason to failure and exits. Called in a new process, which may share its memory with its
 * parent. fd are its standard streams, all above 2. parent is the process that started it; the program is killed when parent ends.
 */
void __attribute__((noreturn)) tux_cgi_become(const struct tux_cgi_rule *rule, struct tux_spawn_request *request,
                                              const int fd[TUX_SPAWN_STREAMS], pid_t parent, struct tux_cgi_failure *failure);

#endif
