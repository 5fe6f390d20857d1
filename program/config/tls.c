/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls.h"

#include "../../engine/io/listener.h"

/* Reads one block. */
static void block_apply(struct reading *reading, const ucl_object_t *block)
{
	struct tux_certificate_files files = { .line = reading_line(reading, block->key) };
	const ucl_object_t *key;
	ucl_object_iter_t each = NULL;
	char error[CONFIG_ERROR_MAX];
	const unsigned before = reading->wrong;

	if (ucl_object_type(block) != UCL_OBJECT) {
		reading_wrong(reading, block->key, "tls needs { } with a certificate: tls { certificate \"/etc/tux/cert.pem\"; key \"/etc/tux/key.pem\" }");
		return;
	}
	while ((key = ucl_object_iterate(block, &each, true))) {
		const struct tux_option *const option = reading_option(reading, key, "tls", TUX_SCOPE_TLS);
		const char *const text = option && reading_once(reading, key) ? reading_text(reading, key, key->key) : NULL;

		if (text && !tux_option_set(option, &files, text, error, sizeof(error)))
			reading_wrong(reading, key->key, "%s", error);
	}
	if (reading->wrong != before)
		return;
	if (!files.certificate)
		reading_wrong(reading, block->key, "tls needs a certificate");
	else if (!tux_certificates_add(&reading->host->tls, files))
		reading_wrong(reading, block->key, "there are more than %d certificates of one host, or no memory for them", TUX_MAX_CERTIFICATES);
}

void tls_apply(struct reading *reading, const ucl_object_t *first)
{
	for (const ucl_object_t *block = first; block; block = block->next)
		block_apply(reading, block);
}

void tls_settle(struct reading *reading)
{
	const char *specs[TUX_MAX_LISTENERS];
	const unsigned count = tux_settings_listens(reading->settings, specs);
	unsigned i = 0;

	while (i < count && !tux_listener_has_tls(specs[i]))
		i++;
	if (count > 0 && i == count && tux_settings_have_certificates(reading->settings))
		reading_warn(reading, NULL, "the certificates of tls are not used: no listen begins with https://");
}
