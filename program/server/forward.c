/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "forward.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../engine/tls/client.h"
#include "secret.h"

enum { ERROR_MAX = 512 };

bool tux_forward_make(struct tux_forward *forward, const struct tux_settings *settings, struct tux_engine_config *config, char *error,
                      size_t error_size)
{
	int number;

	if (!tux_upstreams_copy(&forward->table, &settings->upstreams, error, error_size))
		return false;
	if (settings->handover_port != 0) {
		snprintf(forward->handover_name, sizeof(forward->handover_name), "127.0.0.1:%u", settings->handover_port);
		number = tux_upstreams_find(&forward->table, forward->handover_name, error, error_size);
		if (number < 0)
			return false;
		forward->handover = (struct tux_route){ .handler = TUX_HANDLER_UPSTREAM, .argument = (uint32_t)number };
		config->handover = &forward->handover;
	}
	config->upstreams = forward->table.upstream;
	config->upstream_count = forward->table.count;
	return true;
}

/* Finds the file with the system's authorities, whose path depends on the distribution, and writes its path. Returns false if there is none. */
static bool system_file(char *path, size_t size)
{
	static const char *const usual[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
		                             "/etc/ssl/ca-bundle.pem" };
	const char *const chosen = getenv(X509_get_default_cert_file_env());
	unsigned i;

	if (chosen && *chosen) {
		snprintf(path, size, "%s", chosen);
		return strlen(chosen) < size;
	}
	snprintf(path, size, "%s", X509_get_default_cert_file());
	for (i = 0; access(path, F_OK) < 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		snprintf(path, size, "%s", usual[i]);
	return access(path, F_OK) == 0;
}

/* Reads authorities. Returns NULL with a sentence in error. */
static X509_STORE *authorities_read(const char *path, char *error, size_t error_size)
{
	struct tux_secret file;
	X509_STORE *authorities = NULL;

	if (tux_secret_read(&file, "ca", path, error, error_size))
		authorities = tux_tls_authorities_read(&file.pem, error, error_size);
	tux_secret_free(&file);
	return authorities;
}

/* Returns the authorities of the system, which stay with the structure; NULL with a sentence in error. */
static X509_STORE *system_authorities(struct tux_forward *forward, char *error, size_t error_size)
{
	char path[256];

	if (forward->system)
		return forward->system;
	if (system_file(path, sizeof(path)))
		forward->system = authorities_read(path, error, error_size);
	else
		snprintf(error, error_size, "there is no file of the system's authorities (Debian: package ca-certificates); set ca, or verify off");
	return forward->system;
}

/* Sets the certificate of a client. */
static bool client_identify(struct tls_client *client, const struct tux_upstream_tls *files, char *error, size_t error_size)
{
	struct tux_secret_pair pair;
	bool done = tux_secret_pair_read(&pair, files->certificate, files->key, files->password, error, error_size);

	if (done)
		tux_secret_pair_warn(&pair);
	done = done && tux_tls_client_identify(client, &pair.certificate.pem, &pair.key.pem, error, error_size);
	tux_secret_pair_free(&pair);
	return done;
}

/* Like client_identify(), for a key in the process of keys, if that can have it. */
static bool client_identify_remote(struct tux_keys *keys, struct tls_client *client, const struct tux_upstream_tls *files, char *error,
                                   size_t error_size)
{
	struct tls_pem pem;
	uint32_t number;
	const enum tls_key_result result = tux_keys_read(keys, files->certificate, files->key, files->password, true, &pem, &number, error, error_size);

	if (result == TLS_KEY_FOREIGN)
		return client_identify(client, files, error, error_size);
	return result == TLS_KEY_HELD && tux_tls_client_identify_remote(client, &pem, number, error, error_size);
}

/* Makes the settings of connections. Returns NULL with a sentence in error. */
static struct tls_client *client_make(struct tux_forward *forward, const struct tux_upstream_tls *files, char *error, size_t error_size)
{
	X509_STORE *const own = files->ca ? authorities_read(files->ca, error, error_size) : NULL;
	X509_STORE *const authorities = files->unverified ? NULL : files->ca ? own : system_authorities(forward, error, error_size);
	struct tls_client *client = NULL;

	if (authorities || (files->unverified && !(files->ca && !own)))
		client = tux_tls_client_new(authorities, files->ca != NULL, error, error_size);
	tux_tls_authorities_free(own); /* the client has a reference */
	if (!client || !files->certificate ||
	    (forward->keys ? client_identify_remote(forward->keys, client, files, error, error_size) :
	                     client_identify(client, files, error, error_size)))
		return client;
	tux_tls_client_free(client);
	return NULL;
}

/* True if OpenSSL verifies exactly this name: one with a dot in front would stand for all that end so. */
static bool name_is_exact(const char *name, size_t len)
{
	return len == 0 || name[0] != '.';
}

/* Finds out whether the settings of an upstream fit its servers. Returns false with a sentence in error. */
static bool upstream_fits(const struct tux_upstream *upstream, char *error, size_t error_size)
{
	const struct tux_upstream_tls *const files = &upstream->files;
	unsigned i = 0;

	if (!tux_upstream_has_tls(upstream)) {
		snprintf(error, error_size, "no server of it begins with https://, so ca, certificate, key, tls-name and verify have no use");
		return !files->ca && !files->certificate && !files->key && !files->password && !files->name && !files->unverified;
	}
	if (files->name && strlen(files->name) >= TLS_NAME_BYTES) {
		snprintf(error, error_size, "tls-name has more than %d bytes", TLS_NAME_BYTES - 1);
		return false;
	}
	if (files->name && !name_is_exact(files->name, strlen(files->name))) {
		snprintf(error, error_size, "tls-name \"%s\" begins with a dot", files->name);
		return false;
	}
	if ((files->key || files->password) && !files->certificate) {
		snprintf(error, error_size, "%s needs a certificate", files->key ? "key" : "key-password-file");
		return false;
	}
	for (; i < upstream->server_count; i++) {
		const struct tux_upstream_server *const server = &upstream->server[i];

		if (!server->tls || files->name || files->unverified)
			continue;
		if (server->host_len > 0 && name_is_exact(server->name + server->host_at, server->host_len))
			continue;
		snprintf(error, error_size, "server \"%s\" has no name to verify: set tls-name", server->name);
		return false;
	}
	return true;
}

static bool client_add(struct tux_forward *forward, struct tux_upstream *upstream, char *error, size_t error_size)
{
	struct tls_client *const client = client_make(forward, &upstream->files, error, error_size);
	struct tls_client **const all = client ? realloc(forward->client, (forward->client_count + 1) * sizeof(struct tls_client *)) : NULL;

	if (client && !all) {
		tux_tls_client_free(client);
		snprintf(error, error_size, "no memory for TLS to servers");
	}
	if (!all)
		return false;
	forward->client = all;
	all[forward->client_count++] = client;
	forward->has_key = forward->has_key || upstream->files.certificate;
	upstream->tls = client;
	return true;
}

bool tux_forward_open_tls(struct tux_forward *forward, const char *file, char *error, size_t error_size)
{
	char reason[ERROR_MAX];
	unsigned i;

	for (i = 0; i < forward->table.count; i++) {
		struct tux_upstream *const upstream = &forward->table.upstream[i];

		if (upstream_fits(upstream, reason, sizeof(reason)) &&
		    (!tux_upstream_has_tls(upstream) || client_add(forward, upstream, reason, sizeof(reason))))
			continue;
		if (file && upstream->files.line > 0)
			snprintf(error, error_size, "%s:%u: upstream %s: %s", file, upstream->files.line, upstream->name, reason);
		else
			snprintf(error, error_size, "upstream %s: %s", upstream->name, reason);
		return false;
	}
	return true;
}

bool tux_forward_fits(const struct tux_upstream *upstream, char *error, size_t error_size)
{
	struct tux_forward forward = { .client = NULL };
	char reason[ERROR_MAX];
	struct tls_client *const client = client_make(&forward, &upstream->files, reason, sizeof(reason));
	const bool fits = client != NULL;

	if (!fits)
		snprintf(error, error_size, "upstream %s: %s", upstream->name, reason);
	tux_tls_client_free(client);
	tux_forward_close(&forward);
	return fits;
}

void tux_forward_close(struct tux_forward *forward)
{
	while (forward->client_count > 0)
		tux_tls_client_free(forward->client[--forward->client_count]);
	free(forward->client);
	tux_tls_authorities_free(forward->system);
	tux_upstreams_free(&forward->table);
	*forward = (struct tux_forward){ .client = NULL };
}

/* True unless a process of its own has to have the key of an upstream, and cannot. Returns false with a sentence in error. */
static bool key_fits(const struct tux_settings *settings, const struct tux_upstream *upstream, char *error, size_t error_size)
{
	const struct tux_upstream_tls *const files = &upstream->files;

	return settings->key_process != TUX_KEY_PROCESS_ON || !files->certificate ||
	       tux_keys_can_have(files->certificate, files->key, files->password, error, error_size);
}

unsigned tux_forward_check(const struct tux_settings *settings, const char *path, FILE *errors)
{
	struct tux_forward forward = { .client = NULL };
	char error[ERROR_MAX];
	unsigned wrong = 0, i;

	for (i = 0; i < settings->upstreams.count; i++) {
		const struct tux_upstream *const upstream = &settings->upstreams.upstream[i];
		const bool fits = upstream_fits(upstream, error, sizeof(error)) && key_fits(settings, upstream, error, sizeof(error));
		struct tls_client *const client = fits && tux_upstream_has_tls(upstream) ? client_make(&forward, &upstream->files, error, sizeof(error)) :
		                                                                            NULL;

		tux_tls_client_free(client);
		if (fits && (client || !tux_upstream_has_tls(upstream)))
			continue;
		if (upstream->files.line > 0)
			fprintf(errors, "%s:%u: upstream %s: %s\n", path, upstream->files.line, upstream->name, error);
		else
			fprintf(errors, "%s: upstream %s: %s\n", path, upstream->name, error);
		wrong++;
	}
	tux_forward_close(&forward);
	return wrong;
}
