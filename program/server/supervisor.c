/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "supervisor.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../../engine/tls/tickets.h"
#include "../bpf/handlers.h"
#include "../certificates/prepare.h"
#include "../certificates/renewer.h"
#include "../certificates/schedule.h"
#include "../command.h"
#include "../config/config.h"
#include "../settings/found_hosts.h"
#include "../settings/options.h"
#include "server_process.h"
#include "root.h"
#include "root_watcher.h"
#include "serve.h"
#include "systemd.h"

enum {
	MAX_GENERATIONS = 32,   /* processes at a time; the oldest retired one stops to make room for another */
	MAX_START_MS = 60000,   /* until a new process serves */
	MAX_END_MS = 10000,     /* added to the drain timeout, until a stopping process is killed */
	RESTART_MIN_MS = 100,   /* delay after a crash; doubled after each early crash */
	RESTART_MAX_MS = 10000, /* upper limit of that */
	CERTIFICATES_S = TUX_LEAF_DAYS * 86400 / 6, /* between two looks at automatic certificates, of which a third of their time is left */
	CLOCK_S = 3600,         /* for which the clock may be set back: certificates begin so long before they are made */
	RENEWER_MIN_MS = 1000,  /* delay after the process that renews certificates has ended; doubled each time */
	RENEWER_MAX_MS = 3600000, /* upper limit of that: each start may ask an authority */
	RENEW_AGAIN_MS = 1000,  /* after a failed start of a process in place of one with the same configuration; doubled each time */
	SOUND_MS = 10000,       /* a crash after this time does not double the delay */
	LOOK_MS = 50,           /* poll interval while waiting for something that has no descriptor */
	EXIT_USAGE = 2,
	ERROR_MAX = 512,
};

/* A configuration and its sockets. */
struct configuration {
	struct tux_settings settings;
	struct tux_config *config; /* NULL = no configuration file */
	struct tux_addresses addresses;
	struct tux_handlers handlers; /* verified ones; attached while the configuration is in force */
	struct tux_root_watcher watcher; /* watches its document roots and files of TLS, as the newest server process has opened them */
	bool roots_changed;     /* or files of certificates */
	struct tux_renewer renewer; /* gets its certificates of public authorities, while it is in force */
	bool renewer_begun;     /* one has been started */
	bool certificates_due;  /* automatic ones have changed, or may have to be made anew */
	int64_t certificates_at; /* time of that, seconds since 1970: it passes while the machine sleeps; 0: none is automatic */
	bool helper_lost; /* a process has ended that works for the serving one */
};

struct supervisor {
	int argc;
	char **argv;
	const char *path;
	struct configuration memory[2];
	struct configuration *current; /* in force */
	struct configuration *loading; /* its verified handlers are being loaded; then a process starts for it; NULL: none */
	struct configuration *next;    /* configuration of the process that starts, if it is new; else NULL */
	struct tux_generation generation[MAX_GENERATIONS]; /* oldest first */
	unsigned count;
	int signal_fd;
	int passed_fd, pass_fd; /* retired processes send idle connections to pass_fd; the serving one reads them from passed_fd */
	sigset_t before;      /* signal mask when the supervisor started */
	bool reload_due;      /* SIGHUP is pending */
	bool reloaded;        /* at least one reload was done */
	bool renewing;        /* the current start is for a replaced document root, a changed file of TLS, or a lost helper */
	uint64_t renew_at_ms; /* earliest time of the next start for that */
	uint32_t renew_ms;    /* delay after the next failed one */
	uint32_t helper_ms;   /* delay after the next loss of a helper */
	bool stopping;
	struct tls_tickets *tickets; /* keys of session tickets; NULL: no configuration has had certificates */
	int tickets_fd, challenges_fd; /* of that memory, and of the next one */
	uint64_t rotate_at_ms; /* time of the next key */
	struct challenges *challenges; /* of public authorities; NULL: no configuration has had certificates of one */
	uint64_t renewer_at_ms; /* earliest time of the next start of a renewer */
	uint32_t renewer_ms;  /* delay after the next end of one */
	uint64_t close_at_ms; /* when stopping: time to close the sockets, on which processes still accept */
	uint64_t restart_at_ms; /* 0 = no restart is pending */
	uint32_t restart_ms;  /* delay after the next crash */
	int status;           /* exit status */
};

static struct tux_generation *find(struct supervisor *supervisor, enum tux_generation_state state)
{
	unsigned i;

	for (i = 0; i < supervisor->count; i++)
		if (supervisor->generation[i].state == state)
			return &supervisor->generation[i];
	return NULL;
}

