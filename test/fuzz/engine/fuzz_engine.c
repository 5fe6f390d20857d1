/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole user engine in a simulated machine (sim.h). The input is a script: the first three bytes choose the configuration, bytes
 * below 0xe0 are data for the selected client, upstream server or program, and bytes from 0xe0 on are the commands of enum command.
 *
 * Each run checks: responses parse, in the order and number of the requests; a connection that stays open has all its responses once
 * its backends are done; the engine ends when it drains, closes all descriptors, and leaves no thread; its counters and access records
 * add up; the error log has whole lines without control characters; the engine keeps the contract of loop.h, and never blocks.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/access_record.h"
#include "../../../engine/backend/spawner_client.h"
#include "sim.h"

enum { MAX_ENGINES = 3, MAX_CLIENTS = 16, MAX_PROGRAMS = 16, MAX_COMMANDS = 600, MAX_SETTLE = 4000 };

/* Each is followed by one byte, except DATA_LITERAL's, which is data. */
enum command {
	DATA_LITERAL = 0xe0, /* a byte of data of any value */
	SELECT_CLIENT,       /* low 3 bits: which; 8: at listener 1; 16: a new connection in its place */
	SELECT_UPSTREAM,     /* an open connection to an upstream server */
	SELECT_PROGRAM,      /* a program's stdout; with 0x80 its stderr */
	TURN,                /* low bits: which thread; the rest: how many turns */
	SEND_END,            /* FIN of the selected one */
	SEND_RESET,
	SET_ROOM,            /* bytes that the selected one still receives: the square of the byte, 255: no limit */
	SNIPPET,             /* data from a table */
	PASS_TIME,           /* the square of the byte, in 1/10 ms */
	WORK,                /* one step of a woken thread; they do not run by themselves from now on; 255: they do again */
	POLICY,              /* bits: late, reversed, one_accept, slow_close, hold_sends; then the size of pieces */
	LOG,                 /* 0: the log is not read; more: it is */
	PROGRAM_RESULT,      /* of a program: low 4 bits which, then how it ends */
	ENGINE,              /* low 2 bits: leave, drain, a reload, drain the one before the newest; the rest: which, 16: a listener goes */
	CHANGE_FILE,         /* low 3 bits: how; the rest: which */
	CONNECT,             /* connections to upstream servers, modulo 5: 0: wait; 1 and 2: succeed; 3 and 4: fail */
	FAIL_DESCRIPTOR,     /* the next new descriptor: EMFILE, ENOMEM, ... */
	FAIL_MEMORY,         /* the allocation after so many others */
	REPORT,              /* the status in a form, and the counters */
	SPAWNER,             /* 0: full; 1: not; 2: it ends; 3: sends nonsense */
	READ_INPUT,          /* the selected program or the socket's peer reads, which makes room */
	FILL,                /* data: twice the square of the byte */
};

/* Bits of the choices. setup.c has those of the configuration. */
enum {
	CHOICE_RECORDS = 4,              /* the engine writes access records */
	CHOICE_SOCKETS = 0x20000,        /* a socket of each listener for each thread */
	CHOICE_START_FAILS = 0x40000,    /* the next byte: an allocation that fails at the start */
	CHOICE_STOP_AT_ONCE = 0x80000,   /* stop in the midst of everything, without a drain */
};

/* A connection of a client. Its flows stay when the engine has closed it. */
struct client {
	struct flow *to_engine, *from_engine;
	bool quit; /* FIN or RST was sent */
};

struct program {
	uint64_t id; /* 0: unused */
	unsigned engine;
	struct file *file[TUX_SPAWN_STREAMS]; /* NULL: closed */
	bool ended;
};

static struct {
	const uint8_t *data;
	size_t len, at;
	uint32_t choices;
	struct setup setup[MAX_ENGINES];
	struct tux_engine *engine[MAX_ENGINES];
	struct file *spawner[MAX_ENGINES];
	unsigned engines;
	struct file *listener[SETUP_LISTENERS], *pass[2];
	int pass_fd[2];
	struct client client[MAX_CLIENTS]; /* all connections, the newest of each number at its index */
	unsigned clients, current[8];
	struct program program[MAX_PROGRAMS];
	struct flow *selected;  /* gets data */
	struct flow *selected_out;
	struct client *selected_client;
	bool manual_work, log_stopped;
	int connect; /* the byte of CONNECT, modulo 5 */
	uint64_t records, responses;
	bool failed; /* the script has injected a failure, so an engine may not start */
} run;

