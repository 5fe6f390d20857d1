/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gets a certificate from a public authority (ACME, RFC 8555) by uacme(1), as a user of its own, in a directory of its own. uacme gets the
 * key of the account and a request for the certificate. It never gets the key of the certificate.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_UACME_H
#define TUX_PROGRAM_CERTIFICATES_UACME_H

#include "../../engine/challenges.h"
#include "../confine/user.h"
#include "plan.h"

/* The surroundings of a run. */
struct tux_issuing {
	const struct tux_store *store;
	const struct tux_user *user; /* of the server process; also of uacme if no unused user id is available */
	const char *thumbprint; /* of the key of the account, set by tux_uacme_issue() */
	struct challenges *challenges; /* of this server */
	enum tux_challenge challenge;  /* for certificates whose setting is auto */
	int end_fd; /* readable: the supervisor has closed its end, so stop at once */
};

enum tux_issued { TUX_ISSUED, TUX_NOT_ISSUED, TUX_ISSUE_STOPPED };

/*
 * Gets a certificate and writes it to the store. Takes seconds, or minutes. The process has one thread and no other children, and inherits those
 * of ended ones (PR_SET_CHILD_SUBREAPER). With TUX_NOT_ISSUED a sentence is in error.
 */
enum tux_issued tux_uacme_issue(const struct tux_issuing *issuing, const struct tux_automatic *wanted, char *error, size_t error_size);

/* Kills the processes that uacme has left, even those that have left its process group: this process has inherited them, and has no others. */
void tux_uacme_children_end(void);

#endif
