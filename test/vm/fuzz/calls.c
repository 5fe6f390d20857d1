// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls of a script. One or two threads run it, over tables of descriptors that both share. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../../include/uapi/tux.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

enum { DEVICES = 2, LISTENERS = 4, SOCKETS = 6, POLLS = 2, MAPS = 2, LENT = 4, BACKEND = LISTENERS - 1 };

struct lane {
	struct script script;
	struct setup *setup;
	uint8_t *room; /* bytes up to a page that is not mapped */
};

enum { ROOM = 4096 };

static int root_fd[2], event_fd;
static int device[DEVICES], listener[LISTENERS], client[SOCKETS], server[SOCKETS], poller[POLLS];
static struct {
	uint8_t *at;
	size_t bytes;
} map[MAPS];
static pthread_t lent[LENT];
static int lent_to[LENT];
static unsigned lent_count;

static const char *const requests[] = {
	"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	"GET /app/x HTTP/1.1\r\nHost: yz\r\n\r\n",
	"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	"GET /a.txt HTTP/1.0\r\n\r\n",
	"GET /cold HTTP/1.1\r\nHost: yz\r\n\r\n",
	"GET /cold HTTP/1.1\r\nHost: yz\r\nRange: bytes=5000-90000\r\n\r\n",
	"GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2,3-4\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n",
	"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n"
	"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
	"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /cgi/x HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /%2e%2e/ HTTP/1.1\r\nHost: x\r\n\r\n",
	"BREW / HTTP/1.1\r\n\r\n",
	"GET /x.php HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /directory/ HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
};

/* A number of a table, or any descriptor. */
static int *slot_of(int *table, unsigned count, struct script *script)
{
	return &table[script_byte(script) % count];
}

static int get(const int *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* Replaces the descriptor of a slot. */
static void put(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_RELAXED);

	if (old >= 0)
		close(old);
}

static int any_fd(struct script *script)
{
	unsigned choice = script_byte(script);

	switch (choice % 6) {
	case 0: return get(&device[choice / 6 % DEVICES]);
	case 1: return get(&listener[choice / 6 % LISTENERS]);
	case 2: return get(&client[choice / 6 % SOCKETS]);
	case 3: return get(&poller[choice / 6 % POLLS]);
	default: return get(&server[choice / 6 % SOCKETS]);
	}
}

static void call_open(struct lane *lane)
{
	int *slot = slot_of(device, DEVICES, &lane->script);

	put(slot, open("/dev/tux", O_RDWR | O_CLOEXEC | (script_byte(&lane->script) < 230 ? O_NONBLOCK : 0)));
}

static void call_hello(struct lane *lane)
{
	struct tux_hello hello = { .abi = TUX_ABI, .record_size = 88 };
	int fd = get(slot_of(device, DEVICES, &lane->script));

	hello.abi ^= script_byte(&lane->script) > 240;
	ioctl(fd, TUX_HELLO, &hello);
}

static unsigned port_of(int fd)
{
	struct sockaddr_in6 address = { 0 };
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin6_port) : 0;
}

static void call_setup(struct lane *lane)
{
	int fd = get(slot_of(device, DEVICES, &lane->script));

	ioctl(fd, TUX_SETUP, setup_fill(lane->setup, &lane->script, root_fd, event_fd, port_of(get(&listener[BACKEND]))));
}

/* An argument for a call: memory that is good, ends too early, or is not the program's. */
static void *argument(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script), at;

	switch (choice % 8) {
	case 0: return NULL;
	case 1: return (void *)8;
	case 2: return (void *)0xffffffff81000000;
	case 3: return lane->room + ROOM - choice / 8;
	case 4: return __atomic_load_n(&map[choice / 8 % MAPS].at, __ATOMIC_RELAXED);
	default: break;
	}
	for (at = 0; at < choice / 16; at++)
		lane->room[at] = script_byte(&lane->script);
	return lane->room;
}

static void call_ioctl(struct lane *lane)
{
	static const unsigned long numbers[] = { TUX_HELLO, TUX_SETUP, TUX_LISTEN, TUX_DRAIN, TUX_ADOPT, TUX_ROOM, TUX_STATUS, TUX_RETIRE,
						 TUX_SIZE, TUX_ROOM, TUX_STATUS, TUX_RUN };
	int fd = get(slot_of(device, DEVICES, &lane->script));
	unsigned choice = script_byte(&lane->script);
	unsigned long number = choice < 240 ? numbers[choice % (sizeof(numbers) / sizeof(numbers[0]))] : script_short(&lane->script);

	ioctl(fd, number, argument(lane));
}

