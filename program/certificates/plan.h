/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The automatic certificates of a configuration: one for each host, and where in the store it is. */
#ifndef TUX_PROGRAM_CERTIFICATES_PLAN_H
#define TUX_PROGRAM_CERTIFICATES_PLAN_H

#include "../settings/automatic.h"
#include "x509.h"

#define TUX_FOLDER_LOCAL "certificates/local"         /* signed by TUX's own authority */
#define TUX_FOLDER_TEMPORARY "certificates/temporary" /* in use until a public authority has signed another one */

/* A certificate that TUX gets itself. */
struct tux_automatic {
	bool internal;       /* TUX's own authority signs; acme is unused */
	struct tux_acme acme; /* without NULL in directory */
	const char **name;   /* malloc'ed; the texts are those of the hosts */
	unsigned count;
	char folder[300];    /* in the store */
	char file[300];      /* in the folder */
};

/* Zero-initialize before use. Points into the settings. */
struct tux_certificate_plan {
	struct tux_automatic *certificate; /* malloc'ed */
	unsigned count;
};

/*
 * Lists the certificates of all hosts. Hosts with the same first name, at different addresses, share one. Returns false with a sentence in
 * error; free the plan also then.
 */
bool tux_plan_make(struct tux_certificate_plan *plan, struct tux_settings *settings, char *error, size_t error_size);

void tux_plan_free(struct tux_certificate_plan *plan);

/* Returns the certificate of a host; NULL if it has none. */
const struct tux_automatic *tux_plan_find(const struct tux_certificate_plan *plan, const struct tux_settings *settings, const struct tux_host_settings *host);

/* Returns the names of a certificate. */
struct tux_names tux_automatic_names(const struct tux_automatic *automatic);

#endif
