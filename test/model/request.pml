/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection of the user engine and its requests, from the accept queue to the last byte.
 *
 * sources: engine/http/conn.c engine/http/conn.h engine/http/conn_return.c engine/http/conn_state.h engine/http/h1.c engine/http/h1_sink.c engine/request.c
 * sources: engine/request.h engine/handlers/dispatch.c engine/backend/exchange.c engine/backend/exchange.h
 * sources: engine/backend/exchange_request.c engine/backend/exchange_handler.c engine/request_events.h engine/files/lookup.c engine/files/loader.c engine/files/residence.c engine/log/log_wait.c
 * sources: engine/log/access_record.c engine/worker.c engine/output.c engine/engine.c engine/io/loop.h
 *
 * Processes: the client, the worker, a loader thread, the thread that reads the log, and the thread that stops the engine. The backend
 * and the loop are events of the worker. The worker runs one event at a time, so an event is atomic.
 *
 * Left out: the bytes. A request head has two units, a request body has one. The client sends UNITS units. One connection stands for all, because
 * connections share only the pending loads, the log and the slots. A request waits for LOADS loads and for EXCHANGES exchanges at most,
 * and a backend sends PIECES pieces. Left out are also splicing, tunnels, retries with other servers, the end of an exchange while its
 * program continues, listings, and several threads. The loop is the contract in engine/io/loop.h; channel.pml has its two
 * implementations. Time limits of the client pass only if LIMITS is set: the other cases show that no work waits for a time limit
 * alone. A backend always responds or fails at last, because it has time limits of its own.
 */
#include "states.h" /* generated: states, CONN_ALLOWED(), REQUEST_ALLOWED(), from the tables in engine/http/conn_state.c and engine/request.c */

/*
 * test_models.py sets for each case: UNITS, LOADS, EXCHANGES, PIECES, READS (waits for bytes of a file), LIMITS (time limits pass, the client
 * may stop reading, and a load or a read may hang until the engine ends), FAILS (memory is short), LOG (the log is full once), DRAIN (the process retires), PASS (a newer process accepts connections), KERNEL (the
 * connection came from the kernel engine), STOP (the engine stops at any time).
 */

/* Time limits */
#define NONE 0
#define WAIT_IDLE 1
#define WAIT_HEAD 2
#define WAIT_BODY 3
#define WAIT_SEND 4
#define WAIT_LINGER 5
#define WAIT_READ 6
#define WAIT_LOAD 7
#define WAIT_GIVE 8

/* enum exchange_state, without tunnels */
#define KEEPING 1
#define CONNECTING 2
#define AWAITING 3
#define CONTENT 4
#define ENDED 5
#define NO_RESPONSE 6
#define ELSEWHERE 7

/* struct output */
#define EMPTY 0
#define COPIED 1
#define REFERENCED 2

/* struct pending_load, struct file_read */
#define ABSENT 0
#define SUBMITTED 1
#define RUNNING 2
#define DELIVERED 3

/* Stages of an event. Each function is in the text once: its callers set `act`, and `back` or `whence` if they continue after it. */
#define DONE 0
#define STEP 1
#define CONSUME 2
#define CONSUMED 3
#define RESPOND 4
#define EXCHANGE 5
#define RESPONDED 6
#define WAIT 7
#define END 8
#define RECEIVED 9
#define STEP_INPUT 10
#define STEP_EXCHANGE 11
#define REFUSED 12

/* struct conn */
byte state = CONN_PARKED, next;
bool close_after_response, lingers, client_closed, log_waits, from_kernel = KERNEL;
byte in, timer;
bool seen;
byte output;

/* struct request: exists while req is set. Without one, conn_request_state() is REQUEST_RESPONDED. */
bool req;
byte progress = REQUEST_RESPONDED, after;
bool answered, record, unread, backend_failed, has_body, discarded, error_pending;
byte loads, exchanges, refs;
bool pending;         /* the request waits on the list of the load */

/* struct exchange: exists while exchange is set */
bool exchange, stream, paused, blocked, wants_body, ready, upload_done, truncated;
byte ex, pieces;

/* struct pending_load, struct loader, struct inbox */
byte load;
bool load_waiting, unfinished, was_unfinished, load_object, load_hangs;

/* struct file_read: the output waits on its list; struct read_waiter */
byte read, reads;
bool read_waiting, reading, hangs;

/* struct channel */
bool receiving, late, sending, closing, leaving, freed, passed;
bool gives; /* conn->gives: the process that has passed the connection may still have its descriptor, once */

