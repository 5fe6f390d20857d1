/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/request_write.h"
#include "../thread.h"
#include "call_fetch.h"
#include "reply_head.h"

enum {
	MAX_TARGET = 8192,         /* bytes of a target */
	DEFAULT_ANSWER = 1 << 20,  /* bytes of content, if the module has no limit */
	HEAD_ROOM = 64,            /* bytes of a head besides the texts of the module and the host */
};

/* Writes the head with a host, which may be empty, and parses it. Returns 0 or a negative errno. */
static int write_head(struct call_fetch *fetch, const struct tux_fetch_request *ask, struct tux_octets host)
{
	const struct tux_octets method = octets_of(ask->method != NULL ? ask->method : "GET"), target = octets_of(ask->target);
	const struct tux_octets fields = octets_of(ask->fields);
	uint32_t cap;
	uint8_t *room;

	if (method.len > MAX_TARGET || target.len > MAX_TARGET || host.len > MAX_TARGET || fields.len > TUX_MAX_HEAD)
		return -EINVAL;
	cap = method.len + target.len + host.len + fields.len + HEAD_ROOM;
	fetch->octets.len = 0;
	room = buffer_room(&fetch->octets, cap);
	if (room == NULL)
		return -ENOMEM;
	fetch->octets.len = tux_request_write(room, cap, method, target, host, fields);
	if (fetch->octets.len == 0 || tux_request_parse(room, fetch->octets.len, 0, &fetch->head) != TUX_PARSED ||
	    fetch->head.head_len != fetch->octets.len)
		return -EINVAL;
	return 0;
}

/* True if the module has a field that the server writes, or a method that no upstream gets. */
static bool contradicts(const struct tux_request *head)
{
	static const enum tux_field_name written[] = { TUX_FIELD_CONNECTION, TUX_FIELD_CONTENT_LENGTH, TUX_FIELD_EXPECT, TUX_FIELD_TRANSFER_ENCODING,
	                                               TUX_FIELD_UPGRADE };

	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		if (tux_request_field(head, written[i], 0) != 0)
			return true;
	return head->method == TUX_CONNECT;
}

/* Describes the body, whose length is len. */
static void set_framing(struct tux_request *head, uint64_t len)
{
	if (len == 0 && head->method != TUX_POST && head->method != TUX_PUT && head->method != TUX_PATCH)
		return;
	head->framing = TUX_FRAMING_LENGTH;
	head->content_length = len;
}

/* Prepares the head. Without a field Host of the module it has the host of the request. */
static int make_head(struct call_fetch *fetch, const struct tux_req *call, const struct tux_fetch_request *ask)
{
	const struct tux_span host = call->head->host;
	int error = write_head(fetch, ask, octets_of(NULL));

	if (error == -EINVAL)
		error = write_head(fetch, ask, host.len > 0 ? (struct tux_octets){ call->bytes + host.off, host.len } : octets_of("localhost"));
	if (error != 0)
		return error;
	if (contradicts(&fetch->head))
		return -EINVAL;
	set_framing(&fetch->head, ask->len);
	return 0;
}

/* Fills in a fetch. Returns 0 or a negative errno. */
static int make(struct call_fetch *fetch, const struct tux_req *call, const struct tux_fetch_request *ask)
{
	int upstream, error;

	if (ask->upstream == NULL || ask->target == NULL || ask->target[0] != '/' || (ask->body == NULL && ask->len > 0) ||
	    ask->max_answer > FETCH_MAX_ANSWER)
		return -EINVAL;
	if (ask->len > FETCH_MAX_BODY)
		return -EFBIG;
	upstream = call->calls->ops->find_upstream(call, ask->upstream);
	if (upstream < 0)
		return upstream;
	fetch->upstream = (unsigned)upstream;
	fetch->max_bytes = ask->max_answer > 0 ? ask->max_answer : DEFAULT_ANSWER;
	error = make_head(fetch, call, ask);
	if (error != 0)
		return error;
	return ask->len == 0 || buffer_keep(&fetch->body, ask->body, (uint32_t)ask->len) ? 0 : -ENOMEM;
}

/* Gives the call back until the answer is there, unless error says that the fetch is none. */
static int begin(struct tux_req *call, struct call_fetch *fetch, int error)
{
	if (error == 0)
		error = call_take_back(call, "tux_fetch");
	if (error != 0) {
		call_fetch_free(fetch);
		return error;
	}
	call_fetch_free(call->fetch);
	call->fetch = fetch;
	return call_give_back(call, UNTIL_FETCHED);
}

int api_fetch(struct tux_req *call, const struct tux_fetch_request *ask)
{
	struct call_fetch *fetch;
	int error;

	if (!call_is_owned(call, "tux_fetch"))
		return -EPERM;
	if (ask->size < sizeof(*ask))
		return -EINVAL;
	fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return -ENOMEM;
	error = make(fetch, call, ask);
	return begin(call, fetch, error);
}

int api_fetch_made(struct tux_req *call, struct call_fetch *fetch)
{
	struct tux_request *head = &fetch->head;
	bool valid = fetch->upstream < call->calls->thread->config->upstream_count && fetch->max_bytes <= FETCH_MAX_ANSWER;

	valid = valid && tux_request_parse(fetch->octets.data, fetch->octets.len, 0, head) == TUX_PARSED && head->head_len == fetch->octets.len;
	valid = valid && fetch->octets.data[head->target.off] == '/' && !contradicts(head);
	if (valid)
		set_framing(head, fetch->body.len);
	return begin(call, fetch, valid ? 0 : -EINVAL);
}

int api_fetched(const struct tux_req *call, uint32_t *status, struct tux_str *body)
{
	const struct call_fetch *fetch;

	*status = 0;
	*body = (struct tux_str){ NULL, 0 };
	if (!call_is_owned(call, "tux_fetched"))
		return -EPERM;
	fetch = call->fetch;
	if (fetch == NULL)
		return -EINVAL;
	if (fetch->error != 0)
		return -fetch->error;
	*status = fetch->answer.status;
	*body = (struct tux_str){ (const char *)fetch->content.data, fetch->content.len };
	return 0;
}

struct tux_str api_fetched_field(const struct tux_req *call, const char *name)
{
	const struct call_fetch *fetch = call_is_owned(call, "tux_fetched_field") ? call->fetch : NULL;
	const size_t len = strlen(name);

	for (uint32_t i = 0; fetch != NULL && fetch->error == 0 && i < fetch->answer.fields.count; i++) {
		const struct tux_field *field = &fetch->answer.fields.line[i];
		const char *octets = (const char *)fetch->answer_octets.data;

		if (field->name.len == len && strncasecmp(octets + field->name.off, name, len) == 0)
			return (struct tux_str){ octets + field->value.off, field->value.len };
	}
	return (struct tux_str){ NULL, 0 };
}