bool sim_running;

/* A small quarantine stays in the cache of the CPU. The free lists of the engine are off, so it need not be long. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:thread_local_quarantine_size_kb=512";
}

static uint8_t next_byte(void)
{
	return run.at < run.len ? run.data[run.at++] : 0;
}

static void start_engine(void)
{
	const unsigned i = run.engines;
	struct setup *setup = &run.setup[i];
	char error[512];

	if (i == MAX_ENGINES)
		return;
	setup_engine(setup, run.choices, i);
	for (unsigned l = 0; l < setup->config.listener_count; l++) {
		setup->listeners[l].count = run.choices & CHOICE_SOCKETS ? setup->config.threads : 1;
		for (unsigned fd = 0; fd < setup->listeners[l].count; fd++)
			setup->listeners[l].fd[fd] = descriptor_open(run.listener[l]);
	}
	run.spawner[i] = file_new(FILE_PACKETS);
	run.spawner[i]->refs++;
	setup->spawner_fd[0] = descriptor_open(run.spawner[i]);
	setup->config.pass_fd = run.pass_fd[0];
	setup->config.passed_fd = run.pass_fd[1];
	run.engine[i] = tux_engine_start(&setup->config, error, sizeof(error));
	if (run.engine[i] == NULL) {
		require(run.failed || loop_policy.uring_fails);
		for (unsigned l = 0; l < setup->config.listener_count; l++)
			for (unsigned fd = 0; fd < setup->listeners[l].count; fd++)
				descriptor_close(setup->listeners[l].fd[fd]);
		descriptor_close(setup->spawner_fd[0]);
		file_put(run.spawner[i]);
		return;
	}
	run.engines++;
	tux_engine_accept(run.engine[i]);
}

static void check_record(const struct tux_access_record *record, uint32_t left)
{
	require(record->status >= 100 && record->status <= 599 && record->minor <= 1);
	require(tux_access_record_valid(record, left));
}

static void read_records(struct tux_engine *engine)
{
	static uint8_t out[1 << 17];
	size_t len;

	while ((len = tux_engine_records_read(engine, out, sizeof(out))) > 0)
		for (size_t at = 0; at < len;) {
			struct tux_access_record record;

			require(len - at >= sizeof(record));
			memcpy(&record, out + at, sizeof(record));
			check_record(&record, (uint32_t)(len - at));
			at += record.size;
			run.records++;
		}
}

static void program_end(struct program *program, uint32_t end, int status)
{
	const struct tux_spawn_result result = { .kind = TUX_SPAWN_ENDED, .id = program->id, .end = end, .status = status, .pid = 7 };

	if (program->ended)
		return;
	program->ended = true;
	packets_push(run.spawner[program->engine], &result, sizeof(result));
}

static void program_close(struct program *program)
{
	for (int i = 0; i < TUX_SPAWN_STREAMS; i++)
		if (program->file[i] != NULL) {
			file_put(program->file[i]);
			program->file[i] = NULL;
		}
}

static void program_start(unsigned engine, struct packet *packet)
{
	static struct tux_spawn_request request;
	const struct tux_spawn_result started = { .kind = TUX_SPAWN_STARTED, .id = 0, .pid = 7 };
	struct tux_spawn_result result = started;
	struct program *program = run.program;

	require(packet->files == TUX_SPAWN_STREAMS && tux_spawn_start_read(packet->data, packet->len, &request));
	require(tux_spawn_environment_allowed(&request));
	result.id = request.start.id;
	while (program < run.program + MAX_PROGRAMS && program->id != 0)
		program++;
	if (program == run.program + MAX_PROGRAMS) {
		result.kind = TUX_SPAWN_FAILED;
		result.step = TUX_SPAWN_AT_LIMIT;
		packets_push(run.spawner[engine], &result, sizeof(result));
		return;
	}
	*program = (struct program){ .id = request.start.id, .engine = engine };
	for (int i = 0; i < TUX_SPAWN_STREAMS; i++) {
		program->file[i] = packet->file[i];
		packet->file[i] = NULL;
	}
	packets_push(run.spawner[engine], &result, sizeof(result));
}

/* Reads the orders to a spawner. */
static void serve_spawner(unsigned engine)
{
	struct file *spawner = run.spawner[engine];
	struct packet *packet;

	while ((packet = spawner->sent) != NULL) {
		uint32_t kind;

		spawner->sent = packet->next;
		require(packet->len >= sizeof(kind));
		memcpy(&kind, packet->data, sizeof(kind));
		if (kind == TUX_SPAWN_START) {
			program_start(engine, packet);
		} else {
			struct tux_spawn_kill order;

			require(kind != TUX_SPAWN_KILL || tux_spawn_kill_read(packet->data, packet->len, &order));
			for (unsigned i = 0; kind == TUX_SPAWN_KILL && i < MAX_PROGRAMS; i++)
				if (run.program[i].id == order.id && run.program[i].engine == engine) {
					program_end(&run.program[i], TUX_SPAWN_BY_KILL, 9);
					program_close(&run.program[i]);
				}
		}
		for (unsigned i = 0; i < packet->files; i++)
			if (packet->file[i] != NULL)
				file_put(packet->file[i]);
		free(packet);
	}
}

