/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives each request to the secondary server. REDIRECT_REQ. */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

int TUXAPI_handle_events(user_req_t *req)
{
	return tux(TUX_ACTION_REDIRECT_REQ, req);
}