static void forget(struct configuration *configuration)
{
	tux_handlers_close(&configuration->handlers);
	tux_root_watcher_end(&configuration->watcher);
	tux_renewer_end(&configuration->renewer);
	configuration->renewer_begun = false;
	configuration->roots_changed = configuration->helper_lost = configuration->certificates_due = false;
	tux_settings_free(&configuration->settings);
	tux_config_free(configuration->config);
	configuration->config = NULL;
}

/* Reads the file, if specified, and the command line. Returns 0, or the exit status after an error message. */
static int settings_read(const struct supervisor *supervisor, struct configuration *configuration)
{
	struct tux_settings *const settings = &configuration->settings;
	struct tux_command command = { .verb = TUX_VERB_SERVE };
	char error[ERROR_MAX];

	tux_options_init(settings);
	settings->upstreams.resolved_later = true;
	if (supervisor->path)
		configuration->config = tux_config_read(supervisor->path, settings, false, stderr);
	if (supervisor->path && !configuration->config)
		return EXIT_FAILURE;
	malloc_trim(0); /* here once: after the fork each process would copy the pages of the parser to join its freed memory */
	if (tux_command_parse(supervisor->argc, supervisor->argv, &command, settings, error, sizeof(error)))
		return 0;
	fprintf(stderr, "tux: %s\n", error);
	return EXIT_USAGE;
}

/*
 * Reads the configuration. Opens its listeners, except those that before (or NULL) has open. Returns 0, or the exit status after an
 * error message.
 */
static int configuration_open(const struct supervisor *supervisor, struct configuration *configuration,
                              const struct configuration *before)
{
	struct tux_settings *const settings = &configuration->settings;
	const char *specs[TUX_MAX_LISTENERS];
	char error[ERROR_MAX];
	int status = settings_read(supervisor, configuration);
	bool high = false;
	unsigned count;

	if (status != 0) {
		forget(configuration);
		return status;
	}
	count = tux_settings_listens(settings, specs);
	if (count == 0 && tux_service_sockets() == 0) {
		count = tux_certificates_listens(settings, specs, &high);
		if (count > 0 && !tux_options_said(&settings->top, "https-redirect"))
			settings->top.https_port = TUX_HTTPS_PORT_OWN;
	}
	if (high && !before)
		fprintf(stderr, "tux: this user may not listen on ports 443 and 80: https is on 8443, http on 8080\n");
	if (tux_addresses_open(&configuration->addresses, before ? &before->addresses : NULL, specs, count, (uint16_t)settings->port,
	                       tux_settings_have_certificates(settings), tux_serve_threads(settings), error, sizeof(error))) {
		if (tux_settings_have_certificates(settings))
			tux_addresses_warn(&configuration->addresses);
		tux_handlers_load(&configuration->handlers, settings, before ? &before->handlers : NULL);
		return 0;
	}
	fprintf(stderr, "tux: %s\n", error);
	forget(configuration);
	return EXIT_FAILURE;
}

/* Closes the listeners that kept (or NULL) does not have, and forgets the configuration. */
static void configuration_close(struct configuration *configuration, const struct configuration *kept)
{
	tux_addresses_unlink(&configuration->addresses, kept ? &kept->addresses : NULL);
	tux_addresses_close(&configuration->addresses, kept ? &kept->addresses : NULL);
	forget(configuration);
}

