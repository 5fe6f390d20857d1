/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules that a set-up names, with their configurations. module.c joins them to the modules that are registered. */
#ifndef TUX_KERNEL_MODULE_TABLE_H
#define TUX_KERNEL_MODULE_TABLE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "../include/uapi/tux.h"

struct tux_loaded;

/* A module's name and configuration, constant. */
struct module_conf {
	refcount_t refs;
	u32 value_count;
	u32 text_len;
	char *text; /* the name, then key and text of each value, each followed by NUL */
};

struct module_entry {
	struct tux_loaded __rcu *loaded; /* module in the kernel that responds; NULL: no module does. Written under the lock of module.c */
	struct module_conf *conf;        /* NULL: only the program has the module */
	unsigned long timeout;           /* jiffies, for a suspended request */
	u32 flags;                       /* TUX_SETUP_MODULE_..., what may respond */
};

struct module_table {
	struct list_head all; /* link in the list of all tables, under the lock of module.c */
	struct module_entry *entry;
	u32 count;
	u8 *present;          /* tux_shared.modules, enum tux_presence; NULL: the table is not in the list */
};

/*
 * Makes a zeroed table from the program's set-up, and checks it. *bytes are those that the set-up uses. Returns 0 or a negative errno. On failure the caller
 * calls ktux_module_table_release(), too. Process context.
 */
int ktux_module_table_take(struct module_table *table, const struct tux_setup *setup, u64 *bytes);
void ktux_module_table_release(struct module_table *table);

static inline struct module_conf *ktux_module_conf_get(struct module_conf *conf)
{
	refcount_inc(&conf->refs);
	return conf;
}

void ktux_module_conf_put(struct module_conf *conf); /* conf may be NULL. Process context */

/* True if two configurations are those of the same module, and have the same values in the same order. */
bool ktux_module_conf_same(const struct module_conf *one, const struct module_conf *other);

/* Returns the text of a key's value; NULL: not set. Any context. */
const char *ktux_module_conf_find(const struct module_conf *conf, const char *key);

/* Returns one value after the other: *at is 0 for the first. Returns false after the last. Any context. */
bool ktux_module_conf_each(const struct module_conf *conf, u32 *at, const char **key, const char **value);

#endif
