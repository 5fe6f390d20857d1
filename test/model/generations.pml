/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor and its server processes, from the first start to the end: reloads, starts for replaced document roots, crashes, stop.
 *
 * sources: program/server/supervisor.c program/server/server_process.c program/server/server_process.h
 * sources: program/server/supervisor_msg.c program/server/serve.c program/server/listen.c
 *
 * Processes: the supervisor, GENERATIONS server processes at a time, and the user, who sends signals and replaces document roots at any
 * time. A spawner ends after its server process, because its socket closes.
 *
 * Left out: the listeners that only one configuration has (one listener stands for those that both have), connections (a retired
 * process ends at any time), the time between two events (a delay passes when the supervisor waits for it), the end of the supervisor
 * itself, systemd, the kernel engine, and messages that cannot be sent for lack of memory. A process that serves does not hang, because
 * the supervisor has no limit for it.
 */

/*
 * test_models.py sets for each case: RELOADS, RENEWALS (replaced document roots), STOPS (signals that end the server), CRASHES, HANGS
 * (processes that hang while they start, retire or stop), FAILS (configurations that are malformed, and starts that fail).
 */
#define GENERATIONS 3

/* enum tux_generation_state; ABSENT: the slot is free */
#define ABSENT 0
#define STARTING 1
#define SERVING 2
#define RETIRING 3
#define RETIRED 4
#define STOPPING 5

/* A server process */
#define NO_PROCESS 0
#define STARTS 1
#define ACCEPTS 2
#define ACCEPTS_NO_MORE 3
#define DRAINS 4
#define EXITED 5  /* a zombie */
#define CRASHED 6 /* a zombie */

/* enum tux_order */
#define RETIRE 1
#define STOP 2
#define END 3

/* struct supervisor */
byte generation[GENERATIONS], configuration[GENERATIONS];
byte current, next, restarts; /* configurations are 1 and 2; restarts: since the last sound run */
bool reload_due, renewing, stopping, restart_pending, delayed, first_served, over;
bool listener_open, roots_changed[3];      /* roots_changed is each configuration's */
byte roots[GENERATIONS];                   /* document roots that a process has opened */

/* The processes, and their sockets */
byte process[GENERATIONS];
bool word[GENERATIONS], hangs[GENERATIONS];
chan orders[GENERATIONS] = [3] of { byte };
byte spawners, orphans;

/* Signals */
bool hangup, child;
byte terminations;

byte reloads, renewals, stops, crashes, hung, fails;

#define find(state) (generation[0] == state || generation[1] == state || generation[2] == state)
#define count_is_full (generation[0] != ABSENT && generation[1] != ABSENT && generation[2] != ABSENT)
#define count_is_zero (generation[0] == ABSENT && generation[1] == ABSENT && generation[2] == ABSENT)

/* A process ends. Its spawner sees that. */
inline model_exit(number, how) {
	process[number] = how; hangs[number] = false; child = true; orphans++
}

inline tux_generation_order(number, order) {
	if
	:: order == STOP -> generation[number] = STOPPING
	:: else
	fi;
	if
	:: process[number] != EXITED && process[number] != CRASHED -> orders[number]!order
	:: else
	fi
}

inline configuration_close(kept) {
	if
	:: kept == 0 -> listener_open = false
	:: else
	fi
}

/* launch() with tux_generation_fork(). The caller has checked has_room(). */
inline launch(which, launched) {
	assert(listener_open && which != 0);
	if
	:: generation[0] == ABSENT -> slot = 0
	:: generation[0] != ABSENT && generation[1] == ABSENT -> slot = 1
	:: generation[0] != ABSENT && generation[1] != ABSENT -> slot = 2; assert(generation[2] == ABSENT)
	fi;
	if
	:: generation[slot] = STARTING; configuration[slot] = which; process[slot] = STARTS; spawners++; word[slot] = false; hangs[slot] = false;
		roots_changed[which] = false; roots[slot] = renewals; launched = true;
		assert(!(find(STARTING) && stopping))
	:: fails < FAILS -> fails++; launched = false
	fi;
	slot = 0
}

/* has_room() */
inline has_room() {
	room = !count_is_full;
	if
	:: !room && !find(STOPPING) ->
		if
		:: generation[0] == RETIRED -> tux_generation_order(0, STOP)
		:: generation[0] != RETIRED && generation[1] == RETIRED -> tux_generation_order(1, STOP)
		:: generation[0] != RETIRED && generation[1] != RETIRED && generation[2] == RETIRED -> tux_generation_order(2, STOP)
		:: else
		fi
	:: else
	fi
}

/* reload() with configuration_open() and stay() */
inline reload() {
	reload_due = find(STARTING) || find(RETIRING);
	if
	:: reload_due
	:: else ->
		has_room();
		reload_due = !room;
		if
		:: reload_due
		:: else ->
			renewing = false;
			if
			:: fails < FAILS -> fails++ /* a malformed configuration */
			:: true ->
				launch(3 - current, launched);
				if
				:: launched -> next = 3 - current
				:: else -> configuration_close(current)
				fi
			fi
		fi
	fi
}