/* The client */
byte sent_units, wire;
bool fin, reset, stalls, client_over;

/* struct thread, struct log, struct passing */
bool going, draining, pass_later, was_later, log_full, was_full, stop, over, loader_over, loop_over;
byte responses, heads;

/* The event */
byte act, back, whence; /* the next stage; the stages after h1_consume() and after respond() */
byte before;

#define TOUCH assert(!freed && !passed)
#define log_permits (!log_full)
#define pass_permits (PASS && !pass_later)
#define busy (state == CONN_WRITE || state == CONN_LOG_WAIT || progress == REQUEST_LOADING || progress == REQUEST_HELD)
#define answers (ex == CONTENT || ex == ENDED)
#define exchange_takes (!upload_done && (ex == KEEPING || (stream && ex != CONNECTING && !blocked)))
#define h1_takes_more ((progress == REQUEST_HANDLER && exchange_takes) || ((progress == REQUEST_RESPONDED || \
	progress == REQUEST_BODY) && state == CONN_READ && !close_after_response && output != REFERENCED))
#define conn_may_return (state == CONN_READ && progress == REQUEST_RESPONDED && output == EMPTY && in == 0 && !seen && \
	!client_closed && !close_after_response && ((draining && pass_permits) || (!draining && from_kernel && !going)))

inline conn_set_state(to) {
	TOUCH;
	next = to;
	assert(CONN_ALLOWED(state, next));
	c_code { took(0, now.state, now.next); };
	state = next; next = 0
}

inline request_set_state(to) {
	assert(req);
	after = to;
	assert(REQUEST_ALLOWED(progress, after));
	c_code { took(1, now.progress, now.after); };
	progress = after; after = 0
}

inline conn_wait_for(wait) {
	TOUCH;
	assert(state != CONN_CLOSED);
	timer = wait
}

inline conn_wait_on(wait) {
	if
	:: timer == NONE -> conn_wait_for(wait)
	:: else -> assert(timer != WAIT_LOAD) /* it ended with the load */
	fi
}

/* receive() and receive_stop() of struct loop_ops */
inline receive() {
	TOUCH;
	assert(!closing && !leaving);
	receiving = true; late = false
}

inline receive_stop() {
	assert(!closing);
	late = late || receiving;
	receiving = false
}

inline write_record() {
	if
	:: LOG && !was_full -> log_full = true; was_full = true
	:: true
	fi
}

inline lookup_leave() {
	if
	:: pending -> assert(load != ABSENT && load_waiting); load_waiting = false; pending = false
	:: else
	fi
}

inline residence_leave() {
	if
	:: reading -> assert(read != ABSENT && read_waiting); read_waiting = false; reading = false
	:: else
	fi
}

/* request_release(): load_waiter_release() puts the loaded objects. */
inline request_release() {
	refs = 0
}

inline request_put() {
	assert(req && !pending && !exchange && !record);
	request_release();
	req = false; progress = REQUEST_RESPONDED; answered = false; unread = false; backend_failed = false; has_body = false;
	error_pending = false; discarded = false; loads = 0; exchanges = 0; upload_done = false
}

/* Each request that ends had its response, unless its connection closes. */
inline h1_forget_request() {
	assert(answered || close_after_response || state == CONN_CLOSED);
	request_put()
}

inline exchange_free() {
	assert(exchange && !stream);
	exchange = false; ex = 0; paused = false; blocked = false; wants_body = false; ready = false; truncated = false; pieces = 0
}

/* release_peer(): the stream's owner is gone. It may be kept for another request. */
inline release_peer() {
	stream = false
}

inline exchange_abandon() {
	if
	:: exchange -> release_peer(); exchange_free()
	:: else
	fi
}

/* end_responses(): access_record_end() */
inline end_responses() {
	if
	:: record -> record = false; write_record()
	:: else
	fi
}

inline end() {
	if
	:: state == CONN_CLOSED
	:: else ->
		exchange_abandon();
		end_responses();
		conn_set_state(CONN_CLOSED);
		timer = NONE;
		lookup_leave();
		residence_leave(); /* output_leave() */
		log_waits = false; /* log_wait_leave() */
		assert(!closing);
		closing = true; late = late || receiving; receiving = false
	fi
}

inline linger() {
	assert(!req && output == EMPTY && !sending);
	conn_set_state(CONN_LINGER);
	in = 0;
	conn_wait_for(WAIT_LINGER);
	receive()
}

