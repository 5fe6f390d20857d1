/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "certificates.h"

#include <stdlib.h>

bool tux_certificates_add(struct tux_certificates *certificates, struct tux_certificate_files files)
{
	struct tux_certificate_files *grown = NULL;

	if (certificates->count < TUX_MAX_CERTIFICATES)
		grown = realloc(certificates->files, (certificates->count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	certificates->files = grown;
	grown[certificates->count++] = files;
	return true;
}

bool tux_certificates_key(struct tux_certificates *certificates, const char *key)
{
	struct tux_certificate_files *const last = certificates->count > 0 ? &certificates->files[certificates->count - 1] : NULL;

	if (!last || last->key)
		return false;
	last->key = key;
	return true;
}

void tux_certificates_free(struct tux_certificates *certificates)
{
	free(certificates->files);
	*certificates = (struct tux_certificates){ 0 };
}
