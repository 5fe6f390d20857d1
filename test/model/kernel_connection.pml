/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection of the kernel engine, from its opening to its end.
 *
 * sources: kernel/connection.c kernel/conn_end.c kernel/conn_state.c kernel/conn_state.h kernel/send.c kernel/helper.c
 * sources: kernel/adopt.c kernel/handover.c kernel/slot.c kernel/device.c kernel/listener.c kernel/main.c kernel/reply.c
 * sources: kernel/recv_queue.c kernel/instance.h kernel/answer.c kernel/call.c kernel/module_call.c
 *
 * Processes: softirq of the client's packets, softirq of the timer, a helper thread, another process that owns the socket for a
 * moment, the thread that opens the connection, the thread that reads handed-up connections, the thread that drains, a thread of a module
 * that has the request, and the last close of the device, followed by the end of the module.
 *
 * Left out: the bytes. The client sends a request (in one case two), in two halves of a head. The response
 * blocks, misses a page or uses up the turn PIECES times at most, and can fail. One connection stands for all,
 * because connections share only the list of work, the list of handed-up connections and the slots. Left out are also a second helper thread, because the searches with two do not end soon,
 * listeners and the limit of slots, the cache and its objects (one number counts all references), other memory orders than the
 * sequentially consistent one, allocations that fail while the connection opens, shared files at adoption, and urgent data. A step
 * under the socket's lock is atomic, except between an event's check of the state and advance(), and between advance() and
 * restart_timer(). A time limit is either short (RETRY_MS, and the timer of a drain), which always passes, or long. Long limits
 * pass only if LIMITS is set: the other cases show that no work waits for a time limit alone. Termination is not checked as such:
 * each state in which no process can continue is a good end.
 */
#include "states.h" /* generated: states, and CONN_ALLOWED(), from the table `followers` in kernel/conn_state.c */

/*
 * test_models.py sets for each case: HALVES (of heads), PIECES (of a response), HELPERS, LIMITS (long time limits pass), DRAIN, CRASH
 * (the device closes at any time), ADOPT (the socket is adopted, not accepted), OWNER, RING (the ring is full once, and so is the
 * descriptor table), CALLS (a module of the kernel handles requests: it may suspend them, block, decline and be unloaded).
 */

#define NO_TIMER 0
#define LONG 1
#define SOON 2

/* Stages of advance() */
#define NOTHING 0
#define AWAIT 1
#define SEND 2
#define PASS 3
#define CUT 4
#define END 5
#define FLUSH 6
#define HAND_UP 7
#define SET 8
#define QUEUE 9
#define SUSPEND 10

/* Owners of a call */
#define NOBODY 0
#define SUSPENDED 1
#define RETURNED 2
#define TAKEN 3

#define NO_PACKET 0
#define DATA 1
#define ACK 2
#define FIN 3
#define RST 4

#define MODULE 1
#define PROGRAM 2
#define BACKEND 3
#define CLOSED 4

/* struct conn */
byte state, next, act;
bool opened, freed;
bool advancing, missed, greedy, close_after_response;
bool loaded, key, answering, passing;
bool call, declined, own; /* own: the body is in pages of the kernel engine */
byte owner;
byte seen, left;
byte deadline;
byte timer;
bool timer_runs;
byte list; /* 0: no list, 1: instance->conns, 2: instance->handed_up */
bool queued;
bool drained;

/* struct instance */
bool draining, retiring, drains;
byte conn_count, slots, refs;
bool asleep[2], reader_asleep;
bool instance_freed, module_ended;

/* struct sock */
bool slock, owned, hooked, nospace, wmem, progress, fin, dead;
bool sk_cleared;
byte unread, backlog, socket;

/* The run */
bool started, more, again, stop, ring_was_full, gave_back;
byte sent, ended;

#define TOUCH assert(!freed && !module_ended)
#define TOUCH_SOCKET assert(!sk_cleared)
#define takes_events (state == CONN_READ_HEAD || state == CONN_WRITE || state == CONN_LOG || state == CONN_FLUSH || state == CONN_LINGER || \
	state == CONN_SUSPENDED)