inline finish() {
	receive_stop();
	if
	:: !client_closed && (lingers || in > 0 || going) -> linger(); act = DONE
	:: else -> act = END
	fi
}

inline h1_next_request() {
	if
	:: record -> assert(answered); request_release(); request_set_state(REQUEST_RESPONDED)
	:: else -> h1_forget_request()
	fi;
	seen = false
}

/* sent() */
inline sent() {
	output = EMPTY; /* output_release() */
	conn_set_state(CONN_READ);
	if
	:: progress == REQUEST_HANDLER && answers
	:: else ->
		end_responses();
		if
		:: req && progress == REQUEST_RESPONDED -> h1_forget_request()
		:: else
		fi
	fi
}

/* output_start() */
inline output_start() {
	assert(output != EMPTY && !sending && !reading && !closing && !leaving);
	sending = true
}

/* OUTPUT_PENDING */
inline model_pending() {
	output_start();
	conn_wait_for(WAIT_SEND)
}

/* residence_find(): OUTPUT_READING. It joins a read under way. */
inline residence_find() {
	assert(output != EMPTY && !sending && !reading && !closing && !leaving);
	reads++;
	if
	:: read == ABSENT -> read = SUBMITTED
	:: else
	fi;
	read_waiting = true; reading = true;
	conn_wait_for(WAIT_READ)
}

/* flush(): output_start() */
inline flush() {
	if
	:: close_after_response && progress != REQUEST_HANDLER -> receive_stop()
	:: else
	fi;
	conn_set_state(CONN_WRITE);
	if
	:: model_pending()
	:: reads < READS -> residence_find()        /* OUTPUT_READING */
	:: sent()                                   /* OUTPUT_DONE */
	:: (FAILS || reset) -> act = END            /* OUTPUT_FAILED */
	fi
}

inline conn_give_back() {
	timer = NONE;
	conn_set_state(CONN_HAND_BACK);
	assert(!sending && !closing);
	late = late || receiving; receiving = false; leaving = true
}

/* keep(): request_keep() */
inline keep() {
	if
	:: true
	:: FAILS -> conn_set_state(CONN_BROKEN)
	fi
}

/* begin_handler() with exchange_start() */
inline begin_handler() {
	exchanges++;
	act = RESPONDED;
	if
	:: FAILS -> conn_set_state(CONN_BROKEN)
	:: true ->
		request_set_state(REQUEST_HANDLER);
		assert(!exchange);
		upload_done = !has_body || unread;
		if
		:: exchange = true; stream = true; ex = CONNECTING
		:: exchange = true; stream = true; ex = AWAITING
		:: !upload_done -> exchange = true; ex = KEEPING
		:: true -> /* the backend cannot be started */
			request_set_state(REQUEST_HELD);
			backend_failed = true;
			unread = unread || has_body
		fi
	fi
}

/* A response of TUX itself is given to the sink. */
inline h1_head() {
	assert(!answered); /* one response for each request */
	assert(!close_after_response);
	answered = true; responses++;
	if
	:: close_after_response = true
	:: !unread && !error_pending -> close_after_response = going && in == 0
	fi
}

/* respond() with dispatch_respond() */
inline respond() {
	act = RESPONDED;
	if
	:: output != REFERENCED -> /* RESPONSE_QUEUED: a copy */
		h1_head();
		output = COPIED;
		lingers = lingers || unread; /* h1_end() */
		write_record();
		h1_next_request()
	:: output != REFERENCED -> /* RESPONSE_QUEUED: by reference */
		h1_head();
		output = REFERENCED;
		lingers = lingers || unread; /* h1_end() */
		record = true;
		h1_next_request()
	:: FAILS -> /* RESPONSE_QUEUED: SINK_FAILED, so the connection closes without a response */
		close_after_response = true;
		lingers = lingers || unread; /* h1_end() */
		h1_next_request()
	:: output != EMPTY || FAILS -> /* RESPONSE_NO_ROOM */
		request_set_state(REQUEST_HELD);
		keep()
	:: loads < LOADS && load == ABSENT -> /* RESPONSE_WAIT */
		loads++;
		request_set_state(REQUEST_LOADING);
		load = SUBMITTED; load_waiting = true; pending = true; /* loader_submit() */
		if
		:: state == CONN_READ -> conn_wait_for(WAIT_LOAD)
		:: else
		fi;
		keep()
	:: exchanges < EXCHANGES && !backend_failed && !error_pending && !discarded -> /* RESPONSE_BY_HANDLER */
		if
		:: has_body -> unread = false
		:: else
		fi;
		act = EXCHANGE
	fi
}

