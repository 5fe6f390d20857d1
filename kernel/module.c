// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A module has one set of variables, so it has one configuration at a time: that of the first set-up which names it. Other set-ups with the
 * same configuration share the module. One with another configuration gets it after the last of the former has ended; until then the program
 * responds. load() is called before the first request of a configuration. unload() is called before the load() of another one, or when the module ends.
 * A verified handler has none of these functions, and each request has the configuration of its set-up.
 */
#include "module.h"

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "away.h"
#include "call.h"
#include "call_api.h"
#include "compat/compat.h"

enum {
	MAX_REQUEST_MEMORY = 4096,
	LINES_A_SECOND = 100,
	SAY_AFTER_MS = 10000, /* a longer wait for calls of blocking() gets a line */
	AGAIN_MS = 20,
};

/* All modules that are registered, and the tables of all set-ups. The mutex guards the lists, and who responds for whom. */
static LIST_HEAD(registered);
static LIST_HEAD(tables);
static DEFINE_MUTEX(modules_lock);

/* Writes what responds for a module of a set-up, for the program. */
static void show(struct module_table *table, const struct module_entry *entry, enum tux_presence presence)
{
	WRITE_ONCE(table->present[entry - table->entry], (u8)presence);
}

static int begin_conf(struct tux_loaded *loaded, struct module_conf *conf)
{
	const struct tux_module *module = loaded->module;
	int error = 0;

	WRITE_ONCE(loaded->conf, ktux_module_conf_get(conf));
	if (module->load)
		error = module->load();
	if (error >= 0 && module->start) {
		error = module->start(0);
		if (error < 0 && module->unload)
			module->unload();
	}
	if (error >= 0)
		return 0;
	ktux_call_complain(loaded, "load() or start() failed: %d; the program responds in its place", error);
	WRITE_ONCE(loaded->conf, NULL);
	ktux_module_conf_put(conf);
	return error;
}

static void end_conf(struct tux_loaded *loaded)
{
	struct module_conf *conf = loaded->conf;

	if (loaded->module->unload)
		loaded->module->unload();
	WRITE_ONCE(loaded->conf, NULL);
	ktux_module_conf_put(conf);
}

/* Notes that one entry more, or less, leads to a module. ktux_call_resume() reads the number without the lock. */
static void count_entries(struct tux_loaded *loaded, int more)
{
	WRITE_ONCE(loaded->entries, loaded->entries + (u32)more);
}

/* True if no set-up uses the configuration, and the module has no request. Under the lock. */
static bool is_unused(struct tux_loaded *loaded)
{
	bool idle;

	spin_lock_irq(&loaded->lock);
	idle = list_empty(&loaded->suspended) && list_empty(&loaded->taken);
	spin_unlock_irq(&loaded->lock);
	return loaded->entries == 0 && idle;
}

/* Gives a module this configuration. Returns false if it has another one, or does not take it. Under the lock. */
static bool configure(struct tux_loaded *loaded, struct module_conf *conf)
{
	if (loaded->conf && ktux_module_conf_same(loaded->conf, conf))
		return true;
	if (loaded->conf && !is_unused(loaded)) {
		ktux_call_complain(loaded, "another configuration is in use; the program responds until that ends");
		return false;
	}
	if (loaded->conf)
		end_conf(loaded);
	return begin_conf(loaded, conf) == 0;
}

/*
 * True if a module may respond for a program. The modules are those of the machine, and each has one configuration, so a container cannot have them.
 * A verified handler responds for its own program alone, because each program has handlers and maps.
 */
static bool is_for(const struct tux_loaded *loaded, const struct module_table *table)
{
	const struct instance *instance = container_of(table, struct instance, modules);

	return instance->of_root && (!loaded->owner || loaded->owner == instance->owner || loaded->owner == instance->parent);
}

/* True if the configuration of an entry lets such a module respond: a .ko never responds in place of a verified handler alone. */
static bool is_wanted(const struct tux_loaded *loaded, const struct module_entry *entry)
{
	return entry->flags & (loaded->owner ? TUX_SETUP_MODULE_VERIFIED : TUX_SETUP_MODULE_KERNEL);
}

