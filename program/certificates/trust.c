/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "x509.h"

/* Reads the certificate, without the key. Returns false after an error message. */
static bool authority_read(const struct tux_store *store, struct tux_pem *certificate)
{
	const int directory = tux_store_directory(store, "authority", false);
	struct tux_pem authority = { NULL, 0 };
	bool done = directory >= 0 && tux_store_read(directory, "authority.pem", &authority);
	const int saved = errno;

	if (directory >= 0)
		close(directory);
	if (!done && saved == ENOENT)
		fprintf(stderr, "tux: there is no authority in %s yet: `tux serve --tls localhost` makes one\n", store->path);
	else if (!done)
		fprintf(stderr, "tux: cannot read %s/authority/authority.pem: %s\n", store->path, strerror(saved));
	else if (!(done = tux_certificate_copy(&authority, certificate)))
		fprintf(stderr, "tux: %s/authority/authority.pem: it has no certificate\n", store->path);
	tux_pem_free(&authority);
	return done;
}

int tux_trust(const char *state_directory, FILE *out, FILE *help)
{
	const struct tux_names none = { NULL, 0 };
	struct tux_certificate_facts facts = { .end = 0 };
	struct tux_pem certificate = { NULL, 0 };
	struct tux_store store;
	char error[512], fingerprint[96], until[32] = "";
	bool done;
	time_t end;

	if (!tux_store_open(&store, state_directory, false, error, sizeof(error))) {
		fprintf(stderr, "tux: %s%s\n", error,
		        geteuid() != 0 && !state_directory ? "; that of a server of root: sudo tux trust" : "");
		return EXIT_FAILURE;
	}
	done = authority_read(&store, &certificate);
	if (done) {
		tux_certificate_fingerprint(&certificate, fingerprint);
		tux_certificate_examine(&certificate, &none, NULL, &facts);
		end = (time_t)facts.end;
		strftime(until, sizeof(until), "%Y-%m-%d", gmtime(&end));
		fprintf(help,
		        "TUX's authority on this machine. It can sign only for localhost, .local, .internal, .home.arpa, .test,\n"
		        ".lan and private addresses. It is valid until %s; its SHA-256 fingerprint is\n%s\n\n"
		        "  save it            tux trust >tux-authority.crt\n"
		        "  curl, once         curl --cacert tux-authority.crt https://localhost%s/\n"
		        "  Debian             sudo cp tux-authority.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates\n"
		        "  Chromium, Chrome   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n TUX -i tux-authority.crt   (libnss3-tools)\n"
		        "  Firefox            Settings, Certificates, View Certificates, Authorities, Import\n\n",
		        until, fingerprint, geteuid() != 0 ? ":8443" : ""); /* the ports of servers of root, and of others */
		done = fwrite(certificate.text, 1, certificate.len, out) == certificate.len && fflush(out) == 0;
	}
	tux_pem_free(&certificate);
	tux_store_close(&store);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
