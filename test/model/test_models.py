# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the models (NAME.pml) with spin: each case of a model holds, each mutant is refused by the named assertion, each function
that a model names is in its sources, and a model takes exactly the changes of state that the code's own tables permit. Searches
run in parallel, one for each processor. Do not use pytest -n: each worker would start every search."""
import concurrent.futures
import os
import re
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
SECONDS = 1800  # for a compilation or a search, which run at a low priority beside guests
MEMORY_MB = 1500

KERNEL = dict(HALVES=2, PIECES=1, HELPERS=1, LIMITS=0, DRAIN=0, CRASH=0, ADOPT=0, OWNER=0, RING=0, CALLS=0)
REQUEST = dict(UNITS=4, LOADS=1, EXCHANGES=1, PIECES=1, READS=0, LIMITS=0, FAILS=0, LOG=0, DRAIN=0, PASS=0, KERNEL=0, STOP=0)
GENERATIONS = dict(RELOADS=0, RENEWALS=0, STOPS=0, CRASHES=0, HANGS=0, FAILS=0)
CHANNEL = dict(URING=0, EPOLL=0, ACTIONS=4, BUFFERS=1, DATA=3)
CASES = {
    "generations": {
        "reloads_and_crashes": dict(GENERATIONS, RELOADS=2, CRASHES=2),
        "starts_fail": dict(GENERATIONS, RELOADS=2, CRASHES=1, FAILS=2),
        "replaced_roots": dict(GENERATIONS, RELOADS=1, RENEWALS=1, CRASHES=1, FAILS=1),
        "stop_at_any_time": dict(GENERATIONS, RELOADS=1, STOPS=2, CRASHES=1),
        "processes_hang": dict(GENERATIONS, RELOADS=2, STOPS=1, HANGS=2),
    },
    "channel": {
        "io_uring": dict(CHANNEL, URING=1),
        "epoll": dict(CHANNEL, EPOLL=1, ACTIONS=6),
        "fall_back_to_epoll": dict(CHANNEL, URING=1, EPOLL=1, ACTIONS=2, BUFFERS=2),
    },
    "request": {
        "no_work_waits_for_a_time_limit": dict(REQUEST, LOG=1),
        "two_loads_and_two_exchanges": dict(REQUEST, LOADS=2, EXCHANGES=2, PIECES=2),
        "time_limits_end_everything": dict(REQUEST, LIMITS=1, LOG=1),
        "memory_is_short": dict(REQUEST, FAILS=1, LOG=1),
        "drain_to_newer_process": dict(REQUEST, DRAIN=1, PASS=1),
        "drain_without_newer_process": dict(REQUEST, DRAIN=1, LOG=1),
        "connection_of_the_kernel_engine": dict(REQUEST, KERNEL=1, DRAIN=1, LIMITS=1),
        "engine_stops_at_any_time": dict(REQUEST, STOP=1, UNITS=3),
        "reads_of_files": dict(REQUEST, READS=2, UNITS=2, EXCHANGES=0),
        "reads_that_hang": dict(REQUEST, READS=2, UNITS=2, EXCHANGES=0, LIMITS=1),
        "engine_stops_during_reads": dict(REQUEST, READS=2, UNITS=2, EXCHANGES=0, LIMITS=1, STOP=1),
    },
    "kernel_connection": {
        "no_work_waits_for_a_time_limit": dict(KERNEL, RING=1, PIECES=2),
        "two_requests": dict(KERNEL, HALVES=4),
        "time_limits_end_everything": dict(KERNEL, LIMITS=1),
        "socket_in_use": dict(KERNEL, OWNER=1),
        "drain": dict(KERNEL, DRAIN=1),
        "adoption_beside_drain": dict(KERNEL, DRAIN=1, ADOPT=1),
        "device_closes_at_any_time": dict(KERNEL, CRASH=1),
        "modules": dict(KERNEL, CALLS=1, RING=1),
        "modules_keep_requests_too_long": dict(KERNEL, CALLS=1, LIMITS=1),
        "modules_beside_drain": dict(KERNEL, CALLS=1, DRAIN=1),
        "device_closes_while_modules_have_requests": dict(KERNEL, CALLS=1, CRASH=1),
    },
}
# model, mutant, case, old text, new text, assertion that refuses it
MUTANTS = [
    ("generations", "failed_reload_forgets_the_configuration", "starts_fail",
     "roots_changed[next] = false; next = 0 /* stay() */", "current = 0; next = 0", "current"),
    ("generations", "reload_closes_common_listeners", "reloads_and_crashes",
     "\t\t:: current != 0 -> configuration_close(next)\n", "\t\t:: current != 0 -> configuration_close(0)\n", "listener_open"),
    ("generations", "crash_without_restart", "reloads_and_crashes",
     "!find(STARTING) -> restart_soon()", "!find(STARTING)", "restart_pending"),
    ("generations", "crashes_without_delay", "starts_fail", ":: restarts > 0 -> delayed = true", ":: restarts > 0 -> restarts++", "delayed"),
    ("generations", "old_process_not_retired", "reloads_and_crashes",
     "generation[before] = RETIRING; tux_generation_order(before, RETIRE)", "generation[before] = RETIRING", "generation[0]==3"),
    ("generations", "reload_forgotten_while_one_is_under_way", "reloads_and_crashes",
     "reload_due = find(STARTING) || find(RETIRING);\n\tif\n\t:: reload_due\n", "reload_due = false;\n\tif\n\t:: false\n", "generation"),
    ("generations", "wait_without_limit_for_a_hung_process", "processes_hang",
     "has_word || waits_for_hung ||", "has_word ||", "generation"),
    ("generations", "restart_beside_a_reload_that_serves", "replaced_roots",
     "restart_pending = false; delayed = false;\n", "skip;\n", "roots"),
    ("generations", "stop_spares_a_starting_process", "stop_at_any_time",
     "\t\ttux_generation_order(number, order)\n\tfi\n}\n\ninline stop()", "\t\tskip\n\tfi\n}\n\ninline stop()", "over"),
    ("generations", "replaced_root_forgotten_after_a_failed_start", "replaced_roots",
     "next == 0 && renewing -> roots_changed[current] = true", "next == 0 && renewing", "roots"),
    ("channel", "close_without_cancellation", "io_uring", ":: inflight > 0 -> sq!CANCEL_ALL", ":: inflight > 0", "freed"),
    ("channel", "closed_before_the_last_completion", "io_uring", "inline settle() {\n\tif\n\t:: inflight > 0\n", "inline settle() {\n\tif\n\t:: false\n",
     "inflight==0"),
    ("channel", "sent_before_the_notification", "io_uring", "result == SUCCESS_MORE -> zero_copied = true",
     "result == SUCCESS_MORE -> zero_copied = true; buffer = false", "buffer"),
    ("channel", "buffer_not_given_back", "io_uring", "\t\tfi;\n\t\tgive_back\n", "\t\tfi\n", "k_buffers"),
    ("channel", "starved_without_reference", "io_uring", "\tqueued = true;\n\tinflight++\n", "\tqueued = true\n", "inflight==0"),
    ("channel", "starved_and_forgotten", "io_uring", "!leaving && receiving -> uring_receive()", "!leaving && receiving", "receiving"),
    ("channel", "receive_not_repeated", "io_uring", "\t\t:: receiving -> uring_receive()\n", "\t\t:: receiving\n", "receiving"),
    ("channel", "two_receives", "io_uring", "\t:: armed || queued\n", "\t:: queued\n", "fin_reported"),
    ("channel", "wait_for_readable_forgotten", "io_uring", "!receiving && watched && !queued -> uring_wait_readable()",
     "!receiving && watched && !queued", "waits_readable"),
    ("channel", "event_of_a_closed_channel", "epoll", "\tbatch = in_batch; in_batch = 0;\n\tif\n\t:: closing || leaving\n",
     "\tbatch = in_batch; in_batch = 0;\n\tif\n\t:: false\n", "closing"),
    ("channel", "wait_for_room_without_new_event", "epoll", "blocked = true; control()", "blocked = true", "waits_writable"),
    ("channel", "end_missed_after_a_short_read", "epoll", ":: data == 0 && !hung_up -> readable = false", ":: data == 0 -> readable = false", "receiving"),
    ("channel", "room_without_a_turn", "epoll", ":: sending -> queue()\n\t\t\t:: else\n\t\t\tfi;\n\t\t\tif\n\t\t\t:: blocked",
     ":: sending\n\t\t\t:: else\n\t\t\tfi;\n\t\t\tif\n\t\t\t:: blocked", "waits_sent"),
    ("channel", "streams_keep_the_loop_before_the_fall_back", "fall_back_to_epoll", "stream_ops = ops; /* backends_set_loop() */",
     "stream_ops = LOOP_URING;", "ops==loop"),
    ("request", "close_leaves_the_load_behind", "no_work_waits_for_a_time_limit",
     "load_waiting = false; pending = false\n", "pending = false\n", "!(freed)"),
    ("request", "close_without_abandoning_the_exchange", "no_work_waits_for_a_time_limit",
     "\t:: else ->\n\t\texchange_abandon();\n\t\tend_responses();", "\t:: else ->\n\t\tend_responses();", "!(stream)"),
    ("request", "closed_before_the_send_completes", "no_work_waits_for_a_time_limit",
     "closing && !sending && !late && !freed -> conn_free()", "closing && !late && !freed -> conn_free()", "!(sending)"),
    ("request", "loaded_without_step", "no_work_waits_for_a_time_limit",
     "\t\t\tfi;\n\t\t\tact = STEP\n", "\t\t\tfi\n", "receiving"),
    ("request", "drained_without_resume", "no_work_waits_for_a_time_limit",
     "stream && blocked -> blocked = false; handler_ready()", "stream && blocked -> blocked = false", "receiving"),
    ("request", "close_stays_in_the_list_of_log_waiters", "no_work_waits_for_a_time_limit",
     "log_waits = false; /* log_wait_leave() */", "", "!(log_waits)"),
    ("request", "next_request_before_the_body_by_reference_is_sent", "no_work_waits_for_a_time_limit",
     "!close_after_response && output != REFERENCED))", "!close_after_response))", "!(req)"),
    ("request", "next_request_after_the_last_response", "no_work_waits_for_a_time_limit",
     "&& !close_after_response && output != REFERENCED))", "&& output != REFERENCED))", "!(close_after_response)"),
    ("request", "paused_backend_not_resumed", "no_work_waits_for_a_time_limit",
     "ready = false;\n\t\t\tpaused = false", "ready = false", "receiving"),
    ("request", "send_without_time_limit", "time_limits_end_everything",
     "output_start();\n\tconn_wait_for(WAIT_SEND)\n", "output_start()\n", "!(1)"),
    ("request", "load_without_time_limit", "time_limits_end_everything",
     ":: progress == REQUEST_LOADING -> conn_wait_for(WAIT_LOAD)\n", ":: progress == REQUEST_LOADING -> timer = NONE\n", "!(1)"),
    ("request", "limit_of_a_load_outlasts_it", "time_limits_end_everything",
     "\t\t\t:: state == CONN_READ -> timer = NONE\n", "\t\t\t:: false\n", "timer"),
    ("request", "record_lost_with_its_request", "no_work_waits_for_a_time_limit",
     ":: record -> assert(answered); request_release(); request_set_state(REQUEST_RESPONDED)\n\t:: else -> h1", ":: true -> h1", "record"),
    ("request", "passed_on_with_input", "drain_to_newer_process",
     ":: in == 0 && !client_closed && ((draining", ":: ((draining", "in==0"),
    ("request", "stop_without_delivering_jobs", "engine_stops_at_any_time",
     "load == SUBMITTED -> load = DELIVERED /* unrun_deliver() */", "load == SUBMITTED", "load==3"),
    ("request", "close_leaves_the_read_behind", "reads_of_files",
     "residence_leave(); /* output_leave() */", "", "reading"),
    ("request", "read_without_sending", "reads_of_files",
     "\t\t:: model_pending()\n\t\t:: after_send()\n", "\t\t:: true\n", "state=="),
    ("request", "read_without_time_limit", "reads_that_hang",
     "read_waiting = true; reading = true;\n\tconn_wait_for(WAIT_READ)\n", "read_waiting = true; reading = true;\n\ttimer = NONE\n", "!(1)"),
    ("request", "stop_without_delivering_reads", "engine_stops_during_reads",
     "\t\t:: read == SUBMITTED -> read = DELIVERED\n", "\t\t:: read == SUBMITTED\n", "read==3"),
    ("kernel_connection", "detach_without_lock", "device_closes_at_any_time",
     "inline detach() {\n\tatomic { may_lock ->", "inline detach() {\n\tatomic { true ->", "!(freed)"),
    ("kernel_connection", "free_without_timer_delete_sync", "time_limits_end_everything",
     "list = 0; conn_count-- };\n\tatomic { !timer_runs -> timer = NO_TIMER };", "list = 0; conn_count-- };", "!(freed)"),
    ("kernel_connection", "handover_without_timer_delete_sync", "time_limits_end_everything",
     "atomic { TOUCH; list = 0 };\n\tatomic { !timer_runs -> timer = NO_TIMER };", "atomic { TOUCH; list = 0 };", "!(sk_cleared)"),
    ("kernel_connection", "work_without_wake_up", "no_work_waits_for_a_time_limit",
     "queued = true; model_wake_worker()", "queued = true", "!(queued)"),
    ("kernel_connection", "hand_up_without_wake_up", "time_limits_end_everything",
     "list = 2;\n\treader_asleep = false", "list = 2", "(list!=2)"),
    ("kernel_connection", "loaded_object_kept", "device_closes_at_any_time",
     "key = false;\n\t\tif\n\t\t:: loaded -> loaded = false; refs--", "key = false;\n\t\tif\n\t\t:: loaded -> loaded = false", "refs==0"),
    ("kernel_connection", "event_not_noted_while_socket_in_use", "socket_in_use",
     "assert(owned); missed = true; timer = SOON", "assert(owned)", "unread==seen"),
    ("kernel_connection", "drain_without_timer", "drain",
     "drained = true; timer = SOON", "drained = true", "draining"),
    ("kernel_connection", "adoption_without_check_under_lock", "adoption_beside_drain",
     ":: ADOPT && draining -> socket = CLOSED\n\t\t:: !(ADOPT && draining) ->", ":: true ->", "!(queued)"),
    ("kernel_connection", "write_space_not_requested", "no_work_waits_for_a_time_limit",
     "wmem = true;\n\t\tnospace = true;", "wmem = true;", "wmem"),
    ("kernel_connection", "returned_call_without_work", "modules", "\t\tfi;\n\t\tktux_work_queue() }", "\t\tfi }", "owner==1"),
    ("kernel_connection", "call_taken_twice", "modules_keep_requests_too_long",
     "state == CONN_SUSPENDED && owner == SUSPENDED -> model_separate(); act = HAND_UP", "state == CONN_SUSPENDED -> model_separate(); act = HAND_UP", "state"),
    ("kernel_connection", "call_kept_at_close", "device_closes_while_modules_have_requests", "; model_separate() /* ktux_call_leave() */", "", "call"),
    ("kernel_connection", "slot_kept_at_close", "no_work_waits_for_a_time_limit",
     "detach();\n\tfree_conn();\n\tatomic { slots--; ", "detach();\n\tfree_conn();\n\tatomic { ", "slots=="),
]


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def model_text(name):
    return read("test/model/%s.pml" % name)


# The machines of a model whose states the code checks at run time: prefix of the states, file of the enum, file of the table `followers`
MACHINES = {
    "kernel_connection": [("CONN", "kernel/instance.h", "kernel/conn_state.c")],
    "request": [("CONN", "engine/http/conn.h", "engine/http/conn_state.c"), ("REQUEST", "engine/request.h", "engine/request.c")],
}


def states(machine):
    """Returns the names of a machine's states, and for each the states that can follow it."""
    prefix, enum, table = machine
    listed = re.search(r"enum \w+_state \{([^}]*\b%s_[^}]*)\};" % prefix, read(enum)).group(1)
    rows = re.findall(r"\[(\w+)\] = ([^\[]*)", re.search(r"followers\[\] = \{(.*?)\};", read(table), re.DOTALL).group(1))
    return re.findall(r"^\s*(%s_\w+)," % prefix, listed, re.MULTILINE), {state: re.findall(r"BIT\((\w+)\)", text) for state, text in rows}


