// SPDX-License-Identifier: GPL-2.0-or-later
#include "log_ring.h"

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "../core/ring.h"
#include "compat/compat.h"

static struct tux_cpu_shared *of_cpu(const struct instance *instance, unsigned int cpu)
{
	u8 *shared = (u8 *)instance->shared;

	return (struct tux_cpu_shared *)(shared + PAGE_SIZE + (size_t)cpu * instance->stride);
}

static struct tux_cpu_shared *here(struct instance *instance)
{
	return of_cpu(instance, smp_processor_id());
}

void ktux_counters_sum(const struct instance *instance, struct tux_cpu_counters *sum)
{
	u64 *out = (u64 *)sum;
	unsigned int cpu;
	size_t i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const u64 *in = (const u64 *)&of_cpu(instance, cpu)->counters;

		for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
			out[i] += data_race(READ_ONCE(in[i])); /* the CPU counts on: a sum may lack the newest */
	}
}

struct tux_cpu_counters *ktux_counters(struct instance *instance)
{
	return &here(instance)->counters;
}

struct tux_setup_module_counters *ktux_module_counters(struct instance *instance, u32 number)
{
	return (struct tux_setup_module_counters *)(here(instance)->data + RING_BYTES) + number;
}

u64 ktux_records_bytes(const struct instance *instance)
{
	return PAGE_SIZE + (u64)nr_cpu_ids * instance->stride;
}

int ktux_records_open(struct instance *instance)
{
	struct tux_shared *shared;

	instance->stride = PAGE_ALIGN(sizeof(struct tux_cpu_shared) + RING_BYTES +
				      instance->modules.count * sizeof(struct tux_setup_module_counters));
	shared = __vmalloc(ktux_records_bytes(instance), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!shared)
		return -ENOMEM;
	*shared = (struct tux_shared){
		.cpus = nr_cpu_ids,
		.first = PAGE_SIZE,
		.stride = instance->stride,
		.ring_bytes = RING_BYTES,
		.bytes = ktux_records_bytes(instance),
	};
	instance->shared = shared;
	return 0;
}

void ktux_records_close(struct instance *instance)
{
	vfree(instance->shared);
	instance->shared = NULL;
}

/* Provides a page of the memory at its first access. */
static vm_fault_t fault(struct vm_fault *fault)
{
	const struct instance *instance = fault->vma->vm_file->private_data;

	if (fault->pgoff >= ktux_records_bytes(instance) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS; /* the mapping was enlarged */
	fault->page = vmalloc_to_page((u8 *)instance->shared + (fault->pgoff << PAGE_SHIFT));
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct mapping = {
	.fault = fault,
};

int ktux_records_map(struct instance *instance, struct vm_area_struct *area)
{
	unsigned long pages = ktux_records_bytes(instance) >> PAGE_SHIFT;

	if (area->vm_pgoff > pages || vma_pages(area) > pages - area->vm_pgoff)
		return -EINVAL;
	area->vm_ops = &mapping;
	return 0;
}

/*
 * Returns the free bytes of the ring. The program maps both positions, and they are not trusted: an invalid pair counts as a full
 * ring. The program has read everything before tail.
 */
static u32 room(const struct tux_cpu_shared *ring, u64 head)
{
	return tux_ring_room(head, smp_load_acquire(&ring->tail), RING_BYTES); /* of the program, which has read what precedes it */
}

bool ktux_records_room(struct instance *instance)
{
	const struct tux_cpu_shared *ring = here(instance);

	return !instance->records || room(ring, READ_ONCE(ring->head)) >= TUX_ACCESS_RECORD_MAX;
}

bool ktux_records_write(struct instance *instance, const struct tux_access_record *record)
{
	struct tux_cpu_shared *ring = here(instance);
	u64 head = READ_ONCE(ring->head);

	if (room(ring, head) < record->size)
		return false;
	tux_ring_copy_in(ring->data, RING_BYTES, head, (const u8 *)record, record->size);
	smp_store_release(&ring->head, head + record->size); /* after the record itself */
	smp_mb(); /* the program sets sleeps, then checks head; this function does the reverse */
	if (READ_ONCE(instance->shared->sleeps) && instance->event) {
		WRITE_ONCE(instance->shared->sleeps, 0);
		compat_eventfd_signal(instance->event);
	}
	return true;
}