/* take_over() with tux_generation_retire() */
inline take_over(number) {
	before = GENERATIONS;
	if
	:: generation[0] == SERVING -> before = 0
	:: generation[1] == SERVING -> before = 1
	:: generation[2] == SERVING -> before = 2
	:: else
	fi;
	generation[number] = SERVING;
	restart_pending = false; delayed = false;
	first_served = true;
	if
	:: next != 0 ->
		if
		:: current != 0 -> configuration_close(next)
		:: else
		fi;
		roots_changed[current] = false; current = next; next = 0
	:: else
	fi;
	if
	:: before < GENERATIONS -> generation[before] = RETIRING; tux_generation_order(before, RETIRE)
	:: else
	fi;
	before = 0
}

/* restart_soon(): a run is sound or not. */
inline restart_soon() {
	restart_pending = true;
	if
	:: was == SERVING -> restarts = 1; delayed = false /* sound */
	:: restarts == 0 -> restarts = 1; delayed = false
	:: restarts > 0 -> delayed = true
	fi
}

inline renew() {
	has_room();
	if
	:: roots_changed[current] && room ->
		renewing = true;
		launch(current, launched);
		if
		:: !launched -> roots_changed[current] = true
		:: else
		fi
	:: else
	fi
}

inline restart() {
	has_room();
	if
	:: room ->
		assert(delayed || restarts <= 1); /* crashes in a row are delayed */
		delayed = false;
		renewing = false;
		launch(current, launched);
		restart_pending = !launched;
		delayed = !launched
	:: else
	fi
}

/* gone(): `was` is the state of the process that was reaped. */
inline gone() {
	if
	:: stopping
	:: else ->
		if
		:: was == STARTING && current == 0 -> stopping = true /* the first process */
		:: was == STARTING && current != 0 && next != 0 -> configuration_close(current); roots_changed[next] = false; next = 0 /* stay() */
		:: was == STARTING && current != 0 && next == 0 && renewing -> roots_changed[current] = true
		:: else
		fi;
		if
		:: current != 0 && !restart_pending && !find(SERVING) && !find(STARTING) -> restart_soon()
		:: else
		fi
	fi
}

inline reap(number) {
	if
	:: process[number] == EXITED || process[number] == CRASHED ->
		was = generation[number];
		generation[number] = ABSENT; process[number] = NO_PROCESS; word[number] = false; hangs[number] = false;
		do
		:: orders[number]?_
		:: empty(orders[number]) -> break
		od;
		gone();
		was = 0
	:: else
	fi
}

/* addresses_close() */
inline addresses_close() {
	listener_open = false;
	next = 0; current = 0
}

/* Of stop(), for each process */
inline model_stop_one(number, order) {
	if
	:: generation[number] == ABSENT
	:: else ->
		if
		:: generation[number] == STARTING && process[number] == STARTS -> model_exit(number, CRASHED) /* SIGTERM, before it takes orders */
		:: generation[number] == STARTING && process[number] == STARTS && !hangs[number]
		:: else
		fi;
		tux_generation_order(number, order)
	fi
}

inline stop() {
	if
	:: stopping ->
		addresses_close();
		model_stop_one(0, END); model_stop_one(1, END); model_stop_one(2, END)
	:: else ->
		stopping = true;
		addresses_close();
		model_stop_one(0, STOP); model_stop_one(1, STOP); model_stop_one(2, STOP)
	fi
}

/* Kills a process that exceeds its time limit. */
inline hurry(number) {
	if
	:: hangs[number] && (generation[number] == STARTING || generation[number] == RETIRING || generation[number] == STOPPING) ->
		model_exit(number, CRASHED)
	:: else
	fi
}

inline words_take(number) {
	if
	:: word[number] && generation[number] == RETIRING -> word[number] = false; generation[number] = RETIRED
	:: word[number] && generation[number] == STARTING -> word[number] = false; take_over(number)
	:: else
	fi
}

#define may_renew (current != 0 && !stopping && !reload_due && !restart_pending && !find(STARTING) && !find(RETIRING))
#define has_word (word[0] && (generation[0] == STARTING || generation[0] == RETIRING) || word[1] && (generation[1] == STARTING || \
	generation[1] == RETIRING) || word[2] && (generation[2] == STARTING || generation[2] == RETIRING))
#define looks_again ((restart_pending && !find(STARTING)) || (reload_due && !find(STARTING) && !find(RETIRING) && (!count_is_full || \
	find(RETIRED))) || (may_renew && roots_changed[current] && (!count_is_full || find(RETIRED))))
#define waits_for_hung (hangs[0] && generation[0] != SERVING || hangs[1] && generation[1] != SERVING || hangs[2] && generation[2] != SERVING)
/* wait_for_something(): signals, words, or a wait with a limit. A wait that changes nothing is left out. */
#define awake (hangup || terminations > 0 || child || has_word || waits_for_hung || (!stopping && looks_again))