def states_header(name):
    text = ""
    for machine in MACHINES.get(name, []):
        names, followers = states(machine)
        terms = ["((a) == %s && (b) == %s)" % (state, other) for state, others in followers.items() for other in others]
        text += "".join("#define %s %d\n" % (state, number) for number, state in enumerate(names))
        text += "#define %s_ALLOWED(a, b) (%s)\n" % (machine[0], " || ".join(terms))
    return text


def check(name, text, settings, folder, optimise):
    """Runs spin on a model's text. Returns the verifier's output and the folder's name. optimise: gcc -O1, for long searches."""
    with open(os.path.join(folder, "model.pml"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(folder, "states.h"), "w", encoding="utf-8") as file:
        file.write(states_header(name))
    subprocess.run(["spin", "-a"] + ["-D%s=%d" % setting for setting in settings.items()] + ["model.pml"], cwd=folder, check=True,
                   timeout=SECONDS, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", "-O1" if optimise else "-O0", "-w", "-include", os.path.join(HERE, "pairs.h"), "-DCOLLAPSE", "-DSAFETY", "-DVECTORSZ=2048",
                    "-DMEMLIM=%d" % MEMORY_MB, "-o", "pan", "pan.c"], cwd=folder, check=True, timeout=SECONDS)
    found = subprocess.run(["./pan", "-m10000"], cwd=folder, check=True, timeout=SECONDS, capture_output=True, encoding="utf-8")
    return found.stdout + "folder: %s\n" % folder