/* wake_up_interruptible() of an exclusive waiter */
inline model_wake_worker() {
	if
	:: asleep[0] -> asleep[0] = false
	:: asleep[1] -> asleep[1] = false
	:: !asleep[0] && !asleep[1]
	fi
}

inline ktux_work_queue() {
	assert(!instance_freed);
	if
	:: !queued -> queued = true; model_wake_worker()
	:: else
	fi
}

inline ktux_conn_set_state() {
	TOUCH;
	assert(next == CONN_CLOSED || CONN_ALLOWED(state, next));
	c_code { took(0, now.state, now.next); };
	state = next;
	next = 0
}

inline ktux_conn_expect(wait) {
	deadline = wait;
	if
	:: timer == NO_TIMER || wait == SOON -> timer = wait
	:: else
	fi
}

inline restart_timer() {
	TOUCH;
	if
	:: takes_events && timer == NO_TIMER -> timer = deadline
	:: else
	fi
}

/*
 * advance() runs in stages, so that each function is in the model's text once for each caller. `act` names the next stage. Each
 * stage replaces it.
 */
inline ktux_conn_flush() {
	if
	:: draining -> act = HAND_UP
	:: !draining && !wmem -> act = QUEUE; next = CONN_HAND_OVER
	:: !draining && wmem ->
		nospace = true;
		if
		:: state != CONN_FLUSH || progress -> ktux_conn_expect(LONG)
		:: else
		fi;
		progress = false;
		act = SET; next = CONN_FLUSH
	fi
}

inline ktux_send_release() {
	if
	:: answering -> answering = false; refs--
	:: else
	fi;
	left = 0;
	own = false
}

/* A response of a module begins: judge(), or ktux_module_client_left(). Its record is counted like an object. */
inline model_module_answers() {
	answering = true;
	refs++;
	own = true
}

/* ktux_call_take(), ktux_call_leave(): the connection has no call any more. */
inline model_separate() {
	call = false;
	owner = NOBODY
}

/* end_response(): ktux_answer_finish() may fail while RING is set */
inline end_response() {
	if
	:: RING && (!ring_was_full || state == CONN_LOG) ->
		ring_was_full = true;
		greedy = false;
		ktux_conn_expect(SOON);
		act = SET; next = CONN_LOG
	:: true ->
		assert(answering); /* one record for each response */
		ktux_send_release();
		if
		:: close_after_response -> act = QUEUE; next = CONN_SHUT_DOWN
		:: else -> act = SET; next = CONN_READ_HEAD; more = true
		fi
	fi
}

/*
 * take_result() with send_body() and blocked(). TCP may call on_write_space() during a send: the nested call must not begin a
 * second advance().
 */
inline take_result() {
	assert(!(state == CONN_WRITE || state == CONN_FLUSH) || advancing);
	if
	:: !dead -> /* SEND_DONE */
		if
		:: wmem = true
		:: skip
		fi;
		left = 0;
		act = END
	:: !dead && left > 0 -> /* SEND_BLOCKED */
		left--;
		wmem = true;
		nospace = true;
		progress = false;
		ktux_conn_expect(LONG);
		act = SET; next = CONN_WRITE
	:: !dead && left > 0 && !own -> left--; act = QUEUE; next = CONN_READ_PAGES /* SEND_PAGES */
	:: !dead && left > 0 && !own -> left--; act = QUEUE; next = CONN_NEXT_TURN /* SEND_TURN: a module has no body of a turn's bytes */
	:: act = CUT /* SEND_FAILED */
	fi
}

inline await_request() {
	greedy = false;
	act = NOTHING;
	if
	:: unread > 0 -> act = HAND_UP /* a small receive window */
	:: fin -> act = QUEUE; next = CONN_SHUT_DOWN
	:: !fin && draining && unread == 0 && retiring -> act = HAND_UP
	:: !fin && draining && unread == 0 && !retiring -> act = QUEUE; next = CONN_SHUT_DOWN
	:: !fin && !draining && unread == 0 -> ktux_conn_expect(LONG); seen = 0
	:: !fin && unread > 0 && seen == 0 -> ktux_conn_expect(LONG); seen = unread
	:: !fin && unread > 0 && seen > 0 -> seen = unread
	fi
}

