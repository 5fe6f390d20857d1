/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks up files for modules. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_FILE_H
#define TUX_ENGINE_HANDLERS_MODULE_FILE_H

#include "../modules/call.h"
#include "../request.h"

/* Frees the loads of the request, so that the next look-up has its own. */
void module_file_forget_loads(struct tux_req *call);

/*
 * Looks up the file with the path in call->text, by the rules for files of the host, and sets call->file. Returns false if a load has
 * to end first, or the first bytes have to be read from the disk. The request is resumed then.
 */
bool module_file_look_up(struct tux_req *call);

/* Ends a look-up that is not over. */
void module_file_leave(struct tux_req *call);

/* Find and copy bytes of the file, as struct call_ops wants it. */
bool module_file_find(struct tux_req *call, struct read_waiter *waiter, uint64_t off, uint32_t *len);
int module_file_read(const struct tux_req *call, uint64_t off, void *to, uint32_t len);

/* Frees the file. */
void module_file_forget(struct tux_req *call);

#endif