inline begin_request() {
	assert(!req); /* in order: the request before has ended */
	assert(!close_after_response);
	req = true; progress = REQUEST_HEAD; seen = false; heads++
}

/* h1_refuse(): the request's, or one without a head */
inline h1_refuse() {
	if
	:: progress != REQUEST_RESPONDED -> error_pending = true; act = RESPOND; whence = REFUSED
	:: progress == REQUEST_RESPONDED && FAILS -> conn_set_state(CONN_BROKEN); act = STEP
	:: progress == REQUEST_RESPONDED -> begin_request(); error_pending = true; act = RESPOND; whence = REFUSED
	fi
}

inline h1_refuse_later() {
	error_pending = true;
	request_set_state(REQUEST_HELD)
}

/* take_head() with begin_body() */
inline take_head() {
	if
	:: FAILS -> conn_set_state(CONN_BROKEN)
	:: in < 2 -> /* TUX_MORE */
		if
		:: !seen -> conn_wait_for(WAIT_HEAD)
		:: else
		fi;
		seen = true; act = CONSUMED
	:: in >= 2 -> /* TUX_PARSED */
		in = in - 2;
		begin_request();
		if
		:: act = RESPOND; whence = CONSUME
		:: EXCHANGES > 0 -> has_body = true; act = EXCHANGE; whence = CONSUME               /* BODY_TO_HANDLER */
		:: has_body = true; unread = true; act = RESPOND; whence = CONSUME                  /* BODY_UNREAD */
		:: has_body = true; error_pending = true; act = RESPOND; whence = CONSUME           /* TUX_REFUSED_BODY_LONG */
		:: has_body = true; request_set_state(REQUEST_BODY); conn_wait_for(WAIT_BODY);
			if
			:: output == EMPTY -> output = COPIED /* send_continue() */
			:: true
			fi;
			keep()
		fi
	:: in > 0 -> /* TUX_REFUSED */
		in = 0;
		begin_request();
		error_pending = true;
		act = RESPOND; whence = CONSUME
	fi
}

/* take_body(): the body is whole, or refused */
inline take_body() {
	in--;
	discarded = true;
	act = RESPOND; whence = CONSUME;
	if
	:: true
	:: error_pending = true /* h1_refuse() */
	fi
}

/* Of an exchange whose backend fails. */
inline cut() {
	release_peer();
	if
	:: ex == CONTENT -> ex = ENDED; truncated = true
	:: else -> ex = NO_RESPONSE
	fi
}

/* give_body() with exchange_body() */
inline give_body() {
	in--;
	if
	:: upload_done = true;
		if
		:: ex == KEEPING && true -> ex = CONNECTING; stream = true /* exchange_give() */
		:: ex == KEEPING -> ex = NO_RESPONSE
		:: ex != KEEPING
		fi
	:: FAILS && ex == KEEPING -> ex = NO_RESPONSE /* exchange_keep_failed() */
	:: FAILS && ex != KEEPING -> cut()        /* exchange_break() */
	:: true -> /* refused */
		if
		:: answers -> exchange_abandon(); conn_set_state(CONN_BROKEN)
		:: else -> exchange_abandon(); h1_refuse_later()
		fi
	fi
}

/* One turn of h1_consume() */
inline h1_consume() {
	if
	:: in > 0 && state != CONN_BROKEN && h1_takes_more && (progress == REQUEST_HANDLER || log_permits) ->
		if
		:: progress == REQUEST_RESPONDED -> take_head()
		:: progress == REQUEST_BODY -> take_body()
		:: progress == REQUEST_HANDLER -> give_body()
		fi
	:: else -> act = CONSUMED
	fi
}

inline wait_for_handler() {
	act = DONE;
	if
	:: client_closed && in == 0 ->
		answered = true; /* client_closed() */
		act = END
	:: else ->
		if
		:: upload_done || !exchange_takes -> timer = NONE
		:: else -> conn_wait_on(WAIT_BODY)
		fi;
		if
		:: in >= 2 -> receive_stop()
		:: in < 2 && !client_closed -> receive()
		:: else
		fi
	fi
}