/* Does everything outside of the engine that happens by itself. */
static void pump(void)
{
	for (unsigned i = 0; run.connect != 0; i++) {
		struct file *file = file_by_number(FILE_OUTGOING, i);

		if (file == NULL || (i > 0 && file == file_by_number(FILE_OUTGOING, 0)))
			break;
		if (file->connect != CONNECT_PENDING)
			continue;
		file->connect = CONNECT_DECIDED;
		file->connect_error = run.connect <= 2 ? 0 : run.connect == 3 ? ECONNREFUSED : ENETUNREACH;
	}
	for (unsigned i = 0; i < run.engines; i++) {
		serve_spawner(i);
		if (!run.log_stopped)
			read_records(run.engine[i]);
	}
	while (!run.manual_work && fiber_work(0))
		;
}

static void turn(unsigned which)
{
	pump();
	fiber_turn(which);
	pump();
}

/* Lets all threads run until nothing happens without time passing. */
static void settle(void)
{
	loop_is_quiet();
	for (unsigned i = 0, quiet = 0; quiet < 2; i++) {
		require(i < MAX_SETTLE); /* an endless loop */
		for (unsigned t = 0; t < fiber_loops(); t++)
			turn(t);
		if (fiber_loops() == 0)
			pump();
		quiet = loop_is_quiet() ? quiet + 1 : 0;
	}
}

static void client_open(unsigned which, unsigned listener)
{
	struct file *file;
	struct client *client;

	if (run.clients == MAX_CLIENTS || run.listener[listener]->waiting_count == 16 || run.listener[listener]->refs == 1)
		return;
	file = stream_make(FILE_STREAM);
	file->refs = 1;
	run.listener[listener]->waiting[run.listener[listener]->waiting_count++] = file;
	client = &run.client[run.clients];
	*client = (struct client){ file->in, file->out, false };
	run.current[which] = ++run.clients;
}

static void select_client(uint8_t byte)
{
	const unsigned which = byte & 7;

	if (run.current[which] == 0 || (byte & 16))
		client_open(which, byte >> 3 & 1);
	run.selected_client = run.current[which] == 0 ? NULL : &run.client[run.current[which] - 1];
	run.selected = run.selected_client != NULL ? run.selected_client->to_engine : NULL;
	run.selected_out = run.selected_client != NULL ? run.selected_client->from_engine : NULL;
}

static void select_upstream(uint8_t byte)
{
	struct file *file = file_by_number(FILE_OUTGOING, byte);

	run.selected_client = NULL;
	run.selected = file != NULL ? file->in : NULL;
	run.selected_out = file != NULL ? file->out : NULL;
}

static struct program *program_at(uint8_t byte)
{
	struct program *found = NULL;

	for (unsigned i = 0, seen = 0; i < MAX_PROGRAMS; i++)
		if (run.program[i].id != 0 && seen++ <= (byte & 15u))
			found = &run.program[i];
	return found;
}

static void select_program(uint8_t byte)
{
	const struct program *program = program_at(byte);

	run.selected_client = NULL;
	run.selected = run.selected_out = NULL;
	if (program == NULL)
		return;
	if (program->file[byte & 0x80 ? 2 : 1] != NULL)
		run.selected = program->file[byte & 0x80 ? 2 : 1]->out;
	if (program->file[0] != NULL)
		run.selected_out = program->file[0]->in;
}

