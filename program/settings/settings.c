/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

struct tux_host_settings *tux_settings_host_add(struct tux_settings *settings)
{
	struct tux_host_settings *host;

	if (settings->host_count == TUX_MAX_HOSTS)
		return NULL;
	host = settings->host;
	if ((settings->host_count & (settings->host_count - 1)) == 0) /* it doubles at each power of two */
		host = realloc(host, (settings->host_count > 0 ? 2 * (size_t)settings->host_count : 1) * sizeof(*host));
	if (!host)
		return NULL;
	settings->host = host;
	host += settings->host_count++;
	*host = (struct tux_host_settings){ 0 };
	return host;
}

unsigned tux_settings_listens(const struct tux_settings *settings, const char **specs)
{
	const struct tux_host_settings *host = settings->host_count > 0 ? settings->host : &settings->top;
	const struct tux_host_settings *const end = host + (settings->host_count > 0 ? settings->host_count : 1);
	unsigned i, k, count = 0;

	for (; host < end; host++)
		for (i = 0; i < host->listen_count; i++) {
			for (k = 0; k < count && strcmp(specs[k], host->listen[i]) != 0; k++)
				;
			if (k == count && count < TUX_MAX_LISTENERS)
				specs[count++] = host->listen[i];
		}
	return count;
}

bool tux_settings_have_certificates(const struct tux_settings *settings)
{
	unsigned i = 0;

	while (i < settings->host_count && settings->host[i].tls.count == 0)
		i++;
	return settings->top.tls.count > 0 || i < settings->host_count;
}

void tux_settings_free(struct tux_settings *settings)
{
	while (settings->host_count > 0)
		tux_host_free(&settings->host[--settings->host_count], &settings->top);
	free(settings->host);
	settings->host = NULL;
	tux_host_free(&settings->top, NULL);
	tux_cgis_free(&settings->cgis);
	tux_modules_free(&settings->modules);
	tux_upstreams_free(&settings->upstreams);
}
