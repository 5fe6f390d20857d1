/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Server-sent events: the time, every second, to any number of clients, without a thread for each.
 * In a page: new EventSource("/clock").onmessage = event => console.log(event.data)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tux/module.h>

static uint32_t interval_ms = 1000;

static int load(void)
{
	const char *interval = tux_conf("interval-ms");

	if (interval != NULL)
		interval_ms = (uint32_t)strtoul(interval, NULL, 10);
	return 0;
}

/* Writes an event, and waits for the next one. A client that does not read gets no event until it does. */
static enum tux_result resumed(struct tux_req *req)
{
	const time_t now = time(NULL);
	struct tm utc;
	char text[64];
	size_t len;
	int taken;

	gmtime_r(&now, &utc);
	len = strftime(text, sizeof(text), "data: %FT%TZ\n\n", &utc);
	taken = tux_stream_write(req, text, (uint32_t)len);
	if (taken < 0)
		return (enum tux_result)taken;
	if (taken < (int)len) { /* part of an event: the client connects again */
		tux_stream_cut(req);
		return TUX_DONE;
	}
	return (enum tux_result)tux_resume_after(req, interval_ms);
}

static enum tux_result handle(struct tux_req *req)
{
	const int error = tux_add_field(req, "Cache-Control", "no-store");

	if (error == 0 && tux_stream_begin(req, 200, "text/event-stream", -1) == 0)
		return resumed(req);
	return TUX_FAIL;
}

TUX_MODULE(clock, .handle = handle, .resumed = resumed, .load = load);