/* take_request() with ktux_reply_look() and find() */
inline take_request() {
	if
	:: unread > 0 && draining -> act = HAND_UP
	:: !(unread > 0 && draining) ->
		if
		:: fin -> seen = 0
		:: else
		fi;
		if
		:: unread < 2 -> act = AWAIT /* LOOK_MORE */
		:: unread >= 2 -> /* LOOK_ANSWERED */
			if
			:: loaded -> loaded = false
			:: !loaded -> refs++ /* ktux_cache_find() */
			fi;
			answering = true;
			left = PIECES;
			seen = 0;
			declined = false;
			unread = unread - 2;
			if
			:: close_after_response = true
			:: skip
			fi;
			act = SEND
		:: unread >= 2 && !loaded -> key = true; act = QUEUE; next = CONN_OPEN_FILE /* LOOK_MISS */
		:: unread >= 2 -> /* LOOK_HAND_UP */
			if
			:: loaded -> loaded = false; refs--
			:: else
			fi;
			act = PASS
		:: CALLS && unread >= 2 && !loaded && !declined -> /* LOOK_SUSPENDED */
			call = true;
			act = SUSPEND
		:: CALLS && unread >= 2 && !loaded && !declined -> /* LOOK_BLOCKS */
			call = true;
			act = QUEUE; next = CONN_BLOCKING
		fi
	fi
}

/* look_after_client() with ktux_module_client_left() */
inline look_after_client() {
	if
	:: dead && owner == SUSPENDED -> model_separate(); act = QUEUE; next = CONN_CLOSE
	:: !dead && fin && unread == 2 && owner == SUSPENDED ->
		model_separate();
		model_module_answers();
		unread = 0;
		act = CUT
	:: else
	fi
}

/* step(): takes the first stage. discard_input() */
inline step() {
	if
	:: state == CONN_READ_HEAD && !dead -> take_request()
	:: state == CONN_WRITE && dead -> act = CUT
	:: state == CONN_WRITE && !dead -> act = SEND /* ktux_send_continue() */
	:: state == CONN_LOG -> act = END
	:: state == CONN_FLUSH && !dead -> act = FLUSH
	:: state == CONN_SUSPENDED -> look_after_client()
	:: state == CONN_LINGER && !dead ->
		unread = 0;
		if
		:: fin -> act = QUEUE; next = CONN_CLOSE
		:: else
		fi
	:: (state == CONN_READ_HEAD || state == CONN_FLUSH || state == CONN_LINGER) && dead -> act = QUEUE; next = CONN_CLOSE
	:: !takes_events
	fi
}

/* ktux_conn_hand_up() */
inline ktux_conn_hand_up() {
	assert(!answering); /* no part of a response was sent for a request that the program responds to */
	next = CONN_HANDED_UP;
	ktux_conn_set_state();
	list = 2;
	reader_asleep = false
}

inline model_stages() {
	if
	:: act == AWAIT -> await_request()
	:: act == SEND -> take_result()
	:: act == PASS -> /* ktux_conn_pass_on(): is_for_handover() is any value */
		if
		:: act = HAND_UP
		:: seen = 0; greedy = false; act = FLUSH
		fi
	:: act == NOTHING || act >= CUT
	fi;
	if
	:: act == CUT -> close_after_response = true; act = END /* cut_short() */
	:: else
	fi;
	if
	:: act == END -> end_response()
	:: act == FLUSH -> ktux_conn_flush()
	:: else
	fi;
	if
	:: act == HAND_UP -> ktux_conn_hand_up()
	:: act == SET -> ktux_conn_set_state()
	:: act == SUSPEND -> /* ktux_call_ran() */
		greedy = false;
		owner = SUSPENDED;
		next = CONN_SUSPENDED;
		ktux_conn_set_state();
		ktux_conn_expect(LONG);
		again = true /* look_after_client() of take_look() */
	:: act == QUEUE -> ktux_conn_set_state(); ktux_work_queue() /* ktux_conn_queue() */
	:: act == NOTHING
	fi;
	act = NOTHING
}

