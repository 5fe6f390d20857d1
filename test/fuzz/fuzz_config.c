/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: text to settings, and settings to hosts, without a server. Every file either has valid settings, or each
 * message names the file, and a line of it if the fault has one. Files of an even length are checked as `tux check` does.
 */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../program/command.h"
#include "../../program/config/config.h"
#include "../../program/server/hosts.h"
#include "../../program/settings/options.h"
#include "fuzz.h"

static char path[32];

/* A file that has only these bytes. */
static void write_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("tux.conf", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
}

static unsigned long count_lines(const uint8_t *data, size_t size)
{
	unsigned long lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

/* Checks each line of messages. Returns their number. */
static unsigned check_messages(const char *text, unsigned long lines)
{
	const size_t path_len = strlen(path);
	unsigned messages = 0;

	for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1, messages++) {
		require(strchr(at, '\n') != NULL && strncmp(at, path, path_len) == 0 && at[path_len] == ':');
		at += path_len + 1;
		require(*at == ' ' || (strtoul(at, NULL, 10) >= 1 && strtoul(at, NULL, 10) <= lines));
	}
	return messages;
}

/* Does what the server does before it opens its listeners, without options on the command line. */
static void make_hosts(struct tux_settings *settings)
{
	static char name[] = "tux", verb[] = "serve";
	char *argv[] = { name, verb, NULL };
	struct tux_command command = { .verb = TUX_VERB_SERVE };
	struct tux_hosts hosts = { .host = NULL };
	struct tux_user user;
	char error[1024] = "";

	tux_user_own(&user);
	if (!tux_command_parse(2, argv, &command, settings, error, sizeof(error))) {
		require(*error != '\0');
		return;
	}
	require(tux_hosts_open(&hosts, settings, &user, true, error, sizeof(error)) || *error != '\0');
	tux_hosts_close(&hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tux_settings settings;
	struct tux_config *config;
	char *messages = NULL;
	size_t len;
	FILE *errors = open_memstream(&messages, &len);
	unsigned count;

	write_file(data, size);
	tux_options_init(&settings);
	config = tux_config_read(path, &settings, size % 2 == 0, errors);
	fclose(errors);
	count = check_messages(messages, count_lines(data, size));
	if (config != NULL)
		make_hosts(&settings);
	else
		require(count > 0);
	free(messages);
	tux_settings_free(&settings);
	tux_config_free(config);
	return 0;
}
