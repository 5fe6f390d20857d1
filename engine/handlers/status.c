/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../log/access_record.h"
#include "../output.h"
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
static bool host_permits(const struct conn *conn, const uint8_t *buf)
{
	char machine[HOST_NAME_MAX + 1] = "";

	if (conn->port == 0 || gethostname(machine, sizeof(machine) - 1) != 0)
		return true;
	return status_query_host_permits(&conn->worker->config->hosts, conn->listener, buf, conn->worker->request.host, machine);
}

enum response_step status_report(struct conn *conn, const uint8_t *buf, const struct tux_status_route *route)
{
	struct worker *worker = conn->worker;
	enum tux_report_form form;
	struct tux_head head;
	char nonce[33];
	uint32_t head_len;
	size_t len;
	char *text;

	if (!status_query_permits(route, conn->address, conn->port))
		return error_page_failure(conn, buf, 403, because(WHY_STATUS_CLIENT, 0));
	if (!host_permits(conn, buf))
		return error_page_failure(conn, buf, 403, because(WHY_STATUS_HOST, 0));
	if (!status_query_form(buf, &worker->request, &form))
		return error_page_status(conn, buf, 400);
	text = nonce_make(nonce) ? totals_report(worker->tally, form, nonce, &len) : NULL;
	if (text == NULL)
		return error_page_failure(conn, buf, 503, because(WHY_STATUS_PAGE, errno));
	conn->cause = because(WHY_STOPPING, 0);
	head = response_head(conn, form == TUX_REPORT_READY && !totals_ready(worker->tally) ? 503 : 200);
	head.extra = conn->fields->lines;
	head.nonce = (struct tux_text){ nonce, sizeof(nonce) - 1 };
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = len;
	head.type = (struct tux_text){ report_type(form), (uint32_t)strlen(report_type(form)) };
	head_len = response_queue_head(conn, &head, 0);
	if (head_len == 0) {
		free(text);
		return error_page_no_room(conn, buf, &head);
	}
	if (response_wants_body(worker)) {
		output_body(conn, NULL, -1, (struct body_part){ .memory = (uint8_t *)text, .len = len });
		conn->source.text = (uint8_t *)text;
	} else {
		free(text);
	}
	access_record_answer(conn, buf, head.status, head_len + output_left(conn));
	return RESPONSE_QUEUED;
}
