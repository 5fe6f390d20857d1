/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../engine/engine.h"
#include "../include/uapi/tux.h"
#include "value.h"

/* As enum tux_reason has them. */
static const char *const reasons[TUX_REASONS] = {
	[TUX_REASON_REFUSED] = "malformed", [TUX_REASON_METHOD] = "method", [TUX_REASON_BODY] = "body",
	[TUX_REASON_TARGET] = "path", [TUX_REASON_MISSING] = "missing", [TUX_REASON_ABSENT] = "other file",
	[TUX_REASON_ANSWER] = "other answer", [TUX_REASON_TIMEOUT] = "slow head", [TUX_REASON_RECORDS] = "log full",
	[TUX_REASON_MEMORY] = "no memory", [TUX_REASON_DRAIN] = "stopping", [TUX_REASON_PREFIX] = "prefix", [TUX_REASON_ROUTE] = "route",
	[TUX_REASON_BACKEND] = "no backend",
};

static void print_count(const char *name, uint64_t count)
{
	char text[TUX_VALUE_TEXT];

	tux_value_write_count(count, text);
	printf("  %-12s %s\n", name, text);
}

/* A sum, and behind it what it is made of. */
static void print_reasons(const char *name, const __u64 counts[TUX_REASONS])
{
	char text[TUX_VALUE_TEXT];
	const char *before = ": ";
	uint64_t sum = 0;

	for (int i = 0; i < TUX_REASONS; i++)
		sum += counts[i];
	tux_value_write_count(sum, text);
	printf("  %-12s %s", name, text);
	for (int i = 0; i < TUX_REASONS; i++) {
		if (counts[i] == 0 || reasons[i] == NULL)
			continue;
		tux_value_write_count(counts[i], text);
		printf("%s%s %s", before, reasons[i], text);
		before = ", ";
	}
	putchar('\n');
}

static void print_instance(const struct tux_status *status)
{
	const struct tux_cpu_counters *sums = &status->counters;
	char sent[TUX_VALUE_TEXT];

	printf("tux.ko for process %u: %u connections, %u objects cached\n", status->pid, status->connections, status->objects);
	print_count("requests", sums->requests);
	print_count("from cache", sums->hits);
	tux_value_write_bytes(sums->sent_bytes, sent);
	printf("  %-12s %s\n", "sent", sent);
	print_count("cut short", sums->errors);
	print_count("accepted", sums->accepted);
	print_count("given back", sums->adopted);
	print_count("closed", sums->closed);
	print_reasons("handed up", sums->handed_up);
	print_reasons("handed over", sums->handed_over);
}

int tux_status(void)
{
	struct tux_status status = { .index = 0 };
	char reason[256];
	bool ended;
	int fd = tux_kernel_open(reason, sizeof(reason));

	if (fd < 0) {
		fprintf(stderr, "tux: there is no status of the kernel engine: %s\n", reason);
		return EXIT_FAILURE;
	}
	while (ioctl(fd, TUX_STATUS, &status) == 0) {
		print_instance(&status);
		status = (struct tux_status){ .index = status.index + 1 };
	}
	if (errno != ENOENT)
		fprintf(stderr, "tux: /dev/tux: %s\n", strerror(errno));
	else if (status.index == 0)
		puts("tux.ko is loaded, and serves nothing in this network namespace.");
	ended = errno == ENOENT;
	close(fd);
	return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
