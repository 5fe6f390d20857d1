/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "challenge.h"

#include <stdlib.h>
#include <string.h>

#include "../challenges.h"
#include "error_page.h"

static size_t find(const struct request *req, char text[CHALLENGE_TEXT])
{
	const struct challenges *challenges = req->thread->config->challenges;

	return challenges != NULL ? challenges_find(challenges, req->bytes + req->head.path.off, req->head.path.len, text) : 0;
}

bool challenge_is_at(const struct request *req)
{
	char text[CHALLENGE_TEXT];

	return find(req, text) > 0;
}

enum response_step challenge_respond(struct request *req)
{
	static const char type[] = "application/octet-stream";
	struct body_source body = response_no_body();
	char text[CHALLENGE_TEXT];
	const size_t len = find(req, text);
	struct tux_head head;

	if (len == 0)
		return error_page_status(req, 404);
	body.text = malloc(len);
	if (body.text == NULL)
		return error_page_failure(req, 503, because(WHY_MEMORY, 0));
	memcpy(body.text, text, len);
	head = response_head(req, 200);
	head.has_length = true;
	head.content_length = len;
	head.type = (struct tux_text){ type, sizeof(type) - 1 };
	body.count = 1;
	body.one = (struct body_part){ .memory = body.text, .len = len };
	return response_send(req, &head, &body);
}