/* advance() with may_continue(). The caller may have set the first stage. */
inline advance() {
	TOUCH;
	assert(!advancing);
	advancing = true;
	missed = false;
	do
	:: more = false; again = false;
		if
		:: act == NOTHING -> step()
		:: else
		fi;
		model_stages();
		if
		:: more -> /* may_continue() */
			if
			:: skip
			:: greedy = true; act = QUEUE; next = CONN_NEXT_TURN
			fi
		:: again
		:: else -> break
		fi
	od;
	advancing = false
}

/* ktux_conn_lock(): the first statement of an atomic block that ends with ktux_conn_unlock(). */
#define may_lock (!slock && !owned)

inline ktux_conn_unlock() {
	slock = false
}

/* on_event() in softirq, after its check of the state */
inline on_event() {
	TOUCH;
	if
	:: owned -> missed = true; timer = SOON
	:: !owned ->
		if
		:: greedy -> act = QUEUE; next = CONN_NEXT_TURN
		:: else
		fi;
		assert(!(greedy && state == CONN_SUSPENDED));
		advance()
	fi
}

/* A packet reaches the socket. Calls on_change() or on_write_space() while the connection has hooked them. */
inline model_receive(packet, event) {
	event = false;
	if
	:: packet == DATA -> unread++; event = hooked
	:: packet == FIN -> fin = true; event = hooked
	:: packet == RST -> dead = true; wmem = false; event = hooked
	:: packet == ACK ->
		wmem = false;
		progress = true;
		event = hooked && nospace && (state == CONN_WRITE || state == CONN_FLUSH);
		if
		:: hooked -> nospace = false
		:: else
		fi
	fi;
	event = event && takes_events
}

/* release_sock(): handles the packets that came meanwhile. The spinlock is free, the socket is owned. */
inline model_release_sock(packet, event) {
	do
	:: atomic { backlog != NO_PACKET && !slock ->
		packet = backlog; backlog = NO_PACKET;
		model_receive(packet, event) };
		if
		:: event -> atomic { TOUCH; assert(owned); missed = true; timer = SOON; event = false } /* on_event() */
		:: else
		fi
	:: atomic { backlog == NO_PACKET && !slock -> owned = false; packet = NO_PACKET; break }
	od
}

/* on_change(), on_write_space() in softirq: the client's packets, in any order that TCP allows. */
active proctype network() {
	byte packet;
	bool event, over;

end:	do
	:: atomic { opened && socket == MODULE && !slock && backlog == NO_PACKET && (!over || (wmem && !dead && !LIMITS)) ->
		slock = true;
		if
		:: !over && sent < HALVES && !fin -> packet = DATA; sent++
		:: wmem -> packet = ACK /* without time limits, it comes even after everything else */
		:: !over -> packet = FIN; over = true
		:: !over -> packet = RST; over = true
		:: !over -> over = true /* the client stops */
		fi;
		if
		:: packet == NO_PACKET
		:: packet != NO_PACKET && owned -> backlog = packet
		:: packet != NO_PACKET && !owned -> model_receive(packet, event)
		fi };
		atomic {
			if
			:: event -> on_event()
			:: else
			fi;
			slock = false; event = false; packet = NO_PACKET
		}
	od
}

/* expire(): takes the first stage */
inline expire() {
	if
	:: state == CONN_READ_HEAD && seen > 0 -> act = HAND_UP
	:: state == CONN_READ_HEAD && seen == 0 -> act = QUEUE; next = CONN_SHUT_DOWN
	:: (state == CONN_WRITE || state == CONN_FLUSH) && progress -> progress = false; ktux_conn_expect(LONG)
	:: state == CONN_WRITE && !progress -> act = CUT
	:: state == CONN_LOG -> act = END
	:: (state == CONN_FLUSH && !progress) || state == CONN_LINGER -> act = QUEUE; next = CONN_CLOSE
	:: state == CONN_SUSPENDED && owner == SUSPENDED -> model_separate(); act = HAND_UP /* ktux_module_expire() */
	:: state == CONN_SUSPENDED && owner != SUSPENDED
	fi
}

