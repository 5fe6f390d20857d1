/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "new.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/print.h"

enum { MAX_NAME = 64 };

/* In the texts. */
#define NAME "\1"    /* the name of the module */
#define INCLUDE "\2" /* the folder of the installed headers */

static const char source[] =
	"/* " NAME ": a module of TUX. <tux/module.h> describes each function. */\n"
	"#include <string.h>\n"
	"\n"
	"#include <tux/module.h>\n"
	"\n"
	"/* Responds to a request. It must not wait: a module that waits needs threads in the configuration. */\n"
	"static enum tux_result handle(struct tux_req *req)\n"
	"{\n"
	"\tconst char *text = tux_conf(\"text\"); /* of config { } */\n"
	"\n"
	"\tif (tux_req_method(req) != TUX_M_GET && tux_req_method(req) != TUX_M_HEAD)\n"
	"\t\treturn TUX_DECLINE;\n"
	"\tif (text == NULL)\n"
	"\t\ttext = \"hello from " NAME "\";\n"
	"\treturn tux_reply(req, 200, \"text/plain\", text, (uint32_t)strlen(text));\n"
	"}\n"
	"\n"
	"TUX_MODULE(" NAME ", .handle = handle);\n";

static const char makefile[] =
	"# " NAME ".so, a module of TUX: make, make check, make clean.\n"
	"TUX ?= tux\n"
	"TUX_INCLUDE ?= " INCLUDE "\n"
	"CFLAGS ?= -O2 -g -Wall -Wextra\n"
	"\n"
	NAME ".so: " NAME ".c\n"
	"\t$(CC) $(CPPFLAGS) -I$(TUX_INCLUDE) $(CFLAGS) -fPIC -shared $(LDFLAGS) " NAME ".c -o $@\n"
	"\n"
	"check: " NAME ".so\n"
	"\tTUX=\"$(TUX)\" ./test.sh\n"
	"\n"
	"clean:\n"
	"\trm -f " NAME ".so\n"
	"\n"
	".PHONY: check clean\n";

static const char test[] =
	"#!/bin/sh\n"
	"# Serves " NAME ".so at a Unix socket, and sends a request. TUX: the program, tux by default.\n"
	"set -eu\n"
	"cd \"$(dirname \"$0\")\"\n"
	"tux=${TUX:-tux}\n"
	"place=$(mktemp -d)\n"
	"server=\n"
	"trap '[ -z \"$server\" ] || kill \"$server\" 2>/dev/null || :; wait; rm -rf \"$place\"' EXIT\n"
	"chmod 755 \"$place\"\n"
	"cp " NAME ".so \"$place\"\n"
	"chmod 644 \"$place/" NAME ".so\"\n"
	"cat >\"$place/tux.conf\" <<END\n"
	"listen \"unix:$place/socket\"\n"
	"root \"$place\"\n"
	"threads 1\n"
	"log off\n"
	"control off\n"
	"module " NAME " { file \"$place/" NAME ".so\" }\n"
	"route \"/" NAME "\" { module " NAME " }\n"
	"END\n"
	"\"$tux\" check \"$place/tux.conf\" >/dev/null\n"
	"\"$tux\" serve --config \"$place/tux.conf\" 2>\"$place/errors\" &\n"
	"server=$!\n"
	"for try in $(seq 200); do\n"
	"\tfound=$(curl -sS --fail --unix-socket \"$place/socket\" http://localhost/" NAME " 2>\"$place/curl\") && break\n"
	"\tkill -0 \"$server\" 2>/dev/null && [ \"$try\" != 200 ] || { cat \"$place/curl\" \"$place/errors\"; exit 1; } >&2\n"
	"\tsleep 0.05\n"
	"done\n"
	"[ \"$found\" = \"hello from " NAME "\" ] || { echo \"unexpected: $found\" >&2; exit 1; }\n"
	"echo \"" NAME ": it works\"\n";

/* True if a text is an identifier of C, so that it can be the name of a module everywhere. */
static bool is_name(const char *name)
{
	static const char inside[] = "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t len = strlen(name);

	return len > 0 && len <= MAX_NAME && (*name < '0' || *name > '9') && strspn(name, inside) == len;
}

/* Writes a text with the name of the module. Returns false with errno. */
static bool text_write(int fd, const char *text, const char *name)
{
	FILE *out = fdopen(fd, "w");
	bool good;

	if (!out) {
		close(fd);
		return false;
	}
	for (; *text; text++)
		if (*text == *NAME)
			fputs(name, out);
		else if (*text == *INCLUDE)
			fputs(TUX_INCLUDE_FOLDER, out);
		else
			fputc(*text, out);
	good = !ferror(out);
	return fclose(out) == 0 && good;
}

bool tux_module_new(const char *name, const char *folder, char *error, size_t error_size)
{
	struct {
		char path[PATH_MAX];
		const char *text;
		mode_t mode;
	} files[] = { { "", source, 0644 }, { "", makefile, 0644 }, { "", test, 0755 } };
	const size_t count = sizeof(files) / sizeof(files[0]);
	size_t made = 0;
	bool good;

	if (!is_name(name)) {
		print(error, error_size, "\"%s\" is not the name of a new module: up to %d letters, digits and '_', without a digit in front", name,
		      MAX_NAME);
		return false;
	}
	good = mkdir(folder, 0755) == 0 || errno == EEXIST;
	if (!good)
		print(error, error_size, "%s: %s", folder, strerror(errno));
	if (!print_whole(files[0].path, PATH_MAX, "%s/%s.c", folder, name) || !print_whole(files[1].path, PATH_MAX, "%s/Makefile", folder) ||
	    !print_whole(files[2].path, PATH_MAX, "%s/test.sh", folder)) {
		print(error, error_size, "%s: %s", folder, strerror(ENAMETOOLONG));
		return false;
	}
	while (good && made < count) {
		const int fd = open(files[made].path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, files[made].mode);

		good = fd >= 0 && text_write(fd, files[made].text, name);
		if (!good)
			print(error, error_size, "%s: %s", files[made].path, strerror(errno));
		made += fd >= 0;
	}
	while (!good && made > 0)
		unlink(files[--made].path);
	return good;
}
