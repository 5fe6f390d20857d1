// SPDX-License-Identifier: GPL-2.0-or-later
/* Proved: test/proof/README.md */
#include "setup.h"

/*@ assigns \nothing;
  @ ensures \result <==> 1 <= value <= max;
  @*/
static bool within(uint32_t value, uint32_t max)
{
	return value >= 1 && value <= max;
}

bool ktux_setup_valid(const struct tux_setup *setup)
{
	return setup->size == sizeof(*setup) && setup->flags <= TUX_SETUP_FLAGS &&
	       within(setup->max_connections, MAX_CONNECTIONS) && within(setup->max_objects, MAX_OBJECTS) &&
	       within(setup->head_timeout_ms, MAX_TIMEOUT_MS) &&
	       within(setup->send_timeout_ms, MAX_TIMEOUT_MS) && within(setup->idle_timeout_ms, MAX_TIMEOUT_MS) &&
	       setup->handover_port <= MAX_PORT && setup->module_count <= TUX_MAX_SETUP_MODULES;
}

bool ktux_setup_counts_valid(const struct tux_setup *setup)
{
	return within(setup->host_count, TUX_MAX_HOSTS) && setup->name_count <= TUX_MAX_HOST_SLOTS &&
	       setup->name_text_len <= TUX_MAX_HOST_TEXT && within(setup->listener_count, TUX_MAX_HOST_LISTENERS);
}

bool ktux_setup_host_valid(const struct tux_setup_host *host)
{
	return host->flags <= TUX_HOST_FLAGS && host->mode_allowed <= MAX_MODE && host->mode_forbidden <= MAX_MODE &&
	       host->mode_cgi <= MAX_MODE && host->mode_module <= MAX_MODE && host->index_count <= TUX_MAX_INDEX &&
	       host->index_len <= MAX_INDEX_TEXT && host->route_count <= TUX_MAX_ROUTES &&
	       host->route_text_len <= TUX_MAX_ROUTE_TEXT &&
	       (host->route_count == 0 || host->route_text_len > 0) && host->file_type_count <= TUX_MAX_FILE_TYPES;
}

bool ktux_setup_fields_valid(const struct tux_setup_fields *fields)
{
	return fields->len <= TUX_MAX_FIELD_LINES && fields->error_len <= TUX_MAX_FIELD_LINES && fields->omit <= TUX_OMISSIONS &&
	       fields->removed_len <= TUX_MAX_FIELD_LINES && fields->type_count <= TUX_MAX_MEDIA_TYPES && fields->type_text_len <= TUX_MAX_MEDIA_TYPE_TEXT;
}

bool ktux_setup_index_valid(const uint8_t *text, uint32_t len, uint32_t count)
{
	uint32_t names = 0, name_len = 0;

	/*@ loop invariant i <= len && names <= i && name_len <= TUX_MAX_INDEX_LEN;
	  @ loop invariant names == setup_names(text, i);
	  @ loop invariant i > 0 && name_len == 0 ==> text[i - 1] == 0;
	  @ loop invariant \forall integer k; 0 <= k < i ==> text[k] != '/';
	  @ loop assigns i, names, name_len;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++) {
		if (text[i] != 0) {
			if (text[i] == '/' || name_len == TUX_MAX_INDEX_LEN)
				return false;
			name_len++;
			continue;
		}
		if (name_len == 0)
			return false;
		names++;
		name_len = 0;
	}
	return name_len == 0 && names == count;
}

bool ktux_setup_module_valid(const struct tux_setup_module *module)
{
	return module->flags <= TUX_SETUP_MODULE_FLAGS && within(module->timeout_ms, MAX_TIMEOUT_MS) &&
	       module->value_count <= TUX_MAX_SETUP_VALUES && within(module->text_len, TUX_MAX_SETUP_MODULE_TEXT);
}

/* Returns the bytes in front of the first NUL; len if the text has none. */
/*@ requires \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= len && (\result < len ==> text[\result] == 0);
  @ ensures \forall integer k; 0 <= k < \result ==> text[k] != 0;
  @*/
static uint32_t text_bytes(const uint8_t *text, uint32_t len)
{
	uint32_t i = 0;

	/*@ loop invariant i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> text[k] != 0;
	  @ loop assigns i;
	  @ loop variant len - i; */
	while (i < len && text[i] != 0)
		i++;
	return i;
}

bool ktux_setup_module_text_valid(const uint8_t *text, uint32_t len, uint32_t count)
{
	const uint32_t name_len = text_bytes(text, len);
	uint32_t texts = 0;

	if (len == 0 || name_len == 0 || name_len == len || name_len > TUX_MAX_SETUP_MODULE_NAME || text[len - 1] != 0)
		return false;
	/*@ loop invariant i <= len && texts <= i;
	  @ loop invariant texts == setup_names(text, i);
	  @ loop assigns i, texts;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (text[i] == 0)
			texts++;
	return texts == count;
}

bool ktux_setup_add(uint64_t *bytes, uint64_t count, uint64_t size)
{
	if (count > (TUX_MAX_SETUP - *bytes) / size)
		return false;
	*bytes += count * size;
	return true;
}
