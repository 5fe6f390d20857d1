/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file_api.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../../core/target.h"

/*
 * Returns the normalised path of a target, whose query does not matter; no path if it is invalid, or out of memory: *error. raw: returns the
 * path as it is, if it is valid.
 */
static struct buffer normalise(const char *path, uint32_t len, bool raw, int *error)
{
	const char *query = len > 0 ? memchr(path, '?', len) : NULL;
	struct buffer result = { NULL, 0, 0 };
	uint8_t *out;

	if (query != NULL)
		len = (uint32_t)(query - path);
	*error = -EINVAL;
	if (len == 0 || len > TUX_MAX_TARGET || path[0] != '/')
		return result;
	out = buffer_room(&result, len);
	if (out == NULL)
		*error = -ENOMEM;
	else if (tux_target_normalise((const uint8_t *)path, len, out, &result.len) == TUX_ACCEPTED)
		*error = 0;
	if (*error == 0 && raw) {
		memcpy(out, path, len);
		result.len = len;
	}
	if (*error != 0)
		buffer_forget(&result);
	return result;
}

int api_resume_with_file(struct tux_req *call, const char *path, uint32_t len)
{
	struct buffer target;
	int error;

	if (!call_is_owned(call, "tux_resume_with_file"))
		return -EPERM;
	target = normalise(path, len, call->calls->ops->raw_paths, &error);
	if (error == 0)
		error = call_take_back(call, "tux_resume_with_file");
	if (error != 0) {
		buffer_forget(&target);
		return error;
	}
	buffer_forget(&call->text);
	call->text = target;
	return call_give_back(call, UNTIL_FILE);
}

int api_file(const struct tux_req *call, uint64_t *size)
{
	*size = 0;
	if (!call_is_owned(call, "tux_file"))
		return -EPERM;
	if (!call->file.asked)
		return -EINVAL;
	*size = call->file.size;
	return call->file.error;
}

/* Returns 0 if the bytes of the file may be used, or a negative errno. */
static int check(const struct tux_req *call, const char *function, uint64_t off, uint64_t len)
{
	uint64_t size;
	const int error = !call_is_owned(call, function) ? -EPERM : api_file(call, &size);

	if (error != 0)
		return error;
	return off > size || len > size - off ? -EINVAL : 0;
}

int api_file_read(struct tux_req *call, uint64_t off, void *to, uint32_t len)
{
	const int error = check(call, "tux_file_read", 0, 0);

	if (error != 0)
		return error;
	if (off >= call->file.size || len == 0)
		return 0;
	if (len > call->file.size - off)
		len = (uint32_t)(call->file.size - off);
	return call->calls->ops->read_file(call, off, to, len < INT_MAX ? len : INT_MAX);
}

int api_stream_file(struct tux_req *call, uint64_t off, uint64_t len)
{
	int error = check(call, "tux_stream_file", off, len);

	if (error != 0)
		return error;
	if (call_is_gone(call))
		return -ESTALE;
	error = stream_write_file(&call->stream, off, len);
	if (error == 0)
		call_wake(call);
	return error;
}
