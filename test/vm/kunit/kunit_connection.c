// SPDX-License-Identifier: GPL-2.0-or-later
/* A connection's state and callbacks, slots, the queue of work, scratch memory, and the choice of a host, without a socket. */
#include <linux/file.h>

#include "kunit.h"
#include "conn_state.h"
#include "helper.h"
#include "log_ring.h"
#include "slot.h"

struct made {
	struct instance instance;
	struct socket sock;
	struct sock sk;
	struct conn conn;
};

static void on_timer(struct timer_list *timer)
{
}

static struct made *make(struct kunit *test)
{
	static struct lock_class_key lock;
	struct made *made = kunit_kzalloc(test, sizeof(*made), GFP_KERNEL);
	struct sock *sk;

	KUNIT_ASSERT_NOT_NULL(test, made);
	sk = &made->sk;
	spin_lock_init(&made->instance.lock);
	INIT_LIST_HEAD(&made->instance.work);
	INIT_LIST_HEAD(&made->instance.listeners);
	init_waitqueue_head(&made->instance.workers);
	made->instance.max_connections = 3;
	/* As sock_lock_init_class_and_name(), which takes a reference of the module on kernels with lockdep. */
	spin_lock_init(&sk->sk_lock.slock);
	init_waitqueue_head(&sk->sk_lock.wq);
	lockdep_init_map(&sk->sk_lock.dep_map, "tux_kunit", &lock, 0);
	rwlock_init(&made->sk.sk_callback_lock);
	made->sk.sk_state = TCP_ESTABLISHED;
	made->sock.sk = &made->sk;
	made->conn.sock = &made->sock;
	made->conn.instance = &made->instance;
	timer_setup(&made->conn.timer, on_timer, 0);
	return made;
}

/* Callbacks and settings come back, and stay when they are restored a second time. */
static void data_ready(struct sock *sk)
{
}

static void write_space(struct sock *sk)
{
}

static void hooks(struct kunit *test)
{
	struct made *made = make(test);
	struct sock *sk = &made->sk;

	sk->sk_data_ready = data_ready;
	sk->sk_write_space = write_space;
	sk->sk_state_change = write_space;
	sk->sk_allocation = GFP_KERNEL;
	ktux_conn_hook(&made->conn, write_space, data_ready);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_data_ready, &write_space);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_state_change, &write_space);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_write_space, &data_ready);
	KUNIT_EXPECT_EQ(test, sk->sk_allocation, GFP_ATOMIC);
	KUNIT_EXPECT_EQ(test, (uintptr_t)sk->sk_user_data & SK_USER_DATA_PTRMASK, (uintptr_t)&made->conn);
	KUNIT_EXPECT_TRUE(test, (uintptr_t)sk->sk_user_data & SK_USER_DATA_NOCOPY);
	ktux_conn_unhook(&made->conn);
	ktux_conn_unhook(&made->conn);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_data_ready, &data_ready);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_write_space, &write_space);
	KUNIT_EXPECT_PTR_EQ(test, sk->sk_state_change, &write_space);
	KUNIT_EXPECT_EQ(test, sk->sk_allocation, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, sk->sk_user_data);
}

/* Exactly the states of the first group take events, and only those of the second are queued for a thread, once each. */
static void states(struct kunit *test)
{
	static const enum conn_state way[] = {
		CONN_READ_HEAD, CONN_WRITE, CONN_LOG, CONN_READ_HEAD, CONN_OPEN_FILE, CONN_READ_HEAD, CONN_READ_PAGES, CONN_WRITE,
		CONN_NEXT_TURN, CONN_READ_HEAD, CONN_FLUSH, CONN_FLUSH, CONN_HAND_OVER, CONN_HANDED_UP, CONN_CLOSED,
	};
	struct made *made = make(test);
	struct conn *conn = &made->conn;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(way); i++) {
		ktux_conn_lock(conn);
		ktux_conn_set_state(conn, way[i]);
		KUNIT_EXPECT_EQ(test, ktux_conn_takes_events(conn), way[i] <= CONN_SUSPENDED);
		ktux_conn_unlock(conn);
	}
	conn->state = CONN_READ_HEAD;
	ktux_conn_lock(conn);
	ktux_conn_queue(conn, CONN_SHUT_DOWN);
	ktux_conn_unlock(conn);
	KUNIT_EXPECT_TRUE(test, conn->work.queued);
	ktux_work_queue(&made->instance, &conn->work);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&made->instance.work));
	ktux_work_cancel(&made->instance, &conn->work);
	ktux_work_cancel(&made->instance, &conn->work);
	KUNIT_EXPECT_TRUE(test, list_empty(&made->instance.work));
}

static void ends(struct kunit *test)
{
	struct made *made = make(test);

	KUNIT_EXPECT_FALSE(test, ktux_conn_is_dead(&made->conn));
	made->sk.sk_state = TCP_CLOSE_WAIT;
	KUNIT_EXPECT_FALSE(test, ktux_conn_is_dead(&made->conn));
	made->sk.sk_err = ECONNRESET;
	KUNIT_EXPECT_TRUE(test, ktux_conn_is_dead(&made->conn));
	made->sk.sk_err = 0;
	made->sk.sk_state = TCP_CLOSE;
	KUNIT_EXPECT_TRUE(test, ktux_conn_is_dead(&made->conn));
}

