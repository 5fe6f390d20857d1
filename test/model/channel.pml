/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel in a loop of the user engine, over io_uring and over epoll.
 *
 * sources: engine/io/uring.c engine/io/epoll.c engine/io/loop.h engine/worker.c engine/backend/backends.c engine/backend/backends.h
 *
 * Processes: the worker, which has the loop and the channel's owner; the kernel, which executes operations; and the client. The owner
 * calls any function of struct loop_ops that engine/io/loop.h allows then, in an event of the channel or between two events, ACTIONS times at
 * most, and closes the channel at last. An event of the worker is atomic.
 *
 * Left out: the bytes, the number of bytes of a send, connect(), pipes, accepting, other descriptors, and several channels. They share
 * only the provided buffers, of which the model has BUFFERS, and the lists, of which one channel is the whole. The submission queue is
 * never full: a full one is submitted earlier. Operations of io_uring that were issued complete in any order, except that a cancellation
 * precedes what was submitted after it.
 */

/* test_models.py sets for each case: URING, EPOLL (loops that can be opened), ACTIONS, BUFFERS, DATA (segments that the client sends). */

/* enum op, and operations that have no completion of their own */
#define OP_RECEIVE 1
#define OP_SEND 2
#define OP_WRITABLE 3
#define OP_READABLE 4
#define OP_CLOSE 5
#define OP_RECEIVE_MULTISHOT 6
#define OP_SEND_ZERO_COPY 7
#define NOTIFICATION 10
#define CANCEL_RECEIVE 8
#define CANCEL_ALL 9

/* Results of completions. MORE is IORING_CQE_F_MORE. */
#define SUCCESS 0
#define SUCCESS_MORE 1
#define ENDED 2
#define ENOBUFS 3
#define ECANCELED 4

#define NO_LOOP 0
#define LOOP_URING 1
#define LOOP_EPOLL 2

/* struct channel */
byte inflight;
bool receiving, armed, greeted, readable, hung_up, blocked, sending, queued, closing, leaving, watched, zero_copied;

/* struct loop, struct thread, struct peer_streams */
byte loop, ops, stream_ops, returned;
bool current;
byte batch, in_batch; /* epoll: event in the batch */

/* The owner */
bool freed, buffer, waits_sent, waits_writable, waits_readable, wants_close;
byte actions;

/* The kernel */
chan sq = [8] of { byte };
chan cq = [8] of { byte, byte };
byte k_receive, k_send, k_writable, k_readable, k_buffers = BUFFERS;
bool k_watches, edge_in, edge_out;

/* The socket */
byte data, segments;
bool fin, fin_reported, stopped, room = true;

#define IN 1
#define OUT 2
#define HANG_UP 4

#define TOUCH assert(!freed)
#define give_back returned++

inline uring_receive() {
	TOUCH;
	receiving = true;
	watched = false;
	if
	:: armed || queued
	:: else ->
		if
		:: greeted -> sq!OP_RECEIVE_MULTISHOT
		:: else -> sq!OP_RECEIVE
		fi;
		armed = true;
		inflight++
	fi
}

inline uring_receive_stop() {
	receiving = false;
	if
	:: armed -> sq!CANCEL_RECEIVE /* cancel() */
	:: else
	fi
}

inline uring_wait_readable() {
	watched = armed || queued;
	if
	:: !watched -> sq!OP_READABLE; inflight++ /* wait_for() */
	:: else
	fi
}

inline uring_release() {
	uring_receive_stop();
	leaving = true;
	sq!OP_CLOSE; /* a no-op */
	inflight++
}

inline uring_close() {
	closing = true;
	receiving = false;
	if
	:: inflight > 0 -> sq!CANCEL_ALL
	:: else
	fi;
	sq!OP_CLOSE;
	inflight++
}

/* queue() of the epoll loop */
inline queue() {
	TOUCH;
	if
	:: queued
	:: else -> queued = true; inflight++
	fi
}

/* EPOLL_CTL_MOD and EPOLL_CTL_ADD report what is there. */
inline control() {
	k_watches = true;
	edge_in = edge_in || data > 0 || fin;
	edge_out = edge_out || room
}

inline epoll_receive() {
	receiving = true;
	watched = false;
	if
	:: readable -> queue()
	:: else
	fi
}

inline epoll_close() {
	closing = true;
	receiving = false;
	k_watches = false; edge_in = false; edge_out = false;
	queue()
}

inline epoll_release() {
	leaving = true;
	receiving = false;
	queue()
}