/* Lets a module respond for an entry of its name. A verified handler does so in place of a .ko, in the order of the configuration. Under the lock. */
static void join(struct tux_loaded *loaded, struct module_table *table, struct module_entry *entry)
{
	struct tux_loaded *before = rcu_dereference_protected(entry->loaded, lockdep_is_held(&modules_lock));

	if (!entry->conf || (before && (before->owner || !loaded->owner)) || strcmp(entry->conf->text, ktux_loaded_name(loaded)) != 0)
		return;
	if (!is_wanted(loaded, entry) || !is_for(loaded, table))
		return;
	if (!loaded->owner && !configure(loaded, entry->conf)) /* a verified handler has no load(), and each call has the configuration of its set-up */
		return;
	count_entries(loaded, 1);
	rcu_assign_pointer(entry->loaded, loaded);
	show(table, entry, loaded->owner ? TUX_PRESENCE_VERIFIED : TUX_PRESENCE_MODULE);
	if (!before)
		return;
	count_entries(before, -1);
	if (before->entries == 0)
		schedule_work(&before->settle); /* another configuration may wait for it */
}

/* Lets a module that is registered respond for an entry. Under the lock. */
static void join_any(struct module_table *table, struct module_entry *entry)
{
	struct tux_loaded *loaded;

	list_for_each_entry(loaded, &registered, all)
		if (loaded->owner)
			join(loaded, table, entry);
	list_for_each_entry(loaded, &registered, all)
		if (!loaded->owner)
			join(loaded, table, entry);
}

static void join_all(struct tux_loaded *loaded)
{
	struct module_table *table;
	u32 i;

	list_for_each_entry(table, &tables, all)
		for (i = 0; i < table->count; i++)
			join(loaded, table, &table->entry[i]);
}

/* Tries again to give a module the configuration of other set-ups, because it has given back the last request of the former. */
static void settle(struct work_struct *work)
{
	struct tux_loaded *loaded = container_of(work, struct tux_loaded, settle);

	mutex_lock(&modules_lock);
	if (!list_empty(&loaded->all) && loaded->entries == 0)
		join_all(loaded);
	mutex_unlock(&modules_lock);
}

void ktux_modules_open(struct instance *instance)
{
	struct module_table *table = &instance->modules;
	u32 i;

	table->present = instance->shared->modules;
	mutex_lock(&modules_lock);
	list_add_tail(&table->all, &tables);
	for (i = 0; i < table->count; i++)
		join_any(table, &table->entry[i]);
	mutex_unlock(&modules_lock);
}

void ktux_modules_close(struct instance *instance)
{
	struct module_table *table = &instance->modules;
	u32 i;

	if (!table->present)
		return;
	mutex_lock(&modules_lock);
	list_del(&table->all);
	for (i = 0; i < table->count; i++) {
		struct tux_loaded *loaded = rcu_dereference_protected(table->entry[i].loaded, lockdep_is_held(&modules_lock));

		if (!loaded)
			continue;
		RCU_INIT_POINTER(table->entry[i].loaded, NULL);
		count_entries(loaded, -1);
		if (loaded->entries == 0)
			join_all(loaded); /* another configuration may wait for it */
	}
	mutex_unlock(&modules_lock);
	table->present = NULL;
}

static void on_idle(struct percpu_ref *refs)
{
	complete(&container_of(refs, struct tux_loaded, refs)->idle);
}

/* Checks what a module says of itself. */
static int check(const struct tux_module *module)
{
	if (!module || !module->name || module->size < offsetofend(struct tux_module, request_bytes))
		return -EINVAL;
	if (module->abi != TUX_MODULE_ABI || module->api_bytes > sizeof(struct tux_api)) {
		pr_warn("tux: module %s was built for version %u of the module interface with %u bytes of functions; tux.ko has %u with %zu\n",
			module->name, module->abi, module->api_bytes, TUX_MODULE_ABI, sizeof(struct tux_api));
		return -EPROTO;
	}
	if (!module->handle || module->request_bytes > MAX_REQUEST_MEMORY || strlen(module->name) > TUX_MAX_SETUP_MODULE_NAME ||
	    (module->flags & ~(u32)(TUX_MODULE_BODY_STREAMED | KTUX_MODULE_VERIFIED))) {
		pr_warn("tux: module %s has no handle(), flags 0x%x that tux.ko lacks, request_bytes %u of at most %u, or too long a name\n",
			module->name, module->flags, module->request_bytes, MAX_REQUEST_MEMORY);
		return -EINVAL;
	}
	return 0;
}

static struct tux_loaded *make_loaded(const struct tux_module *module)
{
	struct tux_loaded *loaded = kzalloc(sizeof(*loaded), GFP_KERNEL);

