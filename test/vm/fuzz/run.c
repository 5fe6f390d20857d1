// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run CORPUS SECONDS SEED: runs the inputs of CORPUS (a line of hexadecimal each), then changed ones, until the time is over. An input
 * that reaches a new basic block of tux.ko (test/vm/cover) is kept, and printed. Fails at the first complaint in the kernel's log, if
 * processes do not end, if the module cannot be unloaded now and then, or if it does not serve any more. Runs as root in a guest.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/tmp/fuzz-root"
#define COLD "/tmp/fuzz-cold"

enum { MAX_CORPUS = 4096, EPOCH = 400, INPUT_MS = 2500, PATIENCE_MS = 30000 };

struct input {
	size_t len;
	uint8_t bytes[MAX_INPUT];
};

static struct input *corpus[MAX_CORPUS];
static size_t corpus_count;
static uint64_t chance;
static int log_fd, cover_fd;

static uint32_t next_number(uint32_t below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 32) % below;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void print_input(const char *what, const struct input *input)
{
	size_t i;

	printf("%s ", what);
	for (i = 0; i < input->len; i++)
		printf("%02x", input->bytes[i]);
	printf("\n");
	fflush(stdout);
}

static _Noreturn void fail(const char *why, const struct input *input)
{
	if (input)
		print_input("fuzz: the last input:", input);
	printf("fuzz: FAILED: %s\n", why);
	fflush(stdout);
	exit(1);
}

static bool keep(const struct input *input)
{
	if (corpus_count == MAX_CORPUS)
		return false;
	corpus[corpus_count] = malloc(sizeof(*input));
	if (!corpus[corpus_count])
		return false;
	*corpus[corpus_count++] = *input;
	return true;
}

static void read_corpus(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[2 * MAX_INPUT + 8];

	while (file && fgets(line, sizeof(line), file)) {
		struct input input = { .len = 0 };
		unsigned octet;

		while (input.len < MAX_INPUT && sscanf(line + 2 * input.len, "%2x", &octet) == 1)
			input.bytes[input.len++] = (uint8_t)octet;
		if (line[0] != '#' && input.len > 0)
			keep(&input);
	}
	if (file)
		fclose(file);
}

/* Returns the number of basic blocks reached; 0 without coverage. */
static size_t reached(void)
{
	off_t end = lseek(cover_fd, 0, SEEK_SET);
	static uint32_t blocks[4096];
	static size_t known;
	ssize_t got;

	if (cover_fd < 0 || end < 0)
		return 0;
	while ((got = pread(cover_fd, blocks, sizeof(blocks), (off_t)(known * 4))) > 0)
		known += (size_t)got / 4;
	return known;
}

static void add_bytes(struct input *input, size_t count)
{
	while (count-- > 0 && input->len < MAX_INPUT)
		input->bytes[input->len++] = (uint8_t)next_number(256);
}

/* Appends a call with arguments; small numbers are frequent, so that calls have descriptors in common. */
static void add_call(struct input *input)
{
	unsigned number = next_number(calls_count()), i;
	size_t at = input->len;

	add_bytes(input, 1 + calls_arguments(number));
	if (at < input->len)
		input->bytes[at] = (uint8_t)number;
	for (i = 1; at + i < input->len; i++)
		if (next_number(2))
			input->bytes[at + i] %= 4;
}

static void erase(struct input *input, size_t from, size_t count)
{
	if (from + count > input->len)
		return;
	memmove(input->bytes + from, input->bytes + from + count, input->len - from - count);
	input->len -= count;
}

/* Appends a part of another input. */
static void splice_in(struct input *input, const struct input *other)
{
	size_t from = 1 + next_number((uint32_t)other->len), count = other->len > from ? other->len - from : 0;

	if (count > MAX_INPUT - input->len)
		count = MAX_INPUT - input->len;
	memcpy(input->bytes + input->len, other->bytes + from, count);
	input->len += count;
}

static void make(struct input *input)
{
	unsigned changes = 1 + next_number(4), calls;

	if (corpus_count > 0 && next_number(8) > 0) {
		*input = *corpus[next_number(2) ? next_number((uint32_t)corpus_count) :
						  corpus_count - 1 - next_number(1 + (uint32_t)corpus_count / 4)];
	} else {
		input->len = 0;
		add_bytes(input, 1);
		if (next_number(4) > 0)
			input->bytes[0] |= 1;
		for (calls = 3 + next_number(25); calls > 0; calls--)
			add_call(input);
	}
	while (changes-- > 0) {
		size_t at = next_number((uint32_t)input->len);

		switch (next_number(6)) {
		case 0: input->bytes[at] ^= (uint8_t)(1 << next_number(8)); break;
		case 1: input->bytes[at] = (uint8_t)next_number(256); break;
		case 2: erase(input, at, 1 + next_number(8)); break;
		case 3: splice_in(input, corpus_count > 0 ? corpus[next_number((uint32_t)corpus_count)] : input); break;
		default: add_call(input); break;
		}
		if (input->len == 0)
			add_bytes(input, 1);
	}
}

