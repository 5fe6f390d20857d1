/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "certificates.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../engine/tls/staple.h"
#include "../certificates/binding.h"
#include "../settings/automatic.h"
#include "secret.h"

static bool no_memory(char *error, size_t error_size)
{
	snprintf(error, error_size, "no memory for certificates");
	return false;
}

/* Keeps the facts of a certificate for the status, with a warning for one that clients refuse by its date. Returns false with a sentence in error. */
static bool state_keep(struct tux_tls_contexts *contexts, const struct tux_host_settings *host, const struct tux_certificate_files *files,
                       const struct tls_pem *pem, char *error, size_t error_size)
{
	const char *const name = host->name_count > 0 ? host->name[0] : "";
	struct tux_certificate_state *grown;
	char text[512];
	int64_t end;

	for (unsigned i = 0; i < contexts->certificate_count; i++)
		if (strcmp(contexts->certificate[i].host, name) == 0 && strcmp(contexts->certificate[i].file, files->certificate) == 0)
			return true; /* hosts of the same name at different addresses */
	grown = realloc(contexts->certificate, (contexts->certificate_count + 1) * sizeof(*grown));
	if (!grown)
		return no_memory(error, error_size);
	if (tux_tls_certificate_validity(pem, &end, text, sizeof(text)) != TLS_FAULT_NONE)
		fprintf(stderr, "tux: warning: %s\n", text);
	contexts->certificate = grown;
	grown[contexts->certificate_count++] = (struct tux_certificate_state){
		.host = name,
		.file = files->certificate,
		.end = end,
		.temporary = files->temporary,
	};
	return true;
}

/* Adds an OCSP response to the certificate that was added last. Returns false with a sentence in error. */
static bool staple_add(struct tls_context *context, const char *path, char *error, size_t error_size)
{
	struct tux_secret response;
	const bool added = tux_secret_read(&response, "ocsp", path, error, error_size) &&
	                   tux_tls_context_staple(context, &response.pem, error, error_size);

	tux_secret_free(&response);
	return added;
}

/* Like staple_add(), but with a line for a response that cannot be used: clients do without it. */
static void staple_try(struct tls_context *context, const char *path)
{
	char reason[512];

	if (!staple_add(context, path, reason, sizeof(reason)))
		fprintf(stderr, "tux: warning: %s, so clients do not get it\n", reason);
}

/* Like certificate_add(), for a key in this process. */
static bool own_add(struct tux_tls_contexts *contexts, struct tls_context *context, const struct tux_host_settings *host,
                    const struct tux_certificate_files *files, char *error, size_t error_size)
{
	struct tux_secret_pair pair;
	bool added = tux_secret_pair_read(&pair, files->certificate, files->key, files->password, error, error_size);

	if (added)
		tux_secret_pair_warn(&pair);
	added = added && tux_tls_context_add(context, &pair.certificate.pem, &pair.key.pem, error, error_size) &&
	        state_keep(contexts, host, files, &pair.certificate.pem, error, error_size);
	tux_secret_pair_free(&pair);
	return added;
}

/* Like certificate_add(), for a key in the process of keys, if that can have it. */
static bool remote_add(struct tux_tls_contexts *contexts, struct tls_context *context, const struct tux_host_settings *host,
                       const struct tux_certificate_files *files, char *error, size_t error_size)
{
	struct tls_pem pem;
	uint32_t number;
	const enum tls_key_result result = tux_keys_read(contexts->keys, files->certificate, files->key, files->password, false, &pem, &number, error,
	                                                 error_size);

	if (result == TLS_KEY_FOREIGN)
		return own_add(contexts, context, host, files, error, error_size);
	return result == TLS_KEY_HELD && tux_tls_context_add_remote(context, &pem, number, error, error_size) &&
	       state_keep(contexts, host, files, &pem, error, error_size);
}