/* The owner calls a function of its copy of ops. */
inline model_acts() {
	TOUCH;
	assert(ops == loop && stream_ops == loop);
	if
	:: true
	:: actions < ACTIONS && !closing && !leaving ->
		actions++;
		if
		:: loop == LOOP_URING && !waits_readable && !fin_reported -> uring_receive()
		:: loop == LOOP_EPOLL && !waits_readable && !fin_reported -> epoll_receive()
		:: loop == LOOP_URING -> uring_receive_stop()
		:: loop == LOOP_EPOLL -> receiving = false /* epoll_receive_stop() */
		:: !waits_sent && !waits_writable ->
			waits_sent = true; buffer = true;
			if
			:: loop == LOOP_URING -> sq!OP_SEND; inflight++           /* uring_send() */
			:: loop == LOOP_URING -> sq!OP_SEND_ZERO_COPY; inflight++ /* uring_send() */
			:: loop == LOOP_EPOLL ->                                  /* epoll_send() */
				sending = true;
				if
				:: !current -> queue()
				:: else
				fi
			fi
		:: !waits_sent && !waits_writable ->
			waits_writable = true;
			if
			:: loop == LOOP_URING -> sq!OP_WRITABLE; inflight++       /* uring_wait_writable() */
			:: loop == LOOP_EPOLL -> blocked = true; control()        /* epoll_wait_writable() */
			fi
		:: !waits_readable && !receiving && !fin_reported ->
			waits_readable = true;
			if
			:: loop == LOOP_URING -> uring_wait_readable()
			:: loop == LOOP_EPOLL -> watched = true; control()        /* epoll_wait_readable() */
			fi
		:: !waits_sent && !waits_writable && !waits_readable ->
			if
			:: loop == LOOP_URING -> uring_release()
			:: loop == LOOP_EPOLL -> epoll_release()
			fi
		fi
	:: !closing && (actions < ACTIONS || wants_close) ->
		if
		:: loop == LOOP_URING -> uring_close()
		:: loop == LOOP_EPOLL -> epoll_close()
		fi
	fi
}

/* Events of the channel, for its owner */
inline received() {
	TOUCH;
	assert(!closing);
	model_acts()
}

inline ended() {
	TOUCH;
	assert(!closing && !fin_reported);
	fin_reported = true;
	model_acts()
}

inline sent() {
	TOUCH;
	assert(!closing && waits_sent);
	waits_sent = false; buffer = false; /* the owner frees or reuses what was sent */
	model_acts()
}

inline writable() {
	TOUCH;
	assert(!closing && waits_writable);
	waits_writable = false;
	model_acts()
}

inline model_readable() {
	TOUCH;
	assert(!closing && waits_readable);
	waits_readable = false;
	model_acts()
}

inline closed() {
	TOUCH;
	assert(inflight == 0 && !queued);
	assert(k_receive == 0 && k_send == 0 && k_writable == 0 && k_readable == 0);
	assert(in_batch == 0 && !k_watches); /* no event of it follows in the batch */
	buffer = false; waits_sent = false; waits_writable = false; waits_readable = false;
	freed = true
}

/* The owner has the socket, and adds it again. */
inline released() {
	TOUCH;
	assert(inflight == 0 && !queued && !closing);
	assert(k_receive == 0 && k_send == 0 && k_writable == 0 && k_readable == 0 && !k_watches);
	if
	:: loop == LOOP_EPOLL -> control() /* epoll_add() */
	:: loop == LOOP_URING              /* uring_add() */
	fi;
	model_acts()
}

inline settle() {
	if
	:: inflight > 0
	:: else ->
		if
		:: closing -> closed()
		:: !closing && leaving -> leaving = false; released()
		:: else
		fi
	fi
}

inline starve() {
	queued = true;
	inflight++
}

inline on_receive(result) {
	if
	:: result != SUCCESS_MORE -> armed = false; inflight--
	:: else
	fi;
	if
	:: result == SUCCESS || result == SUCCESS_MORE ->
		greeted = true;
		if
		:: !closing -> received()
		:: else
		fi;
		give_back
	:: result == ENOBUFS ->
		if
		:: !closing && receiving -> starve()
		:: else
		fi
	:: result == ENDED ->
		if
		:: !closing -> receiving = false; ended()
		:: else
		fi
	:: result == ECANCELED
	fi;
	if
	:: closing || armed
	:: else ->
		if
		:: receiving -> uring_receive()
		:: !receiving && watched && !queued -> uring_wait_readable()
		:: else
		fi
	fi
}

