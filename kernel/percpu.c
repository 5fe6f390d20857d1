// SPDX-License-Identifier: GPL-2.0-or-later
/* Per-CPU memory for the current request, because it is too large for the stack. */
#include "instance.h"

#include <linux/cpumask.h>
#include <linux/slab.h>

static struct scratch **scratch;

void ktux_scratch_exit(void)
{
	unsigned int cpu;

	for (cpu = 0; scratch && cpu < nr_cpu_ids; cpu++) {
		if (scratch[cpu])
			kfree(scratch[cpu]->module.spare);
		kvfree(scratch[cpu]);
	}
	kfree(scratch);
	scratch = NULL;
}

void ktux_scratch_trim(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		kfree(xchg(&scratch[cpu]->module.spare, NULL));
}

int ktux_scratch_init(void)
{
	unsigned int cpu;

	scratch = kcalloc(nr_cpu_ids, sizeof(*scratch), GFP_KERNEL);
	if (!scratch)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		scratch[cpu] = kvzalloc_node(sizeof(**scratch), GFP_KERNEL, cpu_to_node(cpu));
		if (!scratch[cpu]) {
			ktux_scratch_exit();
			return -ENOMEM;
		}
		scratch[cpu]->date_s = -1;
	}
	return 0;
}

struct scratch *ktux_scratch_get(void)
{
	return scratch[smp_processor_id()];
}