static void call_drain(struct lane *lane)
{
	int fd = get(slot_of(device, DEVICES, &lane->script));
	unsigned choice = script_byte(&lane->script);

	ioctl(fd, choice & 1 ? TUX_RETIRE : TUX_DRAIN);
}

static void call_listen(struct lane *lane)
{
	int fd = get(slot_of(device, DEVICES, &lane->script));
	struct tux_socket socket = { .fd = get(slot_of(listener, LISTENERS, &lane->script)), .listener = script_byte(&lane->script) % 3 };

	ioctl(fd, TUX_LISTEN, &socket);
}

static void make_listener(int *slot, unsigned choice)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int family = choice & 1 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, choice % 64 == 62 ? 262 : 0); /* 262: MPTCP */

	if (fd >= 0 && (family == AF_INET6 ? bind(fd, (struct sockaddr *)&six, sizeof(six)) :
					     bind(fd, (struct sockaddr *)&four, sizeof(four))) == 0)
		listen(fd, choice & 2 ? 1 : 16);
	put(slot, fd);
}

static void call_make_listener(struct lane *lane)
{
	int *slot = slot_of(listener, LISTENERS, &lane->script);

	make_listener(slot, script_byte(&lane->script));
}

static void *run_lent(void *at)
{
	int fd = *(const int *)at;

	while (ioctl(fd, TUX_RUN) != 0 && errno == EINTR)
		;
	return NULL;
}

static void lend(int fd)
{
	unsigned number = __atomic_fetch_add(&lent_count, 1, __ATOMIC_RELAXED);

	if (number >= LENT)
		return;
	lent_to[number] = fd;
	if (pthread_create(&lent[number], NULL, run_lent, &lent_to[number]) != 0)
		lent[number] = 0;
}

static void call_lend(struct lane *lane)
{
	lend(get(slot_of(device, DEVICES, &lane->script)));
}

static void call_signal(struct lane *lane)
{
	unsigned number = script_byte(&lane->script) % LENT;

	if (lent[number] != 0)
		pthread_kill(lent[number], SIGUSR1);
}

static int connected(int to, bool four)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons((uint16_t)port_of(to)) };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = six.sin6_port };
	struct sockaddr_storage bound = { 0 };
	socklen_t len = sizeof(bound);
	int fd;

	getsockname(to, (struct sockaddr *)&bound, &len);
	four = four || bound.ss_family == AF_INET;
	fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		connect(fd, four ? (struct sockaddr *)&address : (struct sockaddr *)&six, four ? sizeof(address) : sizeof(six));
	return fd;
}

static void call_connect(struct lane *lane)
{
	int *slot = slot_of(client, SOCKETS, &lane->script);
	int to = get(slot_of(listener, LISTENERS, &lane->script));

	put(slot, connected(to, script_byte(&lane->script) & 1));
}

static void call_accept(struct lane *lane)
{
	int *slot = slot_of(server, SOCKETS, &lane->script);
	int from = get(slot_of(listener, LISTENERS, &lane->script));
	int fd = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		put(slot, fd);
}

static const int send_flags[] = { 0, 0, 0, 0, MSG_OOB, MSG_MORE, MSG_DONTROUTE, MSG_ZEROCOPY };

/* A request, whole or cut. */
static void call_request(struct lane *lane)
{
	int fd = get(slot_of(client, SOCKETS, &lane->script));
	const char *text = requests[script_byte(&lane->script) % (sizeof(requests) / sizeof(requests[0]))];
	size_t len = strlen(text);
	unsigned cut = script_byte(&lane->script), flags = script_byte(&lane->script) % 8;

	send(fd, text, cut < 180 ? len : cut % len, MSG_DONTWAIT | MSG_NOSIGNAL | send_flags[flags]);
}

/* The part of a request behind a cut, and bytes of the script. */
static void call_rest(struct lane *lane)
{
	int fd = get(slot_of(client, SOCKETS, &lane->script));
	const char *text = requests[script_byte(&lane->script) % (sizeof(requests) / sizeof(requests[0]))];
	unsigned cut = script_byte(&lane->script), flags = script_byte(&lane->script) % 8;

	cut %= (unsigned)strlen(text);
	send(fd, text + cut, strlen(text) - cut, MSG_DONTWAIT | MSG_NOSIGNAL | send_flags[flags]);
}