#define may_leave (draining && (state == CONN_READ_HEAD || state == CONN_FLUSH))

/* on_timer() with may_leave() and catch_up() */
active proctype on_timer() {
	byte fired;
	bool caught;

end:	do
	:: atomic { timer == SOON || (timer == LONG && LIMITS) -> fired = timer; timer = NO_TIMER; timer_runs = true };
		atomic { !slock ->
			TOUCH;
			TOUCH_SOCKET;
			if
			:: !takes_events
			:: takes_events && owned -> timer = SOON
			:: takes_events && !owned && (missed || may_leave) -> caught = true
			:: takes_events && !owned && !missed && !may_leave ->
				if
				:: fired == SOON && deadline == LONG -> timer = deadline
				:: else -> expire()
				fi
			fi;
			if
			:: caught || act != NOTHING -> advance()
			:: else
			fi;
			if
			:: caught -> restart_timer()
			:: else
			fi;
			caught = false; fired = NO_TIMER
		};
		atomic { timer_runs = false; assert(!module_ended) }
	od
}

/* A process that owns the socket for a moment, like ss. */
active proctype model_owner() {
	byte packet;
	bool event;

end:	atomic { OWNER && opened && !slock && !owned && socket == MODULE -> owned = true };
	model_release_sock(packet, event)
}

inline free_conn() {
	atomic { TOUCH; list = 0; conn_count-- };
	atomic { !timer_runs -> timer = NO_TIMER }; /* timer_delete_sync() */
	atomic {
		ktux_send_release();
		key = false;
		if
		:: loaded -> loaded = false; refs--
		:: else
		fi;
		if
		:: draining && conn_count == 0 -> model_wake_worker()
		:: else
		fi;
		assert(!freed && !hooked && !queued && !call);
		freed = true; state = 0; timer = NO_TIMER; deadline = 0; missed = false; greedy = false; seen = 0; close_after_response = false
	}
}

inline detach() {
	atomic { may_lock ->
		TOUCH;
		TOUCH_SOCKET;
		next = CONN_CLOSED;
		ktux_conn_set_state();
		hooked = false; /* ktux_conn_unhook() */
		ktux_conn_unlock()
	}
}

inline ktux_conn_close() {
	detach();
	free_conn();
	atomic { slots--; assert(socket == MODULE); socket = CLOSED }
}

inline ktux_conn_release() {
	detach();
	free_conn()
}

/* ktux_conn_hand_over(): ktux_handover() may fail. */
inline ktux_conn_hand_over() {
	atomic { TOUCH; list = 0 };
	atomic { !timer_runs -> timer = NO_TIMER }; /* timer_delete_sync() */
	atomic { may_lock ->
		TOUCH;
		hooked = false; /* ktux_conn_unhook() */
		if
		:: !dead && !wmem -> sk_cleared = true; passing = true
		:: ktux_conn_hand_up()
		fi;
		ktux_conn_unlock()
	};
	if
	:: passing -> free_conn(); atomic { passing = false; slots--; assert(socket == MODULE); socket = BACKEND }
	:: else
	fi
}

/* The first half of begin_linger(): kernel_sock_shutdown() owns the socket. */
inline begin_linger(packet, event) {
	atomic { may_lock -> TOUCH; wanted = unread > 0 && !dead };
	if
	:: wanted ->
		atomic { !slock && !owned -> owned = true };
		model_release_sock(packet, event)
	:: else
	fi
}

/* run_blocking() with ktux_module_block_end(), and end_suspension() with ktux_module_return(): take the first stage. */
inline model_module_ran() {
	assert(state == was && call && owner != SUSPENDED);
	if
	:: was == CONN_BLOCKING -> act = SUSPEND
	:: was == CONN_BLOCKING -> /* LOOK_DECLINED */
		model_separate();
		declined = true;
		next = CONN_READ_HEAD;
		ktux_conn_set_state()
	:: owner != TAKEN -> /* LOOK_ANSWERED */
		model_separate();
		model_module_answers();
		left = PIECES;
		seen = 0;
		declined = false;
		unread = unread - 2;
		act = SEND
	:: true -> model_separate(); act = HAND_UP
	fi
}

