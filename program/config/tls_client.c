/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls_client.h"

/* Sets one value of the block. */
static void value_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *value, struct tux_client_demand *demand)
{
	const char *const text = reading_text(reading, value, value->key);
	char error[CONFIG_ERROR_MAX];

	if (text && !tux_option_set(option, demand, text, error, sizeof(error)))
		reading_wrong(reading, value->key, "%s", error);
}

void tls_client_apply(struct reading *reading, const ucl_object_t *first)
{
	struct tux_client_demand demand = { .line = reading_line(reading, first->key) };
	const unsigned before = reading->wrong;
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;

	if (ucl_object_type(first) != UCL_OBJECT || first->next) {
		reading_wrong(reading, first->key, "tls-client needs { } with the authorities of clients, once: tls-client { ca \"/etc/tux/clients.pem\" }");
		return;
	}
	while ((key = ucl_object_iterate(first, &each, true))) {
		const struct tux_option *const option = reading_option(reading, key, "tls-client", TUX_SCOPE_TLS_CLIENT);

		if (option && reading_once(reading, key))
			value_apply(reading, option, key, &demand);
	}
	if (reading->wrong != before)
		return;
	if (!demand.ca == (demand.verify != TUX_CLIENT_OFF))
		reading_wrong(reading, first->key, "tls-client needs a ca, or verify off alone");
	else
		reading->host->tls_client = demand;
}
