/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a station, and its end. */
#include "station.h"

#include <string.h>
#include <unistd.h>

#include "../io/error_log.h"
#include "../io/print.h"

enum { FAILED = 1 }; /* exit status */

void station_die(const struct station *station, const char *text)
{
	char front[128];

	print(front, sizeof(front), "module %s:", station->loaded->config->name);
	say(front, text, (uint32_t)strlen(text));
	_exit(FAILED);
}

void station_wake_server(struct station *station)
{
	static const char one = 1;

	(void)!write(station->server_fd, &one, 1);
}

bool station_write(struct station *station, const struct tux_req *call, enum wire_kind kind, uint8_t flags, const void *at, uint32_t len)
{
	struct wire_record record = { .kind = (uint8_t)kind, .flags = flags, .slot = call->slot, .generation = station->seat[call->slot].generation };
	const struct wire_part part = { at, len };

	if (!wire_write(&station->out, &record, &part, 1))
		return false;
	station->wrote = true;
	return true;
}