/* The second half of step_handler(), with next() */
inline step_handler() {
	act = STEP;
	if
	:: state != CONN_READ || progress != REQUEST_HANDLER
	:: else ->
		assert(exchange);
		if
		:: ex == NO_RESPONSE -> /* NEXT_RESPOND */
			backend_failed = true; unread = unread || !upload_done;
			exchange_free();
			request_set_state(REQUEST_HELD)
		:: ex == ELSEWHERE -> /* NEXT_INSIDE: the new head has no body */
			unread = unread || !upload_done; has_body = false;
			exchange_free();
			request_set_state(REQUEST_HELD)
		:: ex <= ENDED && ready -> /* NEXT_READY: h1_send_content(), writable() */
			assert(output == EMPTY);
			output = REFERENCED; ready = false;
			paused = false
		:: ex < ENDED && !ready -> wait_for_handler() /* NEXT_WAITS */
		:: ex == ENDED && !ready -> /* NEXT_OVER: h1_end() */
			unread = unread || !upload_done;
			close_after_response = close_after_response || truncated || unread;
			lingers = lingers || unread;
			exchange_free();
			end_responses();
			h1_next_request()
		fi
	fi
}

inline wait_for_input() {
	act = DONE;
	if
	:: close_after_response -> finish()
	:: else ->
		if
		:: progress == REQUEST_LOADING -> conn_wait_for(WAIT_LOAD)
		:: progress != REQUEST_LOADING && client_closed -> act = END
		:: progress != REQUEST_LOADING && !client_closed && conn_may_return -> conn_give_back()
		:: else ->
			if
			:: progress == REQUEST_RESPONDED && !seen -> conn_wait_for(WAIT_IDLE)
			:: progress == REQUEST_BODY -> conn_wait_on(WAIT_BODY)
			:: else -> conn_wait_on(WAIT_HEAD)
			fi;
			receive()
		fi
	fi
}

/* The first half of step_input() */
inline step_input() {
	before = in;
	if
	:: client_closed && progress == REQUEST_RESPONDED -> seen = false
	:: else
	fi;
	back = STEP_INPUT;
	if
	:: before > 0 && h1_takes_more -> act = CONSUME
	:: else -> act = CONSUMED
	fi
}

inline step_request() {
	if
	:: progress == REQUEST_HANDLER ->
		back = STEP_EXCHANGE;
		if
		:: in > 0 && exchange_takes -> act = CONSUME
		:: else -> act = CONSUMED
		fi
	:: progress != REQUEST_HANDLER && (progress == REQUEST_HELD || (in > 0 && h1_takes_more)) && !log_permits ->
		timer = NONE;
		conn_set_state(CONN_LOG_WAIT);
		log_waits = true; /* log_wait_join() */
		act = DONE
	:: progress == REQUEST_HELD && log_permits -> act = RESPOND; whence = STEP /* h1_respond() */
	:: progress != REQUEST_HANDLER && progress != REQUEST_HELD && !(in > 0 && h1_takes_more && !log_permits) -> step_input()
	fi
}

/* After h1_consume() */
inline model_consumed() {
	if
	:: back == RECEIVED -> /* on_received() */
		act = DONE;
		if
		:: state == CONN_CLOSED
		:: state == CONN_BROKEN || (FAILS && in > 0 && state != CONN_CLOSED) -> act = END
		:: state != CONN_CLOSED && state != CONN_BROKEN ->
			if
			:: state == CONN_READ && (progress != REQUEST_LOADING || output != EMPTY) -> act = STEP
			:: state != CONN_HAND_BACK && !(state == CONN_READ && (progress != REQUEST_LOADING || output != EMPTY)) && in >= 2 ->
				receive_stop()
			:: else
			fi
		fi;
		before = 0
	:: back == STEP_INPUT -> /* step_input() */
		if
		:: state == CONN_BROKEN || output != EMPTY || in != before -> act = STEP
		:: else -> act = WAIT
		fi;
		before = 0
	:: back == STEP_EXCHANGE -> step_handler()
	:: back == STEP -> act = STEP /* handler_ready() */
	fi
}

/* After respond() */
inline model_responded() {
	if
	:: whence == STEP -> /* step_request() */
		if
		:: state != CONN_BROKEN && progress == REQUEST_HELD && output == EMPTY -> conn_set_state(CONN_BROKEN)
		:: else
		fi;
		act = STEP
	:: whence == CONSUME -> act = CONSUME
	:: whence == REFUSED -> act = STEP
	fi
}