/* Puts the place in the configuration file before a sentence; line 0 is the command line. */
static void place_add(const struct tux_tls_contexts *contexts, unsigned line, char *error, size_t error_size)
{
	char sentence[512];

	if (line == 0 || !contexts->file)
		return;
	snprintf(sentence, sizeof(sentence), "%s", error);
	snprintf(error, error_size, "%s:%u: %s", contexts->file, line, sentence);
}

/* Adds one certificate of a host to a context. Returns false with a sentence in error. */
static bool certificate_add(struct tux_tls_contexts *contexts, struct tls_context *context, const struct tux_host_settings *host,
                            const struct tux_certificate_files *files, char *error, size_t error_size)
{
	const bool added = contexts->keys ? remote_add(contexts, context, host, files, error, error_size) :
	                                    own_add(contexts, context, host, files, error, error_size);

	if (added && files->staple)
		staple_try(context, files->staple);
	if (!added)
		place_add(contexts, files->line, error, error_size);
	return added;
}

/* Sets the certificates that a context wants of clients. Returns false with a sentence in error. */
static bool demand_add(struct tls_context *context, const struct tux_client_demand *demand, char *error, size_t error_size)
{
	struct tux_secret authorities;
	const bool added = tux_secret_read(&authorities, "ca", demand->ca, error, error_size) &&
	                   tux_tls_context_demand(context, &authorities.pem, demand->verify == TUX_CLIENT_REQUIRED, error, error_size);

	tux_secret_free(&authorities);
	return added;
}

/* Makes the context of a list of certificates, of which host is the first host. Returns NULL with a sentence in error. */
static struct tls_context *context_make(struct tux_tls_contexts *contexts, const struct tux_host_settings *host, const struct tux_certificates *certificates,
                                        const struct tux_client_demand *demand, enum tux_tls_profile profile, struct tls_tickets *tickets,
                                        char *error, size_t error_size)
{
	struct tls_context *context = tux_tls_context_new(profile, tickets, error, error_size);
	struct tls_context **all;
	unsigned i;

	for (i = 0; context && i < certificates->count; i++)
		if (!certificate_add(contexts, context, host, &certificates->files[i], error, error_size)) {
			tux_tls_context_free(context);
			return NULL;
		}
	if (context && demand && !demand_add(context, demand, error, error_size)) {
		place_add(contexts, demand->line, error, error_size);
		tux_tls_context_free(context);
		return NULL;
	}
	all = context ? realloc(contexts->context, (contexts->count + 1) * sizeof(*all)) : NULL;
	if (all) {
		contexts->context = all;
		all[contexts->count++] = context;
	} else if (context) {
		tux_tls_context_free(context);
		no_memory(error, error_size);
	}
	return all ? context : NULL;
}

