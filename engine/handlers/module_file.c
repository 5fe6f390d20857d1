/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../core/target.h"
#include "response.h"

void module_file_forget_loads(struct tux_req *call)
{
	load_waiter_release(&call->req->load);
	call->req->load.waits = 0;
}

void module_file_leave(struct tux_req *call)
{
	lookup_leave(&call->req->load);
	residence_leave(&call->file.waiter);
	call->file.awaited = false;
}

void module_file_forget(struct tux_req *call)
{
	residence_leave(&call->file.waiter);
	if (call->file.object != NULL)
		object_put(call->file.object);
	call->file = (struct call_file){ .asked = false };
}

/* Returns 0 if the bytes of an object may be sent, or a negative errno. */
static int error_of(const struct object *object)
{
	switch ((enum object_kind)object->kind) {
	case OBJECT_FILE:
		return 0;
	case OBJECT_DIRECTORY:
	case OBJECT_LISTABLE:
		return -EISDIR;
	case OBJECT_MISSING:
		return -ENOENT;
	case OBJECT_FORBIDDEN:
		return object->no_index ? -EISDIR : -EACCES;
	case OBJECT_PROGRAM:
	case OBJECT_MODULE:
	case OBJECT_REDIRECT:
		return -EACCES;
	case OBJECT_BUSY:
		return -EBUSY;
	case OBJECT_BROKEN:
		break;
	}
	return -EIO;
}

/* Replaces the file by the one of an object, whose reference it takes; NULL: error tells why. */
static void set_file(struct tux_req *call, struct object *object, int error)
{
	module_file_forget(call);
	call->file.asked = true;
	call->file.error = object != NULL ? error_of(object) : error;
	if (call->file.error == 0) {
		call->file.object = object;
		call->file.size = object->representation[TUX_CODING_IDENTITY]->stamp.size;
	} else if (object != NULL) {
		object_put(object);
	}
}

/* Resumes a request whose file has its first bytes in memory. */
static void on_first_bytes(struct read_waiter *waiter)
{
	struct tux_req *call = waiter->owner;

	call->req->sink->resume(call->req);
}

/* True if the first bytes of the file are in memory, because the module may read them in the thread of the request. */
static bool has_first_bytes(struct tux_req *call)
{
	struct call_file *file = &call->file;
	uint32_t len = file->size < CALL_FILE_BYTES ? (uint32_t)file->size : CALL_FILE_BYTES;

	if (file->awaited) /* a read that has ended has met an error, or the bytes are there */
		return file->waiter.read == NULL;
	if (file->error != 0 || len == 0)
		return true;
	file->waiter.owner = call;
	file->waiter.ready = on_first_bytes;
	file->awaited = !module_file_find(call, &file->waiter, 0, &len);
	return !file->awaited;
}

bool module_file_look_up(struct tux_req *call)
{
	struct request *req = call->req;
	struct object *object;

	if (call->file.awaited)
		return has_first_bytes(call);
	if (req->load.pending != NULL)
		return false;
	if (!req->host->dot_files && tux_target_has_dot_file(call->text.data, call->text.len)) {
		set_file(call, NULL, -ENOENT);
		return true;
	}
	object = response_lookup(req, call->text.data, call->text.len);
	if (object == NULL && req->load.pending != NULL)
		return false;
	set_file(call, object, -EBUSY);
	return has_first_bytes(call);
}

bool module_file_find(struct tux_req *call, struct read_waiter *waiter, uint64_t off, uint32_t *len)
{
	struct reads *reads = call->calls->thread->reads;
	struct object *object = call->file.object;
	const struct representation *rep = object->representation[TUX_CODING_IDENTITY];

	if (rep->in_memory)
		return true;
	if (!residence_holds(reads, waiter, off) && !residence_find(reads, waiter, object, rep->fd, off, off + *len))
		return false;
	if (waiter->end - off < *len)
		*len = (uint32_t)(waiter->end - off);
	return true;
}

int module_file_read(const struct tux_req *call, uint64_t off, void *to, uint32_t len)
{
	const struct representation *rep = call->file.object->representation[TUX_CODING_IDENTITY];
	uint32_t done = 0;

	if (rep->in_memory) {
		memcpy(to, rep->bytes + off, len);
		return (int)len;
	}
	while (done < len) {
		const ssize_t n = pread(rep->fd, (uint8_t *)to + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done > 0 ? (int)done : -errno;
		if (n == 0) /* the file has shrunk */
			break;
		done += (uint32_t)n;
	}
	return (int)done;
}
