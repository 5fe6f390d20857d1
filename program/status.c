/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../engine/engine.h"
#include "../engine/kernel_link.h"
#include "../engine/io/place.h"
#include "../include/uapi/tux.h"
#include "server/status_socket.h"
#include "settings/units.h"
#include "../engine/io/print.h"

enum { ANSWER_SECONDS = 5 };

/* Names of enum tux_reason. */
static const char *const reasons[TUX_REASONS] = {
	[TUX_REASON_REFUSED] = "malformed", [TUX_REASON_METHOD] = "method", [TUX_REASON_BODY] = "body",
	[TUX_REASON_TARGET] = "path", [TUX_REASON_MISSING] = "missing", [TUX_REASON_ABSENT] = "other file",
	[TUX_REASON_ANSWER] = "other answer", [TUX_REASON_TIMEOUT] = "slow head", [TUX_REASON_RECORDS] = "log full",
	[TUX_REASON_MEMORY] = "no memory", [TUX_REASON_DRAIN] = "stopping", [TUX_REASON_PREFIX] = "prefix", [TUX_REASON_ROUTE] = "route",
	[TUX_REASON_BACKEND] = "no backend", [TUX_REASON_MODULE] = "module away", [TUX_REASON_FAILED] = "module failed",
	[TUX_REASON_UNLOADED] = "module unloaded", [TUX_REASON_LATE] = "module late",
};

static void print_count(const char *name, uint64_t count)
{
	char text[TUX_VALUE_TEXT];

	tux_value_write_count(count, text);
	printf("  %-12s %s\n", name, text);
}

/* Prints a sum, followed by its parts. */
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

/* Prints the kernel engine's instances. Returns false with a sentence in reason if it is not available. */
static bool instances_print(char *reason, size_t reason_size)
{
	struct tux_status status = { .index = 0 };
	int fd = tux_kernel_open(reason, reason_size);

	if (fd < 0)
		return false;
	while (ioctl(fd, TUX_STATUS, &status) == 0) {
		print_instance(&status);
		status = (struct tux_status){ .index = status.index + 1 };
	}
	if (errno != ENOENT)
		snprintf(reason, reason_size, "/dev/tux: %s", strerror(errno));
	else if (status.index == 0)
		puts("tux.ko is loaded, and serves nothing in this network namespace.");
	close(fd);
	return errno == ENOENT;
}

/* Connects to the socket of a process. Returns -1 with errno. Removes a stale socket. */
static int server_connect(const char *directory, uint64_t pid)
{
	const struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	struct tux_place place;
	char path[PATH_MAX];
	int fd, saved;

	if (!print_whole(path, sizeof(path), "%s/%llu", directory, (unsigned long long)pid)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!tux_place_open(path, false, &place))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	}
	if (fd >= 0 && tux_place_connect(&place, fd) < 0) {
		saved = errno;
		if (saved == ECONNREFUSED)
			unlinkat(place.directory_fd, place.name, 0);
		close(fd);
		errno = saved;
		fd = -1;
	}
	tux_place_close(&place);
	return fd;
}

/* Replaces control characters: the owner of the directory may be less trusted than the terminal. */
static void text_clean(char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f)
			text[i] = '?';
}

/*
 * Returns a server's status, to be freed by the caller. Returns NULL with errno; errno is 0 if it did not respond, because it does
 * not talk to this user.
 */
static char *server_ask(const char *directory, uint64_t pid, enum tux_report_form form)
{
	const char *const word = form == TUX_REPORT_JSON ? "json\n" : form == TUX_REPORT_PROMETHEUS ? "prometheus\n" :
	                                                         form == TUX_REPORT_MODULES ? "modules\n" : "text\n";
	int fd = server_connect(directory, pid);
	char buffer[4096], *text = NULL;
	size_t len = 0;
	ssize_t got;
	FILE *out;

	if (fd < 0)
		return NULL;
	out = open_memstream(&text, &len);
	if (out && send(fd, word, strlen(word), MSG_NOSIGNAL) > 0)
		while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0)
			fwrite(buffer, 1, (size_t)got, out);
	if (out)
		fclose(out);
	close(fd);
	if (text)
		text_clean(text, len);
	if (len > 0)
		return text;
	free(text);
	errno = 0;
	return NULL;
}

/* Prints one server's status; count is the number printed before. */
static bool server_print(const struct tux_command *command, const char *directory, uint64_t pid, unsigned count)
{
	char *text = server_ask(directory, pid, command->status_form);

	if (!text && errno == ECONNREFUSED)
		return false;
	if (!text) {
		fprintf(stderr, "tux: process %llu does not answer: %s\n", (unsigned long long)pid,
		        errno != 0 ? strerror(errno) : "it talks to root and to its own user");
		return false;
	}
	if (command->status_form == TUX_REPORT_JSON)
		fputs(count == 0 ? "[" : ",\n", stdout);
	fputs(text, stdout);
	free(text);
	return true;
}

/* True if a name in the directory is the number of a process. */
static int is_server(const struct dirent *entry)
{
	uint64_t pid;

	return tux_value_count(entry->d_name, 1, UINT32_MAX, &pid);
}

static int by_number(const struct dirent **one, const struct dirent **other)
{
	uint64_t first = 0, second = 0;

	tux_value_count((*one)->d_name, 1, UINT32_MAX, &first);
	tux_value_count((*other)->d_name, 1, UINT32_MAX, &second);
	return (first > second) - (first < second);
}

/* Prints the status of all servers of a directory in the order of their numbers, or of the requested one. Returns their number. */
static unsigned servers_print(const struct tux_command *command, const char *directory)
{
	struct dirent **entries = NULL;
	const int found = scandir(directory, &entries, is_server, by_number);
	unsigned count = 0;

	for (int i = 0; i < found; i++) {
		uint64_t pid = 0;

		tux_value_count(entries[i]->d_name, 1, UINT32_MAX, &pid);
		if (command->status_pid != 0 && pid != command->status_pid)
			continue;
		if (count == 1 && command->status_form == TUX_REPORT_PROMETHEUS) {
			fprintf(stderr, "tux: there is more than one server, and Prometheus reads one at a time: tux status --prometheus PROCESS\n");
			break;
		}
		count += server_print(command, directory, pid, count);
	}
	for (int i = 0; i < found; i++)
		free(entries[i]);
	free(entries);
	if (count > 0 && command->status_form == TUX_REPORT_JSON)
		fputs("]\n", stdout);
	return count;
}

int tux_status(const struct tux_command *command)
{
	char usual[256], reason[256];
	const char *directory = command->control;
	unsigned servers;

	if (!directory)
		directory = tux_control_usual(usual, sizeof(usual)) ? usual : "/run/tux";
	servers = servers_print(command, directory);
	if (command->status_form == TUX_REPORT_TEXT && command->status_pid == 0 && instances_print(reason, sizeof(reason)))
		return EXIT_SUCCESS;
	if (servers > 0)
		return EXIT_SUCCESS;
	if (command->status_pid != 0)
		fprintf(stderr, "tux: no server with the process number %u has a control socket in %s\n", command->status_pid, directory);
	else if (command->status_form == TUX_REPORT_TEXT)
		fprintf(stderr, "tux: no server has a control socket in %s, and there is no status of the kernel engine: %s\n", directory, reason);
	else
		fprintf(stderr, "tux: no server has a control socket in %s\n", directory);
	return EXIT_FAILURE;
}