static void call_bytes(struct lane *lane)
{
	int fd = any_fd(&lane->script);
	uint8_t bytes[64];
	unsigned len = script_byte(&lane->script) % sizeof(bytes), at;

	for (at = 0; at < len; at++)
		bytes[at] = script_byte(&lane->script);
	send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void call_receive(struct lane *lane)
{
	static const int flags[] = { 0, MSG_PEEK, MSG_OOB, MSG_TRUNC };
	static uint8_t into[1 << 17];
	int fd = any_fd(&lane->script);
	unsigned choice = script_byte(&lane->script);

	recv(fd, into, choice & 4 ? sizeof(into) : choice / 8, MSG_DONTWAIT | flags[choice % 4]);
}

static void call_shutdown(struct lane *lane)
{
	int fd = any_fd(&lane->script);

	shutdown(fd, script_byte(&lane->script) % 3);
}

/* Closes a descriptor, perhaps with a reset of the connection. */
static void call_close(struct lane *lane)
{
	const struct linger linger = { .l_onoff = 1 };
	unsigned choice = script_byte(&lane->script);
	int *slot;

	switch (choice % 5) {
	case 0: slot = &device[choice / 5 % DEVICES]; break;
	case 1: slot = &listener[choice / 5 % LISTENERS]; break;
	case 2: slot = &server[choice / 5 % SOCKETS]; break;
	default: slot = &client[choice / 5 % SOCKETS]; break;
	}
	if (choice % 5 == 4)
		setsockopt(get(slot), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	put(slot, -1);
}

static void call_adopt(struct lane *lane)
{
	int fd = get(slot_of(device, DEVICES, &lane->script));
	int *slot = slot_of(server, SOCKETS, &lane->script);
	struct tux_socket socket = { .fd = get(slot), .listener = script_byte(&lane->script) % 3 };

	if (ioctl(fd, TUX_ADOPT, &socket) == 0)
		__atomic_store_n(slot, -1, __ATOMIC_RELAXED);
}

static void call_adopt_any(struct lane *lane)
{
	int fd = get(slot_of(device, DEVICES, &lane->script));
	struct tux_socket socket = { .fd = any_fd(&lane->script) };

	ioctl(fd, TUX_ADOPT, &socket);
}

/* Reads handed-up connections. */
static void call_take(struct lane *lane)
{
	struct tux_handed_up handed[4];
	int fd = get(slot_of(device, DEVICES, &lane->script));
	unsigned choice = script_byte(&lane->script), at;
	ssize_t got = read(fd, choice < 240 ? (void *)handed : (void *)8, sizeof(handed[0]) * (1 + choice % 4) - (choice % 32 == 31));

	for (at = 0; got > 0 && at < (size_t)got / sizeof(handed[0]); at++)
		put(&server[(choice + at) % SOCKETS], handed[at].fd);
}

/* Gives up a connection that was handed up, after its request was read and answered. */
static void call_answer(struct lane *lane)
{
	static const char text[] = "HTTP/1.1 204 No Content\r\n\r\n";
	int fd = get(slot_of(server, SOCKETS, &lane->script));
	uint8_t into[4096];

	recv(fd, into, sizeof(into), MSG_DONTWAIT);
	send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void call_poll(struct lane *lane)
{
	int *slot = slot_of(poller, POLLS, &lane->script);
	int fd = any_fd(&lane->script);
	unsigned choice = script_byte(&lane->script);
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | (choice & 8 ? EPOLLET : 0) | (choice & 16 ? EPOLLEXCLUSIVE : 0) };
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };

	if (get(slot) < 0)
		put(slot, epoll_create1(EPOLL_CLOEXEC));
	if (choice % 4 == 0)
		poll(&one, 1, 0);
	else if (choice % 4 == 3)
		epoll_wait(get(slot), &event, 1, 0);
	else
		epoll_ctl(get(slot), choice % 4 == 1 ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
}

static void call_map(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);
	size_t pages = choice & 4 ? script_short(&lane->script) : 1 + choice / 8;
	off_t off = choice & 2 ? script_byte(&lane->script) * 4096L : 0;
	int fd = get(slot_of(device, DEVICES, &lane->script));
	uint8_t *at = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE | (choice & 64 ? PROT_EXEC : 0), choice & 32 ? MAP_PRIVATE : MAP_SHARED, fd, off);

	if (at == MAP_FAILED)
		return;
	map[choice % MAPS].bytes = pages * 4096;
	__atomic_store_n(&map[choice % MAPS].at, at, __ATOMIC_RELAXED);
}