/* run(): open_file(), read_pages(), take_turn() and begin_linger() end alike. Under the lock, they change the state and advance. */
inline model_run(packet, event) {
	if
	:: was == CONN_OPEN_FILE ->
		atomic { TOUCH; key = false;
			if
			:: got = true; refs++
			:: got = false
			fi }
	:: was == CONN_READ_PAGES -> atomic { TOUCH; assert(answering) }
	:: was == CONN_SHUT_DOWN -> begin_linger(packet, event)
	:: was == CONN_NEXT_TURN || was == CONN_CLOSE || was == CONN_BLOCKING || was == CONN_SUSPENDED
	:: was == CONN_HAND_OVER -> ktux_conn_hand_over()
	fi;
	if
	:: was == CONN_HAND_OVER
	:: was == CONN_CLOSE || (was == CONN_SHUT_DOWN && !wanted) -> ktux_conn_close()
	:: was == CONN_OPEN_FILE || was == CONN_READ_PAGES || was == CONN_NEXT_TURN || (was == CONN_SHUT_DOWN && wanted) ||
	   was == CONN_BLOCKING || was == CONN_SUSPENDED ->
		atomic { may_lock ->
			TOUCH;
			TOUCH_SOCKET;
			slock = true;
			if
			:: was == CONN_OPEN_FILE -> loaded = got; next = CONN_READ_HEAD; ktux_conn_set_state()
			:: was == CONN_READ_PAGES
			:: was == CONN_BLOCKING || was == CONN_SUSPENDED -> model_module_ran()
			:: was == CONN_NEXT_TURN && answering -> next = CONN_WRITE; ktux_conn_set_state()
			:: was == CONN_NEXT_TURN && !answering -> next = CONN_READ_HEAD; ktux_conn_set_state()
			:: was == CONN_SHUT_DOWN -> greedy = false; next = CONN_LINGER; ktux_conn_set_state(); ktux_conn_expect(LONG)
			fi;
			if
			:: was == CONN_OPEN_FILE && !loaded && !dead -> act = PASS
			:: was == CONN_READ_PAGES && dead -> act = CUT
			:: was == CONN_READ_PAGES && !dead -> act = SEND
			:: else
			fi;
			advance()
		};
		atomic { restart_timer(); ktux_conn_unlock() }
	fi;
	was = 0; got = false; wanted = false
}

#define may_end (draining && conn_count == 0)

/* ktux_conn_open(): takes over the slot. Refuses an adopted socket if the instance drains, under the lock of work_take(). */
inline ktux_conn_open() {
	atomic { may_lock ->
		if
		:: ADOPT && draining -> socket = CLOSED
		:: !(ADOPT && draining) ->
			slots++; socket = MODULE; slock = true;
			conn_count++; list = 1; drained = drains; opened = true
		fi
	};
	atomic {
		if
		:: opened -> hooked = true; advance(); ktux_conn_unlock()
		:: else
		fi
	}
}

/* ktux_worker_run() of each helper thread */
proctype ktux_worker_run(byte self) {
	byte packet;
	byte was;
	bool event, got, wanted, sleeps;

	if
	:: self == 0 && !ADOPT -> /* accept_some() */
		if
		:: !draining && !stop -> ktux_conn_open()
		:: draining || stop -> socket = CLOSED
		fi
	:: else
	fi;
	do
	:: atomic { queued -> queued = false; TOUCH; was = state }; /* work_take() */
		model_run(packet, event);
		if
		:: stop -> atomic { model_wake_worker(); break }
		:: else
		fi
	:: atomic { !queued && may_end -> model_wake_worker(); break }
	:: atomic { !queued && !may_end -> asleep[self] = true };
		if
		:: atomic { queued || may_end -> asleep[self] = false } /* has_something() */
		:: atomic { !queued && !may_end -> sleeps = true };
			if
			:: atomic { !asleep[self] -> sleeps = false }
			:: atomic { stop -> asleep[self] = false; sleeps = false; break }
			fi
		fi
	od;
	ended++
}