/* Runs the server process after the fork. Closes everything of the supervisor except the sockets of this configuration. */
static _Noreturn void be_generation(struct supervisor *supervisor, struct configuration *configuration, int fd, int noted_fd)
{
	const struct tux_charge charge = {
		&configuration->addresses, fd, supervisor->passed_fd, supervisor->pass_fd, supervisor->tickets, supervisor->challenges,
		configuration == supervisor->current, supervisor->renewing,
	};
	char error[ERROR_MAX];
	unsigned i;

	if (supervisor->tickets && !tux_tls_tickets_confine(supervisor->tickets, supervisor->tickets_fd)) {
		fprintf(stderr, "tux: cannot protect the keys of session tickets: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
	if (supervisor->challenges && !tux_challenges_confine(supervisor->challenges, supervisor->challenges_fd)) {
		fprintf(stderr, "tux: cannot protect the challenges of certificate authorities: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}

	for (i = 0; i < supervisor->count; i++)
		tux_generation_leave(&supervisor->generation[i]);
	for (i = 0; i < 2; i++) {
		tux_root_watcher_leave(&supervisor->memory[i].watcher);
		tux_renewer_leave(&supervisor->memory[i].renewer);
		tux_handlers_leave(&supervisor->memory[i].handlers);
	}
	if (supervisor->current && supervisor->current != configuration)
		tux_addresses_close(&supervisor->current->addresses, &configuration->addresses);
	close(supervisor->signal_fd);
	tux_service_disconnect();
	prctl(PR_SET_NAME, "tux", 0, 0, 0);
	sigprocmask(SIG_SETMASK, &supervisor->before, NULL);
	tux_root_watcher_await(noted_fd);
	if (!tux_found_hosts_add(&configuration->settings, stderr)) {
		fprintf(stderr, "tux: no memory for the hosts of a directory, or more than %d hosts\n", TUX_MAX_HOSTS);
		exit(EXIT_FAILURE);
	}
	if (!tux_certificates_prepare(&configuration->settings, error, sizeof(error))) {
		fprintf(stderr, "tux: %s\n", error);
		exit(EXIT_FAILURE);
	}
	exit(tux_serve(&configuration->settings, &charge));
}

/*
 * Makes the keys of session tickets when a configuration first has certificates, and the memory for challenges when it first has some of
 * a public authority. They outlive it. Returns false with errno.
 */
static bool memory_share(struct supervisor *supervisor, const struct tux_settings *settings)
{
	if (!supervisor->challenges && tux_settings_public(settings)) {
		supervisor->challenges = tux_challenges_new(&supervisor->challenges_fd);
		if (!supervisor->challenges)
			return false;
	}
	if (supervisor->tickets || !tux_settings_have_certificates(settings))
		return true;
	supervisor->tickets = tux_tls_tickets_new(&supervisor->tickets_fd);
	supervisor->rotate_at_ms = clock_ms() + TUX_TLS_TICKET_MS;
	return supervisor->tickets;
}

/* Makes the next key of session tickets when it is due. */
static void tickets_rotate(struct supervisor *supervisor)
{
	if (!supervisor->tickets || clock_ms() < supervisor->rotate_at_ms)
		return;
	supervisor->rotate_at_ms = clock_ms() + TUX_TLS_TICKET_MS;
	if (!tux_tls_tickets_rotate(supervisor->tickets))
		fprintf(stderr, "tux: the key of session tickets stays for another hour: %s\n", strerror(errno));
}

/* Returns the milliseconds until the next key of session tickets; -1 without keys. */
static int tickets_wait_ms(const struct supervisor *supervisor)
{
	const uint64_t now_ms = clock_ms();

	if (!supervisor->tickets)
		return -1;
	return supervisor->rotate_at_ms > now_ms ? (int)(supervisor->rotate_at_ms - now_ms) : 0;
}

/* Like tux_generation_fork(), but only this process shares the keys of session tickets. */
static int generation_fork(struct supervisor *supervisor, struct tux_generation *generation)
{
	struct tls_tickets *const tickets = supervisor->tickets;
	int forked, saved;

	if (tickets && !tux_tls_tickets_share(tickets, true))
		return -1;
	forked = tux_generation_fork(generation);
	saved = errno;
	if (forked != 0 && tickets && !tux_tls_tickets_share(tickets, false))
		fprintf(stderr, "tux: other processes share the keys of session tickets: %s\n", strerror(errno));
	errno = saved;
	return forked;
}

/* Starts a server process. Returns false after an error message. The caller has checked has_room(). */
static bool launch(struct supervisor *supervisor, struct configuration *configuration)
{
	struct tux_settings *const settings = &configuration->settings;
	struct tux_generation generation = { .drain_ms = tux_serve_drain_delay(settings) + settings->drain_timeout_ms };
	struct tux_root_watcher watcher;
	int forked, noted_fd;

	/* Start the watcher before the process opens its roots, so that a root replaced meanwhile is noticed. */
	forked = tux_root_watcher_start(&watcher, settings, &noted_fd) && memory_share(supervisor, settings) ?
	                 generation_fork(supervisor, &generation) : -1;
	if (forked < 0) {
		fprintf(stderr, "tux: cannot start a process: %s\n", strerror(errno));
		tux_root_watcher_end(&watcher);
		if (noted_fd >= 0)
			close(noted_fd);
		return false;
	}
	if (forked == 0) {
		tux_root_watcher_leave(&watcher);
		be_generation(supervisor, configuration, generation.fd, noted_fd);
	}
	close(noted_fd);
	tux_root_watcher_end(&configuration->watcher);
	configuration->watcher = watcher;
	configuration->roots_changed = configuration->helper_lost = configuration->certificates_due = false;
	configuration->certificates_at = tux_settings_automatic(settings) ? (int64_t)time(NULL) + CERTIFICATES_S : 0;
	supervisor->generation[supervisor->count++] = generation;
	return true;
}

/* True if another process can be started. If not, stops the oldest retired one. */
static bool has_room(struct supervisor *supervisor)
{
	struct tux_generation *oldest = find(supervisor, TUX_GENERATION_RETIRED);

	if (supervisor->count < MAX_GENERATIONS)
		return true;
	if (oldest && !find(supervisor, TUX_GENERATION_STOPPING))
		tux_generation_order(oldest, TUX_ORDER_STOP);
	return false;
}

/* Keeps the current configuration after a failed reload. Reopens the log all the same. */
static void stay(struct supervisor *supervisor)
{
	struct tux_generation *serving = find(supervisor, TUX_GENERATION_SERVING);

	if (supervisor->path)
		fprintf(stderr, "tux: %s is not taken: what it said before stays in force\n", supervisor->path);
	else
		fprintf(stderr, "tux: reload failed, keeping the process that serves\n");
	if (serving)
		tux_generation_order(serving, TUX_ORDER_REOPEN);
	tux_service_notify("READY=1\nSTATUS=The configuration file is not taken: what it said before stays in force.");
}

/* Handles SIGHUP. If a reload is not possible now, turn() calls this again later. */
static void reload(struct supervisor *supervisor)
{
	struct configuration *const next = &supervisor->memory[supervisor->current == &supervisor->memory[0]];

	supervisor->reload_due = supervisor->loading || find(supervisor, TUX_GENERATION_STARTING) || find(supervisor, TUX_GENERATION_RETIRING) ||
	                         !has_room(supervisor);
	if (supervisor->reload_due)
		return;
	supervisor->renewing = false;
	supervisor->reloaded = true;
	tux_service_reloading();
	if (configuration_open(supervisor, next, supervisor->current) != 0)
		stay(supervisor);
	else
		supervisor->loading = next;
}

/* Starts a process for a new configuration, when its handlers are loaded. */
static void proceed(struct supervisor *supervisor)
{
	struct configuration *const next = supervisor->loading;
	const struct tux_handlers *const before = supervisor->current ? &supervisor->current->handlers : NULL;

	if (!next || !tux_handlers_loaded(&next->handlers, &next->settings, before, stderr) ||
	    find(supervisor, TUX_GENERATION_STARTING) || find(supervisor, TUX_GENERATION_RETIRING) || !has_room(supervisor))
		return;
	supervisor->loading = NULL;
	tux_handlers_attach(&next->handlers, &next->settings, before, stderr);
	if (launch(supervisor, next)) {
		supervisor->next = next;
		return;
	}
	configuration_close(next, supervisor->current);
	if (supervisor->current) {
		stay(supervisor);
	} else {
		supervisor->stopping = true;
		supervisor->status = EXIT_FAILURE;
	}
}

/* Reports that the new configuration is in force: no other process accepts new connections. */
static void taken(struct supervisor *supervisor)
{
	if (supervisor->path && !supervisor->renewing)
		fprintf(stderr, "tux: %s is in force\n", supervisor->path);
	else if (supervisor->reloaded && !supervisor->renewing)
		fprintf(stderr, "tux: reloaded\n");
	tux_service_notify("READY=1\nSTATUS=");
}

/* Sets stays[i] for each listener of from that to also has, and whose connections speak the same protocol there. */
static void listeners_compare(const struct tux_addresses *from, const struct tux_addresses *to, bool stays[TUX_MAX_LISTENERS])
{
	unsigned i, k;

	for (i = 0; i < TUX_MAX_LISTENERS; i++) {
		stays[i] = false;
		for (k = 0; i < from->count && k < to->count; k++)
			stays[i] = stays[i] || (from->listener[i].fd[0] == to->listener[k].fd[0] && from->listener[i].tls == to->listener[k].tls);
	}
}

/*
 * Makes a process the serving one. Shuts the listeners that only the old configuration has before the old process makes its last
 * check, so that no client connects after that.
 */
static void take_over(struct supervisor *supervisor, struct tux_generation *generation)
{
	struct tux_generation *before = find(supervisor, TUX_GENERATION_SERVING);
	bool stays[TUX_MAX_LISTENERS] = { false };

	/* Starts for replaced roots and new hosts take at most half of the time, even if hosts are added one by one. */
	supervisor->renew_at_ms = clock_ms() + tux_generation_age_ms(generation);
	tux_generation_enter(generation, TUX_GENERATION_SERVING);
	supervisor->restart_at_ms = 0; /* after a crash, a reload may have started this process before the restart was due */
	if (supervisor->current)
		listeners_compare(&supervisor->current->addresses, &(supervisor->next ? supervisor->next : supervisor->current)->addresses, stays);
	if (supervisor->next) {
		if (supervisor->current) {
			tux_handlers_replace(&supervisor->next->handlers, &supervisor->current->handlers, stderr);
			tux_addresses_shut(&supervisor->current->addresses, &supervisor->next->addresses, true);
			tux_addresses_shut(&supervisor->current->addresses, &supervisor->next->addresses, false);
			configuration_close(supervisor->current, supervisor->next);
		}
		supervisor->renewer_at_ms = 0;
		supervisor->renewer_ms = 0;
		supervisor->current = supervisor->next;
		supervisor->next = NULL;
	}
	supervisor->renew_ms = 0;
	supervisor->current->helper_lost = false; /* the process before may have reported it meanwhile */
	if (before)
		tux_generation_retire(before, stays);
	else
		taken(supervisor);
}

/* Schedules a restart after a serving process died: at once, or with a growing delay after repeated early crashes. */
static void restart_soon(struct supervisor *supervisor, const struct tux_generation *died)
{
	const bool sound = died->state == TUX_GENERATION_SERVING && tux_generation_age_ms(died) >= SOUND_MS;

	supervisor->restart_at_ms = clock_ms();
	if (sound || supervisor->restart_ms == 0) {
		supervisor->restart_ms = RESTART_MIN_MS;
		return;
	}
	fprintf(stderr, "tux: another starts in %u.%u s\n", supervisor->restart_ms / 1000, supervisor->restart_ms % 1000 / 100);
	supervisor->restart_at_ms += supervisor->restart_ms;
	supervisor->restart_ms = supervisor->restart_ms < RESTART_MAX_MS / 2 ? supervisor->restart_ms * 2 : RESTART_MAX_MS;
}

/*
 * Notes when automatic certificates may be due: the next server process makes those anew that are. After the clock was set back they may not have
 * begun. The supervisor wakes at least once an hour, for the keys of session tickets.
 */
static void certificates_look(struct supervisor *supervisor)
{
	struct configuration *const current = supervisor->current;
	const int64_t now = (int64_t)time(NULL);

	if (!current || current->certificates_at == 0 || !tux_schedule_has_come(current->certificates_at, CERTIFICATES_S + CLOCK_S, now))
		return;
	current->certificates_due = true;
	current->certificates_at = now + CERTIFICATES_S;
}

/* Sets the time of the next start of a renewer. */
static void renewer_later(struct supervisor *supervisor)
{
	const uint32_t delay_ms = supervisor->renewer_ms >= RENEWER_MIN_MS ? supervisor->renewer_ms : RENEWER_MIN_MS;

	supervisor->renewer_at_ms = clock_ms() + delay_ms;
	supervisor->renewer_ms = delay_ms < RENEWER_MAX_MS / 2 ? delay_ms * 2 : RENEWER_MAX_MS;
}

/* Keeps a renewer running for the configuration in force, if that has certificates of public authorities. */
static void renewer_keep(struct supervisor *supervisor)
{
	struct configuration *const current = supervisor->current;
	const uint64_t now_ms = clock_ms();
	struct tux_renewer_charge charge = { .challenges = supervisor->challenges };

	if (!current || !supervisor->challenges || current->renewer.pid > 0 || now_ms < supervisor->renewer_at_ms ||
	    !tux_settings_public(&current->settings))
		return;
	charge.challenge = tux_addresses_challenge(&current->addresses);
	charge.at_once = supervisor->reloaded && !current->renewer_begun;
	if (tux_renewer_start(&current->renewer, &current->settings, &charge)) {
		current->renewer_begun = true;
		return;
	}
	fprintf(stderr, "tux: cannot start the process that renews certificates: %s\n", strerror(errno));
	renewer_later(supervisor);
}

/* True if pid was a renewer. Another one starts later. */
static bool renewer_ended(struct supervisor *supervisor, pid_t pid)
{
	for (unsigned i = 0; i < 2; i++) {
		if (supervisor->memory[i].renewer.pid != pid)
			continue;
		tux_renewer_leave(&supervisor->memory[i].renewer);
		renewer_later(supervisor);
		fprintf(stderr, "tux: the process that renews certificates has ended; another one starts in %u s\n",
		        (unsigned)(supervisor->renewer_at_ms - clock_ms() + 999) / 1000);
		return true;
	}
	return false;
}

/* Returns the milliseconds until the supervisor has to act without an event; -1 if it does not have to. */
static int quiet_ms(const struct supervisor *supervisor)
{
	const int tickets_ms = tickets_wait_ms(supervisor);
	const struct configuration *const current = supervisor->current;
	const uint64_t now_ms = clock_ms();
	int renewer_ms;

	if (!current || !supervisor->challenges || current->renewer.pid > 0 || !tux_settings_public(&current->settings))
		return tickets_ms;
	renewer_ms = supervisor->renewer_at_ms > now_ms ? (int)(supervisor->renewer_at_ms - now_ms) : LOOK_MS;
	return tickets_ms >= 0 && tickets_ms < renewer_ms ? tickets_ms : renewer_ms;
}

/* True if a process with the same configuration has to replace the serving one. */
static bool wants_renewal(const struct supervisor *supervisor)
{
	return supervisor->current->roots_changed || supervisor->current->helper_lost || supervisor->current->certificates_due;
}

/* Sets the time of the next start of a process with the same configuration, after one has failed: a certificate may not fit its key for long. */
static void renew_later(struct supervisor *supervisor)
{
	const uint32_t delay_ms = supervisor->renew_ms >= RENEW_AGAIN_MS ? supervisor->renew_ms : RENEW_AGAIN_MS;

	supervisor->renew_at_ms = clock_ms() + delay_ms;
	supervisor->renew_ms = delay_ms < RESTART_MAX_MS / 2 ? delay_ms * 2 : RESTART_MAX_MS;
}

/* Starts a process that opens a replaced document root, reads changed certificates, or has all helpers; it takes over as after a reload. */
static void renew(struct supervisor *supervisor)
{
	if (!wants_renewal(supervisor) || clock_ms() < supervisor->renew_at_ms || !has_room(supervisor))
		return;
	supervisor->renewing = true;
	if (!launch(supervisor, supervisor->current))
		renew_later(supervisor);
}

/* Schedules a process in place of the serving one, which has lost a helper: soon, and with a growing delay after repeated early losses. */
static void helper_lost(struct supervisor *supervisor, struct tux_generation *serving, enum tux_report report)
{
	if (report == TUX_REPORT_KEYS_HANG)
		tux_generation_kill_keys(serving);
	if (!supervisor->current || supervisor->current->helper_lost)
		return;
	if (supervisor->helper_ms == 0 || tux_generation_age_ms(serving) >= SOUND_MS)
		supervisor->helper_ms = RESTART_MIN_MS;
	fprintf(stderr, "tux: %s; another server process starts in %u.%u s\n",
	        report == TUX_REPORT_KEYS_HANG ? "the process that holds the keys of TLS does not respond, and is killed" :
	        report == TUX_REPORT_KEYS      ? "the process that holds the keys of TLS has ended" :
	                                         "a process that starts programs or modules has ended",
	        supervisor->helper_ms / 1000, supervisor->helper_ms % 1000 / 100);
	supervisor->current->helper_lost = true;
	supervisor->renew_at_ms = clock_ms() + supervisor->helper_ms;
	supervisor->helper_ms = supervisor->helper_ms < RESTART_MAX_MS / 2 ? supervisor->helper_ms * 2 : RESTART_MAX_MS;
}

static void restart(struct supervisor *supervisor)
{
	if (clock_ms() < supervisor->restart_at_ms || !has_room(supervisor))
		return;
	supervisor->renewing = false;
	supervisor->restart_at_ms = launch(supervisor, supervisor->current) ? 0 : clock_ms() + RESTART_MAX_MS;
}

static void say_end(const struct tux_generation *generation, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "tux: process %d, which served, was ended by signal %d (%s)\n", (int)generation->pid, WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0 || generation->state == TUX_GENERATION_SERVING)
		fprintf(stderr, "tux: process %d, which served, has ended (%d)\n", (int)generation->pid, WEXITSTATUS(status));
}

/* Handles the end of a process that was removed from the list. */
static void gone(struct supervisor *supervisor, const struct tux_generation *generation, int status)
{
	const bool starting = generation->state == TUX_GENERATION_STARTING;

	if (generation->state == TUX_GENERATION_RETIRING && !supervisor->stopping)
		taken(supervisor);
	if (!(supervisor->stopping && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) && (!starting || WIFSIGNALED(status)))
		say_end(generation, status);
	if (supervisor->stopping)
		return;
	if (starting && !supervisor->current) { /* the first process; it has printed the reason */
		supervisor->stopping = true;
		supervisor->status = EXIT_FAILURE;
	} else if (starting && supervisor->next) {
		configuration_close(supervisor->next, supervisor->current);
		supervisor->next = NULL;
		stay(supervisor);
	} else if (starting && supervisor->renewing) {
		supervisor->current->roots_changed = true;
		renew_later(supervisor);
	}
	if (supervisor->current && supervisor->restart_at_ms == 0 && !find(supervisor, TUX_GENERATION_SERVING) &&
	    !find(supervisor, TUX_GENERATION_STARTING))
		restart_soon(supervisor, generation);
}

/* True if pid was the watcher of one of the two configurations. If it failed, a new server process and watcher replace it. */
static bool watcher_ended(struct supervisor *supervisor, pid_t pid, int status)
{
	for (unsigned i = 0; i < 2; i++) {
		struct configuration *const configuration = &supervisor->memory[i];

		if (configuration->watcher.pid != pid)
			continue;
		tux_root_watcher_leave(&configuration->watcher);
		configuration->roots_changed = true;
		if (!tux_root_watcher_saw(status)) {
			fprintf(stderr, "tux: the process that watches document roots has ended; they are opened again\n");
			supervisor->renew_at_ms = clock_ms() + RENEW_AGAIN_MS;
		}
		return true;
	}
	return false;
}

/* Reaps all children, including adopted ones. */
static void reap(struct supervisor *supervisor)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct tux_generation generation;
		unsigned i;

		if (watcher_ended(supervisor, pid, status) || renewer_ended(supervisor, pid) ||
		    (supervisor->loading && tux_handlers_ended(&supervisor->loading->handlers, pid)))
			continue;
		for (i = 0; i < supervisor->count && supervisor->generation[i].pid != pid; i++)
			;
		if (i == supervisor->count)
			continue;
		generation = supervisor->generation[i];
		supervisor->count--;
		memmove(&supervisor->generation[i], &supervisor->generation[i + 1],
		        (supervisor->count - i) * sizeof(supervisor->generation[0]));
		tux_generation_kill_keys(&generation); /* one that is stopped would stay */
		close(generation.fd);
		gone(supervisor, &generation, status);
	}
}

/*
 * Closes the sockets, and removes the files of Unix sockets. Shuts TCP listeners here, because some kernels do not permit that to
 * the unprivileged server process.
 */
static void addresses_close(struct supervisor *supervisor)
{
	if (supervisor->current)
		tux_addresses_shut(&supervisor->current->addresses, NULL, true);
	if (supervisor->loading)
		configuration_close(supervisor->loading, supervisor->current);
	if (supervisor->next)
		configuration_close(supervisor->next, supervisor->current);
	if (supervisor->current)
		configuration_close(supervisor->current, NULL);
	supervisor->loading = supervisor->next = supervisor->current = NULL;
}

/* Stops all processes: the first call lets them finish current requests, the second one ends them at once. */
static void stop(struct supervisor *supervisor)
{
	const enum tux_order order = supervisor->stopping ? TUX_ORDER_END : TUX_ORDER_STOP;
	unsigned i;

	if (supervisor->stopping) {
		addresses_close(supervisor);
	} else {
		tux_service_notify("STOPPING=1\nSTATUS=Not ready: it stops.");
		supervisor->close_at_ms = clock_ms();
		if (supervisor->current)
			supervisor->close_at_ms += tux_serve_drain_delay(&supervisor->current->settings);
		supervisor->stopping = true;
		if (clock_ms() >= supervisor->close_at_ms)
			addresses_close(supervisor); /* before the orders: the server process checks whether the listeners are
			                                shut */
	}
	for (i = 0; i < supervisor->count; i++) {
		struct tux_generation *const generation = &supervisor->generation[i];

		/* A starting process has no clients, and may hang. A process that already reads orders blocks the signal. */
		if (generation->state == TUX_GENERATION_STARTING)
			kill(generation->pid, SIGTERM);
		tux_generation_order(generation, order);
	}
}

static void on_signal(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* A SIGHUP from the kernel: the terminal was closed, and no user could stop the server. */
		if (info.ssi_signo != SIGHUP || info.ssi_code == SI_KERNEL) {
			if (info.ssi_signo == SIGINT && !supervisor->stopping && isatty(STDERR_FILENO))
				fputc('\n', stderr); /* a new line after the terminal's ^C */
			stop(supervisor);
		} else if (!supervisor->stopping) {
			supervisor->reload_due = true;
		}
	}
}