inline on_send(result) {
	if
	:: result == SUCCESS_MORE -> zero_copied = true
	:: else ->
		inflight--;
		zero_copied = false;
		if
		:: !closing -> sent()
		:: else
		fi
	fi
}

inline on_completion(op, result) {
	TOUCH;
	if
	:: op == OP_RECEIVE -> on_receive(result)
	:: op == OP_SEND -> on_send(result)
	:: op == OP_WRITABLE ->
		inflight--;
		if
		:: !closing -> writable()
		:: else
		fi
	:: op == OP_READABLE ->
		inflight--;
		if
		:: !closing -> model_readable()
		:: else
		fi
	:: op == OP_CLOSE -> inflight--
	fi;
	settle()
}

inline feed_starved() {
	if
	:: queued ->
		TOUCH;
		queued = false;
		inflight--;
		if
		:: closing || leaving -> settle()
		:: !closing && !leaving && receiving -> uring_receive()
		:: !closing && !leaving && !receiving && watched -> uring_wait_readable()
		:: else
		fi
	:: else
	fi
}

/* The kernel issues an operation. */
inline model_issue(op) {
	if
	:: op == OP_RECEIVE || op == OP_RECEIVE_MULTISHOT -> assert(k_receive == 0); k_receive = op
	:: op == OP_SEND || op == OP_SEND_ZERO_COPY -> assert(k_send == 0); k_send = op
	:: op == OP_WRITABLE -> k_writable++
	:: op == OP_READABLE -> k_readable++
	:: op == OP_CLOSE -> cq!OP_CLOSE, SUCCESS
	:: op == CANCEL_RECEIVE || op == CANCEL_ALL ->
		if
		:: k_receive != 0 -> k_receive = 0; cq!OP_RECEIVE, ECANCELED
		:: else
		fi;
		if
		:: op == CANCEL_ALL && (k_send == OP_SEND || k_send == OP_SEND_ZERO_COPY) -> k_send = 0; cq!OP_SEND, ECANCELED
		:: op == CANCEL_ALL && k_send == OP_SEND_ZERO_COPY -> k_send = NOTIFICATION; cq!OP_SEND, SUCCESS_MORE
		:: else
		fi;
		do
		:: op == CANCEL_ALL && k_writable > 0 -> k_writable--; cq!OP_WRITABLE, ECANCELED
		:: op == CANCEL_ALL && k_readable > 0 -> k_readable--; cq!OP_READABLE, ECANCELED
		:: else -> break
		od
	fi
}

inline push() {
	assert(buffer); /* the kernel reads it */
	if
	:: room = false
	:: true
	fi
}

/* take_sends(): each message completes at once, or waits for room. */
inline take_sends() {
	if
	:: sending && !closing && room -> push(); sending = false; sent()
	:: else
	fi;
	if
	:: sending && !closing && room -> queue()
	:: else
	fi
}

inline take_bytes() {
	if
	:: data > 0 ->
		data--;
		if
		:: data == 0 && !hung_up -> readable = false
		:: else
		fi;
		received()
	:: data == 0 && fin -> receiving = false; readable = false; ended()
	:: data == 0 && !fin -> readable = false
	fi;
	if
	:: !closing && receiving && readable -> queue()
	:: else
	fi
}

inline take_turn() {
	TOUCH;
	queued = false;
	inflight--;
	current = true;
	take_sends();
	if
	:: !closing && receiving && readable -> take_bytes()
	:: else
	fi;
	take_sends();
	current = false;
	if
	:: queued
	:: !queued && closing -> closed()
	:: !queued && !closing && leaving ->
		leaving = false;
		k_watches = false; edge_in = false; edge_out = false;
		released()
	:: else
	fi
}

inline on_channel() {
	TOUCH;
	batch = in_batch; in_batch = 0;
	if
	:: closing || leaving
	:: else ->
		if
		:: batch & IN ->
			readable = true;
			hung_up = hung_up || (batch & HANG_UP);
			if
			:: receiving -> queue()
			:: else
			fi;
			if
			:: watched -> watched = false; model_readable()
			:: else
			fi
		:: else
		fi;
		if
		:: !closing && (batch & OUT) ->
			if
			:: sending -> queue()
			:: else
			fi;
			if
			:: blocked -> blocked = false; writable()
			:: else
			fi
		:: else
		fi
	fi;
	batch = 0
}