/* ktux_adopt() of a thread of the program: take_over() */
active proctype ktux_adopt() {
	started;
	if
	:: ADOPT ->
		if
		:: !draining && !stop ->
			ktux_conn_open()
		:: draining || stop -> socket = CLOSED
		fi
	:: else
	fi;
	ended++
}

/* A thread of the module: ktux_call_resume(), or the end of the module: ktux_calls_take() */
active proctype model_module() {
end:	do
	:: atomic { owner == SUSPENDED ->
		if
		:: owner = RETURNED
		:: owner = TAKEN
		fi;
		ktux_work_queue() }
	:: atomic { owner == SUSPENDED && !LIMITS -> break } /* it keeps the request */
	od
}

/* device_read() of a thread of the program: take_handed_up(), give_fd(), put_back() */
active proctype device_read() {
	bool took;

	do
	:: atomic { list == 2 -> list = 0; took = true };
		if
		:: atomic { RING && !gave_back -> gave_back = true; list = 2; took = false } /* no descriptor is free */
		:: ktux_conn_release();
			atomic { assert(socket == MODULE); socket = PROGRAM };
			break
		fi
	:: atomic { list != 2 -> reader_asleep = true };
		if
		:: list == 2 -> reader_asleep = false
		:: else ->
			if
			:: !reader_asleep
			:: atomic { stop -> reader_asleep = false; break }
			fi
		fi
	od;
	atomic { took = false; ended++ }
}

/* drain() of a thread of the program, with ktux_conns_drain() and drain_some() */
active proctype drain() {
	started;
	if
	:: DRAIN ->
		atomic {
			if
			:: retiring = true
			:: skip
			fi;
			draining = true
		};
		atomic {
			drains = true;
			if
			:: list == 1 && !drained -> assert(!freed); drained = true; timer = SOON
			:: else
			fi
		};
		atomic { asleep[0] = false; asleep[1] = false }
	:: else
	fi;
	ended++
}

/* No process can continue, except for a long time limit that does not pass in this run: no work may wait. */
inline model_check_quiet() {
	assert(!queued);                                      /* lost: work for a helper thread */
	assert(list != 2);                                    /* lost: a connection for the program */
	assert(!(draining && conn_count == 0) || (!asleep[0] && !asleep[1])); /* lost: the end of a drain */
	if
	:: opened && !freed && socket == MODULE ->
		assert(takes_events);                         /* lost: a helper thread's state without a thread */
		assert(!missed);                              /* lost: an event of a time when the socket was in use */
		assert(!dead);
		assert(state != CONN_LOG);
		assert(state != CONN_SUSPENDED || owner == SUSPENDED);
		assert(state != CONN_READ_HEAD || (unread == seen && !fin && !draining));
		assert(state != CONN_WRITE || wmem);
		assert(state != CONN_FLUSH || (wmem && !draining));
		assert(state != CONN_LINGER || (unread == 0 && !fin));
		assert(!LIMITS)                          /* lost: a deadline without a timer */
	:: else
	fi
}

/* device_release(), then tux_exit() */
active proctype device_release() {
	started;
	if
	:: timeout -> atomic { model_check_quiet() }
	:: CRASH
	fi;
	atomic { stop = true; asleep[0] = false; asleep[1] = false; reader_asleep = false };
	ended == HELPERS + 3;
	draining = true;
	if
	:: list != 0 -> /* ktux_conns_close() */
		atomic { may_lock -> next = CONN_CLOSED; ktux_conn_set_state(); model_separate() /* ktux_call_leave() */ };
		queued = false; /* ktux_work_cancel() */
		ktux_conn_close()
	:: else
	fi;
	instance_freed = true;
	atomic {
		module_ended = true; /* tux_exit() */
		assert(!opened || freed);
		assert(timer == NO_TIMER && !timer_runs && !hooked && !queued);
		assert(refs == 0 && conn_count == 0 && !key && !answering && !call);
		assert(slots == (socket == PROGRAM -> 1 : 0));
		assert(socket != MODULE)
	}
}

init {
	atomic {
		run ktux_worker_run(0);
		if
		:: HELPERS == 2 -> run ktux_worker_run(1)
		:: else
		fi;
		started = true
	}
}
