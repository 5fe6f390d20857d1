/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tux: runs the command of the command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/handlers.h"
#include "bpf/maps.h"
#include "certificates/hook.h"
#include "certificates/trust.h"
#include "command.h"
#include "config/config.h"
#include "help.h"
#include "log/binary.h"
#include "log/log.h"
#include "modules/host.h"
#include "modules/check.h"
#include "modules/new.h"
#include "server/certificates.h"
#include "server/forward.h"
#include "server/serve.h"
#include "settings/options.h"
#include "status.h"
#include "server/supervisor.h"

enum { EXIT_USAGE = 2 };

/* Opens missing standard streams. Otherwise a socket would get the number of one, and messages would go to it. */
static void streams_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Runs `tux check`: prints every error, or a success message. */
static int check(const char *path)
{
	struct tux_settings settings;
	struct tux_config *config;
	int status = EXIT_FAILURE;
	unsigned wrong = 0;

	tux_options_init(&settings);
	config = tux_config_read(path, &settings, true, stderr);
	if (config) {
		wrong += tux_modules_check(&settings, path, stderr);
		wrong += tux_handlers_check(&settings, path, stderr);
		wrong += tux_certificates_check(&settings, path, stderr);
		wrong += tux_forward_check(&settings, path, stderr);
	}
	if (config && wrong == 0) {
		printf("%s: nothing is wrong with it\n", path);
		status = EXIT_SUCCESS;
	}
	tux_settings_free(&settings);
	tux_config_free(config);
	return status;
}

/* Runs `tux module new`. */
static int module_new(const char *name, const char *folder)
{
	char error[512];

	if (!tux_module_new(name, folder, error, sizeof(error))) {
		fprintf(stderr, "tux: %s\n", error);
		return EXIT_FAILURE;
	}
	printf("%s/%s.c, Makefile and test.sh are there; make -C %s check builds and tests them.\n", folder, name, folder);
	return EXIT_SUCCESS;
}

/* Runs `tux log`: prints the lines of each file's records. */
static int log_print(const struct tux_command *command)
{
	const enum tux_log_style style = tux_log_style_for(command->log_format, STDOUT_FILENO);
	int status = EXIT_SUCCESS;
	char **file;

	tzset();
	if (!*command->log_files && !tux_log_convert(STDIN_FILENO, "the standard input", style, stdout))
		status = EXIT_FAILURE;
	for (file = command->log_files; *file; file++) {
		const int fd = strcmp(*file, "-") == 0 ? dup(STDIN_FILENO) : open(*file, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			fprintf(stderr, "tux: cannot open %s: %s\n", *file, strerror(errno));
		if (fd < 0 || !tux_log_convert(fd, *file, style, stdout))
			status = EXIT_FAILURE;
		if (fd >= 0)
			close(fd);
	}
	return status;
}

static int run(int argc, char **argv, const struct tux_command *command)
{
	switch (command->verb) {
	case TUX_VERB_HELP:
		tux_help(stdout);
		return 0;
	case TUX_VERB_HELP_SERVE:
		tux_help_serve(stdout);
		return 0;
	case TUX_VERB_HELP_CONFIGURATION:
		tux_help_configuration(stdout);
		return 0;
	case TUX_VERB_VERSION:
		printf("tux %s\n", TUX_VERSION);
		return 0;
	case TUX_VERB_SERVE:
		return tux_supervise(argc, argv, command->config);
	case TUX_VERB_CHECK:
		return check(command->config);
	case TUX_VERB_STATUS:
	case TUX_VERB_MODULE_LIST:
		return tux_status(command);
	case TUX_VERB_LOG:
		return log_print(command);
	case TUX_VERB_TRUST:
		return tux_trust(command->state_directory, stdout, stderr);
	case TUX_VERB_BPF_MAP:
		return tux_bpf_map(&command->map, stdin, stdout, stderr);
	case TUX_VERB_MODULE_NEW:
		return module_new(command->module_name, command->module_folder);
	}
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct tux_command command = { .verb = TUX_VERB_SERVE };
	struct tux_settings settings;
	char error[512];
	int status = EXIT_USAGE;

	if (argc > 1 && strcmp(argv[1], "module-host") == 0)
		tux_module_host();
	tux_hook(argc, argv);
	streams_fill();
	tux_options_init(&settings);
	if (tux_command_parse(argc, argv, &command, &settings, error, sizeof(error)))
		status = run(argc, argv, &command);
	else
		fprintf(stderr, "tux: %s\n", error);
	tux_settings_free(&settings);
	return status;
}