/* Kills processes that exceed their time limit. */
static void hurry(struct supervisor *supervisor)
{
	unsigned i;

	for (i = 0; i < supervisor->count; i++) {
		const struct tux_generation *generation = &supervisor->generation[i];
		uint64_t limit_ms;

		if (generation->state == TUX_GENERATION_STARTING)
			limit_ms = MAX_START_MS;
		else if (generation->state == TUX_GENERATION_STOPPING || generation->state == TUX_GENERATION_RETIRING)
			limit_ms = (uint64_t)generation->drain_ms + MAX_END_MS;
		else
			continue;
		if (tux_generation_age_ms(generation) > limit_ms)
			kill(generation->pid, SIGKILL);
	}
}

/* True if a process with the same configuration may be started now. */
static bool may_renew(struct supervisor *supervisor)
{
	return supervisor->current && !supervisor->stopping && !supervisor->reload_due && !supervisor->loading && supervisor->restart_at_ms == 0 &&
	       !find(supervisor, TUX_GENERATION_STARTING) && !find(supervisor, TUX_GENERATION_RETIRING);
}

/* Waits for a signal, an acknowledgement, or LOOK_MS. */
static void wait_for_something(struct supervisor *supervisor)
{
	const struct tux_generation *starting = find(supervisor, TUX_GENERATION_STARTING);
	const struct tux_generation *retiring = find(supervisor, TUX_GENERATION_RETIRING);
	const struct tux_generation *serving = find(supervisor, TUX_GENERATION_SERVING);
	struct pollfd waits[] = {
		{ .fd = supervisor->signal_fd, .events = POLLIN },
		{ .fd = starting ? starting->fd : -1, .events = POLLIN },
		{ .fd = retiring ? retiring->fd : -1, .events = POLLIN },
		{ .fd = serving ? serving->fd : -1, .events = POLLIN },
		{ .fd = supervisor->current ? supervisor->current->renewer.fd : -1, .events = POLLIN },
		{ .fd = supervisor->loading ? tux_handlers_fd(&supervisor->loading->handlers) : -1, .events = POLLIN },
	};
	const bool look = starting || retiring || supervisor->loading || supervisor->restart_at_ms > 0 || supervisor->reload_due ||
	                  find(supervisor, TUX_GENERATION_STOPPING) || (may_renew(supervisor) && wants_renewal(supervisor));

	poll(waits, sizeof(waits) / sizeof(waits[0]), look ? LOOK_MS : quiet_ms(supervisor));
}