static void send_data(const void *data, uint32_t len)
{
	if (run.selected != NULL && !run.selected->ended && !run.selected->broken && run.selected->len < 1 << 20)
		flow_write(run.selected, data, len);
}

static void send_end(bool reset)
{
	if (run.selected == NULL)
		return;
	if (run.selected_client != NULL)
		run.selected_client->quit = true;
	if (reset && run.selected->refills) {
		run.selected->ended = true;
	} else if (reset) {
		run.selected->broken = true;
		run.selected_out->broken = true;
	} else {
		run.selected->ended = true;
	}
}

static void program_result(uint8_t byte)
{
	struct program *program = program_at(byte);
	struct tux_spawn_result result = { .pid = 7 };

	if (program == NULL || program->ended)
		return;
	result.id = program->id;
	switch (byte >> 4) {
	case 0:
		program_close(program);
		/* fall through */
	case 1:
		program_end(program, TUX_SPAWN_BY_ITSELF, 0);
		return;
	case 2:
		program_close(program);
		program_end(program, TUX_SPAWN_BY_ITSELF, 3 << 8);
		return;
	case 3:
		program_close(program);
		program_end(program, TUX_SPAWN_BY_ITSELF, 11);
		return;
	case 4:
		program_close(program);
		program_end(program, TUX_SPAWN_BY_TIME, 9);
		return;
	case 5:
		result.kind = TUX_SPAWN_DUE;
		packets_push(run.spawner[program->engine], &result, sizeof(result));
		return;
	case 6: /* stdin */
	case 7: /* stdout */
	case 8: /* stderr */
		if (program->file[(byte >> 4) - 6] != NULL)
			file_put(program->file[(byte >> 4) - 6]);
		program->file[(byte >> 4) - 6] = NULL;
		run.selected = run.selected_out = NULL;
		return;
	default:
		result.kind = TUX_SPAWN_FAILED;
		result.step = TUX_SPAWN_AT_LIMIT + (byte >> 4) % (TUX_SPAWN_STEPS - TUX_SPAWN_AT_LIMIT);
		result.error = byte & 8 ? ENOENT : EACCES;
		program->ended = true;
		program_close(program);
		packets_push(run.spawner[program->engine], &result, sizeof(result));
		return;
	}
}

static void command_engine(uint8_t byte)
{
	const bool stays[TUX_MAX_LISTENERS] = { true, (byte & 0x10) == 0 };
	const unsigned newest = run.engines - 1;

	switch (byte % 4) {
	case 0:
		tux_engine_leave(run.engine[byte / 4 % run.engines]);
		break;
	case 1:
		tux_engine_drain(run.engine[byte / 4 % run.engines]);
		break;
	case 2: /* a reload */
		start_engine();
		if (run.engines - 1 > newest)
			tux_engine_retire(run.engine[newest], stays);
		break;
	case 3:
		if (newest > 0)
			tux_engine_drain(run.engine[newest - 1]);
		break;
	}
}

static void command_report(uint8_t byte)
{
	struct tux_engine *engine = run.engine[byte / 8 % run.engines];
	struct tux_counters counters = { 0 };
	size_t len;
	char *text = tux_engine_report(engine, (enum tux_report_form)(byte % (TUX_REPORT_MODULES + 1)), &len);

	require(text == NULL || strnlen(text, len) == len);
	free(text);
	tux_engine_counters(engine, &counters);
}

/* Stops or resumes the reader of the access records, as a slow disk does. */
static void command_log(uint8_t byte)
{
	run.log_stopped = byte == 0;
}

static void command_spawner(uint8_t byte)
{
	struct file *spawner = run.spawner[byte / 4 % run.engines];

	switch (byte % 4) {
	case 0:
	case 1:
		spawner->packets_full = byte % 4 == 0;
		break;
	case 2:
		spawner->closed_by_other = true;
		break;
	case 3:
		packets_push(spawner, "nonsense", 8);
		break;
	}
}

static void command_policy(uint8_t byte)
{
	static const uint32_t pieces[] = { UINT32_MAX, 1, 7, 1000 };

	loop_policy.late = byte & 1;
	loop_policy.reversed = byte & 2;
	loop_policy.one_accept = byte & 4;
	loop_policy.slow_close = byte & 8;
	loop_policy.hold_sends = byte & 16;
	loop_policy.piece = pieces[byte >> 5 & 3];
}