/* tux_supervise(): turn() */
active proctype supervisor() {
	byte slot, before, was;
	bool launched, room;

	atomic { listener_open = true; next = 1; launch(1, launched) };
	if
	:: launched
	:: else -> stopping = true; listener_open = false
	fi;
end_idle:
	do
	:: atomic { (!stopping || !count_is_zero) && awake -> /* on_signal() */
		child = false;
		if
		:: hangup -> hangup = false; reload_due = reload_due || !stopping
		:: else
		fi };
		do
		:: atomic { terminations > 0 -> terminations--; stop() }
		:: atomic { terminations == 0 -> break }
		od;
		atomic { words_take(0); words_take(1); words_take(2) };
		atomic { reap(0); reap(1); reap(2) };
		atomic { hurry(0); hurry(1); hurry(2) };
		atomic {
			if
			:: stopping -> addresses_close()
			:: else ->
				if
				:: reload_due -> reload()
				:: else
				fi;
				if
				:: restart_pending && !find(STARTING) -> restart()
				:: else
				fi;
				if
				:: may_renew -> renew()
				:: else
				fi
			fi;
			launched = false; room = false;
			assert(stopping || listener_open);
			assert(stopping || !first_served || current != 0);
			assert(stopping || find(SERVING) || find(STARTING) || restart_pending) /* lost: a server without a process */
		}
	:: atomic { stopping && count_is_zero -> break }
	od;
	over = true
}

/* tux_serve(): obey() with retire(), leave() and drain() */
active [GENERATIONS] proctype tux_serve() {
	byte self, order;

	atomic { self = _pid - 1 };
end_idle:
	do
	:: atomic { process[self] == STARTS && !hangs[self] ->
		if
		:: process[self] = ACCEPTS; word[self] = true /* tux_order_done() */
		:: fails < FAILS -> fails++; model_exit(self, EXITED)
		:: crashes < CRASHES -> crashes++; model_exit(self, CRASHED)
		:: hung < HANGS -> hung++; hangs[self] = true
		fi }
	:: atomic { process[self] == ACCEPTS && crashes < CRASHES -> crashes++; model_exit(self, CRASHED) }
	:: atomic { (process[self] == ACCEPTS || process[self] == ACCEPTS_NO_MORE) && !hangs[self] && nempty(orders[self]) ->
		orders[self]?order;
		if
		:: order == RETIRE && process[self] == ACCEPTS ->
			assert(stopping || find(SERVING) || find(STARTING) || restart_pending || child); /* another process accepts */
			if
			:: process[self] = ACCEPTS_NO_MORE; word[self] = true /* tux_order_done() */
			:: hung < HANGS -> hung++; hangs[self] = true
			fi
		:: order == STOP ->
			if
			:: process[self] = DRAINS
			:: hung < HANGS -> hung++; hangs[self] = true
			fi
		:: order == END -> model_exit(self, EXITED)
		fi;
		order = 0 }
	:: atomic { process[self] == ACCEPTS_NO_MORE && !hangs[self] && empty(orders[self]) -> model_exit(self, EXITED) } /* its connections have closed */
	:: atomic { process[self] == DRAINS -> model_exit(self, EXITED) }         /* also after END, and after the time limit */
	:: atomic { over && process[self] != NO_PROCESS -> assert(false) }
	od
}

active proctype spawner() {
end_idle:
	do
	:: atomic { orphans > 0 -> orphans--; assert(spawners > 0); spawners-- } /* tux_spawner_stop(), or its socket closes */
	od
}

active proctype model_user() {
end_idle:
	do
	:: atomic { first_served && reloads < RELOADS -> reloads++; hangup = true }
	:: atomic { first_served && renewals < RENEWALS && !stopping -> renewals++; roots_changed[current] = true; roots_changed[next] = true; child = true } /* watcher_ended() */
	:: atomic { stops < STOPS -> stops++; terminations++ }
	od
}

/* No process can continue. */
active proctype model_quiet() {
	timeout -> atomic {
		assert(spawners == (process[0] != NO_PROCESS) + (process[1] != NO_PROCESS) + (process[2] != NO_PROCESS));
		if
		:: stopping -> assert(over && !listener_open && count_is_zero) /* stop ends everything */
		:: else ->
			assert(listener_open && find(SERVING));
			assert(!find(STARTING) && !find(RETIRING) && !find(RETIRED) && !find(STOPPING)); /* drained processes end */
			assert(!reload_due && !restart_pending && !roots_changed[current]);
			assert(generation[0] != SERVING || (process[0] == ACCEPTS && configuration[0] == current && roots[0] == renewals));
			assert(generation[1] != SERVING || (process[1] == ACCEPTS && configuration[1] == current && roots[1] == renewals));
			assert(generation[2] != SERVING || (process[2] == ACCEPTS && configuration[2] == current && roots[2] == renewals))
		fi
	}
}
