/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tux: what is asked for on the command line, done. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "serve.h"
#include "status.h"

enum { EXIT_USAGE = 2 };

/* Without one of the standard streams a socket would get its number, and what is printed would go there. */
static void streams_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct tux_command command;
	char error[512];

	streams_fill();
	if (!tux_command_parse(argc, argv, &command, error, sizeof(error))) {
		fprintf(stderr, "tux: %s\n", error);
		return EXIT_USAGE;
	}
	switch (command.verb) {
	case TUX_VERB_USAGE:
		tux_command_usage(stderr);
		return EXIT_USAGE;
	case TUX_VERB_HELP:
		tux_command_help(stdout);
		return 0;
	case TUX_VERB_HELP_SERVE:
		tux_command_help_serve(stdout);
		return 0;
	case TUX_VERB_VERSION:
		printf("tux %s\n", TUX_VERSION);
		return 0;
	case TUX_VERB_SERVE:
		return tux_serve(&command);
	case TUX_VERB_STATUS:
		return tux_status();
	}
	return EXIT_USAGE;
}