	if (!loaded || percpu_ref_init(&loaded->refs, on_idle, 0, GFP_KERNEL) != 0) {
		kfree(loaded);
		return NULL;
	}
	refcount_set(&loaded->users, 1);
	snprintf(loaded->label, sizeof(loaded->label), "tux: module %s", module->name);
	loaded->module = module;
	if (module->size >= offsetofend(struct tux_module, blocking))
		loaded->blocking = module->blocking;
	if (module->flags & KTUX_MODULE_VERIFIED)
		loaded->owner = get_pid(task_tgid(current));
	loaded->api = ktux_call_api;
	loaded->api.module = loaded;
	INIT_LIST_HEAD(&loaded->all);
	INIT_WORK(&loaded->settle, settle);
	init_completion(&loaded->idle);
	spin_lock_init(&loaded->lock);
	INIT_LIST_HEAD(&loaded->suspended);
	INIT_LIST_HEAD(&loaded->taken);
	INIT_LIST_HEAD(&loaded->abandoned);
	loaded->limit = jiffies;
	ratelimit_state_init(&loaded->lines, HZ, LINES_A_SECOND);
	return loaded;
}

/* Finds a module by what it says of itself. Under the lock. */
static struct tux_loaded *find(const struct tux_module *module)
{
	struct tux_loaded *loaded;

	list_for_each_entry(loaded, &registered, all)
		if (loaded->module == module)
			return loaded;
	return NULL;
}

/* True if a module of the same kind has the name: a .ko, or a verified handler. Under the lock. */
static bool is_taken(const struct tux_loaded *made)
{
	struct tux_loaded *loaded;

	list_for_each_entry(loaded, &registered, all)
		if (!loaded->owner == !made->owner && strcmp(ktux_loaded_name(loaded), ktux_loaded_name(made)) == 0)
			return true;
	return false;
}

int tux_module_register(const struct tux_module *module, const struct tux_api **api)
{
	struct tux_loaded *loaded;
	int error = check(module);

	if (error != 0)
		return error;
	loaded = make_loaded(module);
	if (!loaded)
		return -ENOMEM;
	mutex_lock(&modules_lock);
	if (find(module) || is_taken(loaded)) {
		error = -EEXIST;
	} else {
		*api = &loaded->api;
		list_add_tail(&loaded->all, &registered);
		join_all(loaded);
	}
	mutex_unlock(&modules_lock);
	if (error != 0) {
		pr_warn("tux: %s %s is registered already\n", loaded->owner ? "handler of module" : "module", module->name);
		ktux_loaded_put(loaded);
	}
	return error;
}
KTUX_EXPORT(tux_module_register);

/* Lets no entry lead to a module. Returns NULL if it is not registered. */
static struct tux_loaded *unlink(const struct tux_module *module)
{
	struct tux_loaded *loaded;
	struct module_table *table;
	u32 i;

	mutex_lock(&modules_lock);
	loaded = find(module);
	if (loaded)
		list_del_init(&loaded->all);
	list_for_each_entry(table, &tables, all) {
		for (i = 0; loaded && i < table->count; i++) {
			if (rcu_access_pointer(table->entry[i].loaded) != loaded)
				continue;
			RCU_INIT_POINTER(table->entry[i].loaded, NULL);
			show(table, &table->entry[i], module->flags & KTUX_MODULE_SLOW ? TUX_PRESENCE_SLOW : TUX_PRESENCE_NONE);
			join_any(table, &table->entry[i]); /* a .ko in place of a verified handler */
		}
	}
	mutex_unlock(&modules_lock);
	return loaded;
}

/* Waits until no call of the module is left. Takes suspended ones from it, and ends those that it does not give back in time. */
static void end_calls(struct tux_loaded *loaded)
{
	unsigned long began = jiffies;
	bool said = false;
	u32 abandoned;

	percpu_ref_kill(&loaded->refs);
	for (;;) {
		ktux_calls_take(loaded); /* again: blocking() may suspend its request */
		if (wait_for_completion_timeout(&loaded->idle, msecs_to_jiffies(AGAIN_MS)))
			return;
		abandoned = time_after(jiffies, loaded->limit) ? ktux_calls_abandon(loaded) : 0;
		if (abandoned > 0)
			pr_warn("tux: module %s: %u requests were not given back before the module was unloaded\n", ktux_loaded_name(loaded),
				abandoned);
		if (!said && time_after(jiffies, began + msecs_to_jiffies(SAY_AFTER_MS))) {
			pr_warn("tux: module %s: its unloading waits for blocking() to return, or for requests to be given back\n",
				ktux_loaded_name(loaded));
			said = true;
		}
	}
}

void tux_module_unregister(const struct tux_module *module)
{
	struct tux_loaded *loaded = unlink(module);

	if (WARN_ON_ONCE(!loaded))
		return;
	synchronize_rcu(); /* no handle() runs, and none begins */
	end_calls(loaded);
	cancel_work_sync(&loaded->settle);
	if (loaded->conf)
		end_conf(loaded);
	ktux_calls_forget(loaded);
	ktux_loaded_put(loaded);
}
KTUX_EXPORT(tux_module_unregister);