static void words_take(struct supervisor *supervisor)
{
	struct tux_generation *starting = find(supervisor, TUX_GENERATION_STARTING);
	struct tux_generation *retiring = find(supervisor, TUX_GENERATION_RETIRING);
	struct tux_generation *serving = find(supervisor, TUX_GENERATION_SERVING);
	const enum tux_report report = serving ? tux_generation_report(serving) : TUX_REPORT_NONE;

	if (supervisor->current && tux_renewer_reports(&supervisor->current->renewer))
		supervisor->current->certificates_due = true;
	if (report == TUX_REPORT_LOST || report == TUX_REPORT_KEYS || report == TUX_REPORT_KEYS_HANG)
		helper_lost(supervisor, serving, report);
	if (retiring && tux_generation_report(retiring) == TUX_REPORT_DONE) {
		tux_generation_enter(retiring, TUX_GENERATION_RETIRED);
		taken(supervisor);
	}
	if (starting && tux_generation_report(starting) == TUX_REPORT_DONE)
		take_over(supervisor, starting);
}

static void turn(struct supervisor *supervisor)
{
	wait_for_something(supervisor);
	on_signal(supervisor);
	words_take(supervisor);
	reap(supervisor);
	hurry(supervisor);
	tickets_rotate(supervisor);
	if (supervisor->stopping && (clock_ms() >= supervisor->close_at_ms || supervisor->count == 0))
		addresses_close(supervisor);
	if (supervisor->stopping)
		return;
	if (supervisor->reload_due)
		reload(supervisor);
	proceed(supervisor);
	if (supervisor->restart_at_ms > 0 && !find(supervisor, TUX_GENERATION_STARTING))
		restart(supervisor);
	certificates_look(supervisor);
	renewer_keep(supervisor);
	if (may_renew(supervisor))
		renew(supervisor);
}

