/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/error_log.h"
#include "io/print.h"
#include "kernel_routes.h"
#include "log/ring_reader.h"

enum { MAX_OBJECTS = 1 << 20 };

int tux_kernel_open(char *error, size_t error_size)
{
	struct tux_hello hello = { .abi = TUX_ABI, .record_size = sizeof(struct tux_access_record) };
	int fd = open("/dev/tux", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
			snprintf(error, error_size, "tux.ko is not loaded");
		else
			snprintf(error, error_size, "/dev/tux: %s%s", strerror(errno),
			         errno == EACCES || errno == EPERM ? " (it needs root, or CAP_NET_ADMIN)" : "");
		return -1;
	}
	if (ioctl(fd, TUX_HELLO, &hello) != 0) {
		if (errno == EPROTO)
			snprintf(error, error_size,
			         "tux.ko %.32s speaks version %u of their interface and this program "
			         "version %u; install program and module of the same release",
			         hello.version, hello.abi, TUX_ABI);
		else
			snprintf(error, error_size, "/dev/tux: %s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static void interrupt(int number)
{
	(void)number; /* the signal only interrupts an ioctl */
}

static void *lend(void *argument)
{
	struct kernel_link *kernel = argument;

	pthread_setname_np(pthread_self(), "tux-kernel");
	while (!__atomic_load_n(&kernel->stop, __ATOMIC_RELAXED) && ioctl(kernel->fd, TUX_RUN) != 0)
		if (errno != EINTR)
			break;
	__atomic_sub_fetch(&kernel->running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static struct tux_setup_fields fields_said(const struct tux_fields *fields)
{
	static const struct tux_media_types builtin;
	const struct tux_media_types *types = fields->types != NULL ? fields->types : &builtin;

	return (struct tux_setup_fields){
		.lines = (uintptr_t)fields->cached.at + fields->secure_len,
		.len = fields->cached.len - fields->secure_len,
		.error_lines = (uintptr_t)fields->lines.at + fields->secure_len,
		.error_len = fields->lines.len - fields->secure_len,
		.omit = fields->omit,
		.removed = (uintptr_t)fields->removed_text.at,
		.removed_len = fields->removed_text.len,
		.types = (uintptr_t)types->of,
		.type_text = (uintptr_t)types->text,
		.type_count = types->count,
		.type_text_len = types->text_len,
		.every_off = types->every.off,
		.every_len = types->every.len,
		.fallback_off = types->fallback.off,
		.fallback_len = types->fallback.len,
	};
}

/* Returns the names of a host's indexes, each followed by NUL, malloc'ed. Returns NULL with *failed set if out of memory. */
static char *index_said(const struct tux_host *host, struct tux_setup_host *said, bool *failed)
{
	char *text = malloc(TUX_MAX_INDEX * (TUX_MAX_INDEX_LEN + 1));

	said->index_count = 0;
	said->index_len = 0;
	*failed = *failed || text == NULL;
	for (unsigned i = 0; text != NULL && i < host->index_count && i < TUX_MAX_INDEX; i++) {
		const size_t len = strlen(host->index[i]);

		if (len > TUX_MAX_INDEX_LEN) /* no file has such a name */
			continue;
		memcpy(text + said->index_len, host->index[i], len + 1);
		said->index_len = (__u16)(said->index_len + len + 1);
		said->index_count++;
	}
	return text;
}

/*
 * Returns the field settings of a host's routes, malloc'ed, with those of the host for the route that made (or NULL) has in addition. Returns
 * NULL if no route has any, or with *failed set if out of memory.
 */
static struct tux_setup_fields *route_fields_said(const struct tux_host *host, const struct kernel_routes *made, bool *failed)
{
	struct tux_setup_fields *said;
	uint32_t added = 0;

	if (host->route_fields == NULL || host->routes.count == 0)
		return NULL;
	said = calloc(host->routes.count + 1, sizeof(*said));
	*failed = *failed || said == NULL;
	for (uint32_t i = 0; said != NULL && i < host->routes.count; i++) {
		if (made != NULL && i == made->at)
			said[i + added++] = fields_said(host->fields);
		said[i + added] = fields_said(&host->route_fields[i]);
	}
	if (said != NULL && made != NULL && made->at == host->routes.count)
		said[made->at] = fields_said(host->fields);
	return said;
}

/* Writes the set-up of a host, except its index and the fields of its routes. */
static void say_host(struct tux_setup_host *said, const struct tux_host *host)
{
	*said = (struct tux_setup_host){
		.flags = host->dot_files ? TUX_HOST_DOT_FILES : 0,
		.root_fd = host->root_fd,
		.mode_allowed = host->modes.allowed,
		.mode_forbidden = host->modes.forbidden,
		.route_count = host->routes.count,
		.route_text_len = host->routes.text_len,
		.routes = (uintptr_t)host->routes.route,
		.route_text = (uintptr_t)host->routes.text,
		.file_types = (uintptr_t)host->selection.type,
		.file_type_count = host->selection.count,
		.mode_cgi = host->selection.mode_cgi,
		.mode_module = host->selection.mode_module,
		.fields = fields_said(host->fields),
	};
	if (host->content_tags) { /* The kernel engine cannot make such tags. These modes match no file, so it hands up every file. */
		said->mode_allowed = 1;
		said->mode_forbidden = 07777;
	}
}

/*
 * Gives a host routes with one for challenges. The host before it may have the same: then both share them. Returns false with errno. made has an
 * element for each host.
 */
static bool say_routes(struct tux_setup_host *said, const struct tux_host *hosts, unsigned i, struct kernel_routes *made)
{
	if (i > 0 && hosts[i].routes.route == hosts[i - 1].routes.route && hosts[i].routes.count == hosts[i - 1].routes.count) {
		made[i] = made[i - 1];
	} else if (!kernel_routes_make(&hosts[i].routes, &made[i])) {
		return false;
	}
	said->routes = (uintptr_t)made[i].route;
	said->route_count = made[i].count;
	said->route_text = (uintptr_t)made[i].text;
	said->route_text_len = made[i].text_len;
	return true;
}

/*
 * Writes the set-ups of all hosts. made, if not NULL, gets routes for challenges. A host has the index and the fields of the host before it if
 * the program has one array for both: the module then shares its copy. Returns false with errno.
 */
static bool say_hosts(struct tux_setup_host *said, const struct tux_host *hosts, unsigned count, struct kernel_routes *made)
{
	bool failed = false;

	for (unsigned i = 0; i < count && !failed; i++) {
		say_host(&said[i], &hosts[i]);
		if (made != NULL && !say_routes(&said[i], hosts, i, made))
			return false;
		errno = ENOMEM;
		if (i > 0 && hosts[i].index == hosts[i - 1].index && hosts[i].index_count == hosts[i - 1].index_count) {
			said[i].index = said[i - 1].index;
			said[i].index_count = said[i - 1].index_count;
			said[i].index_len = said[i - 1].index_len;
		} else {
			said[i].index = (uintptr_t)index_said(&hosts[i], &said[i], &failed);
		}
		if (i > 0 && hosts[i].route_fields == hosts[i - 1].route_fields && said[i].routes == said[i - 1].routes)
			said[i].route_fields = said[i - 1].route_fields;
		else
			said[i].route_fields = (uintptr_t)route_fields_said(&hosts[i], made != NULL ? &made[i] : NULL, &failed);
	}
	return !failed;
}

/* Frees the routes that say_hosts() has made. */
static void forget_routes(struct kernel_routes *made, unsigned count)
{
	for (unsigned i = count; made != NULL && i > 0; i--)
		if (i == 1 || made[i - 1].route != made[i - 2].route)
			kernel_routes_free(&made[i - 1]);
	free(made);
}

/* Frees the rest of it. */
static void forget_hosts(struct tux_setup_host *said, unsigned count)
{
	for (unsigned i = 0; said != NULL && i < count; i++) {
		if (i == 0 || said[i].index != said[i - 1].index)
			free((void *)(uintptr_t)said[i].index);
		if (i == 0 || said[i].route_fields != said[i - 1].route_fields)
			free((void *)(uintptr_t)said[i].route_fields);
	}
	free(said);
}

/* Returns the bytes of a module's name and values, each followed by NUL. */
static uint32_t module_bytes(const struct tux_module_config *module)
{
	size_t bytes = strlen(module->name) + 1;

	for (unsigned i = 0; i < module->value_count; i++)
		bytes += strlen(module->value[i].key) + strlen(module->value[i].text) + 2;
	return bytes <= TUX_MAX_SETUP_MODULE_TEXT ? (uint32_t)bytes : 0;
}

/* Appends a text and its NUL. Returns the end. */
static char *put_text(char *at, const char *text)
{
	const size_t bytes = strlen(text) + 1;

	memcpy(at, text, bytes);
	return at + bytes;
}

/* Writes the set-up of a module, with a malloc'ed text if the kernel engine may have it. Returns false if out of memory, or if the text is too long. */
static bool say_module(struct tux_setup_module *said, const struct tux_module_config *module)
{
	char *text, *at;

	*said = (struct tux_setup_module){ .timeout_ms = module->timeout_ms, .text_len = 1 };
	said->flags = (module->kernel ? TUX_SETUP_MODULE_KERNEL : 0) | (module->verified ? TUX_SETUP_MODULE_VERIFIED : 0);
	if (said->flags == 0)
		return true;
	said->text_len = module_bytes(module);
	if (said->text_len == 0)
		errno = E2BIG;
	text = said->text_len > 0 ? malloc(said->text_len) : NULL;
	if (text == NULL)
		return false;
	at = put_text(text, module->name);
	for (unsigned i = 0; i < module->value_count; i++)
		at = put_text(put_text(at, module->value[i].key), module->value[i].text);
	said->value_count = module->value_count;
	said->text = (uintptr_t)text;
	return true;
}

/* Returns the set-ups of all modules, malloc'ed; NULL with errno. */
static struct tux_setup_module *say_modules(const struct tux_engine_config *config)
{
	struct tux_setup_module *said = calloc(config->module_count + 1, sizeof(*said));

	for (unsigned i = 0; said != NULL && i < config->module_count; i++) {
		if (say_module(&said[i], &config->modules[i]))
			continue;
		while (i > 0)
			free((void *)(uintptr_t)said[--i].text);
		free(said);
		return NULL;
	}
	return said;
}

static void forget_modules(struct tux_setup_module *said, unsigned count)
{
	for (unsigned i = 0; said != NULL && i < count; i++)
		free((void *)(uintptr_t)said[i].text);
	free(said);
}

static bool say_setup(struct kernel_link *kernel, const struct tux_engine_config *config, int event_fd, const struct tux_setup_host *hosts,
                      const struct tux_setup_module *modules)
{
	struct tux_setup setup = {
		.size = sizeof(setup),
		.flags = config->records ? TUX_SETUP_RECORDS : 0,
		.event_fd = event_fd,
		.max_connections = config->max_connections,
		.max_objects = config->cache_entries < MAX_OBJECTS ? config->cache_entries : MAX_OBJECTS,
		.head_timeout_ms = config->head_timeout_ms,
		.send_timeout_ms = config->send_timeout_ms,
		.idle_timeout_ms = config->idle_timeout_ms,
		.handover_port = config->handover_port,
		.host_count = config->host_count,
		.name_count = config->names.count,
		.name_text_len = config->names.text_len,
		.listener_count = config->names.listener_count,
		.hosts = (uintptr_t)hosts,
		.names = (uintptr_t)config->names.name,
		.name_text = (uintptr_t)config->names.text,
		.fallbacks = (uintptr_t)config->names.fallback,
		.module_count = config->module_count,
		.modules = (uintptr_t)modules,
	};

	memcpy(setup.etag_key, config->etag_key, sizeof(setup.etag_key));
	return ioctl(kernel->fd, TUX_SETUP, &setup) == 0;
}

static bool set_up(struct kernel_link *kernel, const struct tux_engine_config *config, int event_fd)
{
	struct tux_setup_host *hosts = calloc(config->host_count, sizeof(*hosts));
	struct kernel_routes *made = config->challenges != NULL ? calloc(config->host_count, sizeof(*made)) : NULL;
	bool good = hosts != NULL && (made != NULL || config->challenges == NULL) && say_hosts(hosts, config->hosts, config->host_count, made);
	struct tux_setup_module *modules = NULL;
	int saved;

	if (good)
		modules = say_modules(config);
	good = modules != NULL && say_setup(kernel, config, event_fd, hosts, modules);
	saved = errno;
	forget_modules(modules, config->module_count);
	forget_hosts(hosts, config->host_count);
	forget_routes(made, config->host_count);
	errno = saved;
	return good;
}

bool kernel_link_share(struct kernel_link *kernel, struct tux_shared *shared, size_t bytes)
{
	const struct tux_rings rings = {
		.count = __atomic_load_n(&shared->cpus, __ATOMIC_RELAXED),
		.first = __atomic_load_n(&shared->first, __ATOMIC_RELAXED),
		.stride = __atomic_load_n(&shared->stride, __ATOMIC_RELAXED),
		.size = __atomic_load_n(&shared->ring_bytes, __ATOMIC_RELAXED),
	};

	if (!tux_rings_valid(rings, sizeof(struct tux_cpu_shared), _Alignof(struct tux_cpu_shared), bytes))
		return false;
	kernel->rings = rings;
	kernel->shared = shared;
	kernel->shared_bytes = bytes;
	return true;
}

static bool map(struct kernel_link *kernel)
{
	__u64 bytes = 0;
	void *at;

	if (ioctl(kernel->fd, TUX_SIZE, &bytes) != 0)
		return false;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, kernel->fd, 0);
	if (at == MAP_FAILED)
		return false;
	if (bytes >= sizeof(struct tux_shared) && kernel_link_share(kernel, at, bytes))
		return true;
	munmap(at, bytes);
	errno = EPROTO;
	return false;
}

bool kernel_link_start(struct kernel_link *kernel, const struct tux_engine_config *config, int event_fd, char *error,
                       size_t error_size)
{
	const struct sigaction action = { .sa_handler = interrupt };

	kernel->fd = config->kernel_fd;
	if (!set_up(kernel, config, event_fd) || !map(kernel)) {
		snprintf(error, error_size, "cannot set up the kernel engine: %s", strerror(errno));
		kernel_link_stop(kernel);
		kernel_link_free(kernel);
		return false;
	}
	sigaction(SIGUSR2, &action, NULL);
	for (unsigned i = 0; i < config->threads; i++) {
		int failed;

		__atomic_add_fetch(&kernel->running, 1, __ATOMIC_SEQ_CST);
		failed = pthread_create(&kernel->thread[i], NULL, lend, kernel);
		if (failed != 0) {
			__atomic_sub_fetch(&kernel->running, 1, __ATOMIC_SEQ_CST);
			snprintf(error, error_size, "cannot start %u threads to lend: %s", config->threads, strerror(failed));
			kernel_link_stop(kernel);
			kernel_link_free(kernel);
			return false;
		}
		kernel->thread_count++;
	}
	return true;
}

static bool is_tcp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && (domain == AF_INET || domain == AF_INET6);
}

bool kernel_link_listen(struct kernel_link *kernel, const struct tux_listener *listener, unsigned number)
{
	for (unsigned i = 0; i < listener->count; i++) {
		struct tux_socket socket = { .fd = listener->fd[i], .listener = number };

		if (!is_tcp(socket.fd) || ioctl(kernel->fd, TUX_LISTEN, &socket) != 0)
			return false; /* both engines then accept on the earlier sockets, which is harmless */
	}
	return true;
}

size_t kernel_link_take(struct kernel_link *kernel, uint32_t room[KERNEL_LINK_ROOM / sizeof(uint32_t)])
{
	const ssize_t got = read(kernel->fd, room, KERNEL_LINK_ROOM);

	return got > 0 ? (size_t)got : 0;
}

const struct tux_handed_up *kernel_link_next(const uint32_t *room, size_t bytes, size_t *at)
{
	const struct tux_handed_up *const handed = (const struct tux_handed_up *)(room + *at / sizeof(*room));

	if (bytes - *at < sizeof(*handed) || bytes - *at < TUX_HANDED_UP_BYTES((size_t)handed->target_len + handed->fields_len))
		return NULL;
	*at += TUX_HANDED_UP_BYTES((size_t)handed->target_len + handed->fields_len);
	return handed;
}

unsigned *kernel_link_connections(struct kernel_link *kernel)
{
	return kernel->shared != NULL ? &kernel->shared->connections : NULL;
}

void kernel_link_tell_room(struct kernel_link *kernel)
{
	if (kernel->shared != NULL && __atomic_load_n(&kernel->shared->full, __ATOMIC_SEQ_CST))
		ioctl(kernel->fd, TUX_ROOM);
}

bool kernel_link_give(struct kernel_link *kernel, int *fd, unsigned listener)
{
	struct tux_socket socket = { .fd = *fd, .listener = listener };
	bool given = ioctl(kernel->fd, TUX_ADOPT, &socket) == 0;

	if (given)
		*fd = -1;
	return given;
}

void kernel_link_retire(struct kernel_link *kernel)
{
	ioctl(kernel->fd, TUX_RETIRE);
}

bool kernel_link_drained(struct kernel_link *kernel)
{
	return kernel->fd < 0 || __atomic_load_n(&kernel->running, __ATOMIC_SEQ_CST) == 0;
}

void kernel_link_stop(struct kernel_link *kernel)
{
	const struct timespec again = { .tv_nsec = 1000000 };

	if (kernel->fd < 0)
		return;
	__atomic_store_n(&kernel->stop, true, __ATOMIC_SEQ_CST);
	/* A signal just before the ioctl is lost. Repeat it until all threads have returned. */
	while (__atomic_load_n(&kernel->running, __ATOMIC_SEQ_CST) > 0) {
		for (unsigned i = 0; i < kernel->thread_count; i++)
			pthread_kill(kernel->thread[i], SIGUSR2);
		nanosleep(&again, NULL);
	}
	for (unsigned i = 0; i < kernel->thread_count; i++)
		pthread_join(kernel->thread[i], NULL);
	kernel->thread_count = 0;
	close(kernel->fd);
	kernel->fd = -1;
}

void kernel_link_free(struct kernel_link *kernel)
{
	if (kernel->shared != NULL)
		munmap(kernel->shared, kernel->shared_bytes);
	kernel->shared = NULL;
}

static struct tux_cpu_shared *cpu_of(const struct kernel_link *kernel, uint32_t cpu)
{
	return (struct tux_cpu_shared *)((uint8_t *)kernel->shared + tux_rings_at(kernel->rings, cpu));
}

static uint64_t look(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

enum tux_presence kernel_link_module(const struct kernel_link *kernel, unsigned number)
{
	if (kernel->fd < 0 || kernel->shared == NULL || number >= TUX_MAX_SETUP_MODULES)
		return TUX_PRESENCE_NONE;
	return __atomic_load_n(&kernel->shared->modules[number], __ATOMIC_RELAXED);
}

void kernel_link_tell_slow(struct kernel_link *kernel, const struct tux_module_config *module, unsigned number)
{
	const bool slow = kernel_link_module(kernel, number) == TUX_PRESENCE_SLOW;
	char front[128], text[160];
	size_t len;

	if (!slow || __atomic_load_n(&kernel->told_slow[number], __ATOMIC_RELAXED) || __atomic_exchange_n(&kernel->told_slow[number], true, __ATOMIC_RELAXED))
		return;
	print(front, sizeof(front), "module %s:", module->name);
	len = print(text, sizeof(text), "its verified handler was too slow, as the kernel log says; until the next reload %s",
	            module->file != NULL ? "its file responds" : "requests for it get 503");
	say(front, text, (uint32_t)len);
}

uint64_t kernel_link_module_count(const struct kernel_link *kernel, unsigned number, struct tux_module_counters *sum)
{
	const uint64_t off = sizeof(struct tux_cpu_shared) + kernel->rings.size + number * sizeof(struct tux_setup_module_counters);
	uint64_t requests = 0, ended = 0;

	if (kernel->shared == NULL || off + sizeof(struct tux_setup_module_counters) > kernel->rings.stride)
		return 0;
	for (uint32_t cpu = 0; cpu < kernel->rings.count; cpu++) {
		const struct tux_setup_module_counters *one = (const void *)((const uint8_t *)cpu_of(kernel, cpu) + off);

		requests += look(&one->requests);
		for (int i = 0; i < 5; i++) {
			sum->replied[i] += look(&one->replied[i]);
			ended += look(&one->replied[i]);
		}
		sum->files += look(&one->files);
		sum->declined += look(&one->declined);
		sum->failed += look(&one->failed) + look(&one->unloaded);
		sum->timeouts += look(&one->timeouts);
		sum->gone += look(&one->gone);
		ended += look(&one->files) + look(&one->declined) + look(&one->failed) + look(&one->unloaded) + look(&one->timeouts) + look(&one->gone);
	}
	sum->requests += requests;
	sum->active += requests > ended ? requests - ended : 0;
	return requests;
}

void kernel_link_count(const struct kernel_link *kernel, struct tux_counters *sum)
{
	uint64_t gone = 0;
	uint64_t come = 0;

	if (kernel->shared == NULL)
		return;
	for (uint32_t cpu = 0; cpu < kernel->rings.count; cpu++) {
		const struct tux_cpu_counters *one = &cpu_of(kernel, cpu)->counters;

		sum->requests += look(&one->requests);
		sum->kernel_requests += look(&one->requests);
		sum->sent_bytes += look(&one->sent_bytes);
		sum->errors += look(&one->errors);
		sum->connections += look(&one->accepted);
		sum->cache_hits += look(&one->hits);
		come += look(&one->accepted) + look(&one->adopted);
		gone += look(&one->closed);
		sum->given_back += look(&one->adopted);
		for (int reason = 0; reason < TUX_REASONS; reason++) {
			const uint64_t up = look(&one->handed_up[reason]), over = look(&one->handed_over[reason]);

			sum->handed_up[reason] += up;
			sum->handed_over[reason] += over;
			gone += up + over;
		}
	}
	if (kernel->fd >= 0 && come > gone)
		sum->kernel_open = come - gone;
	sum->open += sum->kernel_open;
}

/* Gives the records in len bytes at out their ids. The kernel engine sets no id because it writes no error log. */
static void set_ids(struct request_ids *ids, uint8_t *out, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct tux_access_record record;

		memcpy(&record, out + at, sizeof(record));
		record.id = request_id_next(ids);
		memcpy(out + at, &record, sizeof(record));
		at += record.size;
	}
}

static size_t read_ring(struct tux_cpu_shared *ring, uint32_t ring_bytes, struct request_ids *ids, uint8_t *out, size_t cap)
{
	const uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_SEQ_CST);
	uint64_t tail = ring->tail;
	const size_t len = ring_records_read(ring->data, ring_bytes, head, &tail, out, cap, "/dev/tux:");

	set_ids(ids, out, len);
	__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	return len;
}

size_t kernel_link_records_read(struct kernel_link *kernel, uint8_t *out, size_t cap)
{
	size_t len = 0;

	if (kernel->ids.last == 0)
		request_ids_open(&kernel->ids);
	for (uint32_t cpu = 0; kernel->shared != NULL && cpu < kernel->rings.count; cpu++)
		len += read_ring(cpu_of(kernel, cpu), kernel->rings.size, &kernel->ids, out + len, cap - len);
	return len;
}

bool kernel_link_records_waiting(const struct kernel_link *kernel)
{
	for (uint32_t cpu = 0; kernel->shared != NULL && cpu < kernel->rings.count; cpu++) {
		const struct tux_cpu_shared *ring = cpu_of(kernel, cpu);

		if (__atomic_load_n(&ring->head, __ATOMIC_SEQ_CST) != ring->tail)
			return true;
	}
	return false;
}

void kernel_link_records_sleep(struct kernel_link *kernel, bool sleeps)
{
	if (kernel->shared != NULL)
		__atomic_store_n(&kernel->shared->sleeps, sleeps, __ATOMIC_SEQ_CST);
}