/* The timer runs at the deadline or earlier, never later. */
static void deadlines(struct kunit *test)
{
	struct made *made = make(test);
	struct conn *conn = &made->conn;

	ktux_conn_expect(conn, 1000 * HZ);
	KUNIT_EXPECT_TRUE(test, timer_pending(&conn->timer));
	KUNIT_EXPECT_EQ(test, conn->timer.expires, conn->deadline);
	ktux_conn_expect(conn, 100 * HZ);
	KUNIT_EXPECT_EQ(test, conn->timer.expires, conn->deadline);
	ktux_conn_expect(conn, 2000 * HZ);
	KUNIT_EXPECT_TRUE(test, time_before(conn->timer.expires, conn->deadline));
	timer_delete_sync(&conn->timer);
}

/* The limit is kept whatever the program writes into the shared number. */
static void slots(struct kunit *test)
{
	static const u32 lies[] = { 3, 4, U32_MAX, 1u << 31 };
	struct made *made = make(test);
	struct instance *instance = &made->instance;
	size_t i;

	KUNIT_ASSERT_EQ(test, ktux_records_open(instance), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, ktux_slot_take(instance));
	KUNIT_EXPECT_EQ(test, instance->shared->full, 0);
	KUNIT_EXPECT_FALSE(test, ktux_slot_take(instance));
	KUNIT_EXPECT_EQ(test, instance->shared->full, 1);
	ktux_slot_force(instance);
	KUNIT_EXPECT_EQ(test, instance->shared->connections, 4);
	for (i = 0; i < 4; i++)
		ktux_slot_put(instance);
	KUNIT_EXPECT_EQ(test, instance->shared->full, 0);
	KUNIT_EXPECT_EQ(test, instance->shared->connections, 0);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		instance->shared->connections = lies[i];
		KUNIT_EXPECT_FALSE(test, ktux_slot_take(instance));
	}
	instance->shared->connections = 0;
	instance->conn_count = 3;
	KUNIT_EXPECT_FALSE(test, ktux_slot_take(instance));
	ktux_records_close(instance);
}

static void scratches(struct kunit *test)
{
	struct scratch *scratch;
	unsigned int cpu;

	local_bh_disable();
	scratch = ktux_scratch_get();
	cpu = smp_processor_id();
	memset(scratch->head, 0x5a, sizeof(scratch->head));
	local_bh_enable();
	KUNIT_EXPECT_NOT_NULL(test, scratch);
	KUNIT_EXPECT_LT(test, cpu, nr_cpu_ids);
}

/* A helper thread of an instance that has drained ends at once. */
static void workers(struct kunit *test)
{
	struct made *made = make(test);

	made->instance.draining = true;
	KUNIT_EXPECT_EQ(test, ktux_worker_run(&made->instance), 0);
}

static void hosts(struct kunit *test)
{
	static struct fields of_route[1];
	static const struct tux_route routes[] = { { .depth = 1, .prefix_len = 3 } };
	static const u32 fallback[] = { 1 };
	struct host two[2] = { { .mode_allowed = 0004 }, { .mode_allowed = 0, .mode_forbidden = 0002 } };
	struct hosts all = { .host = two, .count = 2 };
	const u8 *name = (const u8 *)"a.example";

	all.names = (struct tux_host_names){ .fallback = fallback, .listener_count = 1 };
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_find(&all, 0, name, (struct tux_span){ 0, 9 }), (const struct host *)&two[1]);
	all.count = 1;
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_find(&all, 0, name, (struct tux_span){ 0, 9 }), (const struct host *)&two[0]);
	KUNIT_EXPECT_TRUE(test, ktux_host_permits(&two[0], S_IFREG | 0644));
	KUNIT_EXPECT_FALSE(test, ktux_host_permits(&two[0], S_IFREG | 0640));
	KUNIT_EXPECT_TRUE(test, ktux_host_permits(&two[1], S_IFREG | 0600));
	KUNIT_EXPECT_FALSE(test, ktux_host_permits(&two[1], S_IFREG | 0602));
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_fields(&two[0], (const u8 *)"/a/b", 4), (const struct fields *)&two[0].fields);
	two[0].routes = (struct tux_routes){ .route = routes, .text = (const u8 *)"/a/", .count = 1, .text_len = 3 };
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_fields(&two[0], (const u8 *)"/a/b", 4), (const struct fields *)&two[0].fields);
	two[0].route_fields = of_route;
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_fields(&two[0], (const u8 *)"/a/b", 4), (const struct fields *)&of_route[0]);
	KUNIT_EXPECT_PTR_EQ(test, ktux_host_fields(&two[0], (const u8 *)"/b", 2), (const struct fields *)&two[0].fields);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hooks), KUNIT_CASE(states), KUNIT_CASE(ends), KUNIT_CASE(deadlines), KUNIT_CASE(slots), KUNIT_CASE(scratches),
	KUNIT_CASE(workers), KUNIT_CASE(hosts), {}
};
static struct kunit_suite suite = { .name = "tux_connection", .test_cases = cases };
#define KUNIT_NAME tux_connection
kunit_test_suite(suite);
