/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../stats/report.h"
#include "../stats/status_query.h"
#include "../stats/totals.h"
#include "error_page.h"

/* Makes 128 random bits in hexadecimal. */
static bool nonce_make(char nonce[33])
{
	uint8_t octets[16];

	if (getrandom(octets, sizeof(octets), GRND_NONBLOCK) != (ssize_t)sizeof(octets))
		return false;
	for (unsigned i = 0; i < sizeof(octets); i++)
		snprintf(nonce + 2 * i, 3, "%02x", octets[i]);
	return true;
}

/* False for a Host that another site could make a browser send (DNS rebinding). Browsers do not reach Unix sockets. */
static bool host_permits(const struct request *req)
{
	char machine[HOST_NAME_MAX + 1] = "";

	if (req->client->port == 0 || gethostname(machine, sizeof(machine) - 1) != 0)
		return true;
	return status_query_host_permits(&req->thread->config->names, req->client->listener, req->bytes, req->head.host, machine);
}

enum response_step status_report(struct request *req, const struct tux_status_route *route)
{
	const struct totals *totals = req->thread->totals;
	struct body_source body = response_no_body();
	enum tux_report_form form;
	struct tux_head head;
	char nonce[33];
	size_t len;
	char *text;

	if (!status_query_permits(route, req->client->address, req->client->port))
		return error_page_failure(req, 403, because(WHY_STATUS_CLIENT, 0));
	if (!host_permits(req))
		return error_page_failure(req, 403, because(WHY_STATUS_HOST, 0));
	if (!status_query_form(req->bytes, &req->head, &form))
		return error_page_status(req, 400);
	text = nonce_make(nonce) ? totals_report(totals, form, nonce, &len) : NULL;
	if (text == NULL)
		return error_page_failure(req, 503, because(WHY_STATUS_PAGE, errno));
	req->cause = because(WHY_STOPPING, 0);
	head = response_head(req, form == TUX_REPORT_READY && !totals_ready(totals) ? 503 : 200);
	head.extra = tux_fields_added(req->fields, 500, req->client->secure); /* without Cache-Control */
	head.nonce = (struct tux_text){ nonce, sizeof(nonce) - 1 };
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = len;
	head.type = (struct tux_text){ report_type(form), (uint32_t)strlen(report_type(form)) };
	body.count = 1;
	body.one = (struct body_part){ .memory = (uint8_t *)text, .len = len };
	body.text = (uint8_t *)text;
	return response_send(req, &head, &body);
}
