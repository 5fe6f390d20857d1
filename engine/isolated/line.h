/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests that one engine thread has given to the process of an isolated module. For calls the process is a module in another thread:
 * it has suspended each request, and gives it back with its reply. Records of the process are copied, then checked; their contents go through
 * the functions of the module interface, which check them as those of any module.
 */
#ifndef TUX_ENGINE_ISOLATED_LINE_H
#define TUX_ENGINE_ISOLATED_LINE_H

#include "../modules/call.h"

struct isolated_lines;
struct loop;
struct loop_ops;

/* The module that stands for a process in the server. */
extern const struct tux_module isolated_module;

/*
 * Opens the lines of a thread, whose number is index, in calls->lines; NULL without isolated modules. Returns false if out of memory.
 * isolated_open() was called.
 */
bool isolated_lines_open(struct calls *calls, const struct tux_engine_config *config, unsigned index);
void isolated_lines_free(struct calls *calls);

/* Watches for what wakes the thread. Returns false with errno. */
bool isolated_lines_watch(struct calls *calls, const struct loop_ops *ops, struct loop *loop);

/* Handles what the processes have written. Called in each turn of the loop. */
void isolated_lines_turn(struct calls *calls);

/* Wakes processes that have something to do. Returns the milliseconds that the loop may wait: 0 if records have arrived, -1 without limit. */
int isolated_lines_next(const struct calls *calls);

#endif