/* Writes into or reads from the mapping by a pipe, so that a fault is an error and no signal. */
static void call_touch(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);
	size_t off = script_short(&lane->script) * 8UL;
	uint64_t value = choice & 8 ? UINT64_MAX - script_byte(&lane->script) : script_byte(&lane->script);
	uint8_t *at = __atomic_load_n(&map[choice % MAPS].at, __ATOMIC_RELAXED);
	int pair[2];

	if (!at || pipe2(pair, O_NONBLOCK | O_CLOEXEC) != 0)
		return;
	if (choice & 4)
		off = 4096 + off % 64; /* the counters, head and tail of the first CPU */
	if (choice & 2)
		write(pair[1], at + off, 8);
	else if (write(pair[1], &value, 8) == 8)
		read(pair[0], at + off, 8);
	close(pair[0]);
	close(pair[1]);
}

static void call_remap(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);
	uint8_t *at = __atomic_exchange_n(&map[choice % MAPS].at, NULL, __ATOMIC_RELAXED);
	size_t bytes = map[choice % MAPS].bytes;

	if (!at)
		return;
	if (choice & 4)
		munmap(at, bytes);
	else if (choice & 8)
		madvise(at, bytes, choice & 16 ? MADV_DONTNEED : MADV_DONTFORK);
	else
		mremap(at, bytes, choice * 4096UL, MREMAP_MAYMOVE);
}

static void use_tls(int fd)
{
	struct tls12_crypto_info_aes_gcm_128 crypto = { .info = { TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128 } };

	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3);
	setsockopt(fd, SOL_TLS, TLS_TX, &crypto, sizeof(crypto));
	setsockopt(fd, SOL_TLS, TLS_RX, &crypto, sizeof(crypto));
}

static void disconnect(int fd)
{
	const struct sockaddr unspecified = { .sa_family = AF_UNSPEC };

	connect(fd, &unspecified, sizeof(unspecified));
}

static void call_option(struct lane *lane)
{
	int fd = any_fd(&lane->script), value = script_byte(&lane->script);

	switch (script_byte(&lane->script) % 14) {
	case 0: use_tls(fd); break;
	case 1: setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &value, sizeof(value)); break;
	case 2: setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)); break;
	case 3: setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)); break;
	case 4: setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value)); break;
	case 5: setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof(value)); break;
	case 6: setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, sizeof(value)); break;
	case 7:
		value = AF_INET;
		setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &value, sizeof(value));
		break;
	case 8: setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &value, sizeof(value)); break;
	case 9: fcntl(fd, F_SETFL, value & 1 ? O_ASYNC | O_NONBLOCK : O_NONBLOCK); break;
	case 10: setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &value, sizeof(value)); break;
	case 11: disconnect(fd); break;
	case 12: listen(fd, 4); break;
	default: setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &value, sizeof(value)); break;
	}
}

static void call_dup(struct lane *lane)
{
	int fd = any_fd(&lane->script);
	unsigned choice = script_byte(&lane->script);
	int *slot = choice & 1 ? &server[choice / 2 % SOCKETS] : &client[choice / 2 % SOCKETS];

	if (choice & 128 && get(slot) >= 0)
		dup3(fd, get(slot), O_CLOEXEC);
	else
		put(slot, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* A child has all descriptors for some milliseconds. */
static void call_fork(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);

	if (fork() == 0) {
		usleep(choice % 64 * 500);
		_exit(0);
	}
}

static void call_sleep(struct lane *lane)
{
	usleep(1 + script_byte(&lane->script) % 128 * 200);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0) { /* the limit is not the kernel's to accept */
	}
	close(fd);
}

/* Moves this process to another memory cgroup, or limits that one. */
static void call_cgroup(struct lane *lane)
{
	static const char *const folder[] = { "/sys/fs/cgroup/fuzz0/cgroup.procs", "/sys/fs/cgroup/fuzz1/cgroup.procs", "/sys/fs/cgroup/cgroup.procs" };
	static const char *const limit[] = { "max", "4194304", "16777216" };
	unsigned choice = script_byte(&lane->script);

	if (choice & 64)
		write_text("/sys/fs/cgroup/fuzz0/memory.high", limit[choice % 3]);
	else
		write_text(folder[choice % 3], "0");
}

