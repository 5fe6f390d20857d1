// SPDX-License-Identifier: GPL-2.0-or-later
#include "module_table.h"

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "setup.h"
#include "setup_copy.h"

void ktux_module_conf_put(struct module_conf *conf)
{
	if (!conf || !refcount_dec_and_test(&conf->refs))
		return;
	kvfree(conf->text);
	kfree(conf);
}

static int conf_take(struct module_entry *entry, const struct tux_setup_module *said, u64 *bytes)
{
	struct module_conf *conf;
	char *text;

	if (!ktux_setup_count(bytes, 1, sizeof(*conf)))
		return -EINVAL;
	text = ktux_setup_copy(bytes, said->text, said->text_len, 1);
	if (IS_ERR(text))
		return (int)PTR_ERR(text);
	conf = kzalloc(sizeof(*conf), GFP_KERNEL_ACCOUNT);
	if (!conf) {
		kvfree(text);
		return -ENOMEM;
	}
	*conf = (struct module_conf){ .value_count = said->value_count, .text_len = said->text_len, .text = text };
	refcount_set(&conf->refs, 1);
	entry->conf = conf;
	if (ktux_setup_module_text_valid((const u8 *)text, said->text_len, 1 + 2 * said->value_count))
		return 0;
	pr_debug("tux: setup: the text of a module is not its name and %u values\n", said->value_count);
	return -EINVAL;
}

static int entry_take(struct module_entry *entry, const struct tux_setup_module *said, u64 *bytes)
{
	if (!ktux_setup_module_valid(said)) {
		pr_debug("tux: setup: flags %#x of a module are not known, or %u ms, %u values or %u bytes are not in their range\n",
			 said->flags, said->timeout_ms, said->value_count, said->text_len);
		return -EINVAL;
	}
	entry->timeout = msecs_to_jiffies(said->timeout_ms);
	entry->flags = said->flags;
	return said->flags != 0 ? conf_take(entry, said, bytes) : 0;
}

int ktux_module_table_take(struct module_table *table, const struct tux_setup *setup, u64 *bytes)
{
	struct tux_setup_module *said;
	int error = 0;

	INIT_LIST_HEAD(&table->all);
	if (setup->module_count == 0)
		return 0;
	if (!ktux_setup_count(bytes, setup->module_count, sizeof(*table->entry)))
		return -EINVAL;
	table->entry = kvcalloc(setup->module_count, sizeof(*table->entry), GFP_KERNEL_ACCOUNT);
	if (!table->entry)
		return -ENOMEM;
	said = ktux_setup_copy(bytes, setup->modules, setup->module_count, sizeof(*said));
	if (IS_ERR(said))
		return (int)PTR_ERR(said);
	while (table->count < setup->module_count && error == 0) {
		error = entry_take(&table->entry[table->count], &said[table->count], bytes);
		table->count++;
	}
	kvfree(said);
	return error;
}

void ktux_module_table_release(struct module_table *table)
{
	while (table->count > 0)
		ktux_module_conf_put(table->entry[--table->count].conf);
	kvfree(table->entry);
	table->entry = NULL;
}

bool ktux_module_conf_same(const struct module_conf *one, const struct module_conf *other)
{
	return one->value_count == other->value_count && one->text_len == other->text_len &&
	       memcmp(one->text, other->text, one->text_len) == 0;
}

/* Returns the text after another one. */
static const char *after(const char *text)
{
	return text + strlen(text) + 1;
}

const char *ktux_module_conf_find(const struct module_conf *conf, const char *key)
{
	const char *name = after(conf->text);
	u32 i;

	for (i = 0; i < conf->value_count; i++) {
		const char *value = after(name);

		if (strcmp(name, key) == 0)
			return value;
		name = after(value);
	}
	return NULL;
}

bool ktux_module_conf_each(const struct module_conf *conf, u32 *at, const char **key, const char **value)
{
	const char *text = after(conf->text);
	u32 i;

	if (*at >= conf->value_count)
		return false;
	for (i = 0; i < *at; i++)
		text = after(after(text));
	*key = text;
	*value = after(text);
	++*at;
	return true;
}
