/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's side of an isolated module whose process writes anything: valid records with any content, records for requests that it does not
 * have, bytes that are no record, and positions of the rings. Between them requests begin and end, streams are taken, and time passes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../engine/isolated/line.h"
#include "../../engine/isolated/process.h"
#include "../../engine/modules/call_fetch.h"
#include "../../engine/thread.h"
#include "fuzz.h"

enum {
	MOST_CALLS = 6,
	FILE_BYTES = 100000, /* of the file that a look-up finds */
	STEP_MS = 700,
};

struct input {
	const uint8_t *at;
	size_t len;
};

static struct tux_module_config module = { .name = "fuzz", .file = "/fuzz", .isolate = true, .timeout_ms = 1000 };
static struct tux_upstream upstream = { .name = "u" };
static struct tux_engine_config config = { .threads = 1, .modules = &module, .module_count = 1, .upstreams = &upstream, .upstream_count = 1 };
static struct tux_loaded loaded;
static struct thread thread = { .config = &config };
static struct calls calls;
static struct tux_req *live[MOST_CALLS];
static struct wire_end to_server, from_server; /* of the process */
static struct { uint32_t slot, generation; } known[MOST_CALLS]; /* requests that the process has seen last */
static unsigned known_count;
static int spawner_fd[2];
static uint8_t choice; /* how look-ups and fetches end, and whether the process reads */

/* Lines about nonsense would be most of what the fuzzer does. */
void __wrap_say(const char *front, const char *text, uint32_t len);
void __wrap_say(const char *front, const char *text, uint32_t len)
{
	(void)front;
	(void)text;
	(void)len;
}

static uint8_t octet(struct input *input)
{
	if (input->len == 0)
		return 0;
	input->len--;
	return *input->at++;
}

static uint32_t number(struct input *input)
{
	const uint32_t low = octet(input), high = octet(input);

	return low | high << 8;
}

static bool send_now(struct tux_req *call)
{
	(void)call;
	return false;
}

static void nothing(struct tux_req *call)
{
	(void)call;
}

static int read_file(const struct tux_req *call, uint64_t off, void *to, uint32_t len)
{
	if (call->file.error != 0 || off > FILE_BYTES || len > FILE_BYTES - off)
		abort(); /* the process was permitted to read what it may not have */
	memset(to, 'f', len);
	return (int)len;
}

/* Some bytes are not in memory yet. */
static bool find_file(struct tux_req *call, struct read_waiter *waiter, uint64_t off, uint32_t *len)
{
	(void)call;
	(void)off;
	if ((choice & 4) != 0 && *len > 1)
		*len /= 2;
	waiter->end = off + *len;
	return true;
}

static const struct call_ops ops = { .send = send_now, .keep = nothing, .put = nothing, .find_file = find_file, .read_file = read_file };

/* Removes a call that is put back. */
static void separate(const struct tux_req *call)
{
	for (unsigned i = 0; i < MOST_CALLS; i++)
		if (live[i] == call)
			live[i] = NULL;
}

/* Ends what the server does for the process, and gives the call back to it. Returns its result. */
static enum call_result answer(struct tux_req *call)
{
	if (call->wait.until == UNTIL_FILE)
		call->file = (struct call_file){ .asked = true, .error = (choice & 1) != 0 ? -ENOENT : 0, .size = (choice & 1) != 0 ? 0 : FILE_BYTES };
	if (call->wait.until == UNTIL_FETCHED && (choice & 2) != 0)
		call->fetch->error = ECONNREFUSED;
	else if (call->wait.until == UNTIL_FETCHED && !buffer_keep(&call->fetch->content, (const uint8_t *)"content", 7))
		call->fetch->error = ENOMEM;
	call->again = true;
	return call_run(call);
}

/* Handles calls that were given back, as the server's thread does. */
static void take_returned(void)
{
	struct job *job = inbox_take(&calls.inbox);

	while (job != NULL) {
		struct tux_req *call = (struct tux_req *)job;
		unsigned news;

		job = job->next;
		news = call_take_news(call);
		if ((news & NEWS_RETURNED) == 0)
			continue;
		call->kept = false;
		if (call_is_gone(call)) {
			call_put_lost(call);
			continue;
		}
		while (call->result == CALL_WAITS) {
			const enum call_result result = answer(call);

			if (result == CALL_KEPT)
				break;
			call->result = (uint8_t)result;
		}
		if (!call->kept) {
			separate(call);
			call_put(call);
		}
	}
}

static void begin_call(struct input *input)
{
	static const uint8_t bytes[] = "POST /path?query HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 9\r\n\r\n";
	static struct tux_request head;
	static uint8_t body[70000];
	const uint32_t len = number(input);
	struct tux_req *call;
	unsigned i = 0;

	while (i < MOST_CALLS && live[i] != NULL)
		i++;
	if (i == MOST_CALLS)
		return;
	if (head.head_len == 0 && tux_request_parse(bytes, sizeof(bytes) - 1, 0, &head) != TUX_PARSED)
		abort();
	call = call_get(&calls, &loaded);
	if (call == NULL)
		return;
	call->bytes = bytes;
	call->head = &head;
	call->path = bytes + 5;
	call->path_len = 5;
	call->begun = call->body_done = true;
	call->reads = len % 2 != 0; /* the body in pieces */
	if (call->reads ? body_queue_add(&call->queue, body, len % 60000) : buffer_keep(&call->body, body, len))
		body_queue_end(&call->queue, 0);
	live[i] = call;
	if (call_run(call) == CALL_KEPT)
		return;
	live[i] = NULL;
	call_put(call);
}

