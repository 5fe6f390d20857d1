// SPDX-License-Identifier: GPL-2.0-or-later
#include "chosen.h"

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../core/target.h"
#include "memcg.h"

static_assert(TUX_MAX_TARGET + TUX_MAX_FIELD_LINES == TUX_MAX_CHOSEN);

static struct chosen *of_scratch(struct scratch *scratch)
{
	return (struct chosen *)scratch->module.chosen;
}

static size_t bytes_of(const struct chosen *chosen)
{
	return struct_size(chosen, text, (u32)chosen->target_len + chosen->fields_len);
}

int ktux_chosen_take(struct tux_req *call, const char *target, u32 len)
{
	struct chosen *chosen;

	if (call->direct)
		chosen = of_scratch(ktux_scratch_get());
	else
		chosen = ktux_charged_zeroed(call->memcg, struct_size(chosen, text, len + call->fields_len));
	if (!chosen)
		return -ENOMEM;
	chosen->target_len = (u16)len;
	chosen->fields_len = (u16)call->fields_len;
	memcpy(chosen->text, target, len);
	if (chosen->text[0] != '/') { /* of the copy, because another CPU may change the module's memory */
		if (!call->direct)
			kfree(chosen);
		return -EINVAL;
	}
	call->chosen = call->direct ? NULL : chosen;
	if (call->fields_len > 0)
		memcpy(chosen->text + len, call->fields, call->fields_len);
	call->reply = REPLY_FILE;
	return 0;
}

const struct chosen *ktux_chosen_of(const struct conn *conn, struct scratch *scratch)
{
	return conn->chosen ? conn->chosen : of_scratch(scratch);
}

bool ktux_chosen_keep(struct conn *conn, const struct chosen *chosen)
{
	if (!conn->chosen)
		conn->chosen = ktux_charged_copy(conn->instance, chosen, bytes_of(chosen));
	return conn->chosen;
}

/* True if an octet may stand in a request target: no control, no space, no '#' (RFC 9112 3.2). */
static bool is_of_target(u8 octet)
{
	return octet > ' ' && octet != 0x7f && octet != '#';
}

bool ktux_chosen_path(const struct chosen *chosen, struct scratch *scratch, u32 *path_len)
{
	u32 i;

	for (i = 0; i < chosen->target_len; i++)
		if (!is_of_target(chosen->text[i]) || chosen->text[i] == '?')
			return false;
	if (chosen->target_len + scratch->request.head_len > TUX_MAX_HEAD)
		return false; /* the program's limit of a head with another target */
	return tux_target_normalise(chosen->text, chosen->target_len, scratch->path, path_len) == TUX_ACCEPTED;
}

struct tux_text ktux_chosen_lines(const struct chosen *chosen, struct scratch *scratch, const struct fields *of_route)
{
	const u8 *added = chosen->text + chosen->target_len;
	const struct tux_text lines = ktux_fields_before(of_route, 200, added, chosen->fields_len);
	u8 *room = scratch->module.lines;

	if (lines.len > 0)
		memcpy(room, lines.at, lines.len);
	return (struct tux_text){ (const char *)room, lines.len + ktux_fields_kept(of_route, room + lines.len, added, chosen->fields_len) };
}
