/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "call_fetch.h"

#include <stdlib.h>

void call_fetch_free(struct call_fetch *fetch)
{
	if (fetch == NULL)
		return;
	buffer_forget(&fetch->octets);
	buffer_forget(&fetch->body);
	buffer_forget(&fetch->answer_octets);
	buffer_forget(&fetch->content);
	free(fetch);
}