/* conn_step() */
inline model_stages() {
	do
	:: act == STEP && state == CONN_READ && output != EMPTY -> flush()
	:: act == STEP && state == CONN_READ && output == EMPTY -> step_request()
	:: act == STEP && state == CONN_BROKEN -> act = END
	:: act == STEP && state != CONN_READ && state != CONN_BROKEN -> act = DONE
	:: act == CONSUME -> h1_consume()
	:: act == CONSUMED -> model_consumed()
	:: act == RESPOND -> respond()
	:: act == EXCHANGE -> begin_handler()
	:: act == RESPONDED -> model_responded()
	:: act == WAIT -> wait_for_input()
	:: act == END -> act = DONE; end()
	:: act == DONE -> break
	od;
	back = DONE; whence = DONE
}

/* handler_ready(): the last call of an event */
inline handler_ready() {
	TOUCH;
	if
	:: state == CONN_WRITE && in > 0 && exchange_takes -> act = CONSUME; back = STEP
	:: else -> act = STEP
	fi
}

/* on_received() until h1_consume() */
inline on_received() {
	TOUCH;
	if
	:: wire >= 1 -> before = 1
	:: wire >= 2 -> before = 2
	fi;
	wire = wire - before;
	if
	:: state == CONN_LINGER -> before = 0
	:: else ->
		in = in + before;
		back = RECEIVED;
		if
		:: in == before && (state == CONN_READ || state == CONN_WRITE) && h1_takes_more -> act = CONSUME
		:: else -> act = CONSUMED
		fi
	fi
}

inline on_ended() {
	TOUCH;
	receiving = false; late = false;
	client_closed = true;
	if
	:: state == CONN_HAND_BACK && !reset
	:: else ->
		if
		:: progress == REQUEST_HANDLER && !reset -> handler_ready()
		:: !reset && progress == REQUEST_RESPONDED && in > 0 && !busy -> act = STEP
		:: else ->
			if
			:: reset || state == CONN_LINGER || !busy -> act = END
			:: else
			fi
		fi
	fi
}

/* on_sent(), on_writable(): after_send() */
inline after_send() {
	TOUCH;
	if
	:: reset -> sending = false; act = END /* OUTPUT_FAILED */
	:: !reset -> sending = false; timer = NONE; sent(); act = STEP /* OUTPUT_DONE */
	:: reads < READS -> sending = false; residence_find() /* OUTPUT_READING */
	fi
}

/* conns_read() with residence_finish() */
inline conns_read() {
	read = ABSENT;
	if
	:: read_waiting ->
		read_waiting = false;
		TOUCH;
		assert(reading && state == CONN_WRITE);
		reading = false;
		if
		:: model_pending()
		:: after_send()
		fi
	:: else
	fi
}

inline output_release() {
	assert(!sending); /* the loop refers to the queued bytes */
	residence_leave();
	output = EMPTY
}

inline conn_free() {
	TOUCH;
	output_release();
	in = 0;
	if
	:: req ->
		lookup_leave();
		if
		:: exchange -> assert(!stream || loop_over); stream = false; exchange_free()
		:: else
		fi;
		record = false; /* request_put() frees it */
		close_after_response = true;
		h1_forget_request()
	:: else
	fi;
	assert(!log_waits || loop_over);
	freed = true; state = 0; timer = NONE; seen = false; close_after_response = false; lingers = false; client_closed = false;
	late = false; receiving = false; from_kernel = false; gives = false; log_waits = false
}

/* on_released() and pass_on(), with conn_pass_on() and stay() */
inline pass_on() {
	TOUCH;
	assert(state == CONN_HAND_BACK);
	if
	:: in == 0 && !client_closed && ((draining && pass_permits) || (!draining && from_kernel)) -> passed = true
	:: in == 0 && !client_closed && !draining && from_kernel && gives -> gives = false; conn_wait_for(WAIT_GIVE) /* CONN_PASS_LATER */
	:: draining && pass_permits && !was_later -> pass_later = true; was_later = true /* PASSING_LATER */
	:: in > 0 || client_closed || !(draining && pass_permits)
	fi;
	if
	:: timer == WAIT_GIVE
	:: passed -> passed = false; assert(in == 0); conn_free(); passed = true /* no byte that the client has sent is lost */
	:: else ->
		from_kernel = false; gives = false;
		conn_set_state(CONN_READ);
		if
		:: act = STEP
		:: FAILS -> act = END
		fi
	fi
}

/* idle_expired(): transport_has_input() */
inline idle_expired() {
	if
	:: !going -> act = END
	:: going && wire > 0 -> conn_wait_for(WAIT_IDLE)
	:: going && wire == 0 -> linger()
	fi
}