static bool is_same(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

/* True if two lists name the same files. */
static bool are_same(const struct tux_certificates *one, const struct tux_certificates *other)
{
	unsigned i = 0;

	while (i < one->count && i < other->count && is_same(one->files[i].certificate, other->files[i].certificate) &&
	       is_same(one->files[i].key, other->files[i].key) && is_same(one->files[i].password, other->files[i].password) &&
	       is_same(one->files[i].staple, other->files[i].staple))
		i++;
	return i == one->count && i == other->count;
}

/* Returns the certificates that a host wants of clients; NULL: none. */
static const struct tux_client_demand *demand_of(const struct tux_host_settings *host, const struct tux_host_settings *top)
{
	const struct tux_client_demand *const demand = host->tls_client.line > 0 ? &host->tls_client : &top->tls_client;

	return demand->ca ? demand : NULL;
}

static bool are_same_demands(const struct tux_client_demand *one, const struct tux_client_demand *other)
{
	return one && other ? one->verify == other->verify && strcmp(one->ca, other->ca) == 0 : one == other;
}

/* Returns the listeners with TLS, a bit for each; and the text of the first one. */
static uint64_t tls_listeners(const struct tux_addresses *addresses, const char **first)
{
	uint64_t listeners = 0;
	unsigned i;

	for (i = 0; i < addresses->count; i++) {
		if (!addresses->listener[i].tls)
			continue;
		*first = listeners == 0 ? addresses->spec[i] : *first;
		listeners |= UINT64_C(1) << i;
	}
	return listeners;
}

static bool host_lacks(const struct tux_hosts *hosts, unsigned number, const char *spec, char *error, size_t error_size)
{
	const struct tux_host_settings *const settings = &hosts->settings[number];

	if (hosts->count > 1 && settings->name_count > 0)
		snprintf(error, error_size, "host %s has no certificate for %s: tls { certificate FILE; key FILE }", settings->name[0], spec);
	else
		snprintf(error, error_size, "there is no certificate for %s: --certificate FILE --key FILE, or tls { certificate FILE; key FILE }", spec);
	return false;
}

bool tux_tls_contexts_open(struct tux_tls_contexts *contexts, struct tux_hosts *hosts, const struct tux_settings *settings,
                           const struct tux_addresses *addresses, struct tls_tickets *tickets, char *error, size_t error_size)
{
	const struct tux_certificates *const top = &settings->top.tls, *before = NULL;
	const struct tux_client_demand *const top_demand = demand_of(&settings->top, &settings->top), *before_demand = NULL;
	const struct tls_context *of_top = NULL, *of_before = NULL;
	const char *spec = NULL;
	const uint64_t listeners = tls_listeners(addresses, &spec);
	unsigned i;

	contexts->file = settings->file;
	for (i = 0; listeners != 0 && i < hosts->count; i++) {
		const struct tux_certificates *const own = &hosts->settings[i].tls;
		const struct tux_client_demand *const demand = demand_of(&hosts->settings[i], &settings->top);
		const bool of_top_files = own->count == 0 || are_same(own, top), inherits = of_top_files && are_same_demands(demand, top_demand);
		const struct tux_certificates *const certificates = of_top_files ? top : own;
		const bool as_before = before && are_same(certificates, before) && are_same_demands(demand, before_demand);
		const struct tls_context *context = inherits ? of_top : as_before ? of_before : NULL;

		if (!(tux_hosts_listeners(&hosts->settings[i], addresses) & listeners))
			continue;
		if (certificates->count == 0)
			return host_lacks(hosts, i, spec, error, error_size);
		if (!context)
			context = context_make(contexts, &hosts->settings[i], certificates, demand, (enum tux_tls_profile)settings->tls_profile,
			                       tickets, error, error_size);
		if (!context)
			return false;
		hosts->host[i].tls = context;
		if (inherits) {
			of_top = context;
		} else {
			before = certificates;
			before_demand = demand;
			of_before = context;
		}
	}
	return true;
}

bool tux_tls_kernel_find(struct tux_tls_contexts *contexts, const struct tux_settings *settings, bool *found, char *error, size_t error_size)
{
	const int fd = contexts->count > 0 && settings->tls_kernel != TUX_TLS_KERNEL_OFF ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	const char *why = "tls-kernel is off", *const keys = !contexts->keys         ? "" :
	                                                   contexts->keys->foreign ? "; not all keys are in a process of their own" :
	                                                                             "; the keys are in a process of their own";

	*found = false;
	if (fd >= 0) {
		/* Fails also if the kernel can, because the socket is not connected, but only after a search for the module. */
		*found = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0 || errno == ENOTCONN;
		why = errno == ENOENT ? "its module tls is not loaded" : strerror(errno);
		close(fd);
	} else if (settings->tls_kernel != TUX_TLS_KERNEL_OFF) {
		why = strerror(errno);
	}
	if (*found)
		snprintf(contexts->description, sizeof(contexts->description), "%s; the kernel encrypts what is sent%s", tux_tls_library(), keys);
	else
		snprintf(contexts->description, sizeof(contexts->description), "%s; not in the kernel: %s%s", tux_tls_library(), why, keys);
	if (*found || contexts->count == 0 || settings->tls_kernel != TUX_TLS_KERNEL_ON)
		return true;
	snprintf(error, error_size, "tls-kernel: the kernel cannot encrypt for TLS: %s", why);
	return false;
}

void tux_tls_contexts_close(struct tux_tls_contexts *contexts)
{
	while (contexts->count > 0)
		tux_tls_context_free(contexts->context[--contexts->count]);
	free(contexts->context);
	free(contexts->certificate);
	*contexts = (struct tux_tls_contexts){ 0 };
}

bool tux_tls_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Writes a line about a fault. */
static void __attribute__((format(printf, 4, 5))) fault_write(FILE *errors, const char *path, unsigned line, const char *format, ...)
{
	va_list arguments;

	if (line > 0)
		fprintf(errors, "%s:%u: ", path, line);
	else
		fprintf(errors, "%s: ", path);
	va_start(arguments, format);
	vfprintf(errors, format, arguments);
	va_end(arguments);
	fputc('\n', errors);
}

/* Judges a certificate for all names. Returns the number of faults that are no warnings. */
static unsigned files_check(const struct tux_certificate_files *files, const struct tux_secret_pair *pair, const char *path, FILE *errors)
{
	char text[512];
	struct tls_context *context = tux_tls_context_new(TUX_TLS_INTERMEDIATE, NULL, text, sizeof(text));
	const bool usable = context && tux_tls_context_add(context, &pair->certificate.pem, &pair->key.pem, text, sizeof(text));
	char reason[512];
	const bool unstapled = usable && files->staple && !staple_add(context, files->staple, reason, sizeof(reason));
	enum tls_fault fault = TLS_FAULT_NONE;
	const char *kind;
	const struct tux_secret *const open = tux_secret_pair_open(pair, &kind);

	tux_tls_context_free(context);
	if (usable)
		fault = tux_tls_certificate_judge(&pair->certificate.pem, text, sizeof(text));
	if (!usable || fault != TLS_FAULT_NONE)
		fault_write(errors, path, files->line, "%s%s", fault == TLS_FAULT_INCOMPLETE ? "warning: " : "", text);
	if (usable && open)
		fault_write(errors, path, files->line, "warning: %s \"%s\": other users can read it (mode %04o)", kind, open->pem.name,
		            (unsigned)open->mode & 07777);
	if (unstapled)
		fault_write(errors, path, files->line, "%s", reason);
	return !usable || unstapled || (fault != TLS_FAULT_NONE && fault != TLS_FAULT_INCOMPLETE);
}

/* Reports the names of a host for which no certificate of it is. */
static unsigned names_check(const struct tux_host_settings *host, const struct tux_certificate_files *files, const struct tux_secret *certificate,
                            const char *path, FILE *errors)
{
	unsigned wrong = 0, i;

	for (i = 0; i < host->name_count; i++) {
		if (tux_tls_certificate_is_for(&certificate->pem, host->name[i]))
			continue;
		fault_write(errors, path, files->line, "certificate \"%s\": it is not for \"%s\"", files->certificate, host->name[i]);
		wrong++;
	}
	return wrong;
}

/* Judges a certificate for its host, or that of the top for all hosts without one. */
static unsigned certificate_check(const struct tux_settings *settings, const struct tux_host_settings *host,
                                  const struct tux_certificate_files *files, const char *path, FILE *errors)
{
	struct tux_secret_pair pair;
	char error[512];
	unsigned wrong = 1, i;

	if (!tux_secret_pair_read(&pair, files->certificate, files->key, files->password, error, sizeof(error)))
		fault_write(errors, path, files->line, "%s", error);
	else
		wrong = files_check(files, &pair, path, errors);
	if (wrong == 0 && settings->key_process == TUX_KEY_PROCESS_ON &&
	    !tux_keys_can_have(files->certificate, files->key, files->password, error, sizeof(error))) {
		fault_write(errors, path, files->line, "%s", error);
		wrong++;
	}
	if (wrong == 0 && host != &settings->top)
		wrong += names_check(host, files, &pair.certificate, path, errors);
	for (i = 0; wrong == 0 && host == &settings->top && i < settings->host_count; i++)
		if (settings->host[i].tls.count == 0)
			wrong += names_check(&settings->host[i], files, &pair.certificate, path, errors);
	tux_secret_pair_free(&pair);
	return wrong;
}

bool tux_certificates_fit(const struct tux_certificates *certificates, const struct tux_settings *settings, char *error, size_t error_size)
{
	struct tls_context *const context = tux_tls_context_new((enum tux_tls_profile)settings->tls_profile, NULL, error, error_size);
	bool fit = context != NULL;

	for (unsigned i = 0; fit && i < certificates->count; i++) {
		const struct tux_certificate_files *const files = &certificates->files[i];
		struct tux_secret_pair pair;

		if (!files->certificate) /* automatic: it is not read from here */
			continue;
		fit = tux_secret_pair_read(&pair, files->certificate, files->key, files->password, error, error_size) &&
		      tux_tls_context_add(context, &pair.certificate.pem, &pair.key.pem, error, error_size);
		tux_secret_pair_free(&pair);
	}
	tux_tls_context_free(context);
	return fit;
}

bool tux_client_demand_fits(const struct tux_client_demand *demand, char *error, size_t error_size)
{
	struct tls_context *const context = tux_tls_context_new(TUX_TLS_INTERMEDIATE, NULL, error, error_size);
	const bool usable = context && demand_add(context, demand, error, error_size);

	tux_tls_context_free(context);
	return usable;
}

/* Judges the authorities of clients. */
static unsigned demand_check(const struct tux_client_demand *demand, const char *path, FILE *errors)
{
	char error[512];
	const bool usable = tux_client_demand_fits(demand, error, sizeof(error));

	if (!usable)
		fault_write(errors, path, demand->line, "tls-client: %s", error);
	return !usable;
}

/* Reports the first certificate of a host that cannot stand beside those before it. Each of them is usable alone. */
static unsigned kinds_check(const struct tux_settings *settings, const struct tux_certificates *certificates, const char *path, FILE *errors)
{
	char error[512];

	for (unsigned count = 2; count <= certificates->count; count++) {
		const struct tux_certificates first = { certificates->files, count };

		if (tux_certificates_fit(&first, settings, error, sizeof(error)))
			continue;
		fault_write(errors, path, certificates->files[count - 1].line, "%s", error);
		return 1;
	}
	return 0;
}

/* Judges the file that binds the account of an automatic certificate. Authorities of public names read it. */
static unsigned binding_check(const struct tux_settings *settings, const struct tux_host_settings *host, const struct tux_certificate_files *files,
                              const char *path, FILE *errors)
{
	const char *const file = files->binding ? files->binding : settings->acme.binding;
	char binding[TUX_MAX_BINDING + 1], error[512];

	if (!file || (host->name_count > 0 && tux_name_is_internal(host->name[0])))
		return 0;
	if (tux_binding_read(file, binding, error, sizeof(error))) {
		explicit_bzero(binding, sizeof(binding));
		return 0;
	}
	fault_write(errors, path, files->line, "%s", error);
	return 1;
}

unsigned tux_certificates_check(const struct tux_settings *settings, const char *path, FILE *errors)
{
	unsigned wrong = 0, before, i, k;

	for (i = 0; i <= settings->host_count; i++) {
		const struct tux_host_settings *const host = i == 0 ? &settings->top : &settings->host[i - 1];

		if (host->tls_client.ca)
			wrong += demand_check(&host->tls_client, path, errors);
		for (k = 0, before = wrong; k < host->tls.count; k++)
			wrong += host->tls.files[k].automatic ? binding_check(settings, host, &host->tls.files[k], path, errors) :
			                                        certificate_check(settings, host, &host->tls.files[k], path, errors);
		if (wrong == before)
			wrong += kinds_check(settings, &host->tls, path, errors);
	}
	return wrong;
}
