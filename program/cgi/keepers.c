/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "keepers.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_IDLE = 16 }; /* keepers that wait for their next program */

bool tux_keepers_make(struct tux_keepers *keepers, unsigned count, const struct tux_cgi_rule *rules, int news_fd)
{
	*keepers = (struct tux_keepers){ .rules = rules, .count = count, .news_fd = news_fd };
	keepers->keeper = calloc(count, sizeof(*keepers->keeper));
	keepers->report = mmap(NULL, count * sizeof(*keepers->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return keepers->keeper && keepers->report != MAP_FAILED;
}

bool tux_keepers_use(struct tux_keepers *keepers, unsigned at, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS])
{
	struct tux_keeper *const keeper = &keepers->keeper[at];

	keepers->report[at] = (struct tux_keeper_report){ .pid = 0 };
	if (keeper->pid > 0) {
		keepers->idle--;
		kill(keeper->pid, SIGCONT); /* a program of the same user may have stopped it */
		if (tux_keeper_order(keeper, message, len, fd))
			return true;
		tux_keeper_release(keeper); /* it was killed */
	}
	if (!tux_keeper_start(keeper, keepers->rules, &keepers->report[at], keepers->news_fd, at))
		return false;
	if (tux_keeper_order(keeper, message, len, fd))
		return true;
	tux_keeper_release(keeper);
	return false;
}

void tux_keepers_done(struct tux_keepers *keepers, unsigned at, bool again)
{
	if (!again || keepers->idle == MAX_IDLE)
		tux_keeper_release(&keepers->keeper[at]);
	else
		keepers->idle++;
}

void tux_keepers_lost(struct tux_keepers *keepers, unsigned at, bool idle)
{
	if (idle)
		keepers->idle--;
	tux_keeper_release(&keepers->keeper[at]);
}

unsigned tux_keepers_find(const struct tux_keepers *keepers, pid_t pid)
{
	unsigned at = 0;

	while (at < keepers->count && keepers->keeper[at].pid != pid)
		at++;
	return at;
}

void tux_keepers_close(const struct tux_keepers *keepers)
{
	unsigned at;

	for (at = 0; at < keepers->count; at++)
		if (keepers->keeper[at].pid > 0)
			close(keepers->keeper[at].order_fd);
}