/* conn_timeout() with input_expired() and conn_refuse() */
inline conn_timeout() {
	TOUCH;
	timer = NONE;
	if
	:: state == CONN_READ ->
		if
		:: progress == REQUEST_RESPONDED && in == 0 -> idle_expired()
		:: progress == REQUEST_BODY || (progress == REQUEST_RESPONDED && in > 0) -> h1_refuse()
		:: progress == REQUEST_HANDLER && answers -> act = END
		:: progress == REQUEST_HANDLER && !answers -> exchange_abandon(); h1_refuse_later(); act = STEP
		:: progress == REQUEST_LOADING -> /* load_expired() */
			lookup_leave();
			loads = LOADS; /* lookup_give_up() */
			backend_failed = true;
			request_set_state(REQUEST_HELD);
			act = STEP
		:: else -> assert(false) /* no time limit runs for such a request */
		fi
	:: state == CONN_HAND_BACK -> assert(!leaving); pass_on()
	:: state == CONN_WRITE -> act = END /* send_expired(), without output_progressed() */
	:: state == CONN_LINGER -> act = END
	:: else -> assert(false) /* no time limit runs in this state */
	fi
}

/* on_connected(), on_received() and on_ended() of the backend's stream */
inline model_backend() {
	assert(exchange && req && progress == REQUEST_HANDLER);
	if
	:: ex == CONNECTING -> /* on_connected() */
		ex = AWAITING;
		if
		:: wants_body = true; blocked = true /* it responds after the request body */
		:: wants_body = true
		:: true
		fi
	:: ex == AWAITING && pieces < PIECES -> pieces++; ready = true /* an interim response */
	:: ex == AWAITING || (ex == CONTENT && pieces < PIECES) -> /* begin_response(), relayed() */
		if
		:: ex == AWAITING ->
			assert(!answered && !close_after_response);
			answered = true; responses++; record = true;
			if
			:: close_after_response = true
			:: !unread -> close_after_response = going
			fi
		:: else -> pieces++
		fi;
		ex = CONTENT; ready = true;
		if
		:: paused = true
		:: true
		fi
	:: ex == CONTENT ->                              /* complete() */
		release_peer(); ex = ENDED;
		if
		:: ready = true /* the last chunk */
		:: true
		fi
	:: ex == AWAITING -> release_peer(); ex = ELSEWHERE /* go_elsewhere() */
	:: cut()                                         /* fail(): also a time limit of the backend */
	fi;
	handler_ready()
}

/* begin_drain() */
inline begin_drain() {
	going = true; draining = true;
	if
	:: !freed && !passed && !closing && state == CONN_READ && conn_may_return -> conn_give_back() /* conns_pass_idle() */
	:: else
	fi
}

/* conns_loaded() with lookup_finish(), or lookup_continue() */
inline conns_loaded() {
	if
	:: unfinished && load_waiting -> unfinished = false; load = SUBMITTED
	:: else ->
		load = ABSENT; load_object = false; unfinished = false;
		if
		:: load_waiting ->
			load_waiting = false;
			TOUCH;
			assert(pending && req);
			pending = false; refs++;
			request_set_state(REQUEST_HELD);
			if
			:: state == CONN_READ -> timer = NONE
			:: else
			fi;
			act = STEP
		:: else
		fi
	fi
}

#define timer_passes (timer != NONE && (LIMITS || timer == WAIT_GIVE || (timer == WAIT_IDLE && DRAIN && going && client_over)))

