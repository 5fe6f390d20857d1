/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KUnit, or on kernels without it as much of it as these tests need. A suite then runs when something is written to the module's
 * parameter of its name. It prints the same lines as KUnit.
 */
#ifndef TUX_TEST_VM_KUNIT_H
#define TUX_TEST_VM_KUNIT_H

#if IS_ENABLED(CONFIG_KUNIT)
#include <kunit/test.h>
#else
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

struct kunit {
	bool failed;
	unsigned int count;
	void *memory[4096];
	struct completion *done;
	void (*run_case)(struct kunit *test);
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(function) { .run_case = function, .name = #function }

static inline void *kunit_kzalloc(struct kunit *test, size_t bytes, gfp_t gfp)
{
	void *memory = test->count < ARRAY_SIZE(test->memory) ? kzalloc(bytes, gfp) : NULL;

	WARN_ON_ONCE(in_interrupt()); /* KUnit's own may sleep, whatever gfp is */
	if (memory)
		test->memory[test->count++] = memory;
	return memory;
}

#define KUNIT_EXPECT_TRUE(test, condition)                                                          \
	do {                                                                                        \
		if (!(condition)) {                                                                 \
			(test)->failed = true;                                                      \
			pr_err("# EXPECTATION FAILED at %s:%d: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                                   \
	} while (0)
#define KUNIT_ASSERT_TRUE(test, condition)                                       \
	do {                                                                     \
		if (!(condition)) {                                              \
			KUNIT_EXPECT_TRUE(test, false && #condition[0]);         \
			kthread_complete_and_exit((test)->done, 0);              \
		}                                                                \
	} while (0)
#define KUNIT_EXPECT_FALSE(test, condition) KUNIT_EXPECT_TRUE(test, !(condition))
#define KUNIT_EXPECT_EQ(test, a, b) KUNIT_EXPECT_TRUE(test, (a) == (b))
#define KUNIT_EXPECT_NE(test, a, b) KUNIT_EXPECT_TRUE(test, (a) != (b))
#define KUNIT_EXPECT_LT(test, a, b) KUNIT_EXPECT_TRUE(test, (a) < (b))
#define KUNIT_EXPECT_GE(test, a, b) KUNIT_EXPECT_TRUE(test, (a) >= (b))
/* A name of a function is no value: KUnit's own needs its address. */
#define KUNIT_EXPECT_PTR_EQ(test, a, b) KUNIT_EXPECT_TRUE(test, (typeof(a))(a) == (typeof(b))(b))
#define KUNIT_EXPECT_NULL(test, a) KUNIT_EXPECT_TRUE(test, !(a))
#define KUNIT_EXPECT_NOT_NULL(test, a) KUNIT_EXPECT_TRUE(test, (a))
#define KUNIT_EXPECT_STREQ(test, a, b) KUNIT_EXPECT_TRUE(test, strcmp(a, b) == 0)
#define KUNIT_ASSERT_FALSE(test, condition) KUNIT_ASSERT_TRUE(test, !(condition))
#define KUNIT_ASSERT_EQ(test, a, b) KUNIT_ASSERT_TRUE(test, (a) == (b))
#define KUNIT_ASSERT_GT(test, a, b) KUNIT_ASSERT_TRUE(test, (a) > (b))
#define KUNIT_ASSERT_LE(test, a, b) KUNIT_ASSERT_TRUE(test, (a) <= (b))
#define KUNIT_ASSERT_NOT_NULL(test, a) KUNIT_ASSERT_TRUE(test, (a))

/* Runs one case in a thread of its own, which a failed assertion ends. */
static int kunit_thread(void *at)
{
	struct kunit *test = at;

	test->run_case(test);
	kthread_complete_and_exit(test->done, 0);
}

static inline int kunit_suite_run(const struct kunit_suite *suite)
{
	const struct kunit_case *each;
	unsigned int number = 1;
	bool failed = false;

	for (each = suite->test_cases; each->run_case; each++, number++) {
		DECLARE_COMPLETION_ONSTACK(done);
		struct kunit *test = kvzalloc(sizeof(*test), GFP_KERNEL);
		struct task_struct *thread;

		if (!test)
			return -ENOMEM;
		test->done = &done;
		test->run_case = each->run_case;
		thread = kthread_run(kunit_thread, test, "kunit");
		if (IS_ERR(thread))
			test->failed = true;
		else
			wait_for_completion(&done);
		pr_info("    %s %u %s\n", test->failed ? "not ok" : "ok", number, each->name);
		failed = failed || test->failed;
		while (test->count > 0)
			kfree(test->memory[--test->count]);
		kvfree(test);
	}
	pr_info("%s %s\n", failed ? "not ok" : "ok", suite->name);
	return 0;
}

#define kunit_test_suite(suite)                                                        \
	static int suite_set(const char *text, const struct kernel_param *param)      \
	{                                                                              \
		return kunit_suite_run(&suite);                                        \
	}                                                                              \
	static const struct kernel_param_ops suite_ops = { .set = suite_set };        \
	module_param_cb(KUNIT_NAME, &suite_ops, NULL, 0200)
#endif

#endif