/* run() of the worker: open_loop() with backends_set_loop(), then serve() */
active proctype worker() {
	byte op, result, count;

	atomic {
		ops = LOOP_URING; stream_ops = NO_LOOP;
		if
		:: URING -> loop = LOOP_URING
		:: EPOLL -> ops = LOOP_EPOLL; loop = LOOP_EPOLL
		fi;
		stream_ops = ops; /* backends_set_loop() */
		if
		:: loop == LOOP_EPOLL -> control() /* epoll_add() */
		:: else
		fi
	};
end_idle:
	do
	:: atomic { loop == LOOP_URING && !freed && nempty(sq) -> sq?op; model_issue(op); op = 0 } /* uring_wait() */
	:: atomic { loop == LOOP_URING && empty(sq) && nempty(cq) -> count = len(cq) };
		do
		:: atomic { count > 0 && !freed && !closing && actions < ACTIONS -> model_acts() } /* another event of the batch */
		:: atomic { count > 0 -> count--; cq?op, result; on_completion(op, result); op = 0; result = 0 }
		:: atomic { count == 0 ->
			k_buffers = k_buffers + returned; returned = 0;
			assert(k_buffers <= BUFFERS);
			feed_starved();
			break }
		od
	:: atomic { loop == LOOP_EPOLL && (edge_in || edge_out || queued) ->
		in_batch = 0;
		if
		:: edge_in && !fin -> in_batch = in_batch | IN; edge_in = false
		:: edge_in && fin -> in_batch = in_batch | IN | HANG_UP; edge_in = false
		:: else
		fi;
		if
		:: edge_out -> in_batch = in_batch | OUT; edge_out = false
		:: else
		fi };
		atomic {
			if
			:: !freed && !closing && actions < ACTIONS -> model_acts() /* another event of the batch */
			:: true
			fi };
		atomic {
			if
			:: in_batch != 0 -> on_channel()
			:: else
			fi };
		atomic {
			if
			:: queued -> take_turn()
			:: else
			fi }
	:: atomic { !freed && !closing && (actions < ACTIONS || wants_close) -> model_acts() } /* another event of the worker */
	od
}

active proctype model_kernel() {
end_idle:
	do
	:: atomic { k_receive != 0 && data > 0 && k_buffers > 0 && nfull(cq) ->
		data--; k_buffers--;
		if
		:: k_receive == OP_RECEIVE_MULTISHOT -> cq!OP_RECEIVE, SUCCESS_MORE
		:: k_receive = 0; cq!OP_RECEIVE, SUCCESS
		fi }
	:: atomic { k_receive != 0 && data > 0 && k_buffers == 0 && nfull(cq) -> k_receive = 0; cq!OP_RECEIVE, ENOBUFS }
	:: atomic { k_receive != 0 && data == 0 && fin && nfull(cq) -> k_receive = 0; cq!OP_RECEIVE, ENDED }
	:: atomic { k_send == OP_SEND && room && nfull(cq) -> push(); k_send = 0; cq!OP_SEND, SUCCESS }
	:: atomic { k_send == OP_SEND_ZERO_COPY && room && nfull(cq) -> push(); k_send = NOTIFICATION; cq!OP_SEND, SUCCESS_MORE }
	:: atomic { k_send == NOTIFICATION && nfull(cq) -> assert(buffer); k_send = 0; cq!OP_SEND, SUCCESS }
	:: atomic { k_writable > 0 && room && nfull(cq) -> k_writable--; cq!OP_WRITABLE, SUCCESS }
	:: atomic { k_readable > 0 && (data > 0 || fin) && nfull(cq) -> k_readable--; cq!OP_READABLE, SUCCESS }
	od
}

active proctype model_client() {
end_idle:
	do
	:: atomic { segments < DATA && !stopped -> segments++; data++; edge_in = k_watches }
	:: atomic { !fin && !stopped -> fin = true; stopped = true; edge_in = k_watches }
	:: atomic { !stopped -> stopped = true }
	:: atomic { !room -> room = true; edge_out = k_watches } /* it reads on */
	od
}

/* No process can continue: no event may be due. */
inline model_check_quiet() {
	assert(!leaving && !closing || freed);
	if
	:: !freed ->
		assert(!waits_sent);                              /* lost: sent() */
		assert(!waits_writable);                          /* lost: writable() */
		assert(!waits_readable || (data == 0 && !fin));   /* lost: readable() */
		assert(!receiving || fin_reported || (data == 0 && !fin)) /* lost: received(), ended() */
	:: else
	fi
}

active proctype model_end() {
	timeout -> atomic { model_check_quiet(); wants_close = true };
	timeout -> atomic {
		assert(freed && k_buffers == BUFFERS && inflight == 0 && !buffer);
		assert(empty(sq) && empty(cq))
	}
}