def changes(name, output):
    """Returns the changes of state that a search has taken, for each machine of the model."""
    machines = MACHINES.get(name, [])
    taken = [set() for _ in machines]
    for number, before, after in re.findall(r"^pair (\d+) (\d+) (\d+)$", output, re.MULTILINE):
        names, _ = states(machines[int(number)])
        taken[int(number)].add((names[int(before)], names[int(after)]))
    return taken


class Searches:
    """Searches that run at the same time, one for each processor."""

    def __init__(self, folder):
        self.folder = folder
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.found = {}

    def start(self, name, case, old="", new=""):
        """Returns the future output of a case, with a text replaced."""
        key = (name, case, old, new)
        if key not in self.found:
            folder = self.folder / str(len(self.found))
            folder.mkdir()
            self.found[key] = self.pool.submit(check, name, model_text(name).replace(old, new), CASES[name][case], str(folder), name == "kernel_connection" and not old)
        return self.found[key]


@pytest.fixture(name="searches", scope="session")
def searches_fixture(request, tmp_path_factory):
    searches = Searches(tmp_path_factory.mktemp("searches"))
    for item in request.session.items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "case" in params:
            searches.start(params["name"], params["case"], params.get("old", ""), params.get("new", ""))
    yield searches
    searches.pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name,case", [(name, case) for name, cases in CASES.items() for case in cases])
