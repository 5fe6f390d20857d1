/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCTION "https://acme-v02.api.letsencrypt.org/directory"
#define STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"

struct planning {
	struct tux_certificate_plan *plan;
	const struct tux_settings *settings;
	char *error;
	size_t error_size;
};

static const char *directory_of(const char *text)
{
	if (!text || strcmp(text, "production") == 0)
		return PRODUCTION;
	return strcmp(text, "staging") == 0 ? STAGING : text;
}

/* Copies a text as the name of a file: other characters than those of names become '_'. A leading '.' becomes one, too. */
static void file_name_write(const char *text, size_t len, char *out, size_t out_size)
{
	static const char kept[] = "-.:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t i;

	for (i = 0; i < len && i + 1 < out_size; i++)
		out[i] = (char)(strchr(kept, text[i]) && !(i == 0 && text[i] == '.') ? text[i] : '_');
	out[i] = '\0';
}

/* Sets what is known of a certificate without its names. */
static void place_set(struct tux_automatic *one, const struct tux_settings *settings, const struct tux_certificate_files *files, const char *name)
{
	char text[256];

	one->internal = tux_name_is_internal(name);
	one->acme = (struct tux_acme){
		.email = files->email ? files->email : settings->acme.email,
		.directory = directory_of(files->directory ? files->directory : settings->acme.directory),
		.binding = files->binding ? files->binding : settings->acme.binding,
		.challenge = files->challenge != TUX_CHALLENGE_AUTO ? files->challenge : settings->acme.challenge,
	};
	if (one->internal) {
		snprintf(one->folder, sizeof(one->folder), "%s", TUX_FOLDER_LOCAL);
	} else {
		const char *const at = one->acme.directory + strlen("https://");

		file_name_write(at, strlen(at), text, 200);
		snprintf(one->folder, sizeof(one->folder), "certificates/%s", text);
	}
	file_name_write(name, strlen(name), text, 251);
	snprintf(one->file, sizeof(one->file), "%s.pem", text);
}

static bool has_name(const struct tux_automatic *one, const char *name)
{
	for (unsigned i = 0; i < one->count; i++)
		if (strcmp(one->name[i], name) == 0)
			return true;
	return false;
}

static bool names_add(struct tux_automatic *one, const struct tux_host_settings *host)
{
	const char **const grown = realloc(one->name, (one->count + host->name_count) * sizeof(*grown));

	if (!grown)
		return false;
	one->name = grown;
	for (unsigned i = 0; i < host->name_count; i++)
		if (!has_name(one, host->name[i]))
			grown[one->count++] = host->name[i];
	return true;
}

static struct tux_automatic *same_place(const struct tux_certificate_plan *plan, const struct tux_automatic *wanted)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (strcmp(plan->certificate[i].file, wanted->file) == 0 && strcmp(plan->certificate[i].folder, wanted->folder) == 0)
			return &plan->certificate[i];
	return NULL;
}

static bool host_plan(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files)
{
	const struct planning *const planning = owner;
	struct tux_certificate_plan *const plan = planning->plan;
	struct tux_automatic wanted = { .count = 0 }, *one, *grown;

	if (!tux_automatic_check(host, planning->error, planning->error_size))
		return false;
	place_set(&wanted, planning->settings, files, host->name[0]);
	one = same_place(plan, &wanted);
	if (!one) {
		grown = realloc(plan->certificate, (plan->count + 1) * sizeof(*grown));
		if (grown) {
			plan->certificate = grown;
			one = &grown[plan->count++];
			*one = wanted;
		}
	}
	if (one && names_add(one, host))
		return true;
	snprintf(planning->error, planning->error_size, "no memory for automatic certificates");
	return false;
}

bool tux_plan_make(struct tux_certificate_plan *plan, struct tux_settings *settings, char *error, size_t error_size)
{
	struct planning planning = { plan, settings, error, error_size };

	return tux_automatic_each(settings, host_plan, &planning);
}

void tux_plan_free(struct tux_certificate_plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		free(plan->certificate[i].name);
	free(plan->certificate);
	*plan = (struct tux_certificate_plan){ NULL, 0 };
}

const struct tux_automatic *tux_plan_find(const struct tux_certificate_plan *plan, const struct tux_settings *settings, const struct tux_host_settings *host)
{
	const struct tux_certificate_files *const files = tux_automatic_of(host, &settings->top);
	struct tux_automatic wanted = { .count = 0 };

	if (!files || host->name_count == 0)
		return NULL;
	place_set(&wanted, settings, files, host->name[0]);
	return same_place(plan, &wanted);
}

struct tux_names tux_automatic_names(const struct tux_automatic *automatic)
{
	return (struct tux_names){ automatic->name, automatic->count };
}
