/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin of QEMU's that counts how often each piece of the guest's code runs. Each time that another line MARK is in the file
 * that the guest's console goes to, what was counted so far goes to the next of the files FILE1, FILE2...: a line for each
 * piece, with its address, its instructions, and how often it ran. Arguments: console=FILE, counts=FILE.
 * Debian does not package the header of the interface (docs/devel/tcg-plugins.rst of QEMU, version 1); what is used of it is declared here.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

struct qemu_plugin_tb;
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*seen)(uint64_t id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ends)(uint64_t id, void *data), void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int operation, void *at, uint64_t number);

enum { ADD = 0, PIECES = 1 << 22, POLL_US = 2000 };

struct piece {
	uint64_t address;
	uint64_t instructions;
	uint64_t count;
};

PUBLIC extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static struct piece *piece[PIECES];
static unsigned int pieces; /* only the thread of the guest's CPU adds to it */
static const char *console, *counts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of seen, and of who writes */
static int seen;

/* A piece of code is about to be translated; the same one perhaps again. */
static void on_code(uint64_t id, struct qemu_plugin_tb *tb)
{
	struct piece *new = calloc(1, sizeof(*new));

	(void)id;
	if (new == NULL || pieces == PIECES) {
		fprintf(stderr, "count: more code than there is room for\n");
		exit(1);
	}
	new->address = qemu_plugin_tb_vaddr(tb);
	new->instructions = qemu_plugin_tb_n_insns(tb);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD, &new->count, 1);
	piece[pieces] = new;
	__atomic_store_n(&pieces, pieces + 1, __ATOMIC_RELEASE);
}

static void write_counts(int number)
{
	unsigned int count = __atomic_load_n(&pieces, __ATOMIC_ACQUIRE);
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s%d", counts, number);
	file = fopen(name, "w");
	if (file == NULL) {
		perror(name);
		exit(1);
	}
	for (unsigned int i = 0; i < count; i++)
		fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", piece[i]->address, piece[i]->instructions, piece[i]->count);
	fclose(file);
}

static int marks(void)
{
	FILE *file = fopen(console, "r");
	char line[4096];
	int found = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		found += strncmp(line, "MARK", 4) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

/* What new marks ask for. */
static void look(void)
{
	pthread_mutex_lock(&lock);
	while (seen < marks())
		write_counts(++seen);
	pthread_mutex_unlock(&lock);
}

/* The guest may be gone before the last mark was seen, or its counts were written. */
static void on_exit_of_guest(uint64_t id, void *data)
{
	(void)id;
	(void)data;
	look();
}

static void *watch(void *unused)
{
	for (;;) {
		look();
		usleep(POLL_US);
	}
	return unused;
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	pthread_t thread;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "console=", 8) == 0)
			console = strdup(argv[i] + 8);
		else if (strncmp(argv[i], "counts=", 7) == 0)
			counts = strdup(argv[i] + 7);
	}
	if (console == NULL || counts == NULL)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_code);
	qemu_plugin_register_atexit_cb(id, on_exit_of_guest, NULL);
	return pthread_create(&thread, NULL, watch, NULL);
}