def test_case_holds(name, case, searches):
    """The search is complete and finds no failed assertion and no deadlock."""
    output = searches.start(name, case).result()
    assert re.search(r"errors: 0$", output, re.MULTILINE), output
    assert "max search depth too small" not in output and "Search not completed" not in output, output
    print(re.search(r"\d+ states, stored", output).group(0))


@pytest.mark.parametrize("name,case,old,new,refused_by", [pytest.param(*(mutant[:1] + mutant[2:]), id="-".join(mutant[:2])) for mutant in MUTANTS])
def test_mutant_is_refused(name, case, old, new, refused_by, searches):
    assert model_text(name).count(old) == 1
    output = searches.start(name, case, old, new).result()
    found = re.search(r"pan:1: (.*)", output)
    assert found and refused_by in found.group(1), found.group(1) if found else output[-2000:]


@pytest.mark.parametrize("name", CASES)
def test_named_functions_exist(name):
    """A renamed function is renamed in the model, too. Names of the model's own begin with model_."""
    text = model_text(name)
    sources = "\n".join(read(path) for line in re.findall(r"^ \* sources: (.*)", text, re.MULTILINE) for path in line.split())
    comments = " ".join(re.findall(r"/\*.*?\*/", text, re.DOTALL))
    named = set(re.findall(r"^inline (\w+)\(", text, re.MULTILINE)) | set(re.findall(r"(\w+)\(\)", comments))
    outside = {"release_sock", "CONN_ALLOWED", "REQUEST_ALLOWED"} | {found for found in named if found.startswith("model_")}
    missing = [found for found in sorted(named - outside) if not re.search(r"\b%s\(" % found, sources)]
    assert named and not missing, missing


# Changes of state that the code permits and no case takes.
UNTAKEN = {
    # A drain while the connection flushes needs two requests in a drain, and that search takes too long.
    "kernel_connection": [("CONN_FLUSH", "CONN_HANDED_UP")],
}


@pytest.mark.parametrize("name", MACHINES)
def test_states_follow_as_the_test_build_permits(name, searches):
    """The model refuses other changes of state itself. Every change in the code's tables happens in a case of the model."""
    outputs = "".join(searches.start(name, case).result() for case in CASES[name])
    permitted = [{(state, other) for state, others in states(machine)[1].items() for other in others} for machine in MACHINES[name]]
    missing = [change for known, taken in zip(permitted, changes(name, outputs)) for change in known - taken]
    assert sorted(missing) == UNTAKEN.get(name, [])