/* Another network namespace for this thread, or the first again. */
static void call_namespace(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (choice & 1) {
		fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
		setns(fd, CLONE_NEWNET);
		close(fd);
		return;
	}
	if (unshare(CLONE_NEWNET) != 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ioctl(fd, SIOCSIFFLAGS, &up);
	close(fd);
}

/* Changes what is served: contents, size, mode, name, pages in memory. */
static void call_file(struct lane *lane)
{
	unsigned choice = script_byte(&lane->script);
	int fd;

	switch (choice % 8) {
	case 0:
		fd = openat(root_fd[0], "a.txt", O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC, 0644);
		write(fd, "hello\n", 6);
		close(fd);
		break;
	case 1: renameat(root_fd[0], "a.txt", root_fd[0], "b.txt"); break;
	case 2: renameat(root_fd[0], "b.txt", root_fd[0], "a.txt"); break;
	case 3: fchmodat(root_fd[0], "a.txt", choice & 8 ? 0644 : 0600, 0); break;
	case 4:
		fd = openat(root_fd[1], "cold", O_RDWR | O_CLOEXEC);
		ftruncate(fd, choice & 8 ? 200000 : 70000);
		close(fd);
		break;
	case 5:
		fd = openat(root_fd[0], "big", O_RDWR | O_CLOEXEC);
		ftruncate(fd, choice & 8 ? 3000000 : 1000);
		close(fd);
		break;
	case 6: renameat(root_fd[0], "directory", root_fd[0], "other"); break;
	default:
		renameat(root_fd[0], "other", root_fd[0], "directory");
		fd = openat(root_fd[1], "cold", O_RDONLY | O_CLOEXEC);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
		break;
	}
}

/* The next allocation of this thread but so many fails, on kernels with fault injection. */
static void call_fail(struct lane *lane)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", script_byte(&lane->script) % 32);
	write_text("/proc/thread-self/fail-nth", text);
}

/* Descriptors run out, or no longer. */
static void call_limit(struct lane *lane)
{
	struct rlimit limit = { .rlim_cur = script_byte(&lane->script) % 4 ? 64 : 3, .rlim_max = 64 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Calls of the device that it does not have, or that are for others. */
static void call_other(struct lane *lane)
{
	struct iovec vec[2] = { { lane->room, 12 }, { lane->room + 64, 12 } };
	int fd = get(slot_of(device, DEVICES, &lane->script));

	switch (script_byte(&lane->script) % 8) {
	case 0: write(fd, lane->room, 16); break;
	case 1: pread(fd, lane->room, 12, 5); break;
	case 2: lseek(fd, 5, SEEK_SET); break;
	case 3: readv(fd, vec, 2); break;
	case 4: fsync(fd); break;
	case 5: fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK); break;
	case 6: splice(fd, NULL, get(&server[0]), NULL, 12, SPLICE_F_NONBLOCK); break;
	default: fcntl(fd, F_SETFL, O_NONBLOCK); break;
	}
}

static const struct {
	void (*run)(struct lane *lane);
	unsigned arguments;
} calls[] = {
	{ call_open, 2 }, { call_hello, 2 }, { call_setup, 4 }, { call_ioctl, 4 }, { call_drain, 2 }, { call_listen, 3 },
	{ call_make_listener, 2 }, { call_lend, 1 }, { call_signal, 1 }, { call_connect, 3 }, { call_accept, 2 }, { call_request, 4 },
	{ call_request, 4 }, { call_request, 4 }, { call_rest, 4 }, { call_bytes, 12 }, { call_receive, 2 }, { call_receive, 2 },
	{ call_shutdown, 2 }, { call_close, 1 }, { call_adopt, 3 }, { call_adopt, 3 }, { call_adopt_any, 2 }, { call_take, 2 },
	{ call_take, 2 }, { call_answer, 1 }, { call_poll, 3 }, { call_map, 4 }, { call_touch, 4 }, { call_remap, 1 }, { call_option, 3 },
	{ call_dup, 2 }, { call_fork, 1 }, { call_sleep, 1 }, { call_sleep, 1 }, { call_cgroup, 1 }, { call_namespace, 1 }, { call_file, 1 },
	{ call_fail, 1 }, { call_limit, 1 }, { call_other, 2 },
};

unsigned calls_count(void)
{
	return sizeof(calls) / sizeof(calls[0]);
}

unsigned calls_arguments(unsigned number)
{
	return calls[number].arguments;
}

static void *lane_run(void *at)
{
	struct lane *lane = at;

	while (lane->script.at < lane->script.len)
		calls[script_byte(&lane->script) % calls_count()].run(lane);
	return NULL;
}

static void lane_new(struct lane *lane, const uint8_t *bytes, size_t len)
{
	uint8_t *room = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*lane = (struct lane){ .script = { .bytes = bytes, .len = len }, .setup = setup_new(), .room = room };
	if (room == MAP_FAILED || !lane->setup)
		_exit(1);
	mprotect(room + ROOM, ROOM, PROT_NONE);
}

static void begin(const char *root, const char *cold)
{
	unsigned i;

	root_fd[0] = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root_fd[1] = open(cold, O_PATH | O_DIRECTORY | O_CLOEXEC);
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < DEVICES; i++)
		device[i] = -1;
	for (i = 0; i < LISTENERS; i++)
		listener[i] = -1;
	for (i = 0; i < SOCKETS; i++)
		client[i] = server[i] = -1;
	for (i = 0; i < POLLS; i++)
		poller[i] = -1;
}