/* True if the kernel has complained since the last call. KCSAN tells of the kernel's own races, too: of ours only. */
static bool kernel_complains(void)
{
	static const char *const words[] = { "BUG:", "WARNING:", "Oops", "KASAN:", "UBSAN:", "refcount_t:", "general protection", "Call Trace",
					     "corruption", "blocked for more than", "suspicious RCU", "possible circular", "possible recursive",
					     "inconsistent lock", "Objects remaining" };
	char record[8192];
	bool complains = false;
	ssize_t got;
	size_t i;

	while ((got = read(log_fd, record, sizeof(record) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		record[got > 0 ? got : 0] = '\0';
		if (strstr(record, "BUG: KCSAN") && !strstr(record, "[tux]"))
			continue;
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			complains = complains || strstr(record, words[i]);
		if (complains && got > 0)
			printf("fuzz: the kernel: %s\n", record);
	}
	return complains;
}

/* Waits for a process. Returns false if it does not end within the time. */
static bool ends(pid_t child, int ms)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	bool ended = poll(&end, 1, ms) == 1;

	close(end.fd);
	return ended;
}

/* Ends what is left of an input's processes. */
static void clean(pid_t child, const struct input *input)
{
	int64_t until = now_ms() + PATIENCE_MS;
	pid_t ended;

	do {
		kill(-child, SIGKILL);
		while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (ended == 0)
			usleep(500);
	} while (ended == 0 && now_ms() < until);
	if (ended == 0)
		fail("a process does not end", input);
}

static void run(const struct input *input)
{
	pid_t child = fork();

	if (child == 0) {
		setpgid(0, 0);
		calls_run(input->bytes, input->len, ROOT, COLD);
	}
	setpgid(child, child);
	ends(child, INPUT_MS);
	clean(child, input);
	if (kernel_complains())
		fail("the kernel complains", input);
}

static void make_file(const char *path, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0 || pwrite(fd, "hello\n", 6, 0) != 6)
		fail(path, NULL);
	close(fd);
}

/* The files as they were, which inputs have changed. */
static void make_files(void)
{
	rename(ROOT "/other", ROOT "/directory");
	mkdir(ROOT, 0755);
	mkdir(COLD, 0755);
	mkdir(ROOT "/directory", 0755);
	make_file(ROOT "/a.txt", 6);
	chmod(ROOT "/a.txt", 0644);
	make_file(ROOT "/big", 3000000);
	make_file(ROOT "/x.php", 6);
	make_file(ROOT "/directory/index.html", 100);
	make_file(ROOT "/directory/index.html.gz", 50);
	make_file(COLD "/cold", 200000);
}

static void check_alive(const struct input *input)
{
	pid_t child;
	int status = 0;

	make_files();
	usleep(30000); /* a file that was written in this tick is the program's */
	child = fork();
	if (child == 0)
		_exit(calls_alive(ROOT) ? 0 : 3);
	if (!ends(child, PATIENCE_MS) || waitpid(child, &status, 0) != child || status != 0)
		fail("the module does not serve any more", input);
}

static void load(void)
{
	int fd = open("/tux.ko", O_RDONLY | O_CLOEXEC), base = open("/sys/module/cover/parameters/base", O_WRONLY | O_CLOEXEC), text;
	char at[32];
	ssize_t got;

	if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)
		fail("the module does not load", NULL);
	close(fd);
	text = open("/sys/module/tux/sections/.text", O_RDONLY | O_CLOEXEC);
	got = read(text, at, sizeof(at));
	if (base >= 0 && (got <= 0 || write(base, at, (size_t)got) != got))
		fail("the coverage has no base", NULL);
	close(text);
	close(base);
}

static void unload(const struct input *input)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (syscall(SYS_delete_module, "tux", O_NONBLOCK) != 0) {
		if (now_ms() > until)
			fail("the module cannot be unloaded", input);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	int64_t until = now_ms() + (argc > 2 ? atoi(argv[2]) : 60) * 1000LL;
	size_t known, fresh, first, count;
	struct input input = { .len = 0 };

	chance = (argc > 3 ? strtoull(argv[3], NULL, 0) : 1) * 0x9e3779b97f4a7c15u + 1;
	printf("fuzz: seed %s\n", argc > 3 ? argv[3] : "1");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	cover_fd = open("/dev/tux_cover", O_RDONLY | O_CLOEXEC);
	load();
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(log_fd, 0, SEEK_END);
	mkdir("/sys/fs/cgroup/fuzz0", 0755);
	mkdir("/sys/fs/cgroup/fuzz1", 0755);
	read_corpus(argv[1]);
	first = corpus_count;
	check_alive(NULL);
	known = reached();
	for (count = 0; now_ms() < until; count++) {
		if (count < first)
			input = *corpus[count];
		else
			make(&input);
		print_input("run", &input);
		run(&input);
		fresh = reached();
		if (fresh > known && count >= first && keep(&input))
			print_input("keep", &input);
		known = fresh;
		if (count % 32 == 31)
			make_files();
		if (count % EPOCH == EPOCH - 1) {
			check_alive(&input);
			unload(&input);
			load();
		}
	}
	check_alive(&input);
	unload(&input);
	if (kernel_complains())
		fail("the kernel complains", &input);
	printf("fuzz: %zu inputs, %zu of them from the corpus, %zu new, %zu basic blocks\n", count, first < count ? first : count,
	       corpus_count - first, known);
	return 0;
}
