/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../backend/fetch.h"
#include "../modules/call_fetch.h"

/* A fetch under way. */
struct module_fetch {
	struct fetch *fetch;
	struct fetch_answer answer;
};

int module_find_upstream(const struct tux_req *call, const char *name)
{
	const struct tux_engine_config *config = call->calls->thread->config;

	for (unsigned i = 0; i < config->upstream_count; i++)
		if (strcmp(config->upstreams[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* Gives the answer to the module. */
static void take_answer(struct tux_req *call)
{
	struct module_fetch *running = call->fetching;
	struct call_fetch *fetch = call->fetch;

	fetch->error = running->answer.error;
	fetch->answer = running->answer.head;
	fetch->answer_octets = running->answer.octets;
	fetch->content = running->answer.content;
	call->fetching = NULL;
	free(running);
}

static void done(void *owner)
{
	struct tux_req *call = owner;

	fetch_end(call->fetching->fetch);
	take_answer(call);
	call->wait.over = true;
	call->req->sink->resume(call->req);
}

bool module_fetch_begin(struct tux_req *call)
{
	struct call_fetch *fetch = call->fetch;
	const struct fetch_order order = {
		.upstream = fetch->upstream,
		.head = &fetch->head,
		.octets = { fetch->octets.data, fetch->octets.len },
		.body = { fetch->body.data, fetch->body.len },
		.max_bytes = fetch->max_bytes,
	};

	call->fetching = calloc(1, sizeof(*call->fetching));
	if (call->fetching == NULL) {
		fetch->error = ENOMEM;
		return true;
	}
	call->fetching->fetch = fetch_start(call->req, &order, &call->fetching->answer, done, call);
	if (call->fetching->fetch != NULL)
		return false;
	take_answer(call);
	return true;
}

/* Forgets a fetch whose answer nobody wants. */
static void forget(struct tux_req *call)
{
	fetch_answer_forget(&call->fetching->answer);
	free(call->fetching);
	call->fetching = NULL;
}

void module_fetch_end(struct tux_req *call)
{
	if (call->fetching == NULL)
		return;
	fetch_end(call->fetching->fetch);
	forget(call);
}

void module_fetch_free(struct tux_req *call)
{
	if (call->fetching == NULL)
		return;
	fetch_free(call->fetching->fetch);
	forget(call);
}