/* An instance with listeners and a lent thread, as the program would make one. what: bits of the set-up, after which one comes. */
static bool prepare(struct lane *lane, const uint8_t what[3])
{
	struct script script = { .bytes = what, .len = 3 };
	struct tux_hello hello = { .abi = TUX_ABI, .record_size = 88 };
	struct tux_socket socket = { .listener = 0 };
	int fd = open("/dev/tux", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	device[0] = fd;
	make_listener(&listener[0], 0);
	make_listener(&listener[1], 1);
	make_listener(&listener[BACKEND], 0);
	socket.fd = listener[0];
	if (ioctl(fd, TUX_HELLO, &hello) != 0 ||
	    ioctl(fd, TUX_SETUP, setup_fill(lane->setup, &script, root_fd, event_fd, port_of(listener[BACKEND]))) != 0 ||
	    ioctl(fd, TUX_LISTEN, &socket) != 0)
		return false;
	socket = (struct tux_socket){ .fd = listener[1], .listener = 1 };
	ioctl(fd, TUX_LISTEN, &socket);
	lend(fd);
	return true;
}

static void on_signal(int number)
{
	(void)number;
}

void calls_run(const uint8_t *bytes, size_t len, const char *root, const char *cold)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval often = { .it_interval = { .tv_usec = 40000 }, .it_value = { .tv_usec = 40000 } };
	struct timespec until;
	struct lane lane[2];
	pthread_t other;
	size_t half = len;
	unsigned first = len > 0 ? bytes[0] : 0;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	sigaction(SIGURG, &action, NULL);
	begin(root, cold);
	if (first & 64)
		half = len / 2;
	lane_new(&lane[0], bytes + (len > 0), half - (len > 0));
	lane_new(&lane[1], bytes + half, len - half);
	if (first & 1)
		prepare(&lane[0], (const uint8_t[]){ first & 62, (uint8_t)(first >> 1), 0 });
	setitimer(ITIMER_REAL, &often, NULL);
	if (first & 64 && pthread_create(&other, NULL, lane_run, &lane[1]) != 0)
		first = 0;
	lane_run(&lane[0]);
	if (first & 64) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_timedjoin_np(other, NULL, &until);
	}
	usleep(first & 128 ? 5000 : 500);
	_exit(0);
}

bool calls_alive(const char *root)
{
	struct lane lane;
	struct pollfd ready = { .events = POLLIN };
	char head[64] = "";

	begin(root, root);
	lane_new(&lane, NULL, 0);
	if (!prepare(&lane, (const uint8_t[]){ 0, 0, 0 }))
		return false;
	ready.fd = connected(listener[0], true);
	return send(ready.fd, requests[0], strlen(requests[0]), MSG_NOSIGNAL) == (ssize_t)strlen(requests[0]) &&
	       poll(&ready, 1, 20000) == 1 && recv(ready.fd, head, sizeof(head) - 1, 0) > 0 &&
	       strncmp(head, "HTTP/1.1 200", 12) == 0;
}