/* Blocks the signals and opens signal_fd, which queues them. Returns false with errno. */
static bool signals_take(struct supervisor *supervisor)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &supervisor->before);
	supervisor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return supervisor->signal_fd >= 0;
}

/* Raises the limit of open files to the hard limit, for listening sockets. Each server process raises its own limits. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * Opens one socket pair for all processes: the next process reads messages that the previous one has not read. Without it,
 * connections are not passed on.
 */
static void passing_open(struct supervisor *supervisor)
{
	int fd[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		fprintf(stderr, "tux: reloads will not pass connections on: %s\n", strerror(errno));
	supervisor->passed_fd = fd[0];
	supervisor->pass_fd = fd[1];
}

int tux_supervise(int argc, char **argv, const char *path)
{
	static struct supervisor supervisor; /* static, because its listeners are too large for the stack */

	supervisor.argc = argc;
	supervisor.argv = argv;
	supervisor.path = path;
	supervisor.loading = &supervisor.memory[0];
	supervisor.memory[0].watcher.fd = supervisor.memory[1].watcher.fd = -1;
	supervisor.memory[0].renewer.fd = supervisor.memory[1].renewer.fd = -1;
	tux_root_start();
	files_raise();
	supervisor.status = configuration_open(&supervisor, supervisor.loading, NULL);
	if (supervisor.status != 0)
		return supervisor.status;
	if (!signals_take(&supervisor)) {
		fprintf(stderr, "tux: cannot wait for signals: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	passing_open(&supervisor);
	tux_service_connect();
	proceed(&supervisor);
	prctl(PR_SET_NAME, "tux-supervisor", 0, 0, 0);
	while (!supervisor.stopping || supervisor.count > 0)
		turn(&supervisor);
	return supervisor.status;
}