/* serve() of the worker */
active proctype worker() {
end_idle:
	do
	:: atomic {
		if
		:: !stop && !freed && !closing && (receiving || late) && wire > 0 -> late = false; on_received()
		:: !stop && !freed && !closing && (receiving || late) && ((wire == 0 && fin) || reset) && !client_closed -> on_ended()
		:: !stop && late && (closing || !receiving) -> late = false /* the cancelled receive completes */
		:: !stop && !freed && !closing && sending && (!stalls || reset) -> after_send()
		:: !stop && closing && sending -> sending = false           /* the cancelled send completes */
		:: !stop && closing && !sending && !late && !freed -> conn_free() /* on_closed() */
		:: !stop && leaving && !closing && !late -> leaving = false; pass_on()
		:: !stop && stream && (ex == CONNECTING || !paused) && !(ex == AWAITING && wants_body && !upload_done) -> model_backend()
		:: !stop && stream && blocked -> blocked = false; handler_ready() /* on_drained() */
		:: !stop && load == DELIVERED -> conns_loaded()
		:: !stop && read == DELIVERED -> conns_read()
		:: !stop && log_waits && log_permits -> log_waits = false; conn_set_state(CONN_READ); act = STEP /* conns_log_resume() */
		:: !stop && timer_passes -> conn_timeout()
		:: !stop && !freed && state == CONN_PARKED -> /* conn_start() */
			conn_set_state(CONN_READ);
			conn_wait_for(WAIT_IDLE);
			if
			:: KERNEL && conn_may_return -> gives = true; conn_give_back() /* of a connection that another process has passed */
			:: true -> receive()
			:: KERNEL -> receive(); h1_refuse() /* conn_refuse() of a connection that the kernel engine handed up after a time limit */
			fi
		:: !stop && DRAIN && !draining -> begin_drain()
		:: !stop && pass_later -> pass_later = false;
			if
			:: !freed && !closing && state == CONN_READ && conn_may_return -> conn_give_back() /* conn_pass() */
			:: else
			fi
		fi;
		model_stages() }
	:: atomic { stop -> loop_over = true; break }
	od;
	atomic {
		sending = false; /* the loop was freed */
		if
		:: !freed && !passed -> conn_free() /* conns_free() */
		:: else
		fi;
		over = true
	};
	loader_over; /* worker_free(), after loader_stop() */
	atomic {
		if
		:: load != ABSENT -> assert(load == DELIVERED && !load_waiting); load = ABSENT; load_object = false; unfinished = false
		:: else
		fi;
		if
		:: read != ABSENT -> assert(read == DELIVERED && !read_waiting); read = ABSENT
		:: else
		fi;
		assert(!reading);
		assert(!req && !exchange && !stream && !pending && refs == 0 && output == EMPTY && !record && !load_object);
		assert(freed || passed)
	}
}

/* loader_thread(): run_load(), loader_deliver() */
active proctype loader_thread() {
end_idle:
	do
	:: atomic { load == SUBMITTED && !over -> load = RUNNING }
	:: atomic { load == RUNNING && (!load_hangs || over) ->
		if
		:: load_object = true
		:: !was_unfinished -> unfinished = true; was_unfinished = true
		fi;
		load = DELIVERED }
	:: atomic { LIMITS && load == RUNNING && !load_hangs -> load_hangs = true }
	:: atomic { read == SUBMITTED && !over -> read = RUNNING } /* run_read(), in a thread of its own */
	:: read == RUNNING && (!hangs || over) -> read = DELIVERED
	:: atomic { LIMITS && read == RUNNING && !hangs -> hangs = true }
	:: atomic { over && read != RUNNING && load != RUNNING ->
		if
		:: load == SUBMITTED -> load = DELIVERED /* unrun_deliver() */
		:: else
		fi;
		if
		:: read == SUBMITTED -> read = DELIVERED
		:: else
		fi;
		loader_over = true;
		break }
	od
}

active proctype model_log_thread() {
end_idle:
	do
	:: log_full -> log_full = false
	od
}

active proctype model_client() {
	do
	:: atomic { sent_units < UNITS -> sent_units++; wire++ }
	:: atomic { fin = true; break }
	:: atomic { reset = true; break }
	:: atomic { LIMITS -> stalls = true; break }
	:: break
	od;
	client_over = true
}

/* No process can continue, except for a time limit that does not pass in this run: no work may wait. */
inline model_check_quiet() {
	if
	:: !freed && !passed ->
		assert(!LIMITS);                    /* lost: a time limit */
		assert(state == CONN_READ || state == CONN_LINGER);
		assert(receiving && wire == 0 && !fin && !reset);
		assert(timer != NONE);
		assert(!(state == CONN_READ && DRAIN && draining && progress == REQUEST_RESPONDED && !seen));
		if
		:: state == CONN_READ ->
			assert(progress == REQUEST_RESPONDED || progress == REQUEST_BODY || progress == REQUEST_HANDLER);
			assert(progress != REQUEST_RESPONDED || !req);
			assert(in == 0 || (progress == REQUEST_RESPONDED && seen && in < 2));
			assert(progress != REQUEST_HANDLER || exchange_takes);
			assert(output == EMPTY)
		:: else
		fi
	:: else
	fi
}

/* tux_engine_stop() */
active proctype tux_engine_stop() {
	if
	:: timeout -> atomic { model_check_quiet() }
	:: STOP
	fi;
	stop = true
}
