/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls.h"

#include "../../engine/io/listener.h"
#include "../settings/automatic.h"

/* Sets one value of a block. */
static void value_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *value, struct tux_certificate_files *files)
{
	const char *text = NULL; /* on */
	char error[CONFIG_ERROR_MAX];

	if (option->type == TUX_TYPE_SWITCH) {
		if (ucl_object_type(value) != UCL_BOOLEAN) {
			reading_wrong(reading, value->key, "%s is on or off", option->name);
			return;
		}
		text = ucl_object_toboolean(value) ? NULL : "off";
	} else {
		text = reading_text(reading, value, value->key);
		if (!text)
			return;
	}
	if (!tux_option_set(option, files, text, error, sizeof(error)))
		reading_wrong(reading, value->key, "%s", error);
}

/* Reads one block. */
static void block_apply(struct reading *reading, const ucl_object_t *block)
{
	struct tux_certificate_files files = { .line = reading_line(reading, block->key) };
	const ucl_object_t *key;
	ucl_object_iter_t each = NULL;
	const unsigned before = reading->wrong;

	if (ucl_object_type(block) != UCL_OBJECT) {
		reading_wrong(reading, block->key, "tls needs { } with a certificate: tls { certificate \"/etc/tux/cert.pem\"; key \"/etc/tux/key.pem\" }, or "
		              "tls { automatic on }");
		return;
	}
	while ((key = ucl_object_iterate(block, &each, true))) {
		const struct tux_option *const option = reading_option(reading, key, "tls", TUX_SCOPE_TLS);

		if (option && reading_once(reading, key))
			value_apply(reading, option, key, &files);
	}
	if (reading->wrong != before)
		return;
	if (!files.certificate && !files.automatic)
		reading_wrong(reading, block->key, "tls needs a certificate, or automatic on");
	else if (files.automatic && files.staple)
		reading_wrong(reading, block->key, "ocsp is for a certificate in a file, not for automatic on");
	else if (files.automatic && (files.certificate || files.key || reading->host->tls.count > 0))
		reading_wrong(reading, block->key, "automatic is on, so certificate and key have no use, and tls stands once");
	else if (!files.automatic && (files.email || files.directory || files.binding || files.challenge != TUX_CHALLENGE_AUTO))
		reading_wrong(reading, block->key, "email, directory, binding and challenge are for automatic on");
	else if (!tux_certificates_add(&reading->host->tls, files))
		reading_wrong(reading, block->key, "there are more than %d certificates of one host, or no memory for them", TUX_MAX_CERTIFICATES);
}

void tls_apply(struct reading *reading, const ucl_object_t *first)
{
	for (const ucl_object_t *block = first; block; block = block->next)
		block_apply(reading, block);
}

/* Reports each host that cannot have the automatic certificate that it is configured for. */
static void automatic_settle(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	char error[CONFIG_ERROR_MAX];
	unsigned i;

	if (settings->host_count == 0 && tux_automatic_of(&settings->top, &settings->top) && !tux_automatic_check(&settings->top, error, sizeof(error)))
		reading_wrong(reading, NULL, "%s", error);
	for (i = 0; i < settings->host_count; i++)
		if (tux_automatic_of(&settings->host[i], &settings->top) && !tux_automatic_check(&settings->host[i], error, sizeof(error)))
			reading_wrong(reading, reading->host_at[i], "%s", error);
}

/* Finds out whether there are addresses with TLS, and without. A host without addresses has those of the top. */
static void kinds_find(const struct tux_settings *settings, bool *secure, bool *plain)
{
	const struct tux_host_settings *host = settings->host_count > 0 ? settings->host : &settings->top;
	const struct tux_host_settings *const end = host + (settings->host_count > 0 ? settings->host_count : 1);

	*secure = *plain = false;
	for (; host < end; host++) {
		const struct tux_host_settings *const own = host->listen_count > 0 ? host : &settings->top;

		for (unsigned i = 0; i < own->listen_count; i++)
			*(tux_listener_has_tls(own->listen[i]) ? secure : plain) = true;
	}
}

/* Ends the visits at a host whose public names are verified at port 80. */
static bool is_verified_elsewhere(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files)
{
	const uint8_t challenge = files->challenge != TUX_CHALLENGE_AUTO ? files->challenge : ((const struct tux_settings *)owner)->acme.challenge;

	return challenge != TUX_CHALLENGE_HTTP || host->name_count == 0 || tux_name_is_internal(host->name[0]);
}

/* Reports a host whose addresses lack certificates, or whose redirects lack an address: TUX would not start with the file alone. */
static void addresses_check(struct reading *reading, const struct tux_host_settings *host, const char *at)
{
	const struct tux_host_settings *const top = &reading->settings->top;
	const struct tux_host_settings *const own = host->listen_count > 0 ? host : top;
	const struct tux_host_settings *const redirects = tux_options_said(host, "https-redirect") ? host : top;
	bool secure = own->listen_count == 0 && tux_settings_have_certificates(reading->settings); /* the default addresses */
	unsigned i;

	for (i = 0; i < own->listen_count && !secure; i++) {
		secure = tux_listener_has_tls(own->listen[i]);
		if (secure && host->tls.count == 0 && top->tls.count == 0)
			reading_wrong(reading, at, "there is no certificate for %s: tls { certificate FILE; key FILE }, or tls { automatic on }", own->listen[i]);
	}
	if (!secure && redirects->https_port == TUX_HTTPS_PORT_OWN)
		reading_wrong(reading, at, "https-redirect needs a listen that begins with https://, or a port in place of on");
}

void tls_settle(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	bool secure, plain, whole;

	automatic_settle(reading);
	whole = reading->check && reading->wrong == 0; /* otherwise a wrong value, which was reported, may be what is missing */
	for (unsigned i = 0; whole && i < settings->host_count; i++)
		addresses_check(reading, &settings->host[i], reading->host_at[i]);
	if (whole && settings->host_count == 0)
		addresses_check(reading, &settings->top, NULL);
	kinds_find(reading->settings, &secure, &plain);
	if (plain && !secure && tux_settings_have_certificates(reading->settings))
		reading_warn(reading, NULL, "the certificates of tls are not used: no listen begins with https://");
	if (secure && !plain && reading->wrong == 0 && !tux_automatic_each(reading->settings, is_verified_elsewhere, reading->settings))
		reading_warn(reading, NULL, "no listen is http://, but with http-01 certificate authorities verify names at port 80");
}