static void execute(enum command command, uint8_t byte)
{
	static const uint8_t filler[256] = "filler";
	static const int errors[] = { EMFILE, ENOMEM, ENFILE, EAGAIN };

	switch (command) {
	case DATA_LITERAL:
		send_data(&byte, 1);
		break;
	case SELECT_CLIENT:
		select_client(byte);
		break;
	case SELECT_UPSTREAM:
		select_upstream(byte);
		break;
	case SELECT_PROGRAM:
		select_program(byte);
		break;
	case TURN:
		for (unsigned i = 0; i <= byte / 16u; i++)
			turn(byte & 3);
		break;
	case SEND_END:
	case SEND_RESET:
		send_end(command == SEND_RESET);
		break;
	case SET_ROOM:
		if (run.selected_out != NULL && !run.selected_out->refills)
			run.selected_out->room = byte == 255 ? UINT32_MAX : (uint32_t)byte * byte;
		break;
	case SNIPPET:
		send_data(setup_snippet(byte), (uint32_t)strlen(setup_snippet(byte)));
		break;
	case PASS_TIME:
		clock_pass(byte * byte / 10u);
		break;
	case WORK:
		run.manual_work = byte != 255;
		fiber_work(byte);
		break;
	case POLICY:
		command_policy(byte);
		break;
	case LOG:
		command_log(byte);
		break;
	case PROGRAM_RESULT:
		program_result(byte);
		break;
	case ENGINE:
		command_engine(byte);
		break;
	case CHANGE_FILE:
		setup_change_file(byte >> 3, byte);
		break;
	case CONNECT:
		run.connect = byte % 5;
		break;
	case FAIL_DESCRIPTOR:
		descriptor_fail_next(errors[byte % 4]);
		run.failed = true;
		break;
	case FAIL_MEMORY:
		memory_fail(byte);
		run.failed = true;
		break;
	case REPORT:
		command_report(byte);
		break;
	case SPAWNER:
		command_spawner(byte);
		break;
	case READ_INPUT:
		if (run.selected_out != NULL)
			flow_read(run.selected_out, NULL, byte == 255 ? UINT32_MAX : byte * 16u);
		break;
	case FILL:
		for (unsigned i = 0; i < 2u * byte; i++)
			send_data(filler, byte);
		break;
	}
}

/* Performs the script. */
static void perform(void)
{
	for (unsigned commands = 0; run.at < run.len && commands < MAX_COMMANDS; commands++) {
		const size_t from = run.at;

		while (run.at < run.len && run.data[run.at] < DATA_LITERAL)
			run.at++;
		send_data(run.data + from, (uint32_t)(run.at - from));
		if (run.at < run.len) {
			const uint8_t command = next_byte();

			if (command <= FILL)
				execute((enum command)command, next_byte());
		}
	}
}

/* True if a program or a connection to an upstream server is left. */
static bool backends_left(void)
{
	const struct program *program = run.program;

	while (program < run.program + MAX_PROGRAMS && program->id == 0)
		program++;
	return program < run.program + MAX_PROGRAMS || file_by_number(FILE_OUTGOING, 0) != NULL;
}

/* Ends all backends. */
static void finish_backends(void)
{
	struct file *file;

	for (unsigned round = 0; backends_left(); round++) {
		require(round < 100);
		run.connect = round < 4 ? 1 : 3;
		for (unsigned i = 0; (file = file_by_number(FILE_OUTGOING, i)) != NULL && (i == 0 || file != file_by_number(FILE_OUTGOING, 0)); i++) {
			file->in->ended = true;
			file->out->room = UINT32_MAX;
		}
		for (unsigned i = 0; i < MAX_PROGRAMS; i++)
			if (run.program[i].id != 0) {
				program_close(&run.program[i]);
				program_end(&run.program[i], TUX_SPAWN_BY_ITSELF, 0);
				run.program[i].id = 0;
			}
		settle();
	}
}

static void flow_freely(void)
{
	loop_policy = (struct loop_policy){ .piece = UINT32_MAX };
	memory_fail(0);
	descriptor_fail_next(0);
	run.manual_work = run.log_stopped = false;
	for (unsigned i = 0; i < run.clients; i++)
		run.client[i].from_engine->room = UINT32_MAX;
	for (unsigned i = 0; i < run.engines; i++)
		run.spawner[i]->packets_full = false;
}