static void end_call(struct input *input)
{
	const unsigned i = octet(input) % MOST_CALLS;
	struct tux_req *call = live[i];

	live[i] = NULL;
	if (call != NULL)
		call_lose(call);
}

static void take_stream(struct input *input)
{
	struct tux_req *call = live[octet(input) % MOST_CALLS];
	struct stream_piece piece;

	if (call == NULL)
		return;
	stream_take(&call->stream, UINT64_MAX, &piece);
	if (piece.file_len > 0 && (piece.file_off > FILE_BYTES || piece.file_len > FILE_BYTES - piece.file_off))
		abort(); /* bytes that the file does not have */
	buffer_forget(&piece.bytes);
	call_tell_room(call);
}

/* Reads the records for the process, which so learns of requests. */
static void read_records(void)
{
	static uint8_t buf[WIRE_RECORD];
	struct wire_record record;

	while (wire_read(&from_server, &record, buf) == WIRE_READ)
		if (record.kind == WIRE_CALL) {
			known[known_count % MOST_CALLS].slot = record.slot;
			known[known_count++ % MOST_CALLS].generation = record.generation;
		}
}

/* Writes a record, of a request that the process has or not. The content of a reply may be described rightly. */
static void write_record(struct input *input)
{
	static uint8_t content[WIRE_RECORD];
	struct wire_record record = { .kind = octet(input), .flags = octet(input) };
	const unsigned which = octet(input);
	uint32_t len = octet(input);

	if (which < MOST_CALLS) {
		record.slot = known[which].slot;
		record.generation = known[which].generation;
	} else {
		record.slot = which - MOST_CALLS;
		record.generation = octet(input);
	}
	if (len >= 250)
		len = (len - 249) * 12000; /* a long one */
	if (len > WIRE_RECORD)
		len = WIRE_RECORD;
	memset(content, 'c', len);
	for (uint32_t i = 0; i < len && i < 300 && input->len > 0; i++)
		content[i] = octet(input);
	if (record.kind == WIRE_REPLY && record.flags == 1 && len > sizeof(struct wire_reply)) {
		struct wire_reply reply;

		memcpy(&reply, content, sizeof(reply));
		reply.total %= 1000000;
		reply.result %= WIRE_FAILED + 2;
		reply.status = 200 + reply.status % 400;
		reply.type_len %= 20;
		reply.fields_len %= 30;
		reply.text_len %= 30;
		reply.body_len = len - (uint32_t)sizeof(reply) - reply.type_len - reply.fields_len - reply.text_len;
		memcpy(content, &reply, sizeof(reply));
	}
	wire_write(&to_server, &record, &(struct wire_part){ content, len }, 1);
}

static void write_nonsense(struct input *input)
{
	struct wire_ring *ring = octet(input) % 2 == 0 ? to_server.ring : from_server.ring;
	const uint32_t off = number(input) % WIRE_RING, len = octet(input);

	for (uint32_t i = 0; i < len; i++)
		ring->bytes[(off + i) % WIRE_RING] = octet(input);
}

static void move_position(struct input *input)
{
	const uint8_t which = octet(input);
	const uint64_t by = which & 4 ? (uint64_t)number(input) << 48 : number(input);

	if ((which & 3) == 0)
		to_server.ring->head += by;
	else if ((which & 3) == 1)
		to_server.ring->tail += by;
	else if ((which & 3) == 2)
		from_server.ring->head += by;
	else
		from_server.ring->tail += by;
}

static void turn(void)
{
	isolated_lines_turn(&calls);
	take_returned();
	isolated_lines_next(&calls);
}

static void act(struct input *input)
{
	switch (octet(input) % 10) {
	case 0:
		begin_call(input);
		if ((choice & 8) == 0)
			read_records();
		break;
	case 1:
		end_call(input);
		break;
	case 2:
		take_stream(input);
		break;
	case 3:
		read_records();
		break;
	case 4:
		write_nonsense(input);
		break;
	case 5:
		move_position(input);
		break;
	case 6:
		thread.now_ms += STEP_MS;
		turn();
		break;
	case 7:
		choice = octet(input);
		break;
	default:
		write_record(input);
		turn();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct isolated_manager *manager;
	struct isolated_process *process;

	if (spawner_fd[1] == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, spawner_fd) < 0)
		abort();
	loaded = (struct tux_loaded){ .config = &module, .module = &isolated_module, .resumed = isolated_module.resumed, .writable = isolated_module.writable };
	config.loaded = &loaded;
	thread.now_ms = 1000;
	calls = (struct calls){ .thread = &thread, .ready = { .fd = -1 } };
	manager = isolated_open(&config, &loaded, spawner_fd[0]);
	if (manager == NULL || !calls_open(&calls, &ops) || !isolated_lines_open(&calls, &config, 0))
		abort();
	thread.calls = &calls;
	process = isolated_process_get(loaded.isolated);
	process->ready = true;
	to_server = (struct wire_end){ .ring = &process->pair[0].to_server };
	from_server = (struct wire_end){ .ring = &process->pair[0].to_module };
	known_count = 0;
	choice = 0;
	while (input.len > 0 && !isolated_process_is_dead(process))
		act(&input);
	for (unsigned i = 0; i < MOST_CALLS; i++)
		if (live[i] != NULL)
			call_lose(live[i]);
	memset(live, 0, sizeof(live));
	isolated_process_put(process);
	isolated_lines_free(&calls);
	take_returned();
	if (!calls_free(&calls) || calls.out != 0)
		abort(); /* a call that nobody has given back */
	isolated_free(manager);
	return 0;
}