static struct client_result check_client(const struct client *client)
{
	static const uint8_t nothing[1];
	const struct flow *to = client->to_engine, *from = client->from_engine;
	const struct client_view view = { .sent = to->data != NULL ? to->data : nothing, .sent_len = to->len,
		.got = from->data != NULL ? from->data : nothing, .got_len = from->len };

	return client_check(&view);
}

/* A connection that waits for the client has given all its responses. */
static void check_waiting(void)
{
	for (unsigned i = 0; i < run.clients; i++) {
		const struct client *client = &run.client[i];
		struct client_result result;

		if (client->quit || client->from_engine->ended || client->to_engine->at == 0)
			continue;
		result = check_client(client);
		require(result.open == OPEN_NOTHING);
		require(result.over || result.responses == result.requests);
	}
}

static void pass_long(void)
{
	for (int i = 0; i < 7; i++) {
		clock_pass(1000);
		settle();
	}
}

static void check_counters(struct tux_engine *engine, bool records)
{
	struct tux_counters counters = { 0 };
	uint64_t classes = 0, phases = 0;

	tux_engine_counters(engine, &counters);
	for (unsigned digit = 1; digit <= 5; digit++)
		classes += tux_counters_class(&counters, digit);
	for (int phase = 0; phase < TUX_PHASES; phase++)
		phases += counters.phase[phase];
	require(counters.open == 0 && phases == 0);
	require(counters.requests == classes);
	run.responses += counters.requests;
	if (records)
		run.records += counters.records_lost;
}

static void stop_all(void)
{
	for (unsigned i = 0; i < run.engines; i++) {
		tux_engine_stop(run.engine[i]);
		read_records(run.engine[i]);
		check_counters(run.engine[i], run.setup[i].config.records);
		tux_engine_free(run.engine[i]);
		serve_spawner(i);
		descriptor_close(run.setup[i].spawner_fd[0]);
		file_put(run.spawner[i]);
	}
	for (unsigned i = 0; i < MAX_PROGRAMS; i++)
		program_close(&run.program[i]);
	for (int i = 0; i < 2; i++)
		descriptor_close(run.pass_fd[i]);
	for (unsigned i = 0; i < SETUP_LISTENERS; i++)
		file_put(run.listener[i]);
}

/* Drains: after some time all threads have ended. */
static void drain_all(void)
{
	for (unsigned i = 0; i < run.engines; i++)
		tux_engine_drain(run.engine[i]);
	settle();
	for (int i = 0; i < 4 && fiber_loops() > 0; i++) {
		finish_backends();
		pass_long();
	}
	for (unsigned i = 0; i < run.engines; i++)
		require(tux_engine_wait(run.engine[i], 0) && !tux_engine_accepts(run.engine[i]));
}

static void check_all(void)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < run.clients; i++)
		seen += check_client(&run.client[i]).responses;
	require(seen <= run.responses);
	require(!(run.choices & CHOICE_RECORDS) || run.records == run.responses);
	descriptor_check_over();
	fiber_check_over();
}

static void begin(const uint8_t *data, size_t size)
{
	memset(&run, 0, sizeof(run));
	run.data = data;
	run.len = size;
	run.connect = 1;
	descriptor_start();
	clock_start();
	memory_start();
	loop_policy = (struct loop_policy){ .piece = UINT32_MAX };
	sim_running = true;
	run.choices = next_byte();
	run.choices |= (uint32_t)next_byte() << 8;
	run.choices |= (uint32_t)next_byte() << 16;
	for (unsigned i = 0; i < SETUP_LISTENERS; i++) {
		run.listener[i] = file_new(FILE_LISTENER);
		run.listener[i]->refs = 1;
		run.listener[i]->nonblocking = true;
		run.listener[i]->inode = 100 + i;
	}
	for (int i = 0; i < 2; i++) {
		run.pass[i] = file_new(FILE_PACKETS);
		run.pass_fd[i] = descriptor_open(run.pass[i]);
	}
	run.pass[0]->twin = run.pass[1];
	if (run.choices & CHOICE_START_FAILS) {
		memory_fail(next_byte());
		run.failed = true;
	}
	start_engine();
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready)
		setup_once();
	ready = true;
	begin(data, size);
	if (run.engines > 0)
		perform();
	if (run.engines > 0 && !(run.choices & CHOICE_STOP_AT_ONCE)) {
		flow_freely();
		settle();
		finish_backends();
		check_waiting();
		pass_long();
		drain_all();
	}
	stop_all();
	check_all();
	sim_running = false;
	return 0;
}
